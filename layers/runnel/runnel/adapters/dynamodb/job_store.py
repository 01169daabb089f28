"""Jobs and their leases: META, its list item, and everything that lies under it.

* Each method is one conditional write of META; what stands there when a condition is not met comes with the refusal,
  from the same moment, so nothing is read before or after.
* The list item is written after META and found by its maker's repetition; a list item without META is passed over.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from runnel.adapters.dynamodb import conditions as c
from runnel.adapters.dynamodb.attributes import Item, Key, epoch, number, text
from runnel.adapters.dynamodb.failures import ConditionFailed
from runnel.adapters.dynamodb.items import ending_to_value, job_from_items, job_to_items
from runnel.adapters.dynamodb.keys import (
    job_pk,
    job_to_list_key,
    key_of,
    make_key,
    meta_key,
    parse_job_pk,
    parse_list_sk,
    tenant_pk,
)
from runnel.adapters.dynamodb.table import Lane, Table
from runnel.domain.jobs import TERMINAL, Ending, Job, JobState, Lease, Sign, Wish
from runnel.domain.retention import JOBS
from runnel.errors import InputInvalid, LeaseLost, StoreUnavailable

#: List items read at once when no more is known.
_LIST_PAGE = 50
_FOREIGN_CURSOR = "This cursor did not come from here."
_LONGEST_SK = 1_024
#: Options kept in memory, by the hash in their key: they never change.
_SPECS_KEPT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """An update of META under construction; every name goes in by reference, for `ttl` is a reserved word."""

    sets: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()
    values: Mapping[str, Any] | None = None

    def set(self, attribute: str, value: Mapping[str, Any]) -> "_Change":
        name = f":new_{attribute}"
        return replace(self, sets=(*self.sets, attribute), values={**(self.values or {}), name: value})

    def remove(self, *attributes: str) -> "_Change":
        return replace(self, removes=(*self.removes, *attributes))

    @property
    def names(self) -> dict[str, str]:
        return {f"#{attribute}": attribute for attribute in self.sets + self.removes}

    @property
    def expression(self) -> str:
        sets = ", ".join(f"#{attribute} = :new_{attribute}" for attribute in self.sets)
        removes = ", ".join(f"#{attribute}" for attribute in self.removes)
        return " ".join(part for part in (sets and f"SET {sets}", removes and f"REMOVE {removes}") if part)


class DynamoDBJobStore:
    """`JobStore` and `Leases` on META."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._specs: dict[tuple[str, str], Item] = {}

    # ---------------------------------------------------------------- jobs

    async def create(self, job: Job) -> Job:
        meta, spec = job_to_items(job)
        if spec is not None:
            await self._table.put(spec)
        try:
            await self._table.put(meta, condition=c.ABSENT, lane=Lane.LOG)
            stored = job
        except ConditionFailed as taken:
            stored = await self._read_back(taken, job)
        await self._table.put(job_to_list_key(stored) | {"lb": text(stored.library_id)})
        return stored

    async def get(self, tenant: str, job_id: str) -> Job | None:
        job = await self._get_any(tenant, job_id)
        return None if job is None or job.deleted else job

    async def _get_any(self, tenant: str, job_id: str) -> Job | None:
        meta = await self._table.get(meta_key(tenant, job_id), lane=Lane.LOG)
        return None if meta is None else await self._job(meta)

    async def list_jobs(
        self, tenant: str, *, states: frozenset[JobState], library_id: str | None, cursor: str | None, limit: int
    ) -> tuple[list[Job], str | None]:
        found: list[tuple[str, Job]] = []
        below = _parse_cursor(cursor)
        while len(found) <= limit:
            entries = await self._list_items(tenant, below)
            jobs = await self._jobs_of(tenant, [e for e in entries if library_id in (None, e["lb"]["S"])])
            found += [(sk, job) for sk, job in jobs if not states or job.state in states]
            if len(entries) < _LIST_PAGE:
                break
            below = entries[-1]["sk"]["S"]
        more = len(found) > limit
        return [job for _, job in found[:limit]], _make_cursor(found[limit - 1][0]) if more else None

    async def active(self) -> list[tuple[str, str]]:
        return await self._indexed("ACTIVE")

    async def set_wish(self, tenant: str, job_id: str, wish: Wish | None, *, seen: int) -> Job | None:
        change = _Change().set("wn", number(seen + 1))
        may = c.both(c.PRESENT, c.SAME_WISH_NO, c.NOT_PUBLISHING, c.NOT_OVER, c.NOT_DELETED)
        known = {":seen": number(seen)}
        if wish is not None:
            return await self._write(tenant, job_id, change.set("wi", text(wish)), may, known)
        taken_back = change.remove("wi")
        paused = {**known, ":paused": text(JobState.PAUSED)}
        # An update cannot choose by what it finds, so each of the two states has its own write; only one can apply.
        resumed = await self._write(
            tenant, job_id, taken_back.set("st", text(JobState.RUNNING)), c.both(may, c.IS_PAUSED), paused
        )
        return resumed or await self._write(tenant, job_id, taken_back, c.both(may, c.NOT_PAUSED), paused)

    async def mark_deleted(self, tenant: str, job_id: str) -> Job | None:
        """Put it back into the index, in a place of its own: the sweep finds there what is left to be removed."""
        pk = job_pk(tenant, job_id)
        change = _Change().set("dl", {"BOOL": True}).set("gsi1pk", text("DELETED")).set("gsi1sk", text(pk))
        return await self._write(tenant, job_id, change, c.both(c.PRESENT, c.OVER), {})

    async def deleted(self) -> list[Job]:
        jobs = [await self._get_any(tenant, job_id) for tenant, job_id in await self._indexed("DELETED")]
        return [job for job in jobs if job is not None and job.deleted]

    async def delete(self, tenant: str, job_id: str) -> None:
        """Remove META last: as long as anything is left, the job is found and deleting can be repeated."""
        pk = job_pk(tenant, job_id)
        job = await self._get_any(tenant, job_id)
        items = await self._table.query(c.OF_PARTITION, {":pk": text(pk)}, ProjectionExpression="pk, sk")
        keys = [key_of(item) for item in items]
        meta = meta_key(tenant, job_id)
        await self._table.batch_delete([key for key in keys if key != meta])
        await self._table.batch_delete([job_to_list_key(job)] if job else [])
        await self._table.batch_delete([meta])

    async def ended(self, *, before: datetime) -> list[tuple[str, str]]:  # noqa: ARG002 - the port's signature
        """None: each of a job's items has its time to live."""
        return []

    # ---------------------------------------------------------------- leases

    async def take(self, tenant: str, job_id: str, *, owner: str, seen: Sign) -> Job | None:
        change = _Change().set("ow", text(owner)).set("tm", number(seen.term + 1)).set("bt", number(seen.beat + 1))
        known = {":term": number(seen.term), ":beat": number(seen.beat)}
        held_as_seen = c.NO_OWNER
        if seen.owner is not None:
            held_as_seen, known[":owner"] = c.SAME_OWNER, text(seen.owner)
        condition = c.both(c.PRESENT, held_as_seen, c.SAME_TERM, c.SAME_BEAT)
        try:
            return await self._update(tenant, job_id, change, condition, known)
        except ConditionFailed as refused:
            return await self._taken_before(refused.item, owner, seen.term + 1)

    async def _taken_before(self, meta: Mapping[str, Any] | None, owner: str, term: int) -> Job | None:
        """Our own lost acknowledgement: owner = me means taken [lost_take]."""
        if meta is None:
            return None
        job = await self._job(meta)
        return job if (job.owner, job.term) == (owner, term) else None

    async def renew(self, lease: Lease) -> Lease:
        change = _Change().set("bt", number(lease.beat + 1))
        if await self._write(lease.tenant, lease.job_id, change, c.FENCE, _fence(lease)) is None:
            raise LeaseLost
        return replace(lease, beat=lease.beat + 1)

    async def release(
        self, lease: Lease, *, state: JobState | None = None, ending: Ending | None = None,
        only_if_paused: bool = False, spent_s: float | None = None, spent_usd: float | None = None,
    ) -> bool:  # fmt: skip
        change = _set_state(_set_spent(_Change().remove("ow"), spent_s, spent_usd), state, ending)
        condition, known = c.FENCE, _fence(lease)
        if only_if_paused:
            condition, known[":pause"] = c.both(c.FENCE, c.STILL_PAUSE), text(Wish.PAUSE)
        job = await self._write(lease.tenant, lease.job_id, change, condition, known)
        await self._expire(job, ending)
        return job is not None

    async def update(
        self, lease: Lease, *, state: JobState | None = None, publishing: bool | None = None,
        only_without_wish: bool = False, spent_s: float | None = None, spent_usd: float | None = None,
    ) -> Job | None:  # fmt: skip
        change = _set_state(_set_spent(_Change().set("tm", number(lease.term)), spent_s, spent_usd), state, None)
        if publishing is not None:
            change = change.set("pu", {"BOOL": True}) if publishing else change.remove("pu")
        condition = c.both(c.FENCE, c.NO_WISH) if only_without_wish else c.FENCE
        return await self._write(lease.tenant, lease.job_id, change, condition, _fence(lease))

    async def repair(self, tenant: str, job_id: str, *, state: JobState, ending: Ending) -> None:
        change = _set_state(_Change().remove("ow"), state, ending)
        job = await self._write(tenant, job_id, change, c.both(c.PRESENT, c.NOT_DELETED), {})
        await self._expire(job, ending)

    # ---------------------------------------------------------------- within

    async def _write(
        self, tenant: str, job_id: str, change: _Change, condition: str, known: Mapping[str, Any]
    ) -> Job | None:
        """One write of META; None when the condition is not met."""
        try:
            return await self._update(tenant, job_id, change, condition, known)
        except ConditionFailed:
            return None

    async def _update(self, tenant: str, job_id: str, change: _Change, condition: str, known: Mapping[str, Any]) -> Job:
        values = {**(change.values or {}), **known}
        key = meta_key(tenant, job_id)
        meta = await self._table.update(
            key, change.expression, condition=condition, values=values, names=change.names, lane=Lane.LOG
        )
        return await self._job(meta)

    async def _job(self, meta: Mapping[str, Any]) -> Job:
        if "sp" not in meta:
            return job_from_items(meta, meta)
        place = meta["pk"]["S"], f"SPEC#{meta['sp']['S']}"
        if place not in self._specs:
            spec = await self._table.get(make_key(*place), lane=Lane.LOG)
            if spec is None:
                raise StoreUnavailable("A job's options are not there (yet).")
            if len(self._specs) >= _SPECS_KEPT:
                self._specs.clear()
            self._specs[place] = spec
        return job_from_items(meta, self._specs[place])

    async def _read_back(self, taken: ConditionFailed, job: Job) -> Job:
        if taken.item is not None:
            return await self._job(taken.item)
        stored = await self._get_any(job.tenant, job.job_id)
        if stored is None:
            raise StoreUnavailable("The job was deleted while it was created.")
        return stored

    async def _list_items(self, tenant: str, below: str) -> list[Item]:
        """A page of list items below a sort key, newest first; a page that is not full is the last."""
        values = {":pk": text(tenant_pk(tenant)), ":low": text("J#"), ":high": text(below)}
        items = await self._table.query(c.BETWEEN, values, limit=_LIST_PAGE + 1, ScanIndexForward=False)
        return [item for item in items if item["sk"]["S"] != below][:_LIST_PAGE]

    async def _jobs_of(self, tenant: str, entries: list[Item]) -> list[tuple[str, Job]]:
        """The jobs of these list items, in their order; one that has been deleted is passed over."""
        job_ids = {item["sk"]["S"]: parse_list_sk(item["sk"]["S"]) for item in entries}
        keys: list[Key] = [meta_key(tenant, job_id) for job_id in job_ids.values()]
        metas = {item["pk"]["S"]: item for item in await self._table.batch_get(keys)}
        places = {sk: job_pk(tenant, job_id) for sk, job_id in job_ids.items()}
        return [(sk, await self._job(metas[pk])) for sk, pk in places.items() if pk in metas and "dl" not in metas[pk]]

    async def _indexed(self, kind: str) -> list[tuple[str, str]]:
        items = await self._table.query(c.IN_INDEX, {":kind": text(kind)}, IndexName="gsi1")
        return [parse_job_pk(item["pk"]["S"]) for item in items]

    async def _expire(self, job: Job | None, ending: Ending | None) -> None:
        """Let the list item and long options go with META; without it they would only lie there."""
        if job is None or ending is None:
            return
        _, spec = job_to_items(job)
        keys = [job_to_list_key(job)] + ([key_of(spec)] if spec else [])
        for key in keys:
            await self._set_ttl(key, ending.ended_at + JOBS)

    async def _set_ttl(self, key: Key, expires: datetime) -> None:
        try:
            await self._table.update(key, "SET #ttl = :ttl", condition=c.PRESENT, values={":ttl": epoch(expires)},
                                     names={"#ttl": "ttl"})  # fmt: skip
        except ConditionFailed:
            return


