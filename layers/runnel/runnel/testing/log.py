"""`EventLog`, `Journal` and `UrlQueue` over dicts."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

from runnel.domain.libraries import Batch
from runnel.domain.segments import Effects, Flush, Segment, decode_segment, encode_segment
from runnel.domain.verdicts import QueuedUrl, RuledOut, UrlVerdict, newest
from runnel.errors import SegmentTaken
from runnel.testing.jobs import ended_before
from runnel.testing.state import MemoryState


class MemoryEventLog:
    """Segments as their stored bytes, by first sequence number."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def append(self, tenant: str, job_id: str, segment: Segment) -> None:
        await self._state.step("log.append")
        data = encode_segment(segment)
        if self._state.segments[tenant, job_id].setdefault(segment.first, data) != data:
            raise SegmentTaken

    async def read(self, tenant: str, job_id: str, *, after: int = 0, limit: int | None = None) -> list[Segment]:
        await self._state.step("log.read")
        stored = self._state.segments.get((tenant, job_id), {})
        segments = (decode_segment(stored[first]) for first in sorted(stored))
        return [segment for segment in segments if segment.last > after][:limit]

    async def forget(self, *, before: datetime) -> None:
        await self._state.step("log.forget")
        for key in [key for key, job in self._state.jobs.items() if ended_before(job, before)]:
            self._state.segments.pop(key, None)


class MemoryUrlQueue:
    """What flushes have put."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def urls(self, tenant: str, job_id: str) -> list[QueuedUrl]:
        await self._state.step("queue.urls")
        return list(self._state.urls.get((tenant, job_id), {}).values())

    async def verdicts(self, tenant: str, job_id: str) -> list[UrlVerdict]:
        await self._state.step("queue.verdicts")
        return list(self._state.verdicts.get((tenant, job_id), {}).values())

    async def ruled_out(self, tenant: str, job_id: str) -> list[RuledOut]:
        await self._state.step("queue.ruled_out")
        return list(self._state.ruled_out.get((tenant, job_id), {}).values())


class MemoryJournal:
    """The commit order, one step at a time: a test may stop it after any."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def commit(
        self, flush: Flush, *, committed: Callable[[], None], invoke: Callable[[str], Awaitable[None]]
    ) -> None:
        key, segment = (flush.tenant, flush.job_id), flush.segment
        await self._state.step("journal.urls")
        self._state.urls[key].update({(url.url, url.term): url for url in flush.new_urls})
        await self._state.step("journal.append")
        data = encode_segment(segment)
        if self._state.segments[key].setdefault(segment.first, data) != data:
            raise SegmentTaken
        committed()
        await self._put_effects(key, flush.effects)
        for batch in flush.effects.batches:
            await self._state.step("journal.invoke")
            await invoke(batch.batch_id)
        await self._apply(key, (segment.owner, segment.term, segment.last))

    async def redo(self, tenant: str, job_id: str, effects: Effects, *, applied: tuple[str, int, int]) -> None:
        await self._put_effects((tenant, job_id), effects)
        await self._apply((tenant, job_id), applied)

    async def _put_effects(self, key: tuple[str, str], effects: Effects) -> None:
        await self._state.step("journal.verdicts")
        self._state.verdicts[key].update({verdict.url: verdict for verdict in effects.verdicts})
        await self._state.step("journal.ruled_out")
        table = self._state.ruled_out[key]
        known = [table[one.url] for one in effects.ruled_out if one.url in table]
        table.update({one.url: one for one in newest([*known, *effects.ruled_out])})
        await self._state.step("journal.batches")
        for batch in effects.batches:
            self._state.batches[key].setdefault(batch.batch_id, Batch(batch_id=batch.batch_id, pages=batch.pages))

    async def _apply(self, key: tuple[str, str], applied: tuple[str, int, int]) -> None:
        await self._state.step("journal.applied")
        job = self._state.jobs.get(key)
        if job is not None and (job.owner, job.term) == applied[:2]:
            self._state.jobs[key] = replace(job, applied_seq=applied[2])
