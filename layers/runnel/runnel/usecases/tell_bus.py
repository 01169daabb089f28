"""Telling the bus what became of a library: that it was made or edited, and what each publication changed.

Laws (names are the rules of the commit model):
1. Whoever moves the pointer has put the records of the generation it moves from [bus_before].
2. Whoever says `library_published` has put those of the new generation [bus_redo].
3. So it is with edits: whoever edits, publishes or deletes next has put the record of the last edit, and that the
   library was made; so each comes once and in order, also when the one who caused it has died.
4. A job that writes the library is told when its first driver begins and, before the library is free for the next, when
   it has ended, each once, whatever drivers it has had.
5. Records that cannot be told (their generations are damaged) never stand in the way of the pages.
"""

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from runnel.domain.bus import (
    BusSegment,
    BusSource,
    BusType,
    generation_segments,
    last_segment_key,
    segments_of,
)
from runnel.domain.changes import Changes
from runnel.domain.jobs import Job, JobState
from runnel.domain.libraries import Library, Pointer
from runnel.errors import ManifestDamaged
from runnel.usecases.index_library import changes_of
from runnel.usecases.manifests import load_manifest
from runnel.usecases.patience import sure
from runnel.usecases.services import Services


async def catch_up(services: Services, library: Library) -> None:
    """Put what may be missing of the records of *library* as it is: who caused the last one may have died."""
    if not library.revision and not library.pointer.generation:
        await tell_created(services, library)
    await tell_edit(services, library)
    await tell_again(services, library, library.pointer)


async def tell_created(services: Services, library: Library) -> None:
    """Put the record of a library that was made."""
    source = source_of(library, "created", at=library.created_at)
    await put_segments(services, library.tenant, segments_of(source, [("library.created", {})]))


async def tell_edit(services: Services, library: Library) -> None:
    """Put the record of the last edit, if there was one."""
    edit = library.edit
    if edit is None:
        return
    data: dict[str, Any] = {"fields": list(edit.fields)}
    if "library_id" in edit.fields:
        data["former_name"] = library.former_names[-1]
    source = source_of(library, f"edit-{library.revision}", at=edit.at)
    await put_segments(services, library.tenant, segments_of(source, [("library.updated", data)]))


async def tell_batch_started(services: Services, job: Job) -> None:
    """Put the record that a job has begun to write its library."""
    library = await _library_of(services, job)
    if library is not None:
        await put_segments(services, job.tenant, _batch_started(library, job, services.clock.now()))


async def tell_batch_ended(services: Services, job: Job, *, state: JobState, error: str | None, at: datetime) -> None:
    """Put the record that a job writes its library no more, behind the one that it began."""
    library = await _library_of(services, job)
    if library is None:
        return
    kind: BusType = "batch.completed" if state is JobState.COMPLETED else "batch.failed"
    data = {"job_id": job.job_id, "kind": job.kind.value, "state": state.value, "error": error}
    ended = segments_of(source_of(library, f"job-{job.job_id}-ended", at=at), [(kind, data)])
    await put_segments(services, job.tenant, _batch_started(library, job, at) + ended)


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


async def _library_of(services: Services, job: Job) -> Library | None:
    """The library that the job writes; a dry run writes none."""
    if job.options.dry_run:
        return None
    return await sure(services, partial(services.libraries.get, job.tenant, job.library_id))


def _batch_started(library: Library, job: Job, at: datetime) -> list[BusSegment]:
    source = source_of(library, f"job-{job.job_id}-started", at=at)
    return segments_of(source, [("batch.started", {"job_id": job.job_id, "kind": job.kind.value})])


def source_of(library: Library, name: str, *, at: datetime) -> BusSource:
    """What *library* says of itself at a moment, by a name that no other of its records have."""
    return BusSource(
        library_id=library.library_id,
        first_name=library.first_name,
        created_at=library.created_at,
        name=name,
        generation=library.pointer.generation,
        at=at,
    )


def _source(library: Library, pointer: Pointer) -> BusSource:
    source = source_of(library, str(pointer.generation), at=pointer.published_at or library.created_at)
    return replace(source, generation=pointer.generation)
