"""Fetching from real servers that misbehave in every way we know."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import pytest

from runnel.adapters.http.fetcher import HttpFetcher
from runnel.errors import FetchFailed
from runnel.fetching.canonical import canonicalize
from runnel.fetching.decoding import BodyLimits
from runnel.ports.fetcher import FetchRequest, FetchResponse

Handler = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Fetch = Callable[..., Awaitable[FetchResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[int]:
    """Serve on loopback; *handler* gets each request's head and answers as it likes. Yields the port."""
    open_writers: set[asyncio.StreamWriter] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_writers.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while True:
                await handler(await reader.readuntil(b"\r\n\r\n"), reader, writer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in open_writers:
            writer.close()
        await server.wait_closed()


def answering(head: str, body: bytes = b"", *, then_close: bool = False) -> Handler:
    """A handler that always sends this; Content-Length is added unless the head says how the body ends."""

    async def handle(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = "" if then_close or "content-length" in head.lower() else f"Content-Length: {len(body)}\r\n"
        writer.write(f"{head}\r\n{length}\r\n".encode("latin-1") + body)
        await writer.drain()
        if then_close:
            writer.close()

    return handle


@asynccontextmanager
async def fetching(handler: Handler, *, limits: BodyLimits | None = None) -> AsyncIterator[Fetch]:
    """A server, and a function that fetches a path of it with a fetcher that may."""
    async with serving(handler) as port:
        fetcher = HttpFetcher(allow_private=frozenset({("127.0.0.1", port), ("localhost", port)}), limits=limits)

        async def fetch(path: str = "/", *, host: str = "127.0.0.1", **options: object) -> FetchResponse:
            url = f"http://{host}:{port}{path}"
            return await fetcher.fetch(FetchRequest(url=url, user_agent="runnel-test", **options))  # type: ignore[arg-type]

        try:
            yield fetch
        finally:
            await fetcher.close()


async def failure_of(server: AbstractAsyncContextManager[Fetch], path: str = "/", **options: object) -> FetchFailed:
    """Fetch from *server* and give the failure."""
    async with server as fetch:
        with pytest.raises(FetchFailed) as failure:
            await fetch(path, **options)
    return failure.value


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


async def test_connections_are_kept_for_the_next_page() -> None:
    """A new connection a page would cost more than the page."""
    connections: set[asyncio.StreamWriter] = set()

    async def handle(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(writer)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with fetching(handle) as fetch:
        for _ in range(5):
            await fetch()

    assert len(connections) == 1


@pytest.mark.parametrize(
    ("head", "body", "category"),
    [
        ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip", gzip.compress(b"\0" * 20_000_000), "too_large"),
        ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip", b"no gzip at all", "decode"),
        ("HTTP/1.1 200 OK\r\nContent-Encoding: br", b"x", "decode"),
        ("HTTP/1.1 200 OK", b"x" * 11_000_000, "too_large"),
        ("HTTP/1.1 200 OK\r\nX-Big: " + "x" * 100_000, b"", "protocol"),
        ("HTTP/1.1 200 OK" + ("\r\nX-Big: " + "x" * 1000) * 80, b"", "too_large"),
        ("HTTP/1.1 200 OK" + "\r\nX-Small: x" * 10_000, b"", "protocol"),
        ("SSH-2.0-OpenSSH_9.2", b"", "protocol"),
        ("HTTP/1.1 200 OK\r\nContent-Length: nonsense", b"", "protocol"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3", b"zz\r\n", "protocol"),
    ],
)
async def test_a_bad_answer_fails_with_its_category(head: str, body: bytes, category: str) -> None:
    """And nothing else is raised: the page fails, the crawl goes on."""
    failure = await failure_of(fetching(answering(head, body)))

    assert failure.category == category


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


async def test_a_connection_that_is_cut_or_refused_is_a_connect_failure() -> None:
    """It may pass by itself, so it is tried again."""

    async def cut(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()
        raise ConnectionError

    failure = await failure_of(fetching(cut))
    async with serving(cut) as port:
        closed_port = port
    fetcher = HttpFetcher(allow_private=frozenset({("127.0.0.1", closed_port)}))
    with pytest.raises(FetchFailed) as refused:
        await fetcher.fetch(FetchRequest(url=f"http://127.0.0.1:{closed_port}/", user_agent="t"))
    await fetcher.close()

    assert failure.category == "connect"
    assert refused.value.category == "connect"


async def test_something_that_is_not_tls_behind_https_is_a_tls_failure() -> None:
    """The usual case: http on a port that was given as https."""

    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(garbage, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    fetcher = HttpFetcher(allow_private=frozenset({("127.0.0.1", port)}))
    with pytest.raises(FetchFailed) as failure:
        await fetcher.fetch(FetchRequest(url=f"https://127.0.0.1:{port}/", user_agent="t"))
    await fetcher.close()
    server.close()
    await server.wait_closed()

    assert failure.value.category == "tls"


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
