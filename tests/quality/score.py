"""The eight figures: what is true of a page beside what came out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from difflib import SequenceMatcher

from tests.quality.figures import Found


@dataclass(slots=True)
class Share:
    """So many of so many."""

    good: int = 0
    all: int = 0

    def add(self, good: int, total: int) -> None:
        """Add one page's."""
        self.good += good
        self.all += total

    @property
    def percent(self) -> float | None:
        """The share in percent; None of nothing."""
        return 100 * self.good / self.all if self.all else None


@dataclass(slots=True, kw_only=True)
class Score:
    """The figures of one generator."""

    code: Share = field(default_factory=Share)  # blocks that came out to the letter
    language: Share = field(default_factory=Share)  # of the blocks that state one
    headings: Share = field(default_factory=Share)  # with their level, in order
    found: Share = field(default_factory=Share)  # links, by their text
    right: Share = field(default_factory=Share)  # links that lead where the page says
    tables: Share = field(default_factory=Share)  # plain ones, with all cells in all rows
    words: Share = field(default_factory=Share)  # kept
    precision: Share = field(default_factory=Share)  # words that are the page's own
    navigation: Share = field(default_factory=Share)  # pages with a link of the site's navigation; fewer is better


FIGURES = tuple(each.name for each in fields(Score))


def add_page(score: Score, truth: Found, outcome: Found) -> dict[str, object]:
    """Add one page to *score*; returns what went wrong, for whoever looks closer."""
    wrong: dict[str, object] = {}
    wrong["code"] = _add_code(score, truth, outcome)
    kept = in_order(truth.headings, outcome.headings)
    score.headings.add(len(kept), len(truth.headings))
    wrong["headings"] = _left(truth.headings, kept)
    _add_links(score, truth, outcome, wrong)
    tables = Counter(truth.tables) & Counter(outcome.tables)
    score.tables.add(tables.total(), len(truth.tables))
    wrong["tables"] = list((Counter(truth.tables) - tables).elements())
    kept_words = outcome.words + (outcome.optional & (truth.words - outcome.words))
    score.words.add((truth.words & kept_words).total(), truth.words.total())
    allowed = truth.words + truth.optional
    score.precision.add((allowed & outcome.words).total(), outcome.words.total())
    wrong["lost"] = (truth.words - outcome.words).most_common(15)
    wrong["extra"] = (outcome.words - allowed).most_common(15)
    return wrong


def _add_code(score: Score, truth: Found, outcome: Found) -> list[str]:
    said = Counter(text for text, _ in outcome.code)
    languages = Counter(outcome.code)
    wrong = []
    for text, language in truth.code:
        is_there = said[text] > 0
        said[text] -= is_there
        score.code.add(is_there, 1)
        if not is_there:
            wrong.append(text)
        if language:
            score.language.add(languages[text, language] > 0, 1)
            languages[text, language] -= 1
    return wrong


def _add_links(score: Score, truth: Found, outcome: Found, wrong: dict[str, object]) -> None:
    texts = Counter(text for text, _ in truth.links)
    out = Counter(text for text, _ in outcome.links)
    score.found.add((texts & out).total(), texts.total())
    wrong["not found"] = list((texts - out).elements())
    # Only links that the page has are judged; one of the navigation counts below, one inside code for nothing.
    known = Counter(link for link in outcome.links if link[0] in texts) - truth.optional_links
    right = Counter(truth.links) & known
    score.right.add(right.total(), min(known.total(), texts.total()) if known else 0)
    wrong["not right"] = list((known - Counter(truth.links)).elements())[:20]
    through = [link for link in outcome.links if link in truth.navigation]
    score.navigation.add(bool(through), 1)
    wrong["navigation"] = through


def in_order(expected: list[tuple[int, str]], found: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return which of the *expected* headings were *found*, in their order."""
    matcher = SequenceMatcher(None, expected, found, autojunk=False)
    return [expected[at + step] for at, _, size in matcher.get_matching_blocks() for step in range(size)]


def _left(expected: Iterable[tuple[int, str]], kept: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    return list((Counter(expected) - Counter(kept)).elements())
