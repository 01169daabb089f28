"""Around a hostile site: names that lead elsewhere, robots.txt in every state, listeners that must hear nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

from tests.site.faults import ConnectionReset, Status
from tests.site.routes import HTML
from tests.site.server import SiteServer
from tests.support.hostile_site.cases import TrapPages
from tests.support.hostile_site.faults import Silent

#: A public address: nothing may be sent there in a test, and the crawler's process sees to it.
PUBLIC = "93.184.216.34"

#: Name → the answers of the name server, in turn; an empty one is a failure.
NAMES: Mapping[str, list[list[str]]] = {
    "private.hostile.example": [["10.0.0.1"]],
    "metadata.hostile.example": [["169.254.169.254"]],
    "loopback.hostile.example": [["127.0.0.2"]],
    "six.hostile.example": [["::1"]],
    "mapped.hostile.example": [["::ffff:127.0.0.2"]],
    "nat64.hostile.example": [["64:ff9b::7f00:2"]],
    "zone.hostile.example": [["fe80::1%lo"]],
    "mixed.hostile.example": [[PUBLIC, "127.0.0.2"]],
    "rebind.hostile.example": [[PUBLIC], ["127.0.0.2"]],
    "gone.hostile.example": [[]],
    "printer.local": [[PUBLIC]],
    "metadata.google.internal": [[PUBLIC]],
}

#: What a link to each of these hosts ends as; `{port}` is that of the site. None may be reached.
FORBIDDEN: Mapping[str, frozenset[str]] = {
    **{
        f"{name}:{{port}}": frozenset({"blocked_address"})
        for name in NAMES
        if not name.startswith(("rebind.", "gone."))
    },
    "rebind.hostile.example:{port}": frozenset({"connect", "blocked_address"}),
    "gone.hostile.example:{port}": frozenset({"dns"}),
    "127.0.0.2:{port}": frozenset({"blocked_address"}),
    "0x7f.0.0.2:{port}": frozenset({"blocked_address"}),
    "[::1]:{port}": frozenset({"blocked_address"}),
    "[::ffff:127.0.0.2]:{port}": frozenset({"blocked_address"}),
    "localhost:{port}": frozenset({"blocked_address"}),
    "127.0.0.1:{canary}": frozenset({"blocked_address"}),
}

#: Hosts that the crawl takes into its scope, so that only the guard stands before them.
DOMAINS = ("hostile.example", "local", "internal", "localhost", "127.0.0.1", "127.0.0.2", "[::1]", "[::ffff:7f00:2]")


class Canary:
    """A listener that no crawler may reach."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        self.hits: list[str] = []
        self._servers: list[asyncio.Server] = []

    async def listen(self, host: str, port: int = 0) -> int:
        """Listen there too; the port."""
        server = await asyncio.start_server(self._heard, host, port)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop."""
        for server in self._servers:
            server.close()
            await server.wait_closed()

    async def _heard(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.hits.append(str(writer.get_extra_info("sockname")))
        writer.close()


class MortalServer:
    """Serves one page under every path; dies in the middle of its life, and returns."""

    def __init__(self, *, requests_to_live: int, dead_s: float) -> None:
        """Die at request number *requests_to_live*, for *dead_s* seconds."""
        self.port = 0
        self.answered = 0
        self._left = requests_to_live
        self._dead_s = dead_s
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._return: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Listen."""
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Die for good."""
        if self._return is not None:
            self._return.cancel()
        self._die()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self._left -= 1
                if self._left == 0:
                    self._die()
                    self._return = asyncio.create_task(self._come_back())
                    return
                await self._answer(head, writer)
        self._writers.discard(writer)
        writer.close()

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        path = head.split(b" ")[1]
        body = b"<!doctype html><title>mortal</title><p>This is " + path
        status = b"404 Not Found" if path == b"/robots.txt" else b"200 OK"
        writer.write(b"HTTP/1.1 %b\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % (status, len(body)))
        writer.write(body)
        self.answered += path != b"/robots.txt"
        await writer.drain()

    def _die(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _come_back(self) -> None:
        await asyncio.sleep(self._dead_s)
        await self._listen()


@dataclass(frozen=True, slots=True)
class RobotsState:
    """One way in which a robots.txt answers, and what becomes of a page that it forbids and of one that it does not."""

    opened: frozenset[str]
    closed: frozenset[str]


def _state(opened: str, closed: str) -> RobotsState:
    return RobotsState(frozenset(opened.split()), frozenset(closed.split()))


_RULES = "User-agent: *\nDisallow: /docs/closed\n"
_FREE = _state("fetched", "fetched")
_OBEYED = _state("fetched", "robots")
_SHUT = _state("robots", "robots")

#: RFC 9309, section 2.3.1: by what a server answers. `robots` is a skip, other words are verdicts or categories.
ROBOTS: Mapping[str, RobotsState] = {
    "rules": _OBEYED,
    "empty": _FREE,
    "missing": _FREE,
    "unauthorized": _FREE,
    "forbidden": _FREE,
    "gone": _FREE,
    "error": _SHUT,
    "unavailable": _SHUT,
    "redirected": _OBEYED,
    "looping": _state("fetched robots", "fetched robots"),
    "binary": _FREE,
    "bom": _OBEYED,
    "large": _OBEYED,
    "endless": _FREE,  # its first 500 KiB count, and forbid neither
    "silent": _state("timeout robots", "timeout robots"),
    "reset": _state("connect robots", "connect robots"),
    "inward": _state("blocked_address robots", "blocked_address robots"),
}


def _prepare(site: SiteServer, state: str, canary: int) -> None:
    """Let the site's robots.txt be in this state; its pages are `/docs/open` and `/docs/closed`."""
    for name in ("open", "closed"):
        site.add(f"/docs/{name}", f"<!doctype html><title>{name}</title><p>The {name} page of robots state {state}.")
    text, kind = _RULES, "text/plain"
    statuses = {"missing": 404, "unauthorized": 401, "forbidden": 403, "gone": 410, "error": 500, "unavailable": 503}
    if state in statuses:
        site.fail("/robots.txt", Status(code=statuses[state]))
    elif state == "redirected":
        for hop in range(5):
            site.redirect(f"/robots{hop or ''}.txt", f"/robots{hop + 1}.txt", status=(301, 302, 303, 307, 308)[hop])
        site.add("/robots5.txt", text, kind)
    elif state == "looping":
        site.redirect("/robots.txt", "/robots.txt?again")
        site.redirect("/robots.txt?again", "/robots.txt")
    elif state == "inward":
        site.redirect("/robots.txt", f"http://127.0.0.1:{canary}/robots.txt")
    elif state in ("silent", "reset"):
        site.fail("/robots.txt", Silent() if state == "silent" else ConnectionReset())
    else:
        bodies = {
            "rules": text.encode(),
            "empty": b"",
            "binary": bytes(range(256)) * 40,
            "bom": b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
            "large": text.encode() + b"# so many words\n" * 60_000,
            "endless": b"Disallow: /nothing\n" * 600_000,
        }
        site.add("/robots.txt", bodies[state], HTML if state == "rules" else kind)


