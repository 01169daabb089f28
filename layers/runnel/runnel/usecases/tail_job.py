"""The shared tail of a job: one task reads and folds the log, however many connections show it.

Laws (tests/unit/usecases/test_tail_job.py):
1. A reader has a place in the log and no queue: it takes the next segments from the few that are kept here, or from
   the store when it has fallen behind. So a reader that stops reading delays nobody, and costs nobody's memory.
2. No reader is ahead of the tail: what it is shown, the fold has taken.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from runnel.domain.events import decode_event
from runnel.domain.progress import ProgressFold
from runnel.domain.segments import Segment
from runnel.errors import StoreUnavailable
from runnel.usecases.services import Services

#: Lines that are kept for readers who are up to date: a slower one reads the store.
_KEPT_BYTES = 256 * 1024
#: Segments read from the store at a time.
_READ_SEGMENTS = 8
#: Looks that found nothing before the pause between two grows.
_LOOKS_AWAKE = 20


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
        await services.bell.wait(job_id, at_most=tuning.poll if idle < _LOOKS_AWAKE else tuning.poll_idle)


class JobTail:
    """One job's log as this process has read it."""

    def __init__(self, services: Services, tenant: str, job_id: str) -> None:
        """Begin to read; `close` ends it."""
        self.readers = 0
        self.fold = ProgressFold(job_id)
        self._services = services
        self._job = tenant, job_id
        #: The last segments, by their first sequence number.
        self._kept: dict[int, Segment] = {}
        self._kept_bytes = 0
        self._waiting: set[asyncio.Event] = set()
        self._task = asyncio.create_task(self._read())
        self._task.add_done_callback(self._wake)

    @property
    def last_seq(self) -> int:
        """The sequence number up to which the log is read."""
        return self.fold.last_seq

    @property
    def has_failed(self) -> bool:
        """Whether reading has ended before the log did."""
        return self._task.done() and not self.fold.is_over

    def check(self) -> None:
        """Raise what has ended the tail, if something has: whoever follows must hear of it."""
        if self.has_failed:
            self._task.result()

    def call(self, fresh: asyncio.Event) -> None:
        """Set *fresh* whenever there is news, until `forget`."""
        self._waiting.add(fresh)

    def forget(self, fresh: asyncio.Event) -> None:
        """Set *fresh* no more."""
        self._waiting.discard(fresh)

    def kept_after(self, seq: int) -> list[Segment]:
        """The segments after *seq* that are kept, if the next one is among them."""
        if seq + 1 not in self._kept and not any(kept.first <= seq + 1 <= kept.last for kept in self._kept.values()):
            return []
        return [kept for kept in self._kept.values() if kept.last > seq]

    async def stored_after(self, seq: int) -> list[Segment] | None:
        """The next segments from the store, none that the fold has not taken; None while the store is away."""
        try:
            segments = await self._services.log.read(*self._job, after=seq, limit=_READ_SEGMENTS)
        except StoreUnavailable:
            return None
        if not segments or segments[0].first > seq + 1:
            return []
        return [segment for segment in segments if segment.last <= self.last_seq]

    async def close(self) -> None:
        """End reading."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _read(self) -> None:
        async with aclosing(tail_log(self._services, *self._job)) as segments:
            async for segment in segments:
                self.fold.spend(segment.usd or 0.0)
                for line in segment.lines:
                    self.fold.apply(decode_event(line))
                self._keep(segment)
                self._wake()
                if self.fold.is_over:
                    return

    def _keep(self, segment: Segment) -> None:
        self._kept[segment.first] = segment
        self._kept_bytes += _size(segment)
        while self._kept_bytes > _KEPT_BYTES and len(self._kept) > 1:
            self._kept_bytes -= _size(self._kept.pop(next(iter(self._kept))))

    def _wake(self, _: object = None) -> None:
        for fresh in self._waiting:
            fresh.set()


def _size(segment: Segment) -> int:
    return sum(map(len, segment.lines))
