"""Editing the pages of a library by hand: deleting one, setting its fields. Each edit is a generation of its own.

Laws (tests/unit/usecases/test_edit_pages.py):
1. An edit moves the pointer from the generation that it was made upon, or is made anew upon the next.
2. One that changes nothing makes no generation; asked for twice it happens once, and is told once.
3. What a user has set stays through later crawls; a page that was deleted comes back when a crawl finds it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from runnel.domain.bus import count_records
from runnel.domain.changes import Changes
from runnel.domain.libraries import Library, Pointer
from runnel.domain.payloads import StoredPage
from runnel.errors import InputInvalid, PageNotFound
from runnel.fetching.canonical import canonicalize
from runnel.usecases.index_library import changes_of, with_index
from runnel.usecases.manifests import Manifest, load_manifest, write_manifest
from runnel.usecases.patience import sure
from runnel.usecases.read_library import get_library
from runnel.usecases.services import Services
from runnel.usecases.tell_bus import catch_up, tell_again, tell_changes

#: Characters of a page's own fields together; every manifest has them.
MOST_METADATA: Final = 10_000
#: Publishers that are remembered with a library.
_PUBLISHERS_KEPT: Final = 20

Pages = Mapping[str, StoredPage]


async def delete_page(services: Services, tenant: str, library_id: str, page_or_url: str) -> StoredPage:
    """Delete a page, named by its id or one of its URLs; the page as it was.

    Raises:
        LibraryNotFound, PageNotFound: there is no such library, or page.
        ManifestDamaged: the list of its pages cannot be read.
    """
    found: list[StoredPage] = []

    def change(pages: Pages) -> Pages:
        page = _find(pages, page_or_url)
        if page is None and not found:
            raise PageNotFound(f"The library {library_id!r} has no page {page_or_url!r}.")
        if page is None:
            return pages
        found.append(page)
        return {url: one for url, one in pages.items() if one is not page}

    await _edit(services, tenant, library_id, change)
    return found[-1]


async def set_page_metadata(
    services: Services, tenant: str, library_id: str, page_or_url: str, fields: Mapping[str, str | None]
) -> StoredPage:
    """Set *fields* of a page's own metadata, or remove those that are None; the page as it is then.

    Raises:
        LibraryNotFound, PageNotFound: there is no such library, or page.
        InputInvalid: the fields are too long.
        ManifestDamaged: the list of its pages cannot be read.
    """

    def change(pages: Pages) -> Pages:
        page = _find(pages, page_or_url)
        if page is None:
            raise PageNotFound(f"The library {library_id!r} has no page {page_or_url!r}.")
        merged = {name: value for name, value in {**page.metadata, **fields}.items() if value is not None}
        if sum(len(name) + len(value) for name, value in merged.items()) > MOST_METADATA:
            raise InputInvalid(f"metadata: at most {MOST_METADATA} characters in all.")
        return {**pages, page.url: page.model_copy(update={"metadata": merged})}

    pages = await _edit(services, tenant, library_id, change)
    page = _find(pages, page_or_url)
    if page is None:
        raise PageNotFound(f"The library {library_id!r} has no page {page_or_url!r} any more.")
    return page


async def write_generation(
    services: Services, library: Library, manifest: Manifest, base: Manifest, mark: str
) -> tuple[Pointer, Changes]:
    """Write the next generation of *library*, made by hand from *base*: its pointer, which nobody shows yet."""
    number, base_path = library.pointer.generation + 1, library.pointer.path
    pointer = Pointer(
        generation=number,
        path=f"generations/{library.library_id}/{number}-{mark}",
        base_path=base_path,
        published_by=mark,
        pages=len(manifest.pages),
        published_at=services.clock.now(),
    )
    manifest = await with_index(services, library, base, base_path, manifest)
    changes = await changes_of(services, library.tenant, pointer, base, manifest)
    await write_manifest(services, library.tenant, pointer, manifest)
    return replace(pointer, records=count_records(changes)), changes


def next_generation(library: Library, pointer: Pointer) -> Library:
    """The library that shows *pointer*."""
    published = {**library.published, pointer.published_by or "": pointer.generation}
    newest = sorted(published, key=published.__getitem__)[-_PUBLISHERS_KEPT:]
    return replace(
        library,
        pointer=pointer,
        kept=library.keeping(pointer),
        published={name: published[name] for name in newest},
    )


async def _edit(services: Services, tenant: str, library_id: str, change: Callable[[Pages], Pages]) -> Pages:
    """The pages after *change*."""
    mark = f"edit-{services.ids.owner()}"
    while True:
        library = await sure(services, partial(get_library, services, tenant, library_id))
        base = await load_manifest(services, tenant, library.pointer.path)
        if mark in library.published:  # our own, whose acknowledgement was lost
            done = next(pointer for pointer in library.kept if pointer.generation == library.published[mark])
            await tell_again(services, library, done)
            return base.pages
        pages = change(base.pages)
        if pages == base.pages:
            await catch_up(services, library)
            return pages
        pointer, changes = await write_generation(services, library, replace(base, pages=pages), base, mark)
        await catch_up(services, library)
        if await sure(services, partial(services.libraries.move_pointer, library, pointer, job_id=mark)):
            await tell_changes(services, library, pointer, changes)
            return pages


def _find(pages: Pages, page_or_url: str) -> StoredPage | None:
    url = (canonicalize(page_or_url) if "://" in page_or_url else None) or ""
    if url in pages:
        return pages[url]
    return next((one for one in pages.values() if one.page_id == page_or_url or url in one.aliases), None)
