"""Raw responses as WARC 1.1 response records (ISO 28500), one per page.

The body is stored decoded: `Content-Length` of the record is that of what we kept, and the HTTP headers kept are those
that a later reading needs.
"""

from collections.abc import Mapping

_KEPT = ("content-type", "etag", "last-modified", "link", "x-robots-tag", "content-language")
_END = b"\r\n\r\n"


def response_record(
    *, url: str, status: int, headers: Mapping[str, str], body: bytes, fetched_at: str, record_id: str
) -> bytes:
    """One record. *fetched_at* is RFC 3339 UTC; *record_id* a UUID; line ends in header values are dropped."""
    kept = "".join(f"{name}: {_plain(headers[name])}\r\n" for name in _KEPT if name in headers)
    http = f"HTTP/1.1 {status} -\r\n{kept}\r\n".encode("utf-8", "replace") + body
    head = (
        "WARC/1.1\r\nWARC-Type: response\r\n"
        f"WARC-Record-ID: <urn:uuid:{record_id}>\r\nWARC-Date: {fetched_at}\r\nWARC-Target-URI: {_plain(url)}\r\n"
        f"Content-Type: application/http;msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return head.encode("utf-8", "replace") + http + _END


def body_of(record: bytes) -> bytes:
    """The body that `response_record` stored in *record*."""
    http = record.split(_END, 1)[1]
    return http.split(_END, 1)[1][: -len(_END)]


def _plain(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ")
