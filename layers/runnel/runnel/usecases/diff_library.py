"""What has changed between two generations of a library: pages, and the lines of their text."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import unified_diff
from functools import partial
from itertools import pairwise
from typing import Final, Literal

from runnel.domain.changes import Changes, compare, find_moves
from runnel.domain.libraries import Library, Pointer
from runnel.domain.payloads import StoredPage
from runnel.errors import GenerationNotFound
from runnel.usecases.manifests import load_manifest
from runnel.usecases.read_library import get_library, markdown_of
from runnel.usecases.services import Services

#: Lines beyond which a text is told to have changed without being compared: comparing takes their square.
_MOST_LINES: Final = 20_000

Kind = Literal["added", "changed", "removed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageChange:
    """One page that differs."""

    kind: Kind
    page: StoredPage
    #: The generation that changed it.
    generation: int
    #: Lines of a unified diff of the text, without its end of line each; empty for a page that only moved its fields.
    diff: tuple[str, ...] = ()
    #: Of a page that has moved: the address that it had (`added`), or that it has now (`removed`).
    moved: str | None = None


async def diff_library(
    services: Services, tenant: str, library_id: str, *, older: int | None = None, newer: int | None = None
) -> AsyncIterator[PageChange]:
    """The changes from one kept generation to another, with their texts; by default the present one's to its base.

    Raises:
        LibraryNotFound: there is no such library.
        GenerationNotFound: one of the generations is not kept.
        ManifestDamaged: a generation cannot be read.
    """
    library = await get_library(services, tenant, library_id)
    new = find_generation(library, newer) if newer is not None else library.pointer
    old_path = find_generation(library, older).path if older is not None else new.base_path
    before, after = await load_manifest(services, tenant, old_path), await load_manifest(services, tenant, new.path)
    async for change in each_change(services, tenant, compare(before.pages, after.pages), new.generation):
        yield change


async def each_change(services: Services, tenant: str, changes: Changes, generation: int) -> AsyncIterator[PageChange]:
    """The *changes* that lead to *generation*, with their texts."""
    for change, before, after in _each(changes, generation):
        texts = [await markdown_of(services.content, tenant, one) if one else "" for one in (before, after)]
        was, now = (one.url if one else change.page.url for one in (before, after))
        yield replace(change, diff=_compare(was, now, *texts))


async def list_changes(services: Services, tenant: str, library_id: str, *, since: datetime) -> list[PageChange]:
    """What the kept generations published after *since* have changed, oldest first, without texts.

    Raises:
        LibraryNotFound: there is no such library.
        ManifestDamaged: a generation cannot be read.
    """
    library = await get_library(services, tenant, library_id)
    oldest_first = [Pointer(), *reversed(library.kept)] if _goes_back_to_the_first(library) else library.kept[::-1]
    changes: list[PageChange] = []
    for old, new in pairwise(oldest_first):
        if new.published_at is not None and new.published_at > since:
            before = await load_manifest(services, tenant, old.path)
            after = await load_manifest(services, tenant, new.path)
            changes += [change for change, _, _ in _each(compare(before.pages, after.pages), new.generation)]
    return changes


def find_generation(library: Library, generation: int) -> Pointer:
    """The kept generation of that number; raises `GenerationNotFound`."""
    found = next((pointer for pointer in library.kept if pointer.generation == generation), None)
    if found is None:
        kept = ", ".join(str(pointer.generation) for pointer in library.kept) or "none"
        raise GenerationNotFound(f"Generation {generation} of {library.library_id} is not kept; kept: {kept}.")
    return found


def _goes_back_to_the_first(library: Library) -> bool:
    return bool(library.kept) and library.kept[-1].generation == 1


def _each(changes: Changes, generation: int) -> Iterator[tuple[PageChange, StoredPage | None, StoredPage | None]]:
    """Each change with the pages whose texts it lies between: one that has moved is compared with what it was."""
    went_to, gone = find_moves(changes), {page.url: page for page in changes.removed}
    came_from = {new: old for old, new in reversed(went_to.items())}
    make = partial(PageChange, generation=generation)
    for page in changes.added:
        was = came_from.get(page.url)
        yield make(kind="added", page=page, moved=was), gone[was] if was else None, page
    for old, page in changes.changed:
        yield make(kind="changed", page=page), old, page
    for page in changes.removed:
        now = went_to.get(page.url)
        yield make(kind="removed", page=page, moved=now), None if now else page, None


def _compare(was: str, now: str, before: str | None, after: str | None) -> tuple[str, ...]:
    """A unified diff; of a text that is missing or very long only the fact."""
    if before is None or after is None:
        return ("(the text is missing)",)
    old, new = before.splitlines(), after.splitlines()
    if len(old) + len(new) > _MOST_LINES:
        return ("(too long to compare)",)
    return tuple(unified_diff(old, new, fromfile=was, tofile=now, lineterm=""))
