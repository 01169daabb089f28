"""The sweep: finds jobs that should have a driver and have none.

A job whose record cannot be read keeps no other from being found: it is passed over, left as it is, and told.
"""

from collections.abc import Callable
from datetime import timedelta

from runnel.domain.jobs import Job
from runnel.errors import ConfigInvalid, RunnelError, StateUnreadable
from runnel.usecases.delete_jobs import finish_deletions
from runnel.usecases.find_orphans import DriverWatch
from runnel.usecases.retire_jobs import retire_jobs
from runnel.usecases.services import Services

#: How often a sweeper looks for jobs and logs that are past their retention.
_RETIRES = timedelta(hours=1)


class Sweep:
    """One sweeper; what it remembers of the drivers is in its watch."""

    def __init__(self, services: Services, *, tell: Callable[[str, RunnelError], None] | None = None) -> None:
        """Sweep the jobs of every tenant; *tell* hears of each job that cannot be read."""
        self._services = services
        self._watch = DriverWatch(services)
        self._tell = tell
        self._retire_at_s = 0.0

    @property
    def is_watching(self) -> bool:
        """Whether some job had a driver that may be dead."""
        return self._watch.is_watching

    async def run(self) -> int:
        """Look once; the number of jobs that were started."""
        started, active = 0, await self._services.jobs.active()
        self._watch.keep_only({job_id for _, job_id in active})
        for tenant, job_id in active:
            job = await self._read(tenant, job_id)
            if job is not None:
                started += await self._watch.notice(job)
        await finish_deletions(self._services)
        await self._retire()
        return started

    async def _retire(self) -> None:
        """Once an hour, beginning with the first sweep."""
        now_s = self._services.clock.monotonic()
        if now_s >= self._retire_at_s:
            await retire_jobs(self._services)
            self._retire_at_s = now_s + _RETIRES.total_seconds()

    async def _read(self, tenant: str, job_id: str) -> Job | None:
        try:
            return await self._services.jobs.get(tenant, job_id)
        except (StateUnreadable, ConfigInvalid) as error:
            if self._tell is not None:
                self._tell(job_id, error)
            return None
