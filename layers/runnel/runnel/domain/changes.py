"""What differs between two generations of a library."""

from collections.abc import Mapping
from dataclasses import dataclass

from runnel.domain.index_plan import IndexChange
from runnel.domain.payloads import StoredPage


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Pages by what became of them, each in the order of their URLs."""

    added: tuple[StoredPage, ...] = ()
    #: Before and after.
    changed: tuple[tuple[StoredPage, StoredPage], ...] = ()
    removed: tuple[StoredPage, ...] = ()
    unchanged: int = 0
    #: What became of the index segments, and how many there are.
    index: tuple[IndexChange, int] | None = None


def compare(base: Mapping[str, StoredPage], pages: Mapping[str, StoredPage]) -> Changes:
    """The changes that lead from *base* to *pages*."""
    both = sorted(base.keys() & pages.keys())
    changed = tuple((base[url], pages[url]) for url in both if _differs(base[url], pages[url]))
    return Changes(
        added=tuple(pages[url] for url in sorted(pages.keys() - base.keys())),
        changed=changed,
        removed=tuple(base[url] for url in sorted(base.keys() - pages.keys())),
        unchanged=len(both) - len(changed),
    )


def find_moves(changes: Changes) -> dict[str, str]:
    """Where pages that were removed stand now, by the address they had: it leads there, or their text stands there."""
    by_alias = {alias: page.url for page in changes.added for alias in page.aliases}
    by_text = {page.content_hash: page.url for page in reversed(changes.added)}
    return {
        page.url: new
        for page in changes.removed
        if (new := by_alias.get(page.url) or by_text.get(page.content_hash)) is not None
    }


def _differs(before: StoredPage, after: StoredPage) -> bool:
    """Whether a reader of the page sees something else: its text, its title, or the user's own fields."""
    return before.content_hash != after.content_hash or (before.title, before.metadata) != (after.title, after.metadata)
