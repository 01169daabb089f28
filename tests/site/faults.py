"""
The ways in which the sample server misbehaves on request.

* a fault is a value; `SiteServer.fail(path, fault, times=n)` says where and how often;
* each writes its answer itself, down to the socket where HTTP is too polite, and returns it for aiohttp to file;
* none outlives its connection or its server.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from tests.site.routes import HTML

_CHUNK = b"<p>" + b"all work and no play " * 780 + b"</p>\n"

#: SO_LINGER on with a time of zero: closing sends RST instead of FIN.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Fault(Protocol):
    """One kind of misbehaviour."""

    async def answer(self, request: web.BaseRequest, closing: asyncio.Event, /) -> web.StreamResponse:
        """Answer badly; return at once when *closing* is set."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A status code, with `Retry-After` (seconds or a date, as sent) when given."""

    code: int
    retry_after: str | None = None
    body: bytes = b"<h1>Not now</h1>"
    headers: Mapping[str, str] = field(default_factory=dict)

    async def answer(self, request: web.BaseRequest, _closing: asyncio.Event, /) -> web.StreamResponse:
        """Send the status and a short body."""
        headers = {"Content-Type": HTML, **self.headers}
        if self.retry_after is not None:
            headers["Retry-After"] = self.retry_after
        return await send(request, web.Response(status=self.code, body=self.body, headers=headers))


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongType:
    """Bytes under a type that does not fit a page."""

    content_type: str = "application/octet-stream"
    body: bytes = bytes(range(256))

    async def answer(self, request: web.BaseRequest, _closing: asyncio.Event, /) -> web.StreamResponse:
        """Send the bytes."""
        return await send(request, web.Response(body=self.body, headers={"Content-Type": self.content_type}))


@dataclass(frozen=True, slots=True)
class ConnectionReset:
    """The connection is reset before one byte of the answer."""

    async def answer(self, request: web.BaseRequest, _closing: asyncio.Event, /) -> web.StreamResponse:
        """Reset."""
        _reset(request)
        return web.Response()


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes that are not HTTP."""

    async def answer(self, request: web.BaseRequest, _closing: asyncio.Event, /) -> web.StreamResponse:
        """Send them and hang up."""
        if request.transport is not None:
            request.transport.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
            request.transport.close()
        return web.Response()


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncatedBody:
    """Half of the body that Content-Length promised, then the end of the connection."""

    length_bytes: int = 20_000

    async def answer(self, request: web.BaseRequest, _closing: asyncio.Event, /) -> web.StreamResponse:
        """Send half, then close."""
        response = web.StreamResponse(headers={"Content-Type": HTML, "Content-Length": str(self.length_bytes)})
        await response.prepare(request)
        await response.write(_CHUNK[: self.length_bytes // 2])
        if request.transport is not None:
            request.transport.close()
        return response


@dataclass(frozen=True, slots=True)
class StalledBody:
    """Headers and the first bytes, then silence for as long as the client stands it."""

    async def answer(self, request: web.BaseRequest, closing: asyncio.Event, /) -> web.StreamResponse:
        """Send a little, then wait for the server's end; a client that leaves cancels the wait."""
        response = await _start_page(request)
        await response.write(b"<h1>One moment")
        await closing.wait()
        return response


@dataclass(frozen=True, slots=True)
class EndlessBody:
    """A page that never ends."""

    async def answer(self, request: web.BaseRequest, closing: asyncio.Event, /) -> web.StreamResponse:
        """Send until the client leaves or the server closes."""
        response = await _start_page(request)
        while not closing.is_set():
            await response.write(_CHUNK)
        return response


@dataclass(frozen=True, slots=True, kw_only=True)
class HugeBody:
    """A page of an honest, large size; `announced=False` hides it behind chunked transfer."""

    size_bytes: int = 12_000_000
    announced: bool = True

    async def answer(self, request: web.BaseRequest, closing: asyncio.Event, /) -> web.StreamResponse:
        """Send all of it, or as much as the client wants."""
        response = await _start_page(request, {"Content-Length": str(self.size_bytes)} if self.announced else {})
        left = self.size_bytes
        while left > 0 and not closing.is_set():
            await response.write(_CHUNK[:left])
            left -= len(_CHUNK)
        await response.write_eof()
        return response


@dataclass(frozen=True, slots=True, kw_only=True)
class GzipBomb:
    """A few kilobytes on the wire that decode to *decoded_bytes*."""

    decoded_bytes: int = 60_000_000

    async def answer(self, request: web.BaseRequest, _closing: asyncio.Event, /) -> web.StreamResponse:
        """Send the bomb."""
        body = await asyncio.to_thread(_bomb, self.decoded_bytes)
        headers = {"Content-Type": HTML, "Content-Encoding": "gzip"}
        return await send(request, web.Response(body=body, headers=headers))


def _bomb(decoded_bytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    block = bytes(1_000_000)
    packed = [packer.compress(block[:size]) for size in _sizes(decoded_bytes, len(block))]
    return b"".join([*packed, packer.flush()])


def _sizes(total: int, block: int) -> list[int]:
    return [block] * (total // block) + [total % block]


async def _start_page(request: web.BaseRequest, headers: Mapping[str, str] | None = None) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": HTML, **(headers or {})})
    await response.prepare(request)
    return response


async def send(request: web.BaseRequest, response: web.Response) -> web.StreamResponse:
    """Send the whole answer now instead of after the handler, so that `in_flight` covers its last byte."""
    await response.prepare(request)
    await response.write_eof()
    return response


def _reset(request: web.BaseRequest) -> None:
    transport = request.transport
    if transport is None:
        return
    with contextlib.suppress(OSError):
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
