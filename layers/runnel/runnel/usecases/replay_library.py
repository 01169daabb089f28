"""Replaying: the stored responses of a library's pages are read again by the present extractor, without network.

Laws (tests/unit/usecases/test_replay_library.py):
1. A replay is a job like a crawl, but for the fetching: it streams, can be paused, killed and held.
2. With the extractor that made the library it changes nothing.
3. Asked for the difference alone it publishes nothing; what it found can be published afterwards.
"""

from runnel.domain.jobs import Job, JobKind, JobOptions
from runnel.domain.libraries import Library
from runnel.errors import JobConflict
from runnel.usecases.create_job import store_job
from runnel.usecases.read_library import get_library, newest_jobs
from runnel.usecases.services import Services

_LOOKED_AT = 20


async def replay_library(
    services: Services, tenant: str, library_id: str, *, diff: bool = False, invoke: bool = True
) -> Job:
    """The job that reads the pages of the library again; with *diff* it publishes nothing.

    Raises:
        LibraryNotFound: there is no such library.
        JobConflict: the library has no pages (`nothing_to_replay`).
        LibraryBusy: another job crawls the library.
    """
    library = await get_library(services, tenant, library_id)
    if not library.pointer.path:
        raise JobConflict(f"The library {library_id!r} has no pages to replay.", code="nothing_to_replay")
    wanted = Job(
        tenant=tenant,
        job_id=services.ids.job_id(),
        kind=JobKind.REPLAY,
        library_id=library_id,
        sources=library.sources,
        created_at=services.clock.now(),
        options=JobOptions(steps=("process",) if diff else ("process", "index")),
        output=None if diff else await _output_of(services, library),
    )
    return await store_job(services, wanted, invoke=invoke)


async def _output_of(services: Services, library: Library) -> str | None:
    """The folder that shows the library: that of its newest job that has one."""
    jobs = await newest_jobs(services, library, _LOOKED_AT)
    return next((job.output for job in jobs if job.output is not None), None)
