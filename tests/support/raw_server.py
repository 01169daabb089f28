"""A server on loopback that sends exactly the bytes it is told to, and a fetcher that may ask it."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import pytest

from runnel.adapters.http.fetcher import HttpFetcher
from runnel.errors import FetchFailed
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
        await close_all(open_writers)
        await server.wait_closed()


async def close_all(writers: Iterable[asyncio.StreamWriter]) -> None:
    """Close connections, and wait until they are gone: Python 3.11 waits for none of a server's."""
    for writer in tuple(writers):
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


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
