"""
A client of a stream that can be cut anywhere: a socket, HTTP/1.0 (so that the body is not chunked), and no library.

* `close` ends as a browser does; `reset` sends RST; `half_open` leaves without a word: the server finds out by itself.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from tests.support.http_homes import TERMINAL, Frame, durable_frames

Cut = Literal["close", "reset", "half_open"]
#: Closing with this option set sends RST at once.
_LINGER_NONE = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class RawStream:
    """One connection, as far as it was read."""

    status: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    head: dict[str, str]
    body: bytes = b""

    async def read(self, size: int | None = None) -> bytes:
        """Read on to *size* bytes of body in all, or to the end; the body so far."""
        while size is None or len(self.body) < size:
            data = await self.reader.read(65_536 if size is None else size - len(self.body))
            if not data:
                break
            self.body += data
        return self.body


@asynccontextmanager
async def raw_stream(
    base: str, path: str, *, last: str | None = None, cut: Cut = "close", headers: str = ""
) -> AsyncIterator[RawStream]:
    """A stream of the server at *base*, ended as *cut* says; half-open ones stay open until `close_abandoned`."""
    url = urlsplit(base)
    reader, writer = await asyncio.open_connection(url.hostname, url.port, limit=4_096)
    try:
        resume = f"Last-Event-ID: {last}\r\n" if last else ""
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {url.netloc}\r\n{resume}{headers}\r\n".encode())
        status = int((await reader.readline()).split()[1])
        head = {}
        while (line := await reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            head[name.lower()] = value.strip()
        yield RawStream(status, reader, writer, head)
    finally:
        await _end(writer, cut)


async def _end(writer: asyncio.StreamWriter, cut: Cut) -> None:
    connection = writer.get_extra_info("socket")
    if cut == "half_open":
        if not writer.transport.is_closing():
            writer.transport.pause_reading()  # type: ignore[attr-defined]
        _ABANDONED.append(writer)
        return
    if cut == "reset" and connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
        writer.transport.abort()
    await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


#: Half-open connections of this process; `close_abandoned` ends them.
_ABANDONED: list[asyncio.StreamWriter] = []


async def close_abandoned() -> None:
    """Let the half-open connections go."""
    while _ABANDONED:
        writer = _ABANDONED.pop()
        writer.transport.abort()
        await _close(writer)


async def read_on(base: str, path: str, frames: list[Frame], *, size: int | None = None, cut: Cut = "close") -> int:
    """Connect after the last of *frames*, add what comes within *size* bytes, and cut; the status."""
    async with raw_stream(base, path, last=frames[-1].id if frames else None, cut=cut) as stream:
        frames += durable_frames(await stream.read(size))
        return stream.status


async def read_to_end(base: str, path: str, frames: list[Frame]) -> None:
    """Go on, as EventSource does, until the terminal event is there."""
    while not frames or frames[-1].type not in TERMINAL:
        await read_on(base, path, frames)
