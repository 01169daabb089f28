"""The log and the flush: steps (1) to (4) of the commit order, over the table.

* The segment's conditional put is the commit. A place that is taken is read back, strongly consistent: the same bytes
  are our own lost acknowledgement.
* Every other write may be repeated: it holds the same bytes, or a condition that the first one has made false.
* Items expire by their own TTL, which is written with them, since a deletion costs as much as a write, and so does a
  TTL at the end: it covers a job that stands still for a month, and what is kept after its end. A job that is paused
  for longer loses its log.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from runnel.adapters.dynamodb import conditions as c
from runnel.adapters.dynamodb.attributes import Item, number, text
from runnel.adapters.dynamodb.failures import ConditionFailed
from runnel.adapters.dynamodb.items import (
    batch_to_item,
    ruled_out_to_items,
    segment_from_item,
    segment_to_item,
    unchanged_to_items,
    url_to_item,
    verdict_to_item,
    with_ttl,
)
from runnel.adapters.dynamodb.keys import job_pk, key_of, meta_key, segment_sk
from runnel.adapters.dynamodb.table import Lane, Table
from runnel.domain.retention import EVENTS, JOBS
from runnel.domain.segments import Effects, Flush, Segment
from runnel.domain.verdicts import Verdict
from runnel.errors import SegmentTaken, StoreUnavailable

#: From an item's writing to the end of its job, at most; a day and more for DynamoDB to see to it.
_STANDS_STILL = timedelta(days=30)
_SLACK = timedelta(days=8)
#: How long queue, verdicts and batches stay after they were written, and how long the log does.
KEEP = _STANDS_STILL + JOBS + _SLACK
KEEP_LOG = _STANDS_STILL + EVENTS + _SLACK


class DynamoDBEventLog:
    """`EventLog`: one item a segment."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def append(self, tenant: str, job_id: str, segment: Segment) -> None:
        item = segment_to_item(job_pk(tenant, job_id), segment)
        try:
            await self._table.put(with_ttl(item, self._table.clock.now() + KEEP_LOG), condition=c.ABSENT, lane=Lane.LOG)
        except ConditionFailed as taken:
            await self._read_back(item, taken)

    async def _read_back(self, item: Item, taken: ConditionFailed) -> None:
        there = await self._table.get(key_of(item), lane=Lane.LOG)
        if there is None:
            raise StoreUnavailable("A segment that stood in the way is gone.") from taken
        if there["z"] != item["z"]:
            raise SegmentTaken from taken

    async def read(self, tenant: str, job_id: str, *, after: int = 0, limit: int | None = None) -> list[Segment]:
        pk = job_pk(tenant, job_id)
        segments = await self._from(pk, after + 1, limit)
        if after and (not segments or segments[0].first > after + 1):
            segments = await self._holding(pk, after + 1) + segments
        return segments[:limit]

    async def _from(self, pk: str, seq: int, limit: int | None) -> list[Segment]:
        """The segments that begin at *seq* or later."""
        values = {":pk": text(pk), ":low": text(segment_sk(seq)), ":high": text("E$")}
        items = await self._table.query(c.BETWEEN, values, limit=limit, lane=Lane.LOG)
        return [segment_from_item(item) for item in items]

    async def _holding(self, pk: str, seq: int) -> list[Segment]:
        """The segment that begins before *seq* and holds it, if there is one [mid_segment]."""
        values = {":pk": text(pk), ":low": text("E#"), ":high": text(segment_sk(seq - 1))}
        items = await self._table.query(c.BETWEEN, values, limit=1, lane=Lane.LOG, ScanIndexForward=False)
        segments = [segment_from_item(item) for item in items]
        return [segment for segment in segments if segment.last >= seq]

    async def forget(self, *, before: datetime) -> None:
        """Nothing: each segment has its time to live."""


class DynamoDBJournal:
    """`Journal`: the commit order."""

    def __init__(self, table: Table, log: DynamoDBEventLog) -> None:
        self._table = table
        self._log = log

    async def commit(
        self, flush: Flush, *, committed: Callable[[], None], invoke: Callable[[str], Awaitable[None]]
    ) -> None:
        pk, segment = job_pk(flush.tenant, flush.job_id), flush.segment
        await self._put_all([url_to_item(pk, url) for url in flush.new_urls])  # (1)
        await self._log.append(flush.tenant, flush.job_id, segment)  # (2)
        committed()
        await self._put_verdicts(pk, f"{segment.first:012}", flush.effects)  # (3)
        await self._insert_batches(pk, flush.effects)  # (4)
        await asyncio.gather(*(invoke(batch.batch_id) for batch in flush.effects.batches))
        await self._set_applied(flush.tenant, flush.job_id, (segment.owner, segment.term, segment.last))

    async def redo(self, tenant: str, job_id: str, effects: Effects, *, applied: tuple[str, int, int]) -> None:
        """The packed items get a name of their own: a predecessor's late write must not replace a longer list."""
        pk, (_, term, seq) = job_pk(tenant, job_id), applied
        await self._put_verdicts(pk, f"{seq:012}r{term}", effects)
        await self._insert_batches(pk, effects)
        await self._set_applied(tenant, job_id, applied)

    async def _put_verdicts(self, pk: str, name: str, effects: Effects) -> None:
        single = [verdict for verdict in effects.verdicts if verdict.verdict is not Verdict.UNCHANGED]
        unchanged = [verdict for verdict in effects.verdicts if verdict.verdict is Verdict.UNCHANGED]
        packed = unchanged_to_items(pk, name, unchanged) + ruled_out_to_items(pk, name, effects.ruled_out)
        await self._put_all([verdict_to_item(pk, verdict) for verdict in single] + packed)

    async def _put_all(self, items: list[Item]) -> None:
        """Put the items, the last of those with one key: a batch must not name a key twice."""
        expires = self._table.clock.now() + KEEP
        distinct = {(item["pk"]["S"], item["sk"]["S"]): with_ttl(item, expires) for item in items}
        await self._table.batch_put(list(distinct.values()))

    async def _insert_batches(self, pk: str, effects: Effects) -> None:
        """A batch that is there keeps its results [batch_insert]."""
        expires = self._table.clock.now() + KEEP
        for batch in effects.batches:
            try:
                await self._table.put(with_ttl(batch_to_item(pk, batch), expires), condition=c.ABSENT)
            except ConditionFailed:
                continue

    async def _set_applied(self, tenant: str, job_id: str, applied: tuple[str, int, int]) -> None:
        """A fence that does not hold is no news here: the next renewal tells; a lost one only means more is redone."""
        owner, term, seq = applied
        values = {":owner": text(owner), ":term": number(term), ":seq": number(seq)}
        try:
            await self._table.update(
                meta_key(tenant, job_id),
                "SET ap = :seq",
                condition=c.both(c.FENCE, c.NOT_APPLIED_FURTHER),
                values=values,
                lane=Lane.LOG,
            )
        except ConditionFailed:
            return
