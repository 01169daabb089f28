"""
The sample site as a real HTTP server on loopback.

* one `SiteServer` is one site: its switches and counters are its own;
* a held path answers when the test releases it, so no test sleeps;
* `in_flight` counts requests from their first line to the last byte of their answer: concurrency is measured here;
* leaving the context ends every request that still waits.

Alone: `python -m tests.site.server --port 0` prints the URL to crawl on its first line and serves until it is stopped.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import TracebackType
from typing import Self

from aiohttp import web

from tests.site.expected import START
from tests.site.faults import Fault, send
from tests.site.generated import GeneratedPages
from tests.site.routes import HTML, Page, Pages, SitePages

#: In `hold`, `delay` and `fail`: every path that has no switch of its own.
EVERY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRequest:
    """One request, as it arrived."""

    index: int  # 0 for the first
    method: str
    path: str  # with the query, as on the wire
    user_agent: str
    headers: Mapping[str, str]
    at_s: float  # on the clock of `SiteServer.now_s`


@dataclass(slots=True)
class _Trouble:
    fault: Fault
    left: int | None  # None: for ever


class SiteServer:
    """
    The sample site, or any other `Pages`, on a loopback port.

    Paths given to the switches are as on the wire, with the query if there is one; `EVERY` stands for all others.
    """

    def __init__(self, pages: Pages | None = None, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """Prepare the site; nothing listens before the context is entered. Port 0 takes a free one."""
        #: Whether pages have an ETag, and are not sent to whoever has them.
        self.validates = False
        self.requests: list[SeenRequest] = []
        self.in_flight = 0
        self.max_in_flight = 0
        self._pages = pages or SitePages()
        self._host, self._port = host, port
        self._added: dict[str, Page | None] = {}
        self._markdown: dict[str, Page] = {}
        self._troubles: dict[str, _Trouble] = {}
        self._delays: dict[str, float] = {}
        self._gates: dict[str, asyncio.Event] = {}
        self._held: Counter[str] = Counter()
        self._waiters: list[tuple[Callable[[], bool], asyncio.Event]] = []
        self._closing = asyncio.Event()
        self._runner: web.ServerRunner | None = None

    async def __aenter__(self) -> Self:
        """Start to listen."""
        # A client that leaves ends its request here too, so that `in_flight` tells the truth.
        server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release what waits, and stop."""
        self._closing.set()
        for gate in self._gates.values():
            gate.set()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def address(self) -> str:
        """`host:port`, the form that RUNNEL_ALLOW_PRIVATE takes."""
        return f"{self._host}:{self._port}"

    @property
    def base(self) -> str:
        """`http://host:port`, without a slash at the end."""
        return f"http://{self.address}"

    def url(self, path: str = START) -> str:
        """Return the absolute URL of a path; without one, that of the page where a crawl starts."""
        return f"{self.base}{path}"

    def add(
        self,
        path: str,
        body: str | bytes,
        content_type: str = HTML,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Add a page, or replace one. `{base}` in its text is not replaced."""
        data = body.encode() if isinstance(body, str) else body
        self._added[path] = Page(body=data, content_type=content_type, status=status, headers=dict(headers or {}))

    def add_markdown(self, path: str, body: str) -> None:
        """Answer with this Markdown whoever asks for it by `Accept`, as some sites do: at the word alone."""
        self._markdown[path] = Page(body=body.encode(), content_type="text/markdown; charset=utf-8")

    def remove(self, path: str) -> None:
        """Answer 404 for this path from now on."""
        self._added[path] = None

    def redirect(self, path: str, location: str | None, *, status: int = 302) -> None:
        """Redirect this path; without a location, to nowhere."""
        self.add(path, b"", status=status, headers={} if location is None else {"Location": location})

    def fail(self, path: str, fault: Fault, *, times: int | None = None) -> None:
        """Let this path misbehave: the next *times* requests, or all of them."""
        self._troubles[path] = _Trouble(fault, times)

    def heal(self, path: str) -> None:
        """Take back `fail`."""
        self._troubles.pop(path, None)

    def delay(self, path: str, seconds: float) -> None:
        """Answer this path later by *seconds*. For latency that a test asserts on, use `hold`."""
        self._delays[path] = seconds

    def hold(self, path: str) -> None:
        """Answer this path only after `release`; it may be held again after that."""
        self._gates[path] = asyncio.Event()

    def release(self, path: str) -> None:
        """Answer what is held under this path, and everything that comes after."""
        gate = self._gates.pop(path, None)
        if gate is not None:
            gate.set()

    async def wait_held(self, path: str, count: int = 1) -> None:
        """Return as soon as *count* requests wait at the hold of this path."""
        await self._wait_until(lambda: self._held[path] >= count)

    async def wait_in_flight(self, count: int) -> None:
        """Return as soon as *count* requests are in flight at once."""
        await self._wait_until(lambda: self.in_flight >= count)

    async def wait_idle(self) -> None:
        """Return as soon as no request is in flight."""
        await self._wait_until(lambda: self.in_flight == 0)

    async def wait_requests(self, count: int) -> None:
        """Return as soon as *count* requests arrived since the start or since `forget_requests`."""
        await self._wait_until(lambda: len(self.requests) >= count)

    def now_s(self) -> float:
        """Seconds on the clock by which requests are noted."""
        return time.monotonic()

    def count(self, path: str) -> int:
        """Return how often a path was requested."""
        return sum(seen.path == path for seen in self.requests)

    def paths(self) -> list[str]:
        """Return all requested paths in order of arrival."""
        return [seen.path for seen in self.requests]

    def forget_requests(self) -> None:
        """Empty the list of requests and set the high-water mark back to what is in flight now."""
        self.requests.clear()
        self.max_in_flight = self.in_flight

    async def _wait_until(self, is_true: Callable[[], bool]) -> None:
        if is_true():
            return
        waiter = (is_true, asyncio.Event())
        self._waiters.append(waiter)
        try:
            await waiter[1].wait()
        finally:
            self._waiters.remove(waiter)

    def _announce(self) -> None:
        for is_true, came_true in self._waiters:
            if is_true():
                came_true.set()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        target = request.raw_path
        self._note(request, target)
        try:
            await self._wait(target)
            return await self._answer(request, target)
        except ConnectionError:
            # The client has gone, or a fault hung up; aiohttp finds out for itself when it tries to send this.
            return web.Response()
        finally:
            self.in_flight -= 1
            self._announce()

    def _note(self, request: web.BaseRequest, target: str) -> None:
        agent = request.headers.get("User-Agent", "")
        seen = SeenRequest(
            index=len(self.requests),
            method=request.method,
            path=target,
            user_agent=agent,
            headers=dict(request.headers),
            at_s=self.now_s(),
        )
        self.requests.append(seen)
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        self._announce()

    async def _wait(self, target: str) -> None:
        seconds = self._delays.get(target, self._delays.get(EVERY, 0.0))
        if seconds:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), seconds)
        key = target if target in self._gates else EVERY
        gate = self._gates.get(key)
        if gate is None:
            return
        self._held[key] += 1
        try:
            self._announce()
            await gate.wait()
        finally:
            self._held[key] -= 1

    async def _answer(self, request: web.BaseRequest, target: str) -> web.StreamResponse:
        fault = self._next_fault(target) or self._next_fault(EVERY)
        if fault is not None:
            return await fault.answer(request, self._closing)
        page = self._find(target)
        if target in self._markdown and "text/markdown" in request.headers.get("Accept", ""):
            page = self._markdown[target]
        body, headers = page.render(self.base), {"Content-Type": page.content_type, **page.headers}
        if self.validates and page.status == 200:
            headers["ETag"] = f'"{sha256(body).hexdigest()[:16]}"'
            if request.headers.get("If-None-Match") == headers["ETag"]:
                return await send(request, web.Response(status=304, headers=headers))
        return await send(request, web.Response(status=page.status, body=body, headers=headers))

    def _find(self, target: str) -> Page:
        found = self._added[target] if target in self._added else self._pages.find(target)
        return found or Page(body=b"<!doctype html><title>404</title><h1>No such page</h1>", status=404)

    def _next_fault(self, path: str) -> Fault | None:
        trouble = self._troubles.get(path)
        if trouble is None or trouble.left == 0:
            return None
        if trouble.left is not None:
            trouble.left -= 1
        return trouble.fault


async def serve(server: SiteServer, *, start: str = START) -> None:
    """Serve until SIGINT or SIGTERM; print the URL to crawl when the port is open."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with server:
        print(server.url(start), flush=True)
        await stop.wait()


def main() -> None:
    """Run the site alone."""
    parser = argparse.ArgumentParser(prog="python -m tests.site.server", description="Serve the sample site.")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 (default) takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--generate", type=int, metavar="N", help="serve N generated pages instead of the sample site")
    options = parser.parse_args()
    pages = GeneratedPages(options.generate) if options.generate else SitePages()
    asyncio.run(serve(SiteServer(pages, host=options.host, port=options.port)))


if __name__ == "__main__":
    main()
