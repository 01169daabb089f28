"""Fetching from real servers that misbehave in every way we know."""

import asyncio
import gzip
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import pytest

from runnel.adapters.http.answer import Answer
from runnel.adapters.http.connection import Connection
from runnel.adapters.http.fetcher import HttpFetcher
from runnel.errors import FetchFailed
from runnel.fetching.canonical import canonicalize
from runnel.fetching.decoding import BodyLimits
from runnel.ports.fetcher import FetchRequest, FetchResponse
from tests.support.programs import need

Handler = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Fetch = Callable[..., Awaitable[FetchResponse]]


@asynccontextmanager
async def serving(handler: Handler, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve on loopback; *handler* gets each request's head and answers as it likes. Yields the port."""
    open_writers: set[asyncio.StreamWriter] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_writers.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while True:
                await handler(await reader.readuntil(b"\r\n\r\n"), reader, writer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
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


def sending(raw: bytes, *, piece: int | None = None, then_close: bool = False) -> Handler:
    """A handler that sends exactly this, *piece* bytes at a time."""

    async def handle(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = piece or len(raw)
        for start in range(0, len(raw), size):
            writer.write(raw[start : start + size])
            await writer.drain()
        if then_close:
            writer.close()

    return handle


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """A server's TLS with a certificate of its own making for *name*: `certificate.pem` in the folder."""
    pem, key = folder / "certificate.pem", folder / "key.pem"
    command = [
        need("openssl", why="it makes the test server's certificate"),
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(pem)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    return context


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
    ("raw", "body"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nContent-Type: a/b\r\n\r\n", b"late"),
        (b"", b"late"),
    ],
)
async def test_the_answer_after_an_interim_one_counts(raw: bytes, body: bytes) -> None:
    """A hint to a browser is not the page, nor are its headers the page's."""
    async with fetching(sending(raw + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + body)) as fetch:
        answer = await fetch()

    assert (answer.status, answer.body, answer.content_type) == (200, body, "")


async def test_a_body_in_chunks_is_put_together() -> None:
    """Split anywhere, with extensions and trailers, the connection serves the next page too."""
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2 \r\nde\r\n0\r\nX-T: 1\r\n\r\n"
    async with fetching(sending(raw, piece=1)) as fetch:
        answers = [await fetch(), await fetch()]

    assert [answer.body for answer in answers] == [b"abcde", b"abcde"]
    assert "x-t" not in answers[0].headers


async def test_a_body_may_end_with_its_connection() -> None:
    """As servers of version 1.0 do."""
    async with fetching(sending(b"HTTP/1.0 200 OK\r\n\r\nall of it", then_close=True)) as fetch:
        answers = [await fetch(), await fetch()]

    assert [answer.body for answer in answers] == [b"all of it"] * 2


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n" + gzip.compress(b"x" * 99)[:10],
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    ],
)
async def test_half_an_answer_is_none(raw: bytes) -> None:
    """Wherever it breaks off, and however its length is in doubt."""
    failure = await failure_of(fetching(sending(raw, then_close=True)))

    assert failure.category in {"protocol", "decode"}


async def test_a_kept_connection_that_has_died_costs_no_page() -> None:
    """A server may close an idle connection just while we ask on it."""
    asked: list[bytes] = []

    async def handle(head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(head)
        if len(asked) == 2:  # the second exchange of the first connection
            writer.transport.abort()
            raise ConnectionError
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with fetching(handle) as fetch:
        bodies = [(await fetch()).body, (await fetch()).body]

    assert bodies == [b"ok", b"ok"]
    assert len(asked) == 3


async def test_what_nobody_asked_for_is_taken_for_no_answer() -> None:
    """A second answer behind the first would become the next page."""
    asked = 0

    async def handle(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        answer = f"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{asked}".encode()
        writer.write(answer + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")

    async with fetching(handle) as fetch:
        first, second = await fetch(), await fetch()

    assert (first.body, second.body) == (b"1", b"2")


async def test_a_connection_that_speaks_unasked_is_closed() -> None:
    """What it said late would otherwise be the beginning of the next answer."""
    async with serving(answering("HTTP/1.1 200 OK", b"1")) as port:
        _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
        answer = Answer(BodyLimits(), frozenset())
        await connection.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", answer)
        was_open = connection.is_open
        connection.data_received(b"HTTP/1.1 200 OK")

    assert was_open
    assert not connection.is_open


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


async def test_tls_speaks_to_whom_the_certificate_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The name goes along (SNI), and a certificate of another name or of nobody is refused."""
    context = certificate(tmp_path, "localhost")
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    async with serving(answering("HTTP/1.1 200 OK", b"secret"), tls=context) as port:

        async def fetch(host: str) -> FetchResponse:
            fetcher = HttpFetcher(allow_private=frozenset({("127.0.0.1", port), ("localhost", port)}))
            try:
                return await fetcher.fetch(FetchRequest(url=f"https://{host}:{port}/", user_agent="t"))
            finally:
                await fetcher.close()

        with pytest.raises(FetchFailed) as untrusted:
            await fetch("localhost")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        answer = await fetch("localhost")
        with pytest.raises(FetchFailed) as other_name:
            await fetch("127.0.0.1")

    assert answer.body == b"secret"
    assert names[-2:] == ["localhost", None]
    assert (untrusted.value.category, other_name.value.category) == ("tls", "tls")


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
