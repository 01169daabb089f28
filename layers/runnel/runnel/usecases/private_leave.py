"""Who may drive a job that was begun with leave to ask private addresses: whoever has that leave too.

Laws (tests/unit/usecases/test_private_leave.py):

1. No leave is ever taken from a job: what a driver may ask is its own process's.
2. A driver that lacks what the job was begun with asks the site for nothing. It pauses the job and says who can go on,
   so the job neither loses pages as `blocked_address` nor seems to run for ever. Only a cancel it brings to its end.
"""

from contextlib import suppress
from urllib.parse import urlsplit

from runnel.domain.jobs import Job, Wish
from runnel.errors import JobConflict, JobNotFound
from runnel.fetching.addresses import plain_host
from runnel.usecases.control_job import pause_job, say_lacking
from runnel.usecases.services import Services

_PORTS = {"http": 80, "https": 443}


async def rest_without_leave(services: Services, tenant: str, job_id: str) -> str | None:
    """Ask for a pause of a job that this process may not go on with; what is to be said of it, if it is so."""
    lacking = services.leave.lacking(job_id)
    if not lacking:
        return None
    job = await services.jobs.get(tenant, job_id)
    if job is None or not job.wants_driver or job.wish is Wish.CANCEL:
        return None
    with suppress(JobConflict, JobNotFound):
        await pause_job(services, tenant, job_id)
    sentence = say_lacking(job_id, lacking)
    services.leave.tell(job_id, sentence)
    return sentence


def note_leave(services: Services, job: Job) -> None:
    """Note which of its hosts the job is crawled with leave for, for whoever takes it up when this process is dead."""
    services.leave.note(job.job_id, {_host_and_port(source.url) for source in job.sources})


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return plain_host(parts.hostname or ""), parts.port or _PORTS.get(parts.scheme, 0)