def _fence(lease: Lease) -> dict[str, Any]:
    return {":owner": text(lease.owner), ":term": number(lease.term)}


def _set_spent(change: _Change, spent_s: float | None, spent_usd: float | None) -> _Change:
    if spent_s is not None:
        change = change.set("ss", number(spent_s))
    if spent_usd is not None:
        change = change.set("su", number(spent_usd))
    return change


def _set_state(change: _Change, state: JobState | None, ending: Ending | None) -> _Change:
    """The new state; the one that ends the job takes it out of the index."""
    if state is not None:
        change = change.set("st", text(state))
    if state in TERMINAL:
        change = change.remove("gsi1pk", "gsi1sk")
    if ending is not None:
        change = change.set("en", ending_to_value(ending)).set("ttl", epoch(ending.ended_at + JOBS))
    return change


def _make_cursor(sk: str) -> str:
    return base64.urlsafe_b64encode(sk.encode()).decode()


def _parse_cursor(cursor: str | None) -> str:
    """The sort key to go on below: `J$` is the first after all that begin with `J#`."""
    if cursor is None:
        return "J$"
    try:
        sk = base64.urlsafe_b64decode(cursor.encode()).decode()
    except ValueError as unreadable:
        raise InputInvalid(_FOREIGN_CURSOR) from unreadable
    if not sk.startswith("J#") or len(sk) > _LONGEST_SK:
        raise InputInvalid(_FOREIGN_CURSOR)
    return sk
