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

#: A new segment takes no more pages once it has so many, or pages of so many words: it is made in memory, in a second.
MOST_PAGES: Final = 1_000
MOST_WORDS: Final = 250_000
#: Segments of less than a quarter of both are small; of so many small ones a generation has fewer.
SMALL: Final = MOST_PAGES // 4
SMALL_WORDS: Final = MOST_WORDS // 4
MOST_SMALL: Final = 8
#: How segments are made; another number makes other keys.
_FORMAT: Final = 3

IndexChange = Literal["index.rebuilt", "index.optimized"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSegment:
    """One segment as a generation lists it."""

    key: str
    #: Pages that it was made of.
    made_of: int
    #: Words that those pages had.
    words: int = 0
    #: The ids of those that the generation still has as they were, in order.
    pages: tuple[str, ...]

    @property
    def is_small(self) -> bool:
        """Whether it should be merged with its like."""
        return len(self.pages) < SMALL and self.words * len(self.pages) < SMALL_WORDS * self.made_of

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
    pages = {page.page_id: page for page in after}
    same = _same(_contents(before), _contents(pages.values())) if base.segments else set()
    left = [shown for segment in base.segments if (shown := _shown(segment, same)).pages]
    stay = [segment for segment in left if not segment.is_worn]
    fresh = _fresh(library_id, pages, stay)
    if sum(segment.is_small for segment in (*stay, *fresh)) >= MOST_SMALL:
        stay = [segment for segment in stay if not segment.is_small]
        fresh = _fresh(library_id, pages, stay)
    return IndexPlan(segments=(*stay, *fresh))


def tell_index(
    base: IndexPlan, before: Iterable[StoredPage], plan: IndexPlan, after: Iterable[StoredPage]
) -> IndexChange | None:
    """What became of the segments: pages that had not changed were moved to another one, or all of them are new."""
    news = [segment for segment in plan.segments if segment.key not in base.keys]
    if not news:
        return None
    home = {page_id: segment.key for segment in base.segments for page_id in segment.pages}
    same = _same(_contents(before), _contents(after)) if home else set()
    if any(page_id in same and page_id in home for segment in news for page_id in segment.pages):
        return "index.optimized"
    return "index.rebuilt" if len(news) == len(plan.segments) else None


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


def _fresh(library_id: str, pages: Mapping[str, StoredPage], segments: Iterable[IndexSegment]) -> list[IndexSegment]:
    """New segments of the *pages* that are in none of *segments*: at most the last of them is small."""
    found = {page_id for segment in segments for page_id in segment.pages}
    made: list[IndexSegment] = []
    part: list[StoredPage] = []
    words = 0
    for page_id in sorted(pages.keys() - found):
        part.append(pages[page_id])
        words += pages[page_id].words
        if len(part) >= MOST_PAGES or words >= MOST_WORDS:
            made.append(_make(library_id, part, words))
            part, words = [], 0
    return [*made, _make(library_id, part, words)] if part else made


def _make(library_id: str, pages: Sequence[StoredPage], words: int) -> IndexSegment:
    name = blake2b(f"{_FORMAT}\n".encode(), digest_size=16)
    name.update("".join(f"{page.page_id} {page.content_hash}\n" for page in pages).encode())
    key = f"index/{library_id}/{name.hexdigest()}.fts5.gz"
    return IndexSegment(key=key, made_of=len(pages), words=words, pages=tuple(page.page_id for page in pages))
