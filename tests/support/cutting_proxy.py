"""
A server of one origin for real clients: a page that reads a stream, and before a real server a proxy that cuts it.

* A stream passes until its cut: then it is reset (what has not been read is lost) or closed, wherever that is. After
  the last cut everything passes.
* `POST /result` is the page's way to say what it has seen.
"""

import asyncio
import re
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET
from urllib.parse import urlsplit

from tests.support.raw_server import serving

_LENGTH = re.compile(rb"(?i)content-length: *(\d+)")
#: Closing with this option set sends RST at once.
_LINGER_NONE = struct.pack("ii", 1, 0)
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: "


@dataclass(slots=True)
class CuttingProxy:
    """What is served at `url`."""

    target: str
    #: After how many bytes (head included, perhaps compressed) each connection to a stream is cut, in their order.
    cuts: list[int]
    page: bytes = b""
    reset: bool = True
    port: int = 0
    streams: int = 0
    result: "asyncio.Future[bytes]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and end the connection."""
        method, path, _ = head.split(b" ", 2)
        if path == b"/page":
            writer.write(_OK + str(len(self.page)).encode() + b"\r\n\r\n" + self.page)
        elif path == b"/result":
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1]) if length else 0)
            writer.write(_OK + b"0\r\n\r\n")
            self.result.set_result(body)
        elif method == b"GET":
            await self._pass(head, path, writer)
        await writer.drain()
        writer.close()

    async def _pass(self, head: bytes, path: bytes, writer: asyncio.StreamWriter) -> None:
        is_stream = b"/stream" in path
        self.streams += is_stream
        left = self.cuts.pop(0) if is_stream and self.cuts else None
        address = urlsplit(self.target)
        theirs, ours = await asyncio.open_connection(address.hostname, address.port)
        try:
            lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
            ours.write(b"\r\n".join([lines[0], b"Connection: close", *lines[1:]]))
            while left is None or left > 0:
                data = await theirs.read(65_536 if left is None else left)
                if not data:
                    return
                writer.write(data)
                await writer.drain()
                left = None if left is None else left - len(data)
            if self.reset:
                writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, _LINGER_NONE)
        finally:
            ours.close()
            with suppress(OSError):
                await ours.wait_closed()


@asynccontextmanager
async def cutting_proxy(target: str, *, cuts: list[int], reset: bool = True) -> AsyncIterator[CuttingProxy]:
    """Stand before the server *target*, and cut the first streams after so many bytes."""
    proxy = CuttingProxy(target=target, cuts=cuts, reset=reset)
    async with serving(proxy.handle) as proxy.port:
        yield proxy
