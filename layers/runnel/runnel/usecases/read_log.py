"""Reading a job's log as it stands: whether it is whole, and whether there is more.

Law: of a log that is past its retention nothing is shown: a part would look like the whole.
"""

from runnel.domain.events import TERMINAL_TYPES
from runnel.domain.jobs import Job
from runnel.errors import EventsExpired
from runnel.streaming.sse import type_of
from runnel.usecases.services import Services


async def has_more(services: Services, job: Job, *, after: int) -> bool:
    """Whether the log has, or may still get, events after *after*; raises `EventsExpired`."""
    await check_whole(services, job)
    if await services.log.read(job.tenant, job.job_id, after=after, limit=1):
        return True
    return not job.is_over and not await _ends_at(services, job, after)


async def _ends_at(services: Services, job: Job, seq: int) -> bool:
    """Whether the event of this number ends the log: META says so a moment later."""
    segments = await services.log.read(job.tenant, job.job_id, after=seq - 1, limit=1) if seq else []
    lines = [line for segment in segments for line in segment.after(seq - 1)]
    return bool(lines) and type_of(lines[0]) in TERMINAL_TYPES


async def check_whole(services: Services, job: Job) -> None:
    """Raise `EventsExpired` when the log's beginning is gone."""
    segments = await services.log.read(job.tenant, job.job_id, limit=1)
    if segments[0].first > 1 if segments else job.is_over:
        raise EventsExpired(f"The events of job {job.job_id} are past their retention; its state and library stay.")
