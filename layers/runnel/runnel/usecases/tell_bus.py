"""Telling the bus what a publication changed.

Laws (names are the rules of the commit model):
1. Whoever moves the pointer has put the records of the generation it moves from [bus_before].
2. Whoever says `library_published` has put those of the new generation [bus_redo].
3. Records that cannot be told (their generations are damaged) never stand in the way of the pages.
"""

from functools import partial

from runnel.domain.bus import BusSegment, BusSource, generation_segments, last_segment_key
from runnel.domain.changes import Changes
from runnel.domain.libraries import Library, Pointer
from runnel.errors import ManifestDamaged
from runnel.usecases.index_library import changes_of
from runnel.usecases.manifests import load_manifest
from runnel.usecases.patience import sure
from runnel.usecases.services import Services


async def tell_changes(services: Services, library: Library, pointer: Pointer, changes: Changes) -> None:
    """Put the records of the generation at *pointer*, which differs from its base by *changes*."""
    await put_segments(services, library.tenant, generation_segments(_source(library, pointer), changes))


async def tell_again(services: Services, library: Library, pointer: Pointer) -> None:
    """Put the records of a generation that somebody else has published, as far as they are missing."""
    if not pointer.records:
        return
    key = last_segment_key(_source(library, pointer), pointer.records)
    if await sure(services, partial(services.bus.has, library.tenant, key)):
        return
    try:
        base = await load_manifest(services, library.tenant, pointer.base_path)
        pages = await load_manifest(services, library.tenant, pointer.path)
    except ManifestDamaged:
        return
    await tell_changes(services, library, pointer, await changes_of(services, library.tenant, pointer, base, pages))


async def put_segments(services: Services, tenant: str, segments: list[BusSegment]) -> None:
    """Append the segments in order; those that are there stay as they are."""
    for segment in segments:
        await sure(services, partial(services.bus.append, tenant, segment))


def _source(library: Library, pointer: Pointer) -> BusSource:
    return BusSource(
        library_id=library.library_id,
        created_at=library.created_at,
        name=str(pointer.generation),
        generation=pointer.generation,
        at=pointer.published_at or library.created_at,
    )
