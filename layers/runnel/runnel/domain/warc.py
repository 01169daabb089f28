"""Raw responses as WARC 1.1 response records (ISO 28500), one per page.

The body is stored decoded: `Content-Length` of the record is that of what we kept, and the HTTP headers kept are those
that a later reading needs.
"""

from collections.abc import Mapping

from runnel.errors import PageUnreadable

_KEPT = ("content-type", "etag", "last-modified", "link", "x-robots-tag", "content-language")
#: What follows a record's body.
RECORD_END = b"\r\n\r\n"


def record_head(
    *, url: str, status: int, headers: Mapping[str, str], body_bytes: int, fetched_at: str, record_id: str
) -> bytes:
    """What stands before the body. *fetched_at* is RFC 3339 UTC; *record_id* a UUID; header values lose line ends."""
    kept = "".join(f"{name}: {_plain(headers[name])}\r\n" for name in _KEPT if name in headers)
    http = f"HTTP/1.1 {status} -\r\n{kept}\r\n".encode("utf-8", "replace")
    head = (
        "WARC/1.1\r\nWARC-Type: response\r\n"
        f"WARC-Record-ID: <urn:uuid:{record_id}>\r\nWARC-Date: {fetched_at}\r\nWARC-Target-URI: {_plain(url)}\r\n"
        f"Content-Type: application/http;msgtype=response\r\nContent-Length: {len(http) + body_bytes}\r\n\r\n"
    )
    return head.encode("utf-8", "replace") + http


def info_record(*, record_id: str, written_at: str) -> bytes:
    """The record that begins a file; *written_at* is RFC 3339 UTC."""
    fields = b"software: Runnel\r\nformat: WARC File Format 1.1\r\n"
    head = (
        "WARC/1.1\r\nWARC-Type: warcinfo\r\n"
        f"WARC-Record-ID: <urn:uuid:{record_id}>\r\nWARC-Date: {written_at}\r\n"
        f"Content-Type: application/warc-fields\r\nContent-Length: {len(fields)}\r\n\r\n"
    )
    return head.encode() + fields + RECORD_END


def body_of(record: bytes) -> bytes:
    """The body that stands in *record*; raises `PageUnreadable` when it is none of ours."""
    parts = record.split(RECORD_END, 2)
    if len(parts) != len(("record", "http", "body")) or not record.startswith(b"WARC/1.1\r\n"):
        raise PageUnreadable("The raw response is damaged; crawl the page again.")
    return parts[2].removesuffix(RECORD_END)


def _plain(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ")
