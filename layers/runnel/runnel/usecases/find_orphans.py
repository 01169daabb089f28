"""Who notices a dead driver: the sweep and whoever asks for a job's status, each by the lease rule.

A job is an orphan when nobody holds its lease, when its beat stood still for the lease's time on the watcher's own
clock, or when the lock of its driver's process is free. The driver that is started takes the lease by the same rule, so
a needless start only costs a call.
"""

from collections.abc import Collection
from datetime import timedelta

from runnel.domain.jobs import Job, JobState, Sign
from runnel.errors import CallFailed
from runnel.usecases.services import Services

#: A queued job this old has lost its start.
_LOST_START = timedelta(seconds=30)
#: Jobs remembered by one watcher.
_MOST_SEEN = 1_000


class DriverWatch:
    """One watcher; it remembers which beats it has seen, and since when."""

    def __init__(self, services: Services) -> None:
        """Watch the jobs of every tenant."""
        self._services = services
        self._seen: dict[str, tuple[Sign, float]] = {}

    @property
    def is_watching(self) -> bool:
        """Whether some job had a driver that may be dead."""
        return any(sign.owner is not None for sign, _ in self._seen.values())

    def keep_only(self, job_ids: Collection[str]) -> None:
        """Forget all other jobs."""
        self._seen = {job_id: seen for job_id, seen in self._seen.items() if job_id in job_ids}

    async def notice(self, job: Job) -> bool:
        """Start a driver for *job* if it should have one and has none; whether one was started."""
        return self._is_orphan(job) and await self._start(job)

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
            self._remember(job)
            return False
        return now_s - since_s >= self._services.tuning.lease_ttl.total_seconds()

    def _is_lock_free(self, job: Job) -> bool:
        """Whether the driver's process is dead; never where there are no such locks."""
        if not self._services.locks.acquire(job.job_id):
            return False
        self._services.locks.release(job.job_id)
        return True

    def _remember(self, job: Job) -> None:
        self._seen.pop(job.job_id, None)
        while len(self._seen) >= _MOST_SEEN:
            del self._seen[next(iter(self._seen))]
        self._seen[job.job_id] = Sign.of(job), self._services.clock.monotonic()

    async def _start(self, job: Job) -> bool:
        try:
            await self._services.orchestrators.start(job.tenant, job.job_id)
        except CallFailed:
            return False
        return True
