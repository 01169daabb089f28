"""Editing a library: making one, its name, its settings, its sources.

Laws (tests/unit/usecases/test_edit_library.py):
1. An edit is a function of the library as it is, and one conditional write; where somebody was faster, it is done anew.
2. Asked for twice it happens once; one that changes nothing writes nothing.
3. Each edit is told to the bus once, by whoever made it or edits, publishes or deletes next.
4. The name, and which sources there are, stay as they are while a job crawls the library (but for that job's own).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from runnel.domain.changes import Changes
from runnel.domain.jobs import Job, Source
from runnel.domain.libraries import Edit, Library
from runnel.domain.sources import begin_alike, check_library_name, check_sources, free_id, put_source
from runnel.errors import InputInvalid, LibraryExists, LibraryNotFound, SourceNotFound
from runnel.usecases.claim_library import busy_with
from runnel.usecases.edit_pages import next_generation, write_generation
from runnel.usecases.manifests import Manifest, load_manifest
from runnel.usecases.patience import sure
from runnel.usecases.read_library import get_library
from runnel.usecases.services import Services
from runnel.usecases.tell_bus import catch_up, tell_changes, tell_created, tell_edit

#: Characters of a title, and of all metadata together: the record of a library must stay small.
MOST_TITLE: Final = 200
MOST_METADATA: Final = 10_000
_FIELDS: Final = ("library_id", "title", "metadata", "sources")

Change = Callable[[Library], Library]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a library is to be; None leaves it as it is."""

    library_id: str | None = None
    title: str | None = None
    #: Fields to set; those that are None are removed.
    metadata: Mapping[str, str | None] | None = None
    sources: tuple[Source, ...] | None = None


async def create_library(services: Services, tenant: str, wanted: Wanted) -> Library:
    """Make a library without pages; the same again is the same library.

    Raises:
        InputInvalid: the name, an id or the settings cannot be.
        SourceExists: two of the sources are one.
        LibraryExists: there is another one of this name.
    """
    library = Library(
        tenant=tenant,
        library_id=check_library_name(wanted.library_id or ""),
        sources=check_sources(wanted.sources or ()),
        created_at=services.clock.now(),
        title=_title(wanted.title or ""),
        metadata=_metadata({}, wanted.metadata),
    )
    stored = await sure(services, partial(services.libraries.ensure, library))
    if any(getattr(stored, name) != getattr(library, name) for name in _FIELDS):
        raise LibraryExists(f"There is a library {library.library_id!r} already.")
    if not stored.revision and not stored.pointer.generation:
        await tell_created(services, stored)
    return stored


async def change_library(services: Services, tenant: str, library_id: str, wanted: Wanted) -> Library:
    """Give a library another name, title, metadata or sources: all of it or nothing.

    Raises:
        LibraryNotFound: there is no such library.
        LibraryBusy: a job crawls it, and the name or the sources were to change.
        LibraryExists: another library has the name.
        InputInvalid, SourceExists: as for `create_library`.
    """

    def change(library: Library) -> Library:
        name = check_library_name(wanted.library_id) if wanted.library_id is not None else library.library_id
        is_new_name = name != library.library_id
        return replace(
            library,
            library_id=name,
            former_names=(*library.former_names, library.library_id) if is_new_name else library.former_names,
            title=library.title if wanted.title is None else _title(wanted.title),
            metadata=_metadata(library.metadata, wanted.metadata),
            sources=library.sources if wanted.sources is None else check_sources(wanted.sources),
        )

    return await _edit(services, tenant, library_id, change)


async def set_source(
    services: Services,
    tenant: str,
    library_id: str,
    url: str,
    source_id: str | None = None,
    *,
    may_replace: bool = True,
) -> tuple[Library, Source]:
    """Add a source that begins at the canonical *url*, or change where that of *source_id* begins; the one it is then.

    Raises:
        LibraryNotFound: there is no such library.
        LibraryBusy: a job crawls it.
        SourceExists: another source begins there; or the id is taken, and its source may not be replaced.
        InputInvalid: the id cannot be one.
    """

    def change(library: Library) -> Library:
        same = next((source for source in library.sources if source_id is None and source.url == url), None)
        source = same or Source(source_id=source_id or free_id(library.sources), url=url)
        return replace(library, sources=put_source(library.sources, source, may_replace=may_replace))

    library = await _edit(services, tenant, library_id, change)
    return library, next(source for source in library.sources if source.url == url)


