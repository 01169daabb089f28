"""What the pages of a sample have in common: pure counting, without a parser, for whoever only passes it on.

Laws: what is learned depends on the sample alone, not on its order; a sample of fewer than `LEAST_PAGES` teaches
nothing; a block is learned only when two pages kept it in their main part, so that a site whose pages come out clean
has an empty profile and costs nothing.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

#: Of how many pages a profile is learned at most, and how many must share a block.
SAMPLE: Final = 21
LEAST_PAGES: Final = 3
LEAST_KEPT: Final = 2
SHARED_BY: Final = 0.6

#: A profile is small; a site that repeats more than this is no documentation.
MOST_BLOCKS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PageMarks:
    """What one page of a sample tells: fingerprints of the blocks that its main part kept, and its title."""

    kept: frozenset[str]
    title: str


def ask_for(sample: Sequence[PageMarks]) -> frozenset[str]:
    """Return the blocks that the pages of *sample* must be asked for: those that two of them kept at least."""
    if len(sample) < LEAST_PAGES:
        return frozenset()
    counts = Counter(mark for page in sample for mark in page.kept)
    return frozenset(mark for mark, count in counts.items() if count >= LEAST_KEPT)


def learn_blocks(asked: Collection[str], present: Sequence[Collection[str]]) -> tuple[str, ...]:
    """Return which of the *asked* blocks a site repeats; *present* are those of them that each page of a sample has."""
    least = max(LEAST_PAGES, SHARED_BY * len(present))
    counts = Counter(mark for marks in present for mark in marks)
    return tuple(sorted(mark for mark in asked if counts[mark] >= least)[:MOST_BLOCKS])


def name_blocks(blocks: Collection[str]) -> str:
    """Return a name that stands for *blocks*, "" for none."""
    if not blocks:
        return ""
    return hashlib.blake2b("\n".join(sorted(blocks)).encode(), digest_size=8).hexdigest()
