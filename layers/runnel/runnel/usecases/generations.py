"""The generations of a library: which are kept, going back to one, and publishing, or looking at, what a job left.

Laws (names are the rules of the commit model):
1. A rollback is a new generation with old parts, never a step back [rollback_forward].
2. What a job publishes later is what its driver would have published: a function of its log and results.
3. Asked for twice, each happens once.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from functools import partial

from runnel.domain.bus import count_records
from runnel.domain.changes import Changes, compare
from runnel.domain.jobs import EndedBecause, Job
from runnel.domain.libraries import Library, Pointer
from runnel.errors import EventsExpired, GenerationNotFound, JobConflict, JobNotFound, ManifestDamaged, PublicationHeld
from runnel.usecases.control_job import get_job
from runnel.usecases.diff_library import PageChange, each_change
from runnel.usecases.index_library import changes_of, index_soon
from runnel.usecases.manifests import load_manifest
from runnel.usecases.merge_pages import merge_pages
from runnel.usecases.patience import sure
from runnel.usecases.publish import Published, collect_pages, publish
from runnel.usecases.read_library import get_library, is_of, newest_jobs
from runnel.usecases.services import Services
from runnel.usecases.stored_responses import fold_log
from runnel.usecases.tell_bus import catch_up, tell_again, tell_changes

#: Jobs of a library that are looked at for an unpublished result, newest first.
_LOOKED_AT = 20


async def list_generations(services: Services, tenant: str, library_id: str) -> list[Pointer]:
    """The generations that are kept, the present one first; raises `LibraryNotFound`."""
    return list((await get_library(services, tenant, library_id)).kept)


async def roll_back(services: Services, tenant: str, library_id: str, generation: int | None = None) -> Pointer:
    """Show the pages of an earlier generation again; without a number, of the one before the present.

    Raises:
        LibraryNotFound: there is no such library.
        GenerationNotFound: the generation is not kept, or there is none before.
        ManifestDamaged: its manifest cannot be read.
    """
    name = f"rollback-{services.ids.owner()}"
    while True:
        library = await sure(services, partial(get_library, services, tenant, library_id))
        if name in library.published:
            done = next(pointer for pointer in library.kept if pointer.generation == library.published[name])
            await tell_again(services, library, done)
            return done
        target = _target(library, generation)
        pointer = Pointer(
            generation=library.pointer.generation + 1,
            path=target.path,
            base_path=library.pointer.path,
            published_by=name,
            pages=target.pages,
            published_at=services.clock.now(),
        )
        changes = await _changes(services, library, pointer)
        pointer = replace(pointer, records=count_records(changes))
        await catch_up(services, library)
        move = partial(services.libraries.move_pointer, library, pointer, job_id=name)
        if await sure(services, move):
            await tell_changes(services, library, pointer, changes)
            await index_soon(services, tenant, library_id)
            return pointer


async def _changes(services: Services, library: Library, pointer: Pointer) -> Changes:
    """What a rollback changes; of a damaged present nothing is known."""
    pages = await load_manifest(services, library.tenant, pointer.path)
    try:
        base = await load_manifest(services, library.tenant, pointer.base_path)
    except ManifestDamaged:
        return Changes()
    return await changes_of(services, library.tenant, pointer, base, pages)


async def publish_job(
    services: Services, tenant: str, library_id: str, job_id: str | None = None, *, force: bool = False
) -> Published:
    """Publish the result of a job that has ended without: the named one, else the newest that was held.

    Raises:
        LibraryNotFound: there is no such library.
        JobNotFound: there is no such job of this library, or none was held.
        JobConflict: the job has not ended, or brought nothing; or its result was published before, and the library
            shows another since.
        EventsExpired: its log is past its retention.
        PublicationHeld: the library would get worse, and *force* is not said.
    """
    library = await get_library(services, tenant, library_id)
    job = await _job_of(services, library, job_id)
    if not job.is_over or job.ending is None:
        raise JobConflict(f"The job is {job.state}; only a job that has ended can be published.", code="active")
    if "process" not in job.options.steps:
        message = f"The job has only done its steps: {', '.join(job.options.steps)}. Its pages wait to be processed"
        raise JobConflict(f"{message}: runnel crawl --library {library_id} --steps process", code="not_processed")
    before, now = library.published.get(job.job_id), library.pointer.generation
    if before not in (None, now):
        message = f"The result of {job.job_id} was published as generation {before}; the library shows {now} since"
        raise JobConflict(f"{message}. To show it again: runnel rollback {library_id} {before}", code="published")
    fold = await fold_log(services, job)
    if not fold.kept:
        raise JobConflict("The job brought no page.", code="no_pages")
    run = f"p{services.ids.owner()}"
    because = reach(job.ending.ended_because)
    published = await publish(services, job, fold, run=run, because=because, force=force)
    if published.hold is not None:
        raise PublicationHeld(f"The result is held back: {published.hold.reason}.")
    await index_soon(services, tenant, library_id)
    return published


async def diff_job(services: Services, tenant: str, library_id: str, job_id: str) -> AsyncIterator[PageChange]:
    """What publishing the result of a job would change, page by page, with the texts.

    Raises:
        LibraryNotFound: there is no such library.
        JobNotFound: there is no such job.
        JobConflict: it has not ended (`active`), or is one of another library.
        ManifestDamaged: the present generation cannot be read.
    """
    library, job = await get_library(services, tenant, library_id), await get_job(services, tenant, job_id)
    if not is_of(job, library):
        raise JobConflict(f"The job is one of {job.library_id!r}: its result cannot be compared.", code="active")
    fold = await fold_log(services, job)
    if fold.ending is None:  # the log is the truth: META follows in a moment
        raise JobConflict(f"The job is {job.state}: its result cannot be compared yet.", code="active")
    base = await load_manifest(services, tenant, library.pointer.path)
    fresh = await collect_pages(services, job, fold)
    because = reach(fold.ending.ended_because)
    merged = await merge_pages(services, base, fresh, replace(job, library_id=library_id), fold, because)
    changes = compare(base.pages, merged.manifest.pages)
    async for change in each_change(services, tenant, changes, library.pointer.generation + 1):
        yield change


def _target(library: Library, generation: int | None) -> Pointer:
    """The generation to go back to."""
    older = [pointer for pointer in library.kept if pointer.path]
    kept = ", ".join(str(pointer.generation) for pointer in older) or "none"
    if generation is None:
        if len(older) < 2:
            raise GenerationNotFound(f"There is no earlier generation of {library.library_id}; kept: {kept}.")
        return older[1]
    found = next((pointer for pointer in older if pointer.generation == generation), None)
    if found is None:
        raise GenerationNotFound(f"Generation {generation} of {library.library_id} is not kept; kept: {kept}.")
    return found


async def _job_of(services: Services, library: Library, job_id: str | None) -> Job:
    tenant, library_id = library.tenant, library.library_id
    if job_id is not None:
        job = await get_job(services, tenant, job_id)
        if not is_of(job, library):
            raise JobNotFound(f"The job {job_id!r} is one of the library {job.library_id!r}.")
        return replace(job, library_id=library_id)
    for job in await newest_jobs(services, library, _LOOKED_AT):
        if job.is_over:
            with suppress(EventsExpired):
                if (await fold_log(services, job)).held:
                    return replace(job, library_id=library_id)
    raise JobNotFound(f"No result of {library_id!r} is held back; name a job to publish with --job.")


def reach(because: EndedBecause) -> EndedBecause:
    """A job that was cancelled or broke down knows as little of what has gone as one that reached its limit."""
    return because if because is EndedBecause.DONE else EndedBecause.LIMIT
