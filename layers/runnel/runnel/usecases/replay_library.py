"""Replaying: the stored responses of a library's pages are read again by the present extractor, without network.

Laws (tests/unit/usecases/test_replay_library.py):
1. A replay is a job like a crawl, but for the fetching: it streams, can be paused, killed and held.
2. With the extractor that made the library it changes nothing.
3. Asked for the difference alone it publishes nothing; what it found can be published afterwards.
"""

from runnel.domain.jobs import Job, JobKind, JobOptions
from runnel.errors import JobConflict
from runnel.usecases.create_job import store_job
from runnel.usecases.read_library import get_library
from runnel.usecases.services import Services
from runnel.usecases.show_output import newest_with_output


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
    shown = await newest_with_output(services, library)
    wanted = Job(
        tenant=tenant,
        job_id=services.ids.job_id(),
        kind=JobKind.REPLAY,
        library_id=library_id,
        sources=library.sources,
        created_at=services.clock.now(),
        options=JobOptions(steps=("process",) if diff else ("process", "index")),
        output=shown.output if shown is not None and not diff else None,
    )
    return await store_job(services, wanted, invoke=invoke)
