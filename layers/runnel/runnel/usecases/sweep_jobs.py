"""The sweep: finds jobs that should have a driver and have none.

A job is started when nobody holds its lease, when its beat stood still for the lease's time, or when the lock of its
driver's process is free: the driver that is started takes the lease by the lease rule, so a needless start only costs
a call.
"""

from datetime import timedelta

from runnel.domain.jobs import Job, JobState, Sign
from runnel.errors import CallFailed
from runnel.usecases.delete_jobs import finish_deletions
from runnel.usecases.services import Services

#: A queued job this old has lost its start.
_LOST_START = timedelta(seconds=30)


class Sweep:
    """One sweeper; it remembers which beats it has seen, and since when."""

    def __init__(self, services: Services) -> None:
        """Sweep the jobs of every tenant."""
        self._services = services
        self._seen: dict[str, tuple[Sign, float]] = {}

    @property
    def is_watching(self) -> bool:
        """Whether some job had a driver that may be dead."""
        return any(sign.owner is not None for sign, _ in self._seen.values())

    async def run(self) -> int:
        """Look once; the number of jobs that were started."""
        started, active = 0, await self._services.jobs.active()
        self._seen = {job_id: self._seen[job_id] for _, job_id in active if job_id in self._seen}
        for tenant, job_id in active:
            job = await self._services.jobs.get(tenant, job_id)
            if job is not None and self._is_orphan(job):
                started += await self._start(job)
        await finish_deletions(self._services)
        return started

    def _is_orphan(self, job: Job) -> bool:
        if not job.wants_driver or (job.start == "on_connect" and job.state is JobState.QUEUED):
            return False
        if job.state is JobState.QUEUED and job.owner is None:
            return self._services.clock.now() - job.created_at > _LOST_START
        return job.owner is None or self._stood_still(job) or self._is_lock_free(job)

    def _stood_still(self, job: Job) -> bool:
        now_s = self._services.clock.monotonic()
        sign, since_s = self._seen.get(job.job_id, (None, now_s))
        if sign != Sign.of(job):
            self._seen[job.job_id] = Sign.of(job), now_s
            return False
        return now_s - since_s >= self._services.tuning.lease_ttl.total_seconds()

    def _is_lock_free(self, job: Job) -> bool:
        """Whether the driver's process is dead; never where there are no such locks."""
        if not self._services.locks.acquire(job.job_id):
            return False
        self._services.locks.release(job.job_id)
        return True

    async def _start(self, job: Job) -> int:
        try:
            await self._services.orchestrators.start(job.tenant, job.job_id)
        except CallFailed:
            return 0
        return 1
