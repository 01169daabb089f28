"""Which index segments a generation's pages are found in: a function of the generation before and its own pages.

Laws (tests/unit/domain/test_index_plan.py):
1. Every page of the generation is in exactly one segment; what a segment holds beside it has gone and is not shown.
2. A page that has not changed stays in the segment that it is in, until segments are merged: it is not indexed again.
3. A segment's key names what it was made of, so equal pages make an equal key, whoever makes it and when.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from typing import Final, Literal

from runnel.domain.payloads import StoredPage

#: Pages of a new segment, at most.
MOST_PAGES: Final = 1_000
#: Segments of fewer pages are small; of so many small ones a generation has fewer.
SMALL: Final = 250
MOST_SMALL: Final = 8
#: How segments are made; another number makes other keys.
_FORMAT: Final = 1

IndexChange = Literal["index.rebuilt", "index.optimized"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSegment:
    """One segment as a generation lists it."""

    key: str
    #: Pages that it was made of.
    made_of: int
    #: The ids of those that the generation still has as they were, in order.
    pages: tuple[str, ...]

    @property
    def is_small(self) -> bool:
        """Whether it should be merged with its like."""
        return len(self.pages) < SMALL

    @property
    def is_worn(self) -> bool:
        """Whether most of what it holds has gone."""
        return 2 * len(self.pages) < self.made_of


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPlan:
    """The segments of a generation."""

    segments: tuple[IndexSegment, ...] = ()

    @property
    def keys(self) -> frozenset[str]:
        """The keys of the segments."""
        return frozenset(segment.key for segment in self.segments)


def plan_index(
    library_id: str, base: IndexPlan, before: Iterable[StoredPage], after: Iterable[StoredPage]
) -> IndexPlan:
    """The segments for the pages *after*, when those *before* are in the segments of *base*."""
    new = _contents(after)
    same = _same(_contents(before), new)
    left = [shown for segment in base.segments if (shown := _shown(segment, same)).pages]
    stay = [segment for segment in left if not segment.is_worn]
    fresh = _outside(new, stay)
    if sum(segment.is_small for segment in stay) + (0 < len(fresh) < SMALL) >= MOST_SMALL:
        stay = [segment for segment in stay if not segment.is_small]
        fresh = _outside(new, stay)
    parts = (fresh[start : start + MOST_PAGES] for start in range(0, len(fresh), MOST_PAGES))
    return IndexPlan(segments=(*stay, *(_make(library_id, part, new) for part in parts)))


def tell_index(
    base: IndexPlan, before: Iterable[StoredPage], plan: IndexPlan, after: Iterable[StoredPage]
) -> IndexChange | None:
    """What became of the segments: pages that had not changed were moved to another one, or all of them are new."""
    home = {page_id: segment.key for segment in base.segments for page_id in segment.pages}
    same = _same(_contents(before), _contents(after))
    news = [segment for segment in plan.segments if segment.key not in base.keys]
    if any(page_id in same and page_id in home for segment in news for page_id in segment.pages):
        return "index.optimized"
    return "index.rebuilt" if news and len(news) == len(plan.segments) else None


def encode_plan(plan: IndexPlan) -> bytes:
    """The plan as it is stored, the same bytes for the same plan."""
    return json.dumps({"version": 1, "segments": [asdict(segment) for segment in plan.segments]}).encode()


def decode_plan(body: bytes) -> IndexPlan:
    """What `encode_plan` made; raises `ValueError` when it is damaged."""
    try:
        segments = json.loads(body)["segments"]
        return IndexPlan(segments=tuple(IndexSegment(**{**one, "pages": tuple(one["pages"])}) for one in segments))
    except (KeyError, TypeError) as damaged:
        raise ValueError("This is no list of index segments.") from damaged


def _contents(pages: Iterable[StoredPage]) -> dict[str, str]:
    return {page.page_id: page.content_hash for page in pages}


def _same(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    return {page_id for page_id, content in after.items() if before.get(page_id) == content}


def _shown(segment: IndexSegment, same: set[str]) -> IndexSegment:
    """The segment with those of its pages that are still to be found."""
    return replace(segment, pages=tuple(page_id for page_id in segment.pages if page_id in same))


def _outside(pages: Iterable[str], segments: Iterable[IndexSegment]) -> list[str]:
    """The pages that are in none of the segments, in order."""
    found = {page_id for segment in segments for page_id in segment.pages}
    return sorted(page_id for page_id in pages if page_id not in found)


def _make(library_id: str, page_ids: Sequence[str], contents: Mapping[str, str]) -> IndexSegment:
    name = blake2b(f"{_FORMAT}\n".encode(), digest_size=16)
    name.update("".join(f"{page_id} {contents[page_id]}\n" for page_id in page_ids).encode())
    key = f"index/{library_id}/{name.hexdigest()}.fts5.gz"
    return IndexSegment(key=key, made_of=len(page_ids), pages=tuple(page_ids))
