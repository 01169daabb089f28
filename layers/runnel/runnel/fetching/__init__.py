"""Pure parts of fetching: URLs, addresses, content codings, body hashes. No connection is opened here."""
