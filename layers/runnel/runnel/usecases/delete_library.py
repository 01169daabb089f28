"""Deleting a library: it is gone at once, with the list of its pages; Markdown that no other needs is garbage then.

Laws (tests/unit/usecases/test_delete_library.py):
1. A library that a job crawls is refused; while it is being deleted no job begins.
2. The bus is told of every page that goes, and of the library, once; a deletion that was broken off is repeated whole.
3. Jobs that have crawled it stay, as long as jobs do.
"""

from functools import partial

from runnel.domain.bus import segments_of, tell_deletion
from runnel.domain.libraries import Library
from runnel.errors import LibraryNotFound, ManifestDamaged
from runnel.usecases.claim_library import Work, holding_library
from runnel.usecases.manifests import load_index_plan, read_manifest
from runnel.usecases.patience import sure
from runnel.usecases.read_library import get_library
from runnel.usecases.services import Services
from runnel.usecases.tell_bus import catch_up, put_segments, source_of
from runnel.usecases.verify_library import lost_key


async def delete_library(services: Services, tenant: str, library_id: str) -> Library:
    """Delete the library; as it was.

    Raises:
        LibraryNotFound: there is no such library (any more).
        LibraryBusy: a job crawls it.
    """
    library = await get_library(services, tenant, library_id)
    async with holding_library(services, library, Work.DELETION) as claim:
        await catch_up(services, library)
        await _tell(services, library)
        segments = await _segments_of(services, library)
    if not await sure(services, partial(services.libraries.delete, tenant, library_id, claim.name)):
        raise LibraryNotFound(f"There is no library {library_id!r} any more.")
    # By what its generations name, not by its own name: a library that was called so before may have some below it.
    for path in sorted({pointer.path for pointer in library.kept if pointer.path}):
        async for key in services.content.keys(tenant, f"{path}/"):
            await services.content.delete(tenant, key)
    for key in sorted(segments):
        await services.content.delete(tenant, key)
    await services.content.delete(tenant, lost_key(library_id))
    return library


async def _segments_of(services: Services, library: Library) -> set[str]:
    """The keys of the index segments that its generations list."""
    segments: set[str] = set()
    for path in {pointer.path for pointer in library.kept if pointer.path}:
        plan = await load_index_plan(services, library.tenant, path)
        segments |= plan.keys if plan is not None else frozenset()
    return segments


async def _tell(services: Services, library: Library) -> None:
    """Put the records; of a generation that is damaged only that the library went."""
    try:
        pages = await read_manifest(services, library)
    except ManifestDamaged:
        pages = {}
    source = source_of(library, "deleted", at=services.clock.now())
    await put_segments(services, library.tenant, segments_of(source, tell_deletion(pages)))
