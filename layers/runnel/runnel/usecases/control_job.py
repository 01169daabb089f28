"""Control: pause, resume, cancel. A wish is written to META; the lease holder makes it true.

Laws (names are the rules of the commit model):
1. A wish is written only over the number that was read [wish_number]; asked for twice, it is the same wish.
2. Once a job publishes, a control call gets 409 `publishing`; an ended job answers 409 `terminal`.
3. With no live driver the call asks for one.
"""

from typing import Final

from runnel.domain.jobs import Job, JobState, Wish
from runnel.errors import CallFailed, JobConflict, JobNotFound
from runnel.usecases.services import Services

#: What a process says of a job that it may not go on with.
_LACKING: Final = (
    "The job was begun with leave to ask {pairs}, which this process has not, so it stays paused;"
    " go on with: runnel resume {job_id} --allow-private {allowed}"
)


def say_lacking(job_id: str, pairs: tuple[str, ...]) -> str:
    """Say what this process lacks leave for, and how somebody goes on who has it."""
    return _LACKING.format(pairs=", ".join(pairs), job_id=job_id, allowed=",".join(pairs))


async def get_job(services: Services, tenant: str, job_id: str) -> Job:
    """The job; raises `JobNotFound`, also for another tenant's."""
    job = await services.jobs.get(tenant, job_id)
    if job is None:
        raise JobNotFound(f"There is no job {job_id!r}; `runnel jobs` lists what there is.")
    return job


async def pause_job(services: Services, tenant: str, job_id: str) -> Job:
    """Ask the driver to stop new work; the job keeps its place."""
    return await _wish(services, tenant, job_id, Wish.PAUSE)


async def resume_job(services: Services, tenant: str, job_id: str) -> Job:
    """Take a pause back, and see that somebody drives; not where nobody could who has leave for what the job asks."""
    lacking = services.leave.lacking(job_id)
    if lacking:
        raise JobConflict(say_lacking(job_id, lacking), code="leave_missing")
    job = await _wish(services, tenant, job_id, None)
    await _start(services, job)
    return job


async def cancel_job(services: Services, tenant: str, job_id: str) -> Job:
    """End the job: no further fetch, nothing further published."""
    job = await _wish(services, tenant, job_id, Wish.CANCEL)
    await _start(services, job)
    return job


async def _wish(services: Services, tenant: str, job_id: str, wish: Wish | None) -> Job:
    while True:
        job = await get_job(services, tenant, job_id)
        _check(job, wish)
        if job.wish is wish and not (wish is None and job.state is JobState.PAUSED):
            return job
        done = await services.jobs.set_wish(tenant, job_id, wish, seen=job.wish_no)
        if done is not None:
            return done


def _check(job: Job, wish: Wish | None) -> None:
    if job.is_over:
        raise JobConflict(f"The job has ended: it is {job.state}.", code="terminal")
    if job.wish is wish:
        return
    if job.publishing and wish is not None:
        raise JobConflict("The job is publishing its result and ends in a moment.", code="publishing")
    if job.wish is Wish.CANCEL:
        raise JobConflict("The job is being cancelled.", code="cancelling")


async def _start(services: Services, job: Job) -> None:
    if job.owner is None:
        try:
            await services.orchestrators.start(job.tenant, job.job_id)
        except CallFailed:
            return  # the sweep finds it