@dataclass(slots=True)
class Neighbours:
    """Everything around the hostile site that listens."""

    canary: Canary = field(default_factory=Canary)
    canary_port: int = 0
    robots: dict[str, SiteServer] = field(default_factory=dict)
    #: A server of its own for what has no end: its pace is not that of the faults.
    traps: SiteServer = field(default_factory=lambda: SiteServer(TrapPages()))
    mortal: MortalServer = field(default_factory=lambda: MortalServer(requests_to_live=3, dead_s=1.2))

    @property
    def allowed(self) -> list[str]:
        """The addresses that the crawl may reach beside the site itself."""
        return [*(site.address for site in self.robots.values()), self.traps.address, f"127.0.0.1:{self.mortal.port}"]


@asynccontextmanager
async def neighbours(port: int) -> AsyncIterator[Neighbours]:
    """Let them listen beside the site on *port*, which the canaries take on loopback's other addresses."""
    around = Neighbours()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(around.canary.close)
        around.canary_port = await around.canary.listen("127.0.0.1")
        await around.canary.listen("127.0.0.2", port)
        with contextlib.suppress(OSError):  # a machine without IPv6
            await around.canary.listen("::1", port)
        for state in ROBOTS:
            site = await stack.enter_async_context(SiteServer())
            _prepare(site, state, around.canary_port)
            around.robots[state] = site
        await stack.enter_async_context(around.mortal)
        await stack.enter_async_context(around.traps)
        yield around
