"""The index segments of a library: what a generation lists is decided when it is published, and made afterwards.

Laws (tests/unit/usecases/test_index_library.py):
1. The list is a function of the generation before and the pages, so it is the same whoever publishes, and in how many
   steps; the segments are a function of the list, so whoever makes one makes the same, and once.
2. No publication waits for them. A job that indexes does not end before they are there: whoever drives it makes what
   is missing, one segment at a time, so a driver that dies or has to go loses at most those that it was making.
3. A segment with a page whose Markdown is missing is not made: it would hide the page for good.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from runnel.domain.changes import Changes, compare
from runnel.domain.index_plan import IndexPlan, IndexSegment, plan_index, tell_index
from runnel.domain.libraries import Library, Pointer
from runnel.domain.payloads import StoredPage
from runnel.errors import ManifestDamaged, PageNotFound
from runnel.ports.indexer import IndexedPage
from runnel.usecases.manifests import Manifest, batched, load_index_plan, load_manifest
from runnel.usecases.patience import sure
from runnel.usecases.process_pages import page_key
from runnel.usecases.services import Services

#: Pages that are read at a time.
_PAGES_AT_ONCE: Final = 100
#: Segments that are made at a time: FTS5 lets other threads run.
_SEGMENTS_AT_ONCE: Final = 2
#: How long somebody waits who has published by hand, in seconds.
_SOON_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """What was made of a generation's segments."""

    built: int = 0
    #: Segments that are still missing.
    missing: int = 0
    #: Those of them that there was no time for.
    waiting: int = 0


async def with_index(
    services: Services, library: Library, base: Manifest, base_path: str, manifest: Manifest
) -> Manifest:
    """The *manifest* with its segments, decided from those of the generation at *base_path*."""
    plan = await load_index_plan(services, library.tenant, base_path) or IndexPlan()
    index = plan_index(library.library_id, plan, base.pages.values(), manifest.pages.values())
    return replace(manifest, index=index)


async def changes_of(services: Services, tenant: str, pointer: Pointer, base: Manifest, manifest: Manifest) -> Changes:
    """How the generation at *pointer* differs from its base, the index included: the same, whoever asks."""
    return await add_index(services, tenant, pointer, base, manifest, compare(base.pages, manifest.pages))


async def add_index(
    services: Services, tenant: str, pointer: Pointer, base: Manifest, manifest: Manifest, changes: Changes
) -> Changes:
    """The *changes* of the pages, with what became of the index."""
    plan = manifest.index or await load_index_plan(services, tenant, pointer.path)
    if plan is None:
        return changes
    before = await load_index_plan(services, tenant, pointer.base_path) or IndexPlan()
    kind = tell_index(before, base.pages.values(), plan, manifest.pages.values())
    return replace(changes, index=(kind, len(plan.segments)) if kind else None)


async def index_soon(services: Services, tenant: str, library_id: str) -> None:
    """Make what is missing in the time that somebody waits for; the library's next job makes the rest."""
    until_s = services.clock.monotonic() + _SOON_S
    library = await sure(services, partial(services.libraries.get, tenant, library_id))
    if library is not None:
        with suppress(ManifestDamaged):
            await index_library(services, library, has_time=lambda: services.clock.monotonic() < until_s)


async def index_library(
    services: Services,
    library: Library,
    *,
    shown: Iterable[StoredPage] | None = None,
    has_time: Callable[[], bool] = lambda: True,
) -> Indexed:
    """Make the segments of the present generation that are missing, for as long as there is time.

    Args:
        services: The ports.
        library: Whose generation it is.
        shown: Its pages, if they are known; otherwise they are read when they are needed.
        has_time: Asked before each segment.

    Raises:
        ManifestDamaged: the generation's list of pages cannot be read.
    """
    tenant, path = library.tenant, library.pointer.path
    plan = await load_index_plan(services, tenant, path) or IndexPlan()
    gone = await sure(services, partial(services.content.missing, tenant, sorted(plan.keys)))
    missing = [segment for segment in plan.segments if segment.key in gone]
    if not missing:
        return Indexed()
    shelf = _Shelf(services, tenant, {path: _by_id(shown)} if shown is not None else {})
    making = _Making(services, tenant, shelf, await _fullest(services, library, missing), has_time)
    ends = await asyncio.gather(*(making.run() for _ in range(_SEGMENTS_AT_ONCE)), return_exceptions=True)
    for error in filter(None, ends):
        raise error
    return Indexed(built=making.built, missing=len(making.work) - making.built, waiting=len(making.work) - making.begun)


def _by_id(pages: Iterable[StoredPage]) -> dict[str, StoredPage]:
    """The pages by their id."""
    return {page.page_id: page for page in pages}


@dataclass(slots=True)
class _Shelf:
    """The pages of generations, each read once."""

    services: Services
    tenant: str
    known: dict[str, dict[str, StoredPage]]

    async def pages(self, path: str) -> Mapping[str, StoredPage]:
        if path not in self.known:
            manifest = await load_manifest(self.services, self.tenant, path)
            self.known[path] = _by_id(manifest.pages.values())
        return self.known[path]


@dataclass(slots=True)
class _Making:
    """Segments being made, each with the generation that it is made from; whoever has made one takes the next."""

    services: Services
    tenant: str
    shelf: _Shelf
    work: Sequence[tuple[str, IndexSegment]]
    has_time: Callable[[], bool]
    begun: int = 0
    built: int = 0

    async def run(self) -> None:
        while self.begun < len(self.work) and self.has_time():
            path, segment = self.work[self.begun]
            self.begun += 1
            is_built = await _build(self.services, self.tenant, await self.shelf.pages(path), segment)
            self.built += is_built


async def _fullest(
    services: Services, library: Library, segments: Sequence[IndexSegment]
) -> list[tuple[str, IndexSegment]]:
    """Each of the *segments* as that kept generation lists it which finds most pages in it, and where that one lies.

    One can go back to any of them, and a segment is made once.
    """
    fullest = {segment.key: (library.pointer.path, segment) for segment in segments}
    for path in dict.fromkeys(pointer.path for pointer in library.kept if pointer.path):
        plan = await load_index_plan(services, library.tenant, path) or IndexPlan()
        for segment in plan.segments:
            if segment.key in fullest and len(segment.pages) > len(fullest[segment.key][1].pages):
                fullest[segment.key] = path, segment
    return list(fullest.values())


async def _build(services: Services, tenant: str, pages: Mapping[str, StoredPage], segment: IndexSegment) -> bool:
    """Make one segment of *pages* by id; False when one has no Markdown."""
    texts: list[IndexedPage] = []
    for ids in batched(segment.pages, _PAGES_AT_ONCE):
        some = [pages[page_id] for page_id in ids if page_id in pages]
        keys = [page_key(page.content_hash) for page in some]
        bodies = await sure(services, partial(services.content.get_many, tenant, keys))
        texts += [
            IndexedPage(page.page_id, page.url, bodies[key])
            for page, key in zip(some, keys, strict=True)
            if key in bodies
        ]
    if len(texts) < len(segment.pages):
        return False
    try:
        body = await services.indexer.build(texts)
    except PageNotFound:
        return False
    await sure(services, partial(services.content.put, tenant, segment.key, body, if_absent=True))
    return True
