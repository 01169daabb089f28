"""From the bytes of a page to its tree, in the encoding the page was written in.

Laws: the order is that of the WHATWG standard: byte-order mark, the header's charset, the `<meta>` of the first 1,024
bytes, then UTF-8 when the bytes are valid UTF-8, then windows-1252. Labels are those of the standard (`latin1` is
windows-1252), not Python's codecs. A label that nobody knows counts as none. Every bytes value gives a tree.
"""

import turbohtml


def parse_html(body: bytes, *, charset: str | None) -> turbohtml.Document:
    """Parse a page whose HTTP header named *charset* (None: it named none)."""
    label = (charset or "").strip().strip("\"'")
    if label:
        try:
            return turbohtml.parse(body, encoding=label, positions=False)
        except LookupError:
            pass  # a label from the network that is no encoding; the page itself may say it better
    return turbohtml.parse(body, positions=False)
