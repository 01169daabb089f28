"""Reading a job's log as it stands: whether it is whole, and whether there is more.

Law: of a log that is past its retention nothing is shown: a part would look like the whole.
"""

from runnel.domain.jobs import Job
from runnel.errors import EventsExpired
from runnel.usecases.services import Services


async def has_more(services: Services, job: Job, *, after: int) -> bool:
    """Whether the log has, or may still get, events after *after*; raises `EventsExpired`."""
    await check_whole(services, job)
    return not job.is_over or bool(await services.log.read(job.tenant, job.job_id, after=after, limit=1))


async def check_whole(services: Services, job: Job) -> None:
    """Raise `EventsExpired` when the log's beginning is gone."""
    segments = await services.log.read(job.tenant, job.job_id, limit=1)
    if segments[0].first > 1 if segments else job.is_over:
        raise EventsExpired(f"The events of job {job.job_id} are past their retention; its state and library stay.")
