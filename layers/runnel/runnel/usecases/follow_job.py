"""Following a job: the log after a place, then its tail, until the terminal event or the end of the window.

Laws:
1. A line is shown only after it is stored; lines come in order, each once [next_only, mid_segment].
2. Ephemeral events are folded from the log and the clock, so every connection shows the same.
3. A reader that stops reading holds a bounded queue and delays nobody.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from runnel.domain.events import EphemeralEvent, StreamConnected, decode_event, encode_event
from runnel.domain.jobs import Job
from runnel.domain.progress import ProgressFold
from runnel.domain.segments import Segment
from runnel.errors import StoreUnavailable
from runnel.usecases.services import Services

_SECOND = timedelta(seconds=1)
_HALF_SECOND_S = 0.5
#: Segments that may wait for a slow reader: at most 64 KB of lines each.
_QUEUED_SEGMENTS = 4
#: Segments read from the store at a time.
_READ_SEGMENTS = 8

Role = Literal["driver", "follower"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One thing to show: an event line with its sequence number (None for an ephemeral one), or a heartbeat."""

    line: bytes | None
    seq: int | None = None


HEARTBEAT = Shown(line=None)


async def tail_log(services: Services, tenant: str, job_id: str, *, after: int = 0) -> AsyncGenerator[Segment, None]:
    """The segments of a log from the one that contains *after* + 1, and then as they come; never ends by itself."""
    last, idle = after, 0
    while True:
        try:
            segments = await services.log.read(tenant, job_id, after=last, limit=_READ_SEGMENTS)
        except StoreUnavailable:
            segments = []
        for segment in segments:
            if segment.last > last and segment.first <= last + 1:
                last = segment.last
                yield segment
        if len(segments) == _READ_SEGMENTS:
            continue
        idle = 0 if segments else idle + 1
        tuning = services.tuning
        await services.bell.wait(job_id, at_most=tuning.poll if idle < 20 else tuning.poll_idle)


async def follow_job(
    services: Services, job: Job, *, after: int = 0, role: Role = "follower", ephemeral: bool = True
) -> AsyncGenerator[Shown, None]:
    """Everything after sequence number *after* until the terminal event, or until the follower's window ends."""
    view = _View(services, job, after, role if ephemeral else None)
    reader = asyncio.create_task(view.read())
    reader.add_done_callback(view.reader_ended)
    try:
        async with aclosing(view.show()) as shown:
            async for item in shown:
                yield item
        if reader.done():
            reader.result()  # tailing ends by an error only: whoever follows must hear of it
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


class _View:
    def __init__(self, services: Services, job: Job, after: int, role: Role | None) -> None:
        self._services = services
        self._job = job
        self._after = after
        self._role = role
        self._fold = ProgressFold(job.job_id)
        self._queue: asyncio.Queue[Segment] = asyncio.Queue(_QUEUED_SEGMENTS)
        self._fresh = asyncio.Event()
        now_s = services.clock.monotonic()
        self._tick_s = now_s + 1.0
        self._pulse_s = now_s + _HALF_SECOND_S
        self._beat_s = now_s + services.tuning.heartbeat.total_seconds()
        window = services.tuning.follow_window
        self._end_s = now_s + window.total_seconds() if window and role != "driver" else float("inf")
        self._shown_seq = -1
        self._is_cut = False

    async def read(self) -> None:
        """Tail the log from its beginning, which the fold needs: a task of the connection."""
        segments = tail_log(self._services, self._job.tenant, self._job.job_id, after=0 if self._role else self._after)
        async with aclosing(segments):
            async for segment in segments:
                await self._queue.put(segment)
                self._fresh.set()

    def reader_ended(self, _: object) -> None:
        """Without its reader the view has nothing more to show."""
        self._is_cut = True
        self._fresh.set()

    async def show(self) -> AsyncGenerator[Shown, None]:
        """What the reader brings, and what the clock brings."""
        if self._role:
            yield self._connected(self._role)
        while True:
            self._fresh.clear()
            while not self._queue.empty():
                for item in self._lines(self._queue.get_nowait()):
                    yield item
                if self._fold.is_over:
                    return
            for item in self._by_clock():
                yield item
            if self._is_cut or self._services.clock.monotonic() >= self._end_s:
                return
            await self._services.clock.wait(self._fresh, self._until_next())

    def _lines(self, segment: Segment) -> list[Shown]:
        items = []
        for seq, line in enumerate(segment.lines, segment.first):
            self._fold.apply(decode_event(line))
            if seq > self._after:
                if self._fold.is_over and self._role:
                    items.append(self._ephemeral(self._fold.pipeline(self._services.clock.now())))
                items.append(Shown(line=line, seq=seq))
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
        items = []
        if now_s >= self._tick_s:
            self._tick_s += max(1.0, float(int(now_s - self._tick_s)))
            items.append(self._ephemeral(self._fold.time_update(now)))
        if now_s >= self._pulse_s and self._shown_seq != self._fold.last_seq:
            self._pulse_s, self._shown_seq = now_s + _HALF_SECOND_S, self._fold.last_seq
            items.append(self._ephemeral(self._fold.progress(now)))
            items.append(self._ephemeral(self._fold.pipeline(now)))
        if now_s >= self._beat_s:
            self._beat_s = now_s + self._services.tuning.heartbeat.total_seconds()
            items.append(HEARTBEAT)
        return items

    def _until_next(self) -> timedelta:
        now_s = self._services.clock.monotonic()
        next_s = min(self._tick_s if self._role else now_s + 1.0, self._end_s)
        if self._role and self._shown_seq != self._fold.last_seq:
            next_s = min(next_s, self._pulse_s)
        return timedelta(seconds=max(0.005, next_s - now_s))

    def _ephemeral(self, event: EphemeralEvent) -> Shown:
        return Shown(line=encode_event(event))
