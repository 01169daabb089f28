"""Connections: one exchange at a time on each, kept for the next page of the same site.

Laws (tests/integration/test_http_connections.py):

* an exchange that fails, is cut short or leaves anything behind ends its connection: no answer is taken for another;
* a kept connection that the server closes while we ask is no failure of the page: it is asked once more on a new one;
* an idle connection that says something, or has waited too long, is closed;
* a long body is read on only when there is room for it (`body_room.py`).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from runnel.adapters.http.answer import Answer
from runnel.adapters.http.body_room import FREE_BYTES, BodyRoom, Place
from runnel.errors import FetchFailed

#: A server may close an idle connection at any time; most keep one for 60 s or more.
KEEPALIVE_S: Final = 20.0

#: Of a packed body so much is unpacked at a time before the room is asked.
_PIECE_BYTES: Final = 16 * 1024

#: Scheme, host and port.
Origin = tuple[str, str, int]


class Connection(asyncio.Protocol):
    """One connection; make it with the loop's `create_connection`."""

    def __init__(self, room: BodyRoom | None = None) -> None:
        """Begin without a transport; long bodies take a place in *room*."""
        self._room = room
        #: What has arrived and waits for a place.
        self._rest = b""
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
            answer.leave_room()
            raise
        finally:
            if self._room is not None:
                self._room.give_up(self._go_on)
            self._answer = self._waiter = None
            answer.release()
        if not answer.keeps_alive:
            self.close()

    def data_received(self, data: bytes) -> None:
        """Feed the answer; what nobody asked for ends the connection."""
        if self._answer is None:
            self.close()
        elif self._rest:  # reading is paused, but this was on its way
            self._rest += data
        else:
            self._feed(self._answer, data)

    def _feed(self, answer: Answer, data: bytes) -> None:
        """Feed the answer piece by piece, for a packed one grows; keep what it has no room for."""
        try:
            for start in range(0, len(data), _PIECE_BYTES):
                answer.feed(data[start : start + _PIECE_BYTES] if len(data) > _PIECE_BYTES else data)
                if self._must_wait(answer):
                    self._rest = data[start + _PIECE_BYTES :]
                    return
        except FetchFailed as failure:
            self._over(failure)
        else:
            if answer.is_complete:
                self._over(None)

    def _must_wait(self, answer: Answer) -> bool:
        """Ask for a place when the body needs one; reading stands still until there is one."""
        if self._room is None or answer.place is not None or answer.decoded_bytes <= FREE_BYTES or answer.is_complete:
            return False
        if self._room.enter(self._go_on):
            return False
        assert self._transport is not None  # noqa: S101  # something has arrived
        self._transport.pause_reading()
        answer.waits()
        return True

    def _go_on(self, place: Place) -> None:
        """There is a place: take it, and what has waited for it."""
        answer = self._answer
        if answer is None:
            place.leave()
            return
        answer.take_place(place)
        if self._transport is not None and not self._transport.is_reading() and not self._transport.is_closing():
            self._transport.resume_reading()
        rest, self._rest = self._rest, b""
        self._feed(answer, rest)

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
