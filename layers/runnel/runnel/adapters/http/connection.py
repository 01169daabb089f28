"""Connections: one exchange at a time on each, kept for the next page of the same site.

Laws (tests/integration/test_http_connections.py):

* an exchange that fails, is cut short or leaves anything behind ends its connection: no answer is taken for another;
* a kept connection that the server closes while we ask is no failure of the page: it is asked once more on a new one;
* an idle connection that says something, or has waited too long, is closed.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from runnel.adapters.http.answer import Answer
from runnel.errors import FetchFailed

#: A server may close an idle connection at any time; most keep one for 60 s or more.
KEEPALIVE_S: Final = 20.0

#: Scheme, host and port.
Origin = tuple[str, str, int]


class Connection(asyncio.Protocol):
    """One connection; make it with the loop's `create_connection`."""

    def __init__(self) -> None:
        """Begin without a transport."""
        self._transport: asyncio.Transport | None = None
        self._answer: Answer | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.is_open = False
        #: When it was last used, on the loop's clock.
        self.idle_since_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # a stream, by how it is made
        self._transport = transport
        self.is_open = True

    async def exchange(self, request: bytes, answer: Answer) -> None:
        """Send *request* and fill *answer*; raises `FetchFailed` and what the connection dies of."""
        assert self._transport is not None  # noqa: S101  # connection_made came first
        self._answer, self._waiter = answer, asyncio.get_running_loop().create_future()
        try:
            self._transport.write(request)
            await self._waiter
        except BaseException:
            self.close()
            raise
        finally:
            self._answer = self._waiter = None
            answer.release()
        if not answer.keeps_alive:
            self.close()

    def data_received(self, data: bytes) -> None:
        """Feed the answer; what nobody asked for ends the connection."""
        answer = self._answer
        if answer is None:
            self.close()
            return
        try:
            answer.feed(data)
        except FetchFailed as failure:
            self._over(failure)
        else:
            if answer.is_complete:
                self._over(None)

    def eof_received(self) -> None:
        """The server has closed: that may be how the answer ends."""
        self._closed(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self.is_open = False
        self._closed(exc)

    def close(self) -> None:
        """End the connection now."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def _closed(self, exc: Exception | None) -> None:
        self.is_open = False
        if self._answer is None or self._waiter is None or self._waiter.done():
            return
        try:
            if exc is None:
                self._answer.end()
        except FetchFailed as failure:
            exc = failure
        self._over(exc)

    def _over(self, exc: Exception | None) -> None:
        if self._waiter is None or self._waiter.done():
            return
        if exc is None:
            self._waiter.set_result(None)
        else:
            self._waiter.set_exception(exc)


class ConnectionPool:
    """Idle connections by origin, and how many may be open."""

    def __init__(self, connect: Callable[[Origin], Awaitable[Connection]], *, most: int) -> None:
        """Open with *connect*, at most *most* at once."""
        self._connect = connect
        self._room = asyncio.Semaphore(most)
        self._idle: dict[Origin, deque[Connection]] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def exchange(self, origin: Origin, request: bytes, make_answer: Callable[[], Answer]) -> Answer:
        """Ask *origin*; raises `FetchFailed` and what connecting raises."""
        async with self._room:
            kept = self._take(origin)
            if kept is not None:
                answer = make_answer()
                try:
                    await self._use(origin, kept, request, answer)
                except (OSError, FetchFailed):
                    if answer.has_begun:
                        raise
                else:
                    return answer
            answer = make_answer()
            await self._use(origin, await self._connect(origin), request, answer)
            return answer

    def close(self) -> None:
        """Close what is idle; no exchange may be under way."""
        if self._timer is not None:
            self._timer.cancel()
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    async def _use(self, origin: Origin, connection: Connection, request: bytes, answer: Answer) -> None:
        await connection.exchange(request, answer)
        if connection.is_open:
            connection.idle_since_s = asyncio.get_running_loop().time()
            self._idle.setdefault(origin, deque()).append(connection)
            self._watch()

    def _take(self, origin: Origin) -> Connection | None:
        """The connection that was used last and is still open."""
        idle = self._idle.get(origin, ())
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
        return None

    def _watch(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(KEEPALIVE_S / 2, self._close_old)

    def _close_old(self) -> None:
        """Close what nobody has used for a while."""
        self._timer = None
        oldest_s = asyncio.get_running_loop().time() - KEEPALIVE_S
        for origin, idle in list(self._idle.items()):
            while idle and (not idle[0].is_open or idle[0].idle_since_s <= oldest_s):
                idle.popleft().close()
            if not idle:
                del self._idle[origin]
        if self._idle:
            self._watch()
