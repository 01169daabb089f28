"""`JobStore` and `Leases` over dicts."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from datetime import datetime
from typing import Any

from runnel.domain.jobs import TERMINAL, Ending, Job, JobState, Lease, Sign, Wish
from runnel.errors import InputInvalid, LeaseLost
from runnel.testing.state import MemoryState


def ended_before(job: Job, moment: datetime) -> bool:
    """Whether the job has ended, and before that moment."""
    return job.ending is not None and job.ending.ended_at < moment


class MemoryJobStore:
    """META records in a dict."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def create(self, job: Job) -> Job:
        await self._state.step("jobs.create")
        return self._state.jobs.setdefault((job.tenant, job.job_id), job)

    async def get(self, tenant: str, job_id: str) -> Job | None:
        await self._state.step("jobs.get")
        job = self._state.jobs.get((tenant, job_id))
        return None if job is None or job.deleted else job

    async def list_jobs(
        self, tenant: str, *, states: frozenset[JobState], library_id: str | None, cursor: str | None, limit: int
    ) -> tuple[list[Job], str | None]:
        await self._state.step("jobs.list")
        place = _decode_cursor(cursor) if cursor else None
        jobs = [
            job
            for job in sorted(self._state.jobs.values(), key=_place, reverse=True)
            if job.tenant == tenant
            and not job.deleted
            and (not states or job.state in states)
            and library_id in {None, job.library_id}
            and (place is None or _place(job) < place)
        ]
        page = jobs[:limit]
        return page, _encode_cursor(page[-1]) if len(jobs) > limit else None

    async def active(self) -> list[tuple[str, str]]:
        await self._state.step("jobs.active")
        return [key for key, job in self._state.jobs.items() if not job.is_over]

    async def ended(self, *, before: datetime) -> list[tuple[str, str]]:
        await self._state.step("jobs.ended")
        return [key for key, job in self._state.jobs.items() if ended_before(job, before) and not job.deleted]

    async def set_wish(self, tenant: str, job_id: str, wish: Wish | None, *, seen: int) -> Job | None:
        await self._state.step("jobs.set_wish")
        job = self._state.jobs.get((tenant, job_id))
        if job is None or job.wish_no != seen or job.publishing or job.state in TERMINAL:
            return None
        resumed = wish is None and job.state is JobState.PAUSED
        job = replace(job, wish=wish, wish_no=seen + 1, state=JobState.RUNNING if resumed else job.state)
        self._state.jobs[tenant, job_id] = job
        return job

    async def mark_deleted(self, tenant: str, job_id: str) -> Job | None:
        await self._state.step("jobs.mark_deleted")
        job = self._state.jobs.get((tenant, job_id))
        if job is None or job.deleted or not job.is_over:
            return None
        self._state.jobs[tenant, job_id] = job = replace(job, deleted=True)
        return job

    async def deleted(self) -> list[Job]:
        await self._state.step("jobs.deleted")
        return [job for job in self._state.jobs.values() if job.deleted]

    async def delete(self, tenant: str, job_id: str) -> None:
        await self._state.step("jobs.delete")
        state, key = self._state, (tenant, job_id)
        for table in (state.segments, state.urls, state.verdicts, state.ruled_out, state.batches, state.jobs):
            table.pop(key, None)


def _place(job: Job) -> tuple[datetime, str]:
    return job.created_at, job.job_id


def _encode_cursor(job: Job) -> str:
    return urlsafe_b64encode(f"{job.created_at.isoformat()} {job.job_id}".encode()).decode()


def _decode_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        created_at, job_id = urlsafe_b64decode(cursor).decode().split(" ")
        return datetime.fromisoformat(created_at), job_id
    except ValueError as exc:
        raise InputInvalid("This cursor is not one of ours.") from exc


class MemoryLeases:
    """Leases on the META records of the same state."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def take(self, tenant: str, job_id: str, *, owner: str, seen: Sign) -> Job | None:
        await self._state.step("leases.take")
        job = self._state.jobs.get((tenant, job_id))
        if job is None or Sign.of(job) != seen:
            return None
        return self._store(replace(job, owner=owner, term=job.term + 1, beat=job.beat + 1))

    async def renew(self, lease: Lease) -> Lease:
        await self._state.step("leases.renew")
        job = self._held(lease)
        if job is None:
            raise LeaseLost
        return replace(lease, beat=self._store(replace(job, beat=job.beat + 1)).beat)

    async def release(
        self, lease: Lease, *, state: JobState | None = None, ending: Ending | None = None,
        only_if_paused: bool = False, spent_s: float | None = None, spent_usd: float | None = None,
    ) -> bool:  # fmt: skip
        await self._state.step("leases.release")
        job = self._held(lease)
        if job is None or (only_if_paused and job.wish is not Wish.PAUSE):
            return False
        given = _given(state=state, ending=ending, spent_s=spent_s, spent_usd=spent_usd)
        self._store(replace(job, owner=None, **given))
        return True

    async def update(
        self, lease: Lease, *, state: JobState | None = None, publishing: bool | None = None,
        only_without_wish: bool = False, spent_s: float | None = None, spent_usd: float | None = None,
    ) -> Job | None:  # fmt: skip
        await self._state.step("leases.update")
        job = self._held(lease)
        if job is None or (only_without_wish and job.wish is not None):
            return None
        given = _given(state=state, publishing=publishing, spent_s=spent_s, spent_usd=spent_usd)
        return self._store(replace(job, **given))

    async def repair(self, tenant: str, job_id: str, *, state: JobState, ending: Ending) -> None:
        await self._state.step("leases.repair")
        job = self._state.jobs.get((tenant, job_id))
        if job is not None:
            self._store(replace(job, owner=None, state=state, ending=ending))

    def _held(self, lease: Lease) -> Job | None:
        job = self._state.jobs.get((lease.tenant, lease.job_id))
        return job if job is not None and (job.owner, job.term) == (lease.owner, lease.term) else None

    def _store(self, job: Job) -> Job:
        self._state.jobs[job.tenant, job.job_id] = job
        return job


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
