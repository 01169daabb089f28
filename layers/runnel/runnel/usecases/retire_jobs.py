"""Letting go of what is past its retention (`domain/retention.py`), where the store does not do so by itself.

Laws (tests/unit/usecases/test_retire_jobs.py):
1. A job goes as one that its user deletes: gone at once, removed after that, and one that is needed by a retry stays.
2. Whatever stops it, the next call goes on; where nothing is past its time a call is two reads.
"""

from contextlib import suppress

from runnel.domain.retention import EVENTS, JOBS
from runnel.errors import JobConflict, JobNotFound
from runnel.usecases.delete_jobs import delete_job, finish_deletions
from runnel.usecases.services import Services


async def retire_jobs(services: Services) -> int:
    """Remove logs and jobs, of every tenant, that are past their retention; how many jobs went."""
    now = services.clock.now()
    await services.log.forget(before=now - EVENTS)
    retired = 0
    for tenant, job_id in await services.jobs.ended(before=now - JOBS):
        with suppress(JobConflict, JobNotFound):
            await delete_job(services, tenant, job_id)
            retired += 1
    if retired:
        await finish_deletions(services)
    return retired
