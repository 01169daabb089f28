"""What an HTTP answer means to a crawl: status, Retry-After, Refresh, X-Robots-Tag, missing types."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from runnel.domain.verdicts import ErrorCategory
from runnel.errors import FetchFailed

#: Longest pause that a site may ask for, in seconds; more is a page for another day.
MAX_RETRY_AFTER_S: Final = 86_400.0

REDIRECTS: Final = frozenset({300, 301, 302, 303, 307, 308})

#: A refresh within so many seconds is a redirect; what waits longer is a page that leads on.
MAX_REFRESH_S: Final = 10.0

#: Whom an X-Robots-Tag must address for us to obey it.
_ROBOTS_NAME: Final = "runnel"
#: Directives that have a value behind a colon: what stands before it is no robot's name.
_VALUED: Final = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
_SNIFFED_BYTES: Final = 1024
#: A size of so many digits is none.
_SIZE_DIGITS: Final = 16


#: What particular statuses mean.
_SPECIAL: Final = {
    206: (ErrorCategory.PROTOCOL, "the site answered a part of the page that nobody asked for (206)"),
    408: (ErrorCategory.TIMEOUT, "the site gave up waiting (408)"),
    429: (ErrorCategory.RATE_LIMITED, "the site asks for fewer requests (429)"),
}
_CLASSES: Final = {4: ErrorCategory.HTTP_4XX, 5: ErrorCategory.HTTP_5XX}

HTML_TYPES: Final = frozenset({"text/html", "application/xhtml+xml"})
PAGE_TYPES: Final = HTML_TYPES | {"text/plain", "text/markdown", "text/x-markdown"}

#: How files begin that are no pages, and what they are.
_BEGINNINGS: Final = {
    b"%PDF-": "PDF",
    b"\x89PNG\r\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"PK\x03\x04": "ZIP",
    b"\x1f\x8b": "gzip",
    b"\x7fELF": "ELF",
    b"wOF": "WOFF",
}
#: What servers say of the charset of a file that they know nothing about.
_DEFAULT_CHARSETS: Final = frozenset({"utf-8", "iso-8859-1"})
_BYTE_ORDER_MARKS: Final = (b"\xfe\xff", b"\xff\xfe")
_BINARY: Final = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")


def failure_of_status(status: int) -> FetchFailed | None:
    """Give the failure that a status means; None when the answer is a whole page (2xx, but no part of one)."""
    if status in _SPECIAL:
        return FetchFailed(*_SPECIAL[status])
    if 200 <= status < 300:
        return None
    if status // 100 in _CLASSES:
        return FetchFailed(_CLASSES[status // 100], f"the site answered {status}")
    if status in REDIRECTS:
        return FetchFailed(ErrorCategory.PROTOCOL, f"the site redirects ({status}) and does not say where to")
    return FetchFailed(ErrorCategory.PROTOCOL, f"the site answered {status}, which leads nowhere")


def retry_after_s(header: str, *, now: datetime) -> float | None:
    """Read Retry-After, seconds or a date, as seconds from *now*; None when it is absent or makes no sense."""
    header = header.strip()
    if header.isdecimal() and header.isascii():
        return min(float(header[:9]), MAX_RETRY_AFTER_S)
    try:
        when = parsedate_to_datetime(header)
    except ValueError:
        return None
    when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return min(max((when - now).total_seconds(), 0.0), MAX_RETRY_AFTER_S)


def told_size(headers: Mapping[str, str]) -> int | None:
    """Give the size in bytes that an answer's headers tell; None for none, and for that of a packed form."""
    size = headers.get("content-length", "")
    is_packed = headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}
    return int(size) if size.isascii() and size.isdecimal() and len(size) < _SIZE_DIGITS and not is_packed else None


def robots_wishes(header: str) -> tuple[bool, bool]:
    """Read X-Robots-Tag: (noindex, nofollow), of what is said to every robot or to ours."""
    wishes: set[str] = set()
    is_for_us = True
    for part in header.lower().split(","):
        name, colon, directive = part.strip().partition(":")
        if colon and name.strip() not in _VALUED:
            is_for_us = name.strip() == _ROBOTS_NAME
            name = directive
        if is_for_us:
            wishes.add(name.strip())
    return bool(wishes & {"noindex", "none"}), bool(wishes & {"nofollow", "none"})


def sniff_type(body: bytes) -> str:
    """Guess the type of an answer that does not name one: markup, text, or neither."""
    head = body[:_SNIFFED_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"<"):
        return "text/html"
    return "application/octet-stream" if b"\0" in head or head.startswith(b"%PDF") else "text/plain"


def check_page_type(body: bytes, content_type: str, charset: str | None) -> None:
    """Raise `FetchFailed` (unsupported_type) for what is no page by its header, or by its bytes."""
    told = 200, content_type[:80], len(body)
    if content_type not in PAGE_TYPES:
        raise FetchFailed(ErrorCategory.UNSUPPORTED_TYPE, f"{content_type[:80]} is no page", told=told)
    if kind := find_binary(body, content_type, charset):
        raise FetchFailed(ErrorCategory.UNSUPPORTED_TYPE, f"{kind}, sent as {content_type}, is no page", told=told)


def find_binary(body: bytes, content_type: str, charset: str | None) -> str:
    """Say what a body really is that is neither markup nor text, whatever its header says; "" for a page.

    Servers send files whose endings they do not know as text; the bytes that no text has are those of the WHATWG
    standard for such.
    """
    for beginning, kind in _BEGINNINGS.items():
        if body.startswith(beginning):
            return kind
    is_doubtful = content_type == "text/plain" and (charset or "utf-8").lower() in _DEFAULT_CHARSETS
    if is_doubtful and not body.startswith(_BYTE_ORDER_MARKS) and _BINARY.search(body[:_SNIFFED_BYTES]):
        return "binary"
    return ""
