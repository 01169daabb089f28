"""What a driver does after its job has ended, for as long as its process has time: nobody waits for it.

Law: what is not done, because time is short or the process is killed, is done by whoever needs it or comes next.
"""

from contextlib import suppress

from runnel.domain.jobs import Job
from runnel.errors import RunnelError
from runnel.usecases.collect_garbage import collect_garbage
from runnel.usecases.index_library import index_library
from runnel.usecases.retire_jobs import retire_jobs
from runnel.usecases.services import Services

#: What must be left of a process's life to begin something, in seconds.
_ENOUGH_S = 120.0


async def index_now(services: Services, job: Job) -> None:
    """Index all that the library shows: the job was asked to, so it does not end before.

    Raises:
        ManifestDamaged: the list of the library's pages cannot be read.
    """
    library = await services.libraries.get(job.tenant, job.library_id)
    if library is not None:
        await index_library(services, library)


async def tidy_up(services: Services, job: Job, *, deadline_s: float | None = None) -> None:
    """Index what the job has published, let go of what is past its retention, and collect garbage."""

    def has_time() -> bool:
        return deadline_s is None or deadline_s - services.clock.monotonic() > _ENOUGH_S

    with suppress(RunnelError):
        library = await services.libraries.get(job.tenant, job.library_id)
        if library is not None and "index" in job.options.steps and has_time():
            await index_library(services, library, most_pages=services.tuning.index_pages, has_time=has_time)
    with suppress(RunnelError):
        if has_time():
            await retire_jobs(services)
            await collect_garbage(services, job.tenant)
