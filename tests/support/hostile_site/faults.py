"""What a hostile server answers beyond the faults of the sample site: down to the bytes, and to their pace."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import random
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aiohttp import web

from tests.site.faults import send
from tests.site.routes import HTML

_DRIP_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Bytes:
    """These very bytes, then the end of the connection, or (*stays*) nothing more for as long as the client stands."""

    data: bytes
    stays: bool = False

    async def answer(self, request: web.BaseRequest, closing: asyncio.Event, /) -> web.StreamResponse:
        """Send them past HTTP."""
        transport = request.transport
        if transport is not None:
            transport.write(self.data)
            if self.stays:
                await closing.wait()
            transport.close()
        return web.Response()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dripping:
    """*head* at once, then *drop* after *drop* for ever: no single wait is long."""

    head: bytes
    drop: bytes

    async def answer(self, request: web.BaseRequest, closing: asyncio.Event, /) -> web.StreamResponse:
        """Drip until the client leaves."""
        transport = request.transport
        if transport is None:
            return web.Response()
        transport.write(self.head)
        while not closing.is_set() and not transport.is_closing():
            transport.write(self.drop)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(closing.wait(), _DRIP_S)
        return web.Response()


@dataclass(frozen=True, slots=True)
class Silent:
    """Not one byte."""

    async def answer(self, _request: web.BaseRequest, closing: asyncio.Event, /) -> web.StreamResponse:
        """Wait."""
        await closing.wait()
        return web.Response()


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """A body under the content coding that its header claims."""

    coding: str
    body: bytes

    async def answer(self, request: web.BaseRequest, _closing: asyncio.Event, /) -> web.StreamResponse:
        """Send it as it is."""
        headers = {"Content-Type": HTML, "Content-Encoding": self.coding}
        return await send(request, web.Response(body=self.body, headers=headers))


def raw_page(*lines: str, body: bytes = b"", status: str = "200 OK") -> bytes:
    """An answer written by hand."""
    head = "\r\n".join((f"HTTP/1.1 {status}", "Content-Type: text/html", *lines))
    return head.encode("latin-1") + b"\r\n\r\n" + body


def chunked(*pieces: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """A chunked body."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + end


def packed(blocks: Iterable[bytes], window_bits: int = 31) -> bytes:
    """Blocks as one gzip or (15) zlib stream, without ever holding what they add up to."""
    packer = zlib.compressobj(1, zlib.DEFLATED, window_bits)
    return b"".join([*(packer.compress(block) for block in blocks), packer.flush()])


def blanks(size_bytes: int) -> Iterator[bytes]:
    """So many bytes of nothing, a megabyte at a time."""
    for _ in range(size_bytes // 1_000_000):
        yield b" " * 1_000_000


def words(size_bytes: int) -> Iterator[bytes]:
    """A text that packs well, but within the ratio that a body may have."""
    yield b"<!doctype html><title>long</title><p>"
    chance = random.Random(7)
    block = b" ".join(chance.choices((b"water", b"light", b"valve", b"frost", b"a longer word"), k=14_000))
    for _ in range(size_bytes // len(block)):
        yield block


#: A zstd frame whose header promises 128 MB of one repeated byte (RFC 8878: RLE blocks of 128 KB).
ZSTD_BOMB = b"\x28\xb5\x2f\xfd\xa0" + (128 * 2**20).to_bytes(4, "little") + b"\x02\x00\x10x" * 1023 + b"\x03\x00\x10x"

#: A brotli stream of a few bytes (RFC 7932): what it unpacks to does not matter, for nobody asked for brotli.
BROTLI = b"\xa1\x00\x00\x00\x00\x81\x15\x08\x04\x00"

GZIP_TWICE = gzip.compress(gzip.compress(b"<p>twice"))
