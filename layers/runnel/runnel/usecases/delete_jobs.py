"""Deleting jobs: they are gone at once, and what belongs to them soon after.

Laws (tests/unit/usecases/test_delete_jobs.py):
1. One write makes the job disappear, conditional on its end; a job that is not over is refused, and so is one whose
   retry still reads what it has seen.
2. Whatever stops the removal, the sweep goes on with it: the job's record goes last.
3. The library stays, with every page that the job has put there.
"""

from typing import Final

from runnel.domain.jobs import Job
from runnel.errors import JobConflict, JobNotFound
from runnel.usecases.control_job import get_job
from runnel.usecases.manifests import jobs_needed
from runnel.usecases.retry_job import find_retry
from runnel.usecases.services import Services

#: A job's objects by the beginning of their keys: the processor's results, which generations may need, and reports.
_RESULTS: Final = "batches/{}/"
_REPORTS: Final = "reports/{}/"


async def delete_job(services: Services, tenant: str, job_id: str) -> Job:
    """Delete a job that has ended; the job as it was.

    Raises:
        JobNotFound: there is no such job (any more).
        JobConflict: it has not ended (`active`), or another job retries it now (`retrying`).
    """
    job = await get_job(services, tenant, job_id)
    if not job.is_over:
        raise JobConflict(f"The job is {job.state}; only a job that has ended can be deleted.", code="active")
    retry = await find_retry(services, job)
    if retry is not None and not retry.is_over:
        raise JobConflict(
            f"Job {retry.job_id} retries this one; it can be deleted when that has ended.", code="retrying"
        )
    if await services.jobs.mark_deleted(tenant, job_id) is None:
        raise JobNotFound(f"There is no job {job_id!r} any more.")
    return job


async def finish_deletions(services: Services) -> None:
    """Remove all that belongs to jobs that are deleted; what does not succeed is done by the next call."""
    for job in await services.jobs.deleted():
        await _remove(services, job)


async def _remove(services: Services, job: Job) -> None:
    tenant, job_id = job.tenant, job.job_id
    library = await services.libraries.get(tenant, job.library_id)
    is_needed = library is not None and job_id in await jobs_needed(services, library)
    for prefix in (_REPORTS,) if is_needed else (_RESULTS, _REPORTS):
        async for key in services.content.keys(tenant, prefix.format(job_id)):
            await services.content.delete(tenant, key)
    await services.raw.delete_job(tenant, job_id)
    await services.jobs.delete(tenant, job_id)
