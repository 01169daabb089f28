"""A proxy that the operator names: where it is, and what it wants to be told.

Laws (tests/unit/fetching/test_proxies.py): a proxy is an http URL with nothing but host, port and perhaps a name and
password; what is refused is never repeated with a password in it, nor is one ever shown.
"""

import re
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

from runnel.errors import ConfigInvalid

_CREDENTIALS: Final = re.compile(r"//[^/?#]*@")
_WHAT_IT_IS: Final = "is no proxy; give one like http://proxy.example.com:3128 or http://name:password@host:port."


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """An HTTP proxy."""

    host: str
    port: int
    #: The value of Proxy-Authorization; None when it wants none.
    authorization: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Say where it is, and nothing of its password."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def parse_proxy(text: str) -> Proxy:
    """Read the URL of a proxy; raises `ConfigInvalid`."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise ConfigInvalid(f"'{hide_password(text)}' {_WHAT_IT_IS}") from None
    is_plain = parts.path in ("", "/") and not parts.query and not parts.fragment
    if parts.scheme != "http" or not parts.hostname or port is None or not is_plain or not text.isprintable():
        raise ConfigInvalid(f"'{hide_password(text)}' {_WHAT_IT_IS}")
    return Proxy(host=parts.hostname, port=port, authorization=_authorization(parts.username, parts.password))


def hide_password(text: str) -> str:
    """Give a proxy's URL without the name and the password in it."""
    return _CREDENTIALS.sub("//********@", text) if "//" in text else text.rpartition("@")[2]


def _authorization(name: str | None, password: str | None) -> str | None:
    if name is None and password is None:
        return None
    pair = unquote_to_bytes(name or "") + b":" + unquote_to_bytes(password or "")
    return f"Basic {b64encode(pair).decode()}"
