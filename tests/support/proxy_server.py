"""A small HTTP proxy on loopback: absolute form and CONNECT, with a password if one is wanted."""

from __future__ import annotations

import asyncio
import contextlib
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.support.raw_server import close_all

_DENIED = b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n"


@dataclass(slots=True)
class ProxyServer:
    """The proxy while it listens: what it was asked, and where it leads names that resolve nowhere."""

    #: `name:password`, if it wants one.
    password: str | None = None
    #: Host → the port on loopback that stands for it.
    leads: Mapping[str, int] = field(default_factory=dict)
    port: int = 0
    #: First lines, as they came.
    asked: list[str] = field(default_factory=list)
    #: Connections taken.
    connections: int = 0
    #: Both ends of what passes through: older Pythons close none of them with their server.
    _open_ends: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection: requests in absolute form one after the other, or one tunnel."""
        self.connections += 1
        self._open_ends.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, target, _ = head.decode("latin-1").split("\r\n", 1)[0].split(" ")
                self.asked.append(f"{method} {target}")
                if not self._knows(head):
                    writer.write(_DENIED % 407)
                elif method == "CONNECT":
                    await self._tunnel(target, reader, writer)
                    break
                else:
                    await self._forward(target, head, writer)
        writer.close()

    def _knows(self, head: bytes) -> bool:
        wanted = b64encode((self.password or "").encode())
        return self.password is None or b"\r\nProxy-Authorization: Basic " + wanted + b"\r\n" in head

    async def _forward(self, target: str, head: bytes, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(target)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        lines = [line for line in head.split(b"\r\n")[1:-2] if not line.startswith(b"Proxy-")]
        lines = [f"GET {path} HTTP/1.1".encode(), *lines, b"Connection: close", b"", b""]
        there, towards = await self._open(parts.hostname or "", parts.port or 80)
        towards.write(b"\r\n".join(lines))
        writer.write(await there.read())
        towards.close()

    async def _tunnel(self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = target.rpartition(":")
        try:
            there, towards = await self._open(host, int(port))
        except OSError:
            writer.write(_DENIED % 502)
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pump(reader, towards), _pump(there, writer))

    async def _open(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.leads.get(host, port))
        self._open_ends.add(writer)
        return reader, writer

    async def close(self) -> None:
        """End what still passes through."""
        await close_all(self._open_ends)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def running_proxy(*, password: str | None = None, **leads: int) -> AsyncIterator[ProxyServer]:
    """A proxy while the context lasts; `docs_example_com=8000` leads docs.example.com there."""
    proxy = ProxyServer(password=password, leads={name.replace("_", "."): port for name, port in leads.items()})
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
        await server.wait_closed()
