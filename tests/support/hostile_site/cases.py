"""The pages of the hostile site, each with what must become of it.

* `GOOD` are pages however odd they are: each must be stored with its words.
* `BAD` are none: each must fail with one of its categories, or be skipped for its reason (`skipped:<reason>`).
* The traps have no end of their own: what is promised is that the crawl has one.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from tests.site.faults import (
    ConnectionReset,
    EndlessBody,
    Fault,
    Garbage,
    GzipBomb,
    HugeBody,
    StalledBody,
    Status,
    TruncatedBody,
    WrongType,
)
from tests.site.routes import HTML, Page
from tests.support.hostile_site.faults import (
    BROTLI,
    GZIP_TWICE,
    ZSTD_BOMB,
    Bytes,
    Coded,
    Dripping,
    Silent,
    blanks,
    chunked,
    packed,
    raw_page,
    words,
)

_CLOSE: Final = "Connection: close"


def _html(text: str, head: str = "") -> bytes:
    return f"<!doctype html><html><head><title>t</title>{head}</head><body><main><p>{text}".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """A page to keep: what to answer, and words that must stand in its Markdown."""

    page: Page | None = None
    fault: Fault | None = None
    #: For the first requests only; the page comes after them.
    times: int | None = None
    words: str = ""


def _page(body: bytes, words: str = "", content_type: str = HTML) -> Good:
    return Good(page=Page(body=body, content_type=content_type), words=words)


def _charset(content_type: str, body: bytes, words: str) -> Good:
    return _page(body, words, content_type)


def _raw(data: bytes, words: str = "kept", *, stays: bool = False) -> Good:
    return Good(fault=Bytes(data=data, stays=stays), words=words)


def _wrapped(text: str) -> Page:
    return Page(body=_html(text))


GOOD: Final[Mapping[str, Good]] = {
    **{f"plain{number}": _page(_html(f"Plain page {number}."), f"Plain page {number}.") for number in range(12)},
    # -- lengths and codings that are odd, and whole
    "no-length": _raw(raw_page(body=_html("kept without a length"))),
    "chunks": _raw(raw_page("Transfer-Encoding: chunked", _CLOSE, body=chunked(b"<p>ke", b"pt in two chunks</p>"))),
    "chunk-extension": _raw(
        raw_page(
            "Transfer-Encoding: chunked", _CLOSE, body=b"14;a=b\r\n<p>kept extended</p>\r\n0\r\nX-Trailer: 1\r\n\r\n"
        )
    ),
    "interim": _raw(
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + raw_page("Content-Length: 11", _CLOSE, body=b"<p>kept</p>")
    ),
    "gzip-twice": Good(fault=Coded(coding="gzip, gzip", body=GZIP_TWICE), words="twice"),
    "gzip-tail": Good(fault=Coded(coding="gzip", body=gzip.compress(b"<p>kept") + b"\0\0 tail"), words="kept"),
    # -- big, and still a page
    "attribute": _page(_html(f'kept<img alt="x" src="/{"a" * 1_000_000}">'), "kept"),
    "links": _page(
        b"<!doctype html><title>links</title><main><p>kept</p>"
        + b"".join(b'<a href="http://far%d.example/%d">l</a>\n' % (n % 7, n) for n in range(100_000)),
        "kept",
    ),
    "nested-500": _page(_html("<div>" * 500 + "kept"), "kept"),
    "long-text": Good(fault=Coded(coding="gzip", body=packed(words(12_000_000))), words="word"),
    # -- charsets that lie
    "charset-unknown": _charset("text/html; charset=klingon-8", "<p>grün".encode(), "grün"),
    "charset-wrong": _charset("text/html; charset=utf-8", b"<p>kept gr\xfcn", "kept"),
    "charset-meta-lies": _charset("text/html; charset=utf-8", '<meta charset="utf-16"><p>grün'.encode(), "grün"),
    "charset-bom": _charset("text/html; charset=iso-8859-1", b"\xef\xbb\xbf" + "<p>grün".encode(), "grün"),
    "charset-utf16": _charset("text/html", b"\xff\xfe" + "<p>grün".encode("utf-16-le"), "grün"),
    "charset-utf7": _charset("text/html; charset=utf-7", b"<p>kept +ADw-script+AD4-", "kept"),
    "charset-twice": _charset("text/html; charset=utf-8; charset=utf-16", "<p>grün twice".encode(), "grün"),
    "charset-endless": _charset(f"text/html; charset={'u' * 5_000}", "<p>grün endless".encode(), "grün"),
    # -- redirects that arrive
    "chain": Good(page=Page(body=b"", status=302, headers={"Location": "/docs/hop/9"}), words="after ten hops"),
    # -- trouble that passes
    "busy": Good(fault=Status(code=429, retry_after="1"), times=1, page=_wrapped("kept busy"), words="kept busy"),
    "down": Good(fault=Status(code=503, retry_after="1"), times=1, page=_wrapped("kept down"), words="kept down"),
    "reset-once": Good(fault=ConnectionReset(), times=1, page=_wrapped("kept reset"), words="kept reset"),
    "cut-once": Good(fault=TruncatedBody(), times=1, page=_wrapped("kept cut"), words="kept cut"),
    # -- markup that breaks tree builders
    "soup": _page(b"<p>kept" + b"</div></table><table><td><form><p><b><i></b>" * 300, "kept"),
    "null": _page(b"<!doctype html><p>kept\0\0<b\0>x</b>" + bytes(range(256)), "kept"),
    "unclosed": _page(b'<!doctype html><p>kept</p><a href="/docs/never', "kept"),
    "escape": _page(_html("kept \x1b[31mred\x1b]0;title\x07"), "kept"),
}

BAD: Final[Mapping[str, tuple[Fault | Page, str]]] = {
    # -- cut, or of a wrong length: an error, never half a page
    "cut": (TruncatedBody(), "protocol"),
    "cut-chunks": (Bytes(data=raw_page("Transfer-Encoding: chunked", body=chunked(b"<p>half", end=b""))), "protocol"),
    "cut-chunk": (Bytes(data=raw_page("Transfer-Encoding: chunked", body=b"ff\r\n<p>half")), "protocol"),
    "cut-gzip": (Coded(coding="gzip", body=gzip.compress(b"<p>half a page" * 99)[:-12]), "decode"),
    "cut-headers": (Bytes(data=b"HTTP/1.1 200 OK\r\nContent-Type: text/ht"), "protocol"),
    "partial": (Page(body=b"<p>half", status=206, headers={"Content-Range": "bytes 0-6/900"}), "protocol"),
    "chunk-size": (Bytes(data=raw_page("Transfer-Encoding: chunked", body=b"zz\r\n<p>x\r\n0\r\n\r\n")), "protocol"),
    "chunk-huge": (
        Bytes(data=raw_page("Transfer-Encoding: chunked", body=b"f" * 40 + b"\r\n<p>x")), "protocol",
    ),
    "two-lengths": (Bytes(data=raw_page("Content-Length: 3", "Content-Length: 30", body=b"<p>")), "protocol"),
    "length-and-chunks": (
        Bytes(data=raw_page("Transfer-Encoding: chunked", "Content-Length: 3", body=chunked(b"<p>x"))), "protocol",
    ),
    "length-short": (Bytes(data=raw_page("Content-Length: 11", _CLOSE, body=b"<p>kept</p> and more")), "protocol"),
    "length-negative": (Bytes(data=raw_page("Content-Length: -5", body=b"<p>x")), "protocol"),
    "garbage": (Garbage(), "protocol"),
    "http2": (Bytes(data=b"HTTP/2 200\r\n\r\n"), "protocol"),
    "switch": (
        Bytes(data=b"HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"), "protocol",
    ),
    "not-modified": (Page(body=b"", status=304), "protocol"),
    "reset": (ConnectionReset(), "connect"),
    # -- slow
    "silent": (Silent(), "timeout"),
    "slow-headers": (Dripping(head=b"HTTP/1.1 200 OK\r\n", drop=b"X-A: b\r\n"), "timeout"),
    "slow-body": (Dripping(head=raw_page("Content-Length: 9000"), drop=b"a"), "timeout"),
    "stalled": (StalledBody(), "timeout"),
    # -- too much
    "endless": (EndlessBody(), "too_large"),
    "huge": (HugeBody(size_bytes=50_000_000), "too_large"),
    "huge-hidden": (HugeBody(size_bytes=50_000_000, announced=False), "too_large"),
    "gzip-bomb": (GzipBomb(), "too_large"),
    "gzip-bomb-twice": (Coded(coding="gzip, gzip", body=gzip.compress(packed(blanks(200_000_000)))), "too_large"),
    "deflate-bomb": (Coded(coding="deflate", body=packed(blanks(200_000_000), 15)), "too_large"),
    "long-text": (Coded(coding="gzip", body=packed(words(60_000_000))), "too_large"),
    "header-flood": (Bytes(data=raw_page(*(f"X-{n}: {n}" for n in range(5_000)))), "protocol"),
    "header-long": (Bytes(data=raw_page("X-A: " + "a" * 40_000)), "protocol"),
    "header-endless": (Dripping(head=b"HTTP/1.1 200 OK\r\nX-A: ", drop=b"a" * 400_000), "too_large"),
    # -- codings that nobody asked for, and lies about them
    "brotli": (Coded(coding="br", body=BROTLI), "decode"),
    "zstd-bomb": (Coded(coding="zstd", body=ZSTD_BOMB), "decode"),
    "gzip-lie": (Coded(coding="gzip", body=b"<p>not packed at all"), "decode"),
    "three-codings": (Coded(coding="gzip, gzip, gzip", body=gzip.compress(GZIP_TWICE)), "decode"),
    # -- no page
    "binary": (WrongType(), "unsupported_type"),
    "empty": (Page(body=b""), "empty_page"),
    "no-content": (Page(body=b"", status=204), "empty_page"),
    "missing": (Page(body=b"<p>no", status=404), "http_4xx"),
    "busy-for-ever": (Status(code=429, retry_after="1"), "rate_limited"),
    "broken": (Status(code=500), "http_5xx"),
    # -- redirects
    "loop": (Page(body=b"", status=302, headers={"Location": "/docs/bad/loop"}), "too_many_redirects"),
    "chain": (Page(body=b"", status=302, headers={"Location": "/docs/hop/10"}), "too_many_redirects"),
    "endless-chain": (Page(body=b"", status=302, headers={"Location": "/docs/on/1"}), "too_many_redirects"),
    "to-foreign": (
        Page(body=b"", status=302, headers={"Location": "http://foreign.example/x"}), "skipped:out_of_scope",
    ),
    "to-script": (Page(body=b"", status=302, headers={"Location": "javascript:alert(1)"}), "skipped:out_of_scope"),
    "to-file": (Page(body=b"", status=302, headers={"Location": "file:///etc/passwd"}), "skipped:out_of_scope"),
    "to-password": (Page(body=b"", status=302, headers={"Location": "http://a:b@127.0.0.1/x"}), "protocol"),
    # -- pages that kill parsers
    "deep": (Page(body=_html("<div>" * 100_000 + "x")), "too_large"),
    "tags": (Page(body=b"<br>" * 1_500_000), "too_large"),
    "multiplying": (
        Page(body=b"<p>" + b"".join(b"<font size=%d>" % n for n in range(300)) + b"<p>x" * 100_000), "too_large",
    ),
    "slow-parse": (
        Page(body=b"<p>" + b"".join(b"<font size=%d>" % n for n in range(300)) + b"<p>x" * 9_000), "crashed too_large",
    ),
}  # fmt: skip

#: Where each trap begins. `{port}` is the site's own.
TRAPS: Final = ("/docs/cal/2026-01", "/docs/query?a=1", "/docs/again/", "/docs/session?sid=1", "/docs/same/1")

#: What the verdicts call them; the folder within itself ends by its depth.
TRAP_NAMES: Final = frozenset({"calendar", "growing_query", "path_depth", "session_id", "equal_content"})

_HOP: Final = re.compile(r"^/docs/(hop|on)/(\d+)$")
_CALENDAR: Final = re.compile(r"^/docs/cal/(\d{4})-(\d{2})$")
_SAME: Final = re.compile(r"^/docs/same/(\d+)$")


class TrapPages:
    """What has no end: chains of redirects, and the traps."""

    def find(self, target: str) -> Page | None:
        """The page of a request target."""
        for make in (_hop, _calendar, _same, _again, _query):
            page = make(target)
            if page is not None:
                return page
        return None


def _hop(target: str) -> Page | None:
    """`/docs/hop/N` leads over N hops to a page, `/docs/on/N` nowhere."""
    found = _HOP.match(target)
    if found is None:
        return None
    number = int(found[2])
    if found[1] == "hop" and number == 0:
        return _wrapped("after ten hops")
    goal = f"/docs/{found[1]}/{number - 1 if found[1] == 'hop' else number + 1}"
    return Page(body=b"", status=302, headers={"Location": goal})


def _calendar(target: str) -> Page | None:
    found = _CALENDAR.match(target)
    if found is None:
        return None
    year, month = int(found[1]), int(found[2])
    following = f"{year + month // 12}-{month % 12 + 1:02d}"
    return _wrapped(f"Nothing in {year}-{month:02d}. <a href='/docs/cal/{following}'>next</a>")


def _same(target: str) -> Page | None:
    found = _SAME.match(target)
    return found and _wrapped(f"Always the same. <a href='{int(found[1]) + 1}'>next</a>")


def _again(target: str) -> Page | None:
    if not target.startswith("/docs/again/"):
        return None
    return _wrapped(f"Again {target.count('/')}. <a href='again/'>deeper</a>")


def _query(target: str) -> Page | None:
    path, _, query = target.partition("?")
    if path == "/docs/query":
        return _wrapped(f"Query {len(query)}. <a href='{target}&a={len(query)}'>more</a>")
    if path == "/docs/session":
        number = int(parse_qs(query).get("sid", ["0"])[0])
        return _wrapped(f"Session page. <a href='/docs/session?sid={number * 7 + 1}'>again</a>")
    return None
