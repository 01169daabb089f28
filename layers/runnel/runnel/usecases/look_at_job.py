"""Looking at a job: its counts so far, its last activities, and where its log stands."""

from collections import deque
from dataclasses import dataclass

from runnel.domain.effects import events_of
from runnel.domain.fold import JobFold
from runnel.domain.jobs import Job
from runnel.domain.segments import spent_usd
from runnel.domain.verdicts import Counts, Verdict
from runnel.usecases.read_log import has_expired, is_whole
from runnel.usecases.retry_job import find_retry
from runnel.usecases.services import Services

_ACTIVITIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A job at one moment: everything is of the same `last_seq`."""

    job: Job
    counts: Counts
    last_seq: int
    #: What it has cost so far, in US dollars.
    cost_usd: float
    #: The last events, as stored lines.
    activities: tuple[bytes, ...]
    #: The job that fetches again what failed here.
    retried_by: str | None = None


async def look_at_job(services: Services, job: Job) -> Look:
    """Fold the job's log as it stands now; of one that is past its retention META alone tells."""
    fold, lines = JobFold(), deque[bytes](maxlen=_ACTIVITIES)
    segments = [] if has_expired(services, job) else await services.log.read(job.tenant, job.job_id)
    for segment in segments if is_whole(job, segments) else ():
        for event, note in events_of(segment):
            fold.apply(event, note)
        lines.extend(segment.lines)
    counts = job.ending.counts if job.ending else _so_far(fold)
    retry = await find_retry(services, job)
    return Look(
        job=job,
        counts=counts,
        last_seq=fold.last_seq or job.applied_seq,
        cost_usd=job.ending.cost_usd if job.ending else max(job.spent_usd, spent_usd(segments)),
        activities=tuple(lines),
        retried_by=retry.job_id if retry else None,
    )


def _so_far(fold: JobFold) -> Counts:
    decided = len(fold.decided) + fold.totals.ruled_out
    return fold.counts(seen=decided, rest=Verdict.CANCELLED)
