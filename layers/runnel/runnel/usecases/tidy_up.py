"""What a driver does after its job has ended, for as long as its process has time: nobody waits for it.

Law: what is not done, because time is short or the process is killed, is done by whoever needs it or comes next.
"""

from contextlib import suppress

from runnel.domain.jobs import Job
from runnel.errors import RunnelError
from runnel.usecases.collect_garbage import collect_garbage
from runnel.usecases.retire_jobs import retire_jobs
from runnel.usecases.services import Services

#: What must be left of a process's life to begin something, in seconds.
_ENOUGH_S = 120.0


async def tidy_up(services: Services, job: Job, *, deadline_s: float | None = None) -> None:
    """Let go of what is past its retention, and collect garbage."""
    if deadline_s is None or deadline_s - services.clock.monotonic() > _ENOUGH_S:
        with suppress(RunnelError):
            await retire_jobs(services)
            await collect_garbage(services, job.tenant)
