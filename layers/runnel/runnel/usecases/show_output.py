"""The folder of Markdown, when a library shows other pages without a crawl: published later, or gone back to.

Laws (tests/integration/test_show_output.py):

1. The folder that the library's newest jobs wrote shows what the library shows.
2. A folder that somebody removed is not made again; a job that runs brings its folder up to date at its end.
3. What the folder cannot take is told, and undoes nothing.
"""

from typing import Final

from runnel.domain.jobs import Job
from runnel.domain.libraries import Library
from runnel.errors import RunnelError
from runnel.ports.output import Output
from runnel.usecases.read_library import get_library, list_pages, newest_jobs, own_former_names
from runnel.usecases.services import Services

#: Jobs that are looked at for the folder, newest first.
_LOOKED_AT: Final = 20


async def newest_with_output(services: Services, library: Library) -> Job | None:
    """The newest job of the library that writes a folder."""
    jobs = await newest_jobs(services, library, _LOOKED_AT)
    return next((job for job in jobs if job.output is not None), None)


async def open_output(services: Services, library: Library) -> Output | None:
    """The folder that shows the library, which knows it by its present name; None where there is none."""
    job = await newest_with_output(services, library)
    output = services.outputs.of(job) if job is not None else None
    if output is not None and library.former_names:
        await output.adopt(library.library_id, await own_former_names(services, library))
    return output


async def show_output(services: Services, tenant: str, library_id: str) -> str | None:
    """Bring the folder up to date; why it could not be, in a sentence."""
    try:
        library = await get_library(services, tenant, library_id)
        output = await open_output(services, library)
        if output is None or library.active_job is not None:
            return None
        pages = tuple(await list_pages(services, tenant, library_id))
        if await output.examine(tenant, library_id, pages):
            await output.reconcile(tenant, library_id, pages)
    except (RunnelError, OSError) as error:
        return f"The output folder could not be brought up to date ({error}); then: runnel verify {library_id} --repair"
    return None
