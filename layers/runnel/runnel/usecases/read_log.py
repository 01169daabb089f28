"""Reading a job's log as it stands: whether it is whole, and whether there is more.

Law: of a log that is past its retention nothing is shown: a part would look like the whole.
"""

from collections.abc import Sequence

from runnel.domain.events import TERMINAL_TYPES
from runnel.domain.jobs import Job
from runnel.domain.retention import EVENTS
from runnel.domain.segments import Segment
from runnel.errors import EventsExpired
from runnel.streaming.sse import type_of
from runnel.usecases.patience import sure
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
    """Raise `EventsExpired` when the log is past its retention, or its beginning is gone."""
    if has_expired(services, job) or not is_whole(job, await services.log.read(job.tenant, job.job_id, limit=1)):
        raise _expired(job)


def has_expired(services: Services, job: Job) -> bool:
    """Whether the job's log is past its retention, wherever it still lies."""
    return job.ending is not None and services.clock.now() - job.ending.ended_at > EVENTS


def is_whole(job: Job, segments: Sequence[Segment]) -> bool:
    """Whether these, read from the beginning of the job's log, begin where it began."""
    return segments[0].first == 1 if segments else not job.is_over


async def read_whole(services: Services, job: Job) -> list[Segment]:
    """The log for those who work with it, as long as all of it is there; raises `EventsExpired`."""
    segments = await sure(services, lambda: services.log.read(job.tenant, job.job_id))
    if not is_whole(job, segments):
        raise _expired(job)
    return segments


def _expired(job: Job) -> EventsExpired:
    return EventsExpired(f"The events of job {job.job_id} are past their retention; its state and library stay.")
