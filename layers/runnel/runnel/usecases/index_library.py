"""The index segments of a library: what a generation lists is decided when it is published, and made afterwards.

Laws (tests/unit/usecases/test_index_library.py):
1. The list is a function of the generation before and the pages, so it is the same whoever publishes, and in how many
   steps; the segments are a function of the list, so whoever makes one makes the same, and once.
2. To make them is nobody's hurry: no publication waits for it, and what is missing is made when it is next asked for.
3. A segment with a page whose Markdown is missing is not made: it would hide the page for good.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from runnel.domain.changes import Changes, compare
from runnel.domain.index_plan import IndexPlan, IndexSegment, plan_index, tell_index
from runnel.domain.libraries import Library, Pointer
from runnel.errors import PageNotFound
from runnel.ports.indexer import IndexedPage
from runnel.usecases.manifests import Manifest, batched, load_index_plan, load_manifest
from runnel.usecases.patience import sure
from runnel.usecases.process_pages import page_key
from runnel.usecases.services import Services

#: Pages that are read at a time.
_PAGES_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """What was made of a generation's segments."""

    built: int = 0
    #: Segments that are still missing.
    missing: int = 0


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


async def index_library(
    services: Services,
    library: Library,
    *,
    most_pages: int | None = None,
    has_time: Callable[[], bool] = lambda: True,
) -> Indexed:
    """Make the segments of the present generation that are missing; nothing when they hold more than *most_pages*.

    Raises:
        ManifestDamaged: the generation's list of pages cannot be read.
    """
    tenant, shown = library.tenant, library.pointer
    plan = await load_index_plan(services, tenant, shown.path) or IndexPlan()
    gone = await sure(services, partial(services.content.missing, tenant, sorted(plan.keys)))
    missing = [segment for segment in plan.segments if segment.key in gone]
    if not missing or (most_pages is not None and sum(len(one.pages) for one in missing) > most_pages):
        return Indexed(missing=len(missing))
    built = 0
    for path, segment in await _fullest(services, library, missing):
        if has_time():
            built += await _build(services, tenant, path, segment)
    return Indexed(built=built, missing=len(missing) - built)


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


async def _build(services: Services, tenant: str, path: str, segment: IndexSegment) -> bool:
    """Make one segment; False when a page of it has no Markdown."""
    pages = {page.page_id: page for page in (await load_manifest(services, tenant, path)).pages.values()}
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
