"""Fetching from real servers that misbehave in every way we know."""

import asyncio
import gzip
from contextlib import suppress

import pytest

from runnel.adapters.http.fetcher import HttpFetcher
from runnel.errors import FetchFailed
from runnel.fetching.canonical import canonicalize
from runnel.fetching.decoding import BodyLimits
from runnel.ports.fetcher import FetchRequest
from tests.support.raw_server import answering, failure_of, fetching, serving


async def test_an_answer_is_given_as_it_came() -> None:
    """Status, headers and body are all that the rest decides by."""
    head = 'HTTP/1.1 203 Fine\r\nContent-Type: Text/HTML; charset="ISO-8859-1"\r\nX-A: 1\r\nX-A: 2'
    async with fetching(answering(head, b"caf\xe9")) as fetch:
        answer = await fetch("/x?a=1")

    assert (answer.status, answer.body, answer.wire_bytes) == (203, b"caf\xe9", 4)
    assert (answer.content_type, answer.charset) == ("text/html", "iso-8859-1")
    assert answer.headers["x-a"] == "1, 2"


async def test_the_request_says_who_asks_and_what_it_has() -> None:
    """Sites recognise us by the user agent; validators make 304 possible; the query keeps its spelling."""
    heads: list[bytes] = []

    async def handle(head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n')

    async with fetching(handle) as fetch:
        answer = await fetch("/a%20b?q=%7e&r=[1]", etag='"a"', last_modified="yesterday", headers={"X-Key": "k"})
    lines = heads[0].decode().split("\r\n")

    assert answer.status == 304
    assert lines[0] == "GET /a%20b?q=%7e&r=[1] HTTP/1.1"
    assert {"User-Agent: runnel-test", 'If-None-Match: "a"', "If-Modified-Since: yesterday", "X-Key: k"} <= set(lines)
    assert "Accept-Encoding: gzip, deflate" in lines


async def test_a_redirect_is_an_answer_and_cookies_are_forgotten() -> None:
    """Each hop is judged by the caller; a cookie would make pages depend on the order of the crawl."""
    heads: list[bytes] = []

    async def handle(head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /next\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")

    async with fetching(handle) as fetch:
        answer = await fetch(host="localhost")  # a jar would keep no cookie of a bare address
        await fetch(host="localhost")

    assert (answer.status, answer.headers["location"]) == (302, "/next")
    assert len(heads) == 2
    assert b"ookie" not in heads[1]


async def test_a_packed_body_is_unpacked_here() -> None:
    """Within our own bounds, not the library's."""
    head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip"
    async with fetching(answering(head, gzip.compress(b"hello" * 100))) as fetch:
        answer = await fetch()

    assert answer.body == b"hello" * 100
    assert answer.wire_bytes < 100


async def test_the_body_of_an_unwanted_type_is_not_read() -> None:
    """A film of two gigabytes must not be loaded to be thrown away."""
    pdf = "HTTP/1.1 {}\r\nContent-Type: Application/PDF\r\nContent-Length: 2000000000"
    wanted = frozenset({"text/html"})
    failure = await failure_of(fetching(answering(pdf.format("200 OK"), b"%PDF")), types=wanted)
    async with fetching(answering("HTTP/1.1 200 OK", b"<p>")) as fetch:
        untyped = await fetch(types=wanted)
    async with fetching(answering("HTTP/1.1 404 Not Found\r\nContent-Type: image/png", b"png")) as fetch:
        missing = await fetch(types=wanted)

    assert failure.category == "unsupported_type"
    assert "application/pdf" in failure.message
    assert untyped.body == b"<p>"
    assert missing.status == 404


async def test_a_header_of_the_caller_can_neither_break_the_request_nor_steer_it() -> None:
    """Its value may come from a file or the environment."""
    heads: list[bytes] = []

    async def handle(head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with fetching(handle) as fetch:
        with pytest.raises(FetchFailed) as failure:
            await fetch(headers={"X-Key": "k\r\nX-Other: 1"})
        await fetch(headers={"host": "elsewhere", "content-length": "9", "user-agent": "x", "X-Key": "ключ"})

    assert failure.value.category == "protocol"
    assert len(heads) == 1
    assert b"elsewhere" not in heads[0]
    assert b"ontent-" not in heads[0]
    assert heads[0].lower().count(b"user-agent:") == 1


async def test_an_endless_body_is_cut() -> None:
    """Neither memory nor time may run away."""

    async def handle(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        while True:
            writer.write(b"<p>more" * 1000)
            await writer.drain()

    failure = await failure_of(fetching(handle, limits=BodyLimits(wire_bytes=1_000_000)))

    assert failure.category == "too_large"


async def test_a_dripping_body_ends_at_the_total_deadline() -> None:
    """A byte now and then must not reset any clock."""
    stop = asyncio.Event()

    async def handle(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not stop.is_set():
            writer.write(b"x")
            await writer.drain()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.01)

    failure = await failure_of(fetching(handle), deadline_s=0.2)
    stop.set()

    assert failure.category == "timeout"


async def test_silence_ends_at_the_total_deadline() -> None:
    """A server that accepts and says nothing."""

    async def handle(_head: bytes, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    failure = await failure_of(fetching(handle), deadline_s=0.1)

    assert failure.category == "timeout"


async def test_a_body_that_breaks_off_is_no_page() -> None:
    """Half a page must not replace a whole one."""
    head = "HTTP/1.1 200 OK\r\nContent-Length: 100"
    failure = await failure_of(fetching(answering(head, b"half", then_close=True)))

    assert failure.category == "protocol"


async def test_a_name_that_does_not_exist_is_a_dns_failure() -> None:
    """`.invalid` is reserved for this (RFC 2606)."""
    fetcher = HttpFetcher()
    with pytest.raises(FetchFailed) as failure:
        await fetcher.fetch(FetchRequest(url="http://docs.runnel.invalid/", user_agent="t", deadline_s=20))
    with pytest.raises(FetchFailed) as too_long:
        await fetcher.fetch(FetchRequest(url=f"http://{'a' * 70}.invalid/", user_agent="t", deadline_s=20))
    await fetcher.close()

    assert failure.value.category == "dns"
    assert too_long.value.category == "dns"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "0177.0.0.1", "0x7f.0.0.1", "2130706433", "127.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "0"],
)
async def test_no_spelling_of_loopback_reaches_a_server(host: str) -> None:
    """Not one byte may arrive: the server counts connections."""
    connections = 0

    async def handle(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with serving(handle) as port:
        fetcher = HttpFetcher()
        url = canonicalize(f"http://{host}:{port}/") or ""
        with pytest.raises(FetchFailed) as failure:
            await fetcher.fetch(FetchRequest(url=url, user_agent="t", ports=frozenset({port})))
        await fetcher.close()

    assert failure.value.category == "blocked_address"
    assert "RUNNEL_ALLOW_PRIVATE=" in failure.value.message
    assert connections == 0


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would connect where the guard cannot look."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with fetching(answering("HTTP/1.1 200 OK", b"direct")) as fetch:
        answer = await fetch()

    assert answer.body == b"direct"
