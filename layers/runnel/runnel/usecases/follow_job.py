"""Following a job: the log after a place, then its tail, until the terminal event or the end of the window.

Laws:
1. A line is shown only after it is stored; lines come in order, each once [next_only, mid_segment].
2. Ephemeral events are folded from the log and the clock, so every connection shows the same.
3. A reader holds a place, not a queue: one that stops reading delays nobody (usecases/tail_job.py).
4. The clock is shown also while the store does not answer: nothing is awaited here but the next news or second.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from runnel.domain.events import EphemeralEvent, StreamConnected, encode_event
from runnel.domain.jobs import Job
from runnel.domain.segments import Segment
from runnel.domain.snapshots import Snapshots
from runnel.usecases.services import Services
from runnel.usecases.tail_job import JobTail

_HALF_SECOND_S = 0.5
#: A wait is never shorter: the loop must turn.
_LEAST_WAIT_S = 0.005

Role = Literal["driver", "follower"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One thing to show: an event line with its sequence number (None for an ephemeral one), or a heartbeat."""

    line: bytes | None
    seq: int | None = None


HEARTBEAT = Shown(line=None)


async def follow_job(
    services: Services, job: Job, *, after: int = 0, role: Role = "follower", ephemeral: bool = True
) -> AsyncGenerator[Shown, None]:
    """Everything after sequence number *after* until the terminal event, or until the follower's window ends."""
    parts = follow_parts(services, job, after=after, role=role, ephemeral=ephemeral)
    async with aclosing(parts):
        async for part in parts:
            for item in part:
                yield item


async def follow_parts(
    services: Services, job: Job, *, after: int = 0, role: Role = "follower", ephemeral: bool = True
) -> AsyncGenerator[list[Shown], None]:
    """As `follow_job`, but what can be shown at once comes at once."""
    async with services.tails.joined(services, job.tenant, job.job_id) as tail:
        view = _View(services, job, tail, after, role if ephemeral else None)
        async with aclosing(view.show()) as parts:
            async for part in parts:
                yield part


class _View:
    def __init__(self, services: Services, job: Job, tail: JobTail, after: int, role: Role | None) -> None:
        self._services = services
        self._job = job
        self._tail = tail
        self._snapshots = Snapshots(tail.fold)
        self._after = after
        self._place = after
        self._role = role
        self._fresh = asyncio.Event()
        self._reading: asyncio.Task[list[Segment] | None] | None = None
        now_s = services.clock.monotonic()
        self._tick_s = now_s + 1.0
        self._pulse_s = now_s + _HALF_SECOND_S
        self._beat_s = now_s + services.tuning.heartbeat.total_seconds()
        window = services.tuning.follow_window
        self._end_s = now_s + window.total_seconds() if window and role != "driver" else float("inf")
        self._shown_seq = -1
        self._is_gone = False

    async def show(self) -> AsyncGenerator[list[Shown], None]:
        """What the tail brings, and what the clock brings."""
        self._tail.call(self._fresh)
        try:
            if self._role:
                yield [self._connected(self._role)]
            async with aclosing(self._run()) as parts:
                async for part in parts:
                    yield part
        finally:
            self._tail.forget(self._fresh)
            if self._reading is not None:
                self._reading.cancel()
                await asyncio.gather(self._reading, return_exceptions=True)

    async def _run(self) -> AsyncGenerator[list[Shown], None]:
        while True:
            self._fresh.clear()
            for segment in self._next():
                yield self._lines(segment)
                if items := self._by_clock():
                    yield items
            if self._is_at_end:
                return
            self._tail.check()
            if items := self._by_clock():
                yield items
            if self._is_gone or self._services.clock.monotonic() >= self._end_s:
                return
            await self._services.clock.wait(self._fresh, self._until_next())

    @property
    def _is_at_end(self) -> bool:
        return self._tail.fold.is_over and self._place >= self._tail.last_seq

    def _next(self) -> list[Segment]:
        """The segments that can be shown now; what must come from the store is asked for, and comes later."""
        if self._place >= self._tail.last_seq:
            return []
        kept = self._tail.kept_after(self._place)
        if kept:
            return kept
        if self._reading is None:
            self._reading = asyncio.create_task(self._tail.stored_after(self._place))
            self._reading.add_done_callback(lambda _: self._fresh.set())
        if not self._reading.done():
            return []
        segments, self._reading = self._reading.result(), None
        if segments is None:
            return []  # the store is away: again with the next second
        self._is_gone = not segments  # deleted, or expired, while it was read
        self._fresh.set()
        return segments

    def _lines(self, segment: Segment) -> list[Shown]:
        first = max(segment.first, self._place + 1)
        items = [Shown(line=line, seq=seq) for seq, line in enumerate(segment.after(self._place), first)]
        self._place = max(self._place, segment.last)
        if self._role and self._is_at_end and items:
            items.insert(-1, self._ephemeral(self._snapshots.pipeline(self._services.clock.now())))
        return items

    def _connected(self, role: Role) -> Shown:
        event = StreamConnected(
            job_id=self._job.job_id,
            time=self._services.clock.now(),
            url=self._job.url,
            state=self._job.state,
            role=role,
            last_seq=self._after,
        )
        return self._ephemeral(event)

    def _by_clock(self) -> list[Shown]:
        if self._role is None:
            return []
        now_s, now = self._services.clock.monotonic(), self._services.clock.now()
        items, fold = [], self._tail.fold
        if now_s >= self._tick_s:
            self._tick_s += max(1.0, float(int(now_s - self._tick_s)))
            items.append(self._ephemeral(self._snapshots.time_update(now)))
        if now_s >= self._pulse_s and self._shown_seq != fold.last_seq:
            self._pulse_s, self._shown_seq = now_s + _HALF_SECOND_S, fold.last_seq
            items.append(self._ephemeral(self._snapshots.progress(now)))
            items.append(self._ephemeral(self._snapshots.pipeline(now)))
        if now_s >= self._beat_s:
            self._beat_s = now_s + self._services.tuning.heartbeat.total_seconds()
            items.append(HEARTBEAT)
        return items

    def _until_next(self) -> timedelta:
        now_s = self._services.clock.monotonic()
        next_s = min(self._tick_s if self._role else now_s + 1.0, self._end_s)
        if self._role and self._shown_seq != self._tail.last_seq:
            next_s = min(next_s, self._pulse_s)
        return timedelta(seconds=max(_LEAST_WAIT_S, next_s - now_s))

    def _ephemeral(self, event: EphemeralEvent) -> Shown:
        return Shown(line=encode_event(event))
