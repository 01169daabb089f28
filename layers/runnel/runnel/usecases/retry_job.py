"""Retrying a job: a new job, linked to the first, that fetches again what did not come.

Laws (tests/unit/usecases/test_retry_job.py):
1. Again are fetched the pages that failed, those that the job's end left without a verdict, and those that the
   processor lost; of what they link to, only what the first job has never seen.
2. A job has one retry: its id comes from the job's, so of many equal calls one creates and all get the same.
3. A retry replaces in the library what it fetched, and removes nothing.
"""

from dataclasses import dataclass
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from runnel.domain.effects import events_of
from runnel.domain.fold import JobFold
from runnel.domain.jobs import Job
from runnel.domain.verdicts import Verdict
from runnel.errors import JobConflict, JobNotFound
from runnel.usecases.control_job import get_job
from runnel.usecases.create_job import store_job
from runnel.usecases.list_urls import UrlRecord, list_urls
from runnel.usecases.patience import sure
from runnel.usecases.read_library import library_name_of
from runnel.usecases.read_log import is_whole
from runnel.usecases.services import Services

_AGAIN: Final = frozenset({Verdict.FAILED, Verdict.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """What a retry knows of the jobs before it."""

    #: Every URL that they have seen.
    seen: tuple[UrlRecord, ...]
    #: Those to be fetched again.
    again: tuple[UrlRecord, ...]


def retry_id(job: Job) -> str:
    """The id of the job that retries *job*, whether there is one or not."""
    return uuid5(NAMESPACE_URL, f"{job.tenant}\nretry\n{job.job_id}").hex


async def retry_job(services: Services, tenant: str, job_id: str, *, invoke: bool = True) -> Job:
    """The job that retries this one, created if there is none.

    Raises:
        JobNotFound: there is no such job.
        JobConflict: it has not ended (`active`), or nothing of it failed (`nothing_to_retry`).
        LibraryBusy: another job crawls the library.
    """
    first = await get_job(services, tenant, job_id)
    if not first.is_over:
        raise JobConflict(f"The job is {first.state}; what failed can be retried once it has ended.", code="active")
    if not first.downloads or "process" not in first.options.steps:
        raise JobConflict(
            "Only a crawl that did all its steps can be retried; run the step again.", code="nothing_to_retry"
        )
    if not await _has_failures(services, first):
        raise JobConflict("No page of this job failed: there is nothing to retry.", code="nothing_to_retry")
    wanted = Job(
        tenant=tenant,
        job_id=retry_id(first),
        library_id=await library_name_of(services, first),
        sources=first.sources,
        created_at=services.clock.now(),
        options=first.options,
        output=first.output,
        retry_of=job_id,
    )
    return await store_job(services, wanted, invoke=invoke)


async def find_retry(services: Services, job: Job) -> Job | None:
    """The job that retries *job*, if there is one."""
    return await services.jobs.get(job.tenant, retry_id(job)) if job.is_over else None


async def read_previous(services: Services, job: Job) -> Previous:
    """What the jobs before the retry *job* have seen, and what of it is to be fetched again.

    Raises:
        JobNotFound: the job that it retries has been deleted.
    """
    first = await _previous(services, job)
    if first is None:
        raise JobNotFound("The job that was to be retried has been deleted.")
    seen = await sure(services, lambda: list_urls(services, first))
    lost = await _lost_pages(services, first)
    again = tuple(record for record in seen if record.verdict in _AGAIN or record.url in lost)
    before = await _previous(services, first)
    while before is not None:
        seen += await _urls_of(services, before)
        before = await _previous(services, before)
    return Previous(seen=tuple(seen), again=again)


async def _has_failures(services: Services, job: Job) -> bool:
    """Whether a page failed, was left without a verdict, or was lost by the processor, which the log alone tells."""
    ending = job.ending
    if ending is None or ending.ok:
        return False
    return bool(ending.counts.failed or ending.counts.cancelled or await _lost_pages(services, job))


async def _previous(services: Services, job: Job) -> Job | None:
    of = job.retry_of
    return None if of is None else await sure(services, lambda: services.jobs.get(job.tenant, of))


async def _urls_of(services: Services, job: Job) -> list[UrlRecord]:
    return await sure(services, lambda: list_urls(services, job))


async def _lost_pages(services: Services, job: Job) -> set[str]:
    """Pages that were fetched and then lost; none are known of a job whose log is past its retention."""
    fold = JobFold()
    segments = await sure(services, lambda: services.log.read(job.tenant, job.job_id))
    for segment in segments if is_whole(job, segments) else ():
        for event, note in events_of(segment):
            fold.apply(event, note)
    return fold.dropped