async def remove_source(services: Services, tenant: str, library_id: str, source_id: str) -> Library:
    """Remove a source and its pages: a new generation is without them.

    Raises:
        LibraryNotFound, SourceNotFound: there is no such library, or source.
        LibraryBusy: a job crawls it.
        ManifestDamaged: its pages cannot be read.
    """

    def change(library: Library) -> Library:
        gone = find_source(library, source_id)
        return replace(library, sources=tuple(source for source in library.sources if source != gone))

    return await _edit(services, tenant, library_id, change)


async def add_sources(services: Services, job: Job) -> None:
    """Let the library have the sources of the job that has claimed it; raises `SourceExists` where an id is taken."""

    def change(library: Library) -> Library:
        sources = library.sources
        for source in job.sources:
            known = library.source(source.source_id)
            if known is None or not begin_alike(known, source):
                sources = put_source(sources, source, may_replace=False)
        return replace(library, sources=sources)

    await _edit(services, job.tenant, job.library_id, change, job_id=job.job_id)


async def _edit(
    services: Services, tenant: str, library_id: str, change: Change, *, job_id: str | None = None
) -> Library:
    """The library after *change*; of many at once each is made upon the one before."""
    mark = f"edit-{services.ids.owner()}"
    name = library_id
    while True:
        library = await _find(services, tenant, library_id, name, mark)
        if library.edit is not None and library.edit.by == mark:  # our own, whose acknowledgement was lost
            await catch_up(services, library)
            return library
        wanted = change(library)
        fields = tuple(field for field in _FIELDS if getattr(wanted, field) != getattr(library, field))
        if not fields:
            await catch_up(services, library)
            return library
        _check_free(library, fields, job_id)
        name = wanted.library_id
        if name != library_id and await sure(services, partial(services.libraries.get, tenant, name)) is not None:
            raise LibraryExists(f"There is a library {name!r} already.")
        await catch_up(services, library)
        edit = Edit(by=mark, at=services.clock.now(), fields=fields)
        wanted = replace(wanted, revision=library.revision + 1, edit=edit)
        wanted, changes = await _drop_pages(services, library, wanted, mark)
        if await sure(services, partial(services.libraries.edit, library, wanted)):
            await tell_edit(services, wanted)
            if wanted.pointer is not library.pointer:
                await tell_changes(services, wanted, wanted.pointer, changes)
            return wanted


async def _drop_pages(services: Services, library: Library, wanted: Library, mark: str) -> tuple[Library, Changes]:
    """*wanted*, with a generation that is without the pages of sources that go; and what that changes."""
    gone = {source.source_id for source in library.sources} - {source.source_id for source in wanted.sources}
    base = await load_manifest(services, library.tenant, library.pointer.path) if gone else Manifest()
    pages = {url: page for url, page in base.pages.items() if page.source_id not in gone}
    if len(pages) == len(base.pages):
        return wanted, Changes()
    pointer, changes = await write_generation(services, library, replace(base, pages=pages), base, mark)
    return next_generation(wanted, pointer), changes


async def _find(services: Services, tenant: str, library_id: str, name: str, mark: str) -> Library:
    """The library under its name, or under the one that this edit has given it."""
    try:
        return await sure(services, partial(get_library, services, tenant, library_id))
    except LibraryNotFound:
        renamed = await sure(services, partial(services.libraries.get, tenant, name))
        if renamed is None or renamed.edit is None or renamed.edit.by != mark:
            raise
        return renamed


def _check_free(library: Library, fields: tuple[str, ...], job_id: str | None) -> None:
    if library.active_job not in {None, job_id} and {"library_id", "sources"} & set(fields):
        raise busy_with(library.library_id, library.active_job or "")


def find_source(library: Library, source_id: str) -> Source:
    """The source of this id; raises `SourceNotFound`."""
    source = library.source(source_id)
    if source is None:
        known = ", ".join(one.source_id for one in library.sources) or "none"
        raise SourceNotFound(f"The library {library.library_id!r} has no source {source_id!r}; it has: {known}.")
    return source


def _title(title: str) -> str:
    if len(title) > MOST_TITLE or not title.isprintable():
        raise InputInvalid(f"title: at most {MOST_TITLE} characters, in one line.")
    return title


def _metadata(known: Mapping[str, str], changes: Mapping[str, str | None] | None) -> Mapping[str, str]:
    merged = {name: value for name, value in {**known, **(changes or {})}.items() if value is not None}
    if sum(len(name) + len(value) for name, value in merged.items()) > MOST_METADATA:
        raise InputInvalid(f"metadata: at most {MOST_METADATA} characters in all.")
    return merged
