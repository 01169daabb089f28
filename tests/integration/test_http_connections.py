"""Connections and answers by the letter of RFC 9112: where one ends, and whose it is."""

import asyncio
import gzip
from pathlib import Path

import pytest

from runnel.adapters.http.answer import Answer
from runnel.adapters.http.connection import Connection
from runnel.adapters.http.fetcher import HttpFetcher
from runnel.errors import FetchFailed
from runnel.fetching.decoding import BodyLimits
from runnel.ports.fetcher import FetchRequest, FetchResponse
from tests.support.raw_server import answering, certificate, failure_of, fetching, sending, serving


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


async def test_an_answer_to_head_ends_with_its_headers() -> None:
    """It tells how long a body would be and sends none: who waits for that waits for ever."""
    asked: list[bytes] = []
    connections: set[asyncio.StreamWriter] = set()

    async def handle(head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(head)
        connections.add(writer)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\nContent-Length: 2000000000\r\n\r\n")

    async with fetching(handle) as fetch:
        answers = [await fetch("/a.pdf", method="HEAD", deadline_s=5.0) for _ in range(3)]
    lines = asked[0].decode().split("\r\n")

    assert [(answer.status, answer.body, answer.content_type) for answer in answers] == [
        (200, b"", "application/pdf")
    ] * 3
    assert answers[0].headers["content-length"] == "2000000000"
    assert lines[0] == "HEAD /a.pdf HTTP/1.1"
    assert {"Accept: */*", "Accept-Encoding: identity"} <= set(lines)
    assert len(connections) == 1


async def test_a_body_behind_an_answer_to_head_is_no_later_answer() -> None:
    """Some servers send it all the same: the connection ends, or the rest of the body would be the next answer."""
    met: set[asyncio.StreamWriter] = set()

    async def handle(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        smuggled = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Is: smuggled\r\n\r\n"
        if writer in met:
            writer.write(smuggled)
        met.add(writer)
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {4 + len(smuggled)}\r\nX-Is: own\r\n\r\n%PDF".encode())

    async with fetching(handle) as fetch:
        answers = [await fetch(method="HEAD") for _ in range(3)]

    assert [(answer.headers["x-is"], answer.body) for answer in answers] == [("own", b"")] * 3


async def test_a_body_may_end_with_its_connection() -> None:
    """As servers of version 1.0 do."""
    async with fetching(sending(b"HTTP/1.0 200 OK\r\n\r\nall of it", then_close=True)) as fetch:
        answers = [await fetch(), await fetch()]

    assert [answer.body for answer in answers] == [b"all of it"] * 2


@pytest.mark.parametrize("coding", ["", "Content-Encoding: gzip\r\n"])
async def test_a_body_that_may_be_cut_ends_there(coding: str) -> None:
    """A robots.txt counts for its first 500 KiB, however long it is, and may never end."""
    body = b"User-agent: *\n" * 60_000
    sent = gzip.compress(body)[:-100] if coding else body
    head = f"HTTP/1.1 200 OK\r\n{coding}Content-Length: 100000000\r\n\r\n".encode()
    async with fetching(sending(head + sent)) as fetch:
        answers = [await fetch(cut_bytes=1_000), await fetch(cut_bytes=1_000)]

    assert [answer.body for answer in answers] == [body[:1_000]] * 2


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
