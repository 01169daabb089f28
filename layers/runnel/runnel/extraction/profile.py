"""What the pages of one site have in common around their texts: blocks in the same place with the same text or links.

Laws: a profile depends on its sample alone, and that is chosen by whoever asks (the start page and its first links in
document order, never the pages that came first); the same profile and the same bytes give the same page. A block is
known by the names on the way to it, not by its number among others, so that a notice more or less on one page does not
hide the rest. What may be the page's own is never learned (what the page marks as its main part, what has a heading and
is not mostly links, a few words without a link), and from no page is so much taken that hardly anything is left.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

import turbohtml

from runnel.extraction.charset import parse_html
from runnel.extraction.furniture import MOSTLY_LINKS, link_share

#: Of how many pages a profile is learned at most, and how many must share a block.
SAMPLE: Final = 21
LEAST_PAGES: Final = 3
SHARED_BY: Final = 0.6

#: Blocks that surround a text; nothing inside a paragraph or a cell is asked for.
BLOCKS: Final = frozenset(
    {"div", "nav", "ul", "ol", "table", "p", "section", "header", "footer", "aside", "form", "address", "dl", "center"}
)
THROUGH: Final = BLOCKS | {"tbody", "tr", "td", "body"}

#: How deep blocks are looked for, and how many of a page: what surrounds its text stands near its edges.
DEEPEST: Final = 8
MOST_BLOCKS: Final = 300

#: A block with fewer links is learned only near the root, and one without any only when it says so many words:
#: "Returns", "Example" and "Part of the suite" are no boilerplate.
FEWEST_LINKS: Final = 2
DEEPEST_WITHOUT: Final = 3
FEWEST_WORDS: Final = 4

#: What a text has and its surroundings seldom.
OWN: Final = "h1, h2, h3, h4, h5, h6, pre"
HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})

#: A page that would lose more than this share of its text is left as it is: it may be what all others copy.
MOST_OF_PAGE: Final = 0.9

#: What parts the name of a place from what stands there; no class holds it.
BETWEEN: Final = "\0"


@dataclass(frozen=True, slots=True)
class SiteProfile:
    """The blocks that a site repeats, each as a fingerprint of its place and of what it says."""

    blocks: frozenset[str] = frozenset()

    def to_list(self) -> list[str]:
        """Return the profile as it is stored: sorted, so that equal profiles are equal bytes."""
        return sorted(self.blocks)

    @classmethod
    def of_list(cls, blocks: Iterable[str]) -> "SiteProfile":
        """Return the profile that `to_list` stored."""
        return cls(frozenset(blocks))


NO_PROFILE: Final = SiteProfile()


@dataclass(frozen=True, slots=True)
class SamplePage:
    """One page that a profile is learned from."""

    body: bytes
    charset: str | None = None


def learn(pages: Iterable[SamplePage]) -> SiteProfile:
    """Learn from the first pages of *pages*, each of which has been read; too few teach nothing."""
    sample = [_fingerprints(page) for _, page in zip(range(SAMPLE), pages, strict=False)]
    if len(sample) < LEAST_PAGES:
        return SiteProfile()
    counts = Counter(mark for marks in sample for mark in marks)
    least = max(LEAST_PAGES, SHARED_BY * len(sample))
    return SiteProfile(frozenset(mark for mark, count in counts.items() if count >= least))


def remove_repeated(tree: turbohtml.Document, profile: SiteProfile) -> None:
    """Take the blocks that *profile* knows out of *tree*, the outermost first."""
    body = tree.select_one("body") if profile.blocks else None
    if body is None:
        return
    known: list[turbohtml.Element] = []
    size = 0
    for block, text, marks in _walk(body, profile.blocks):
        if not profile.blocks.isdisjoint(marks):
            known.append(block)
            size += len(text)
    if size <= MOST_OF_PAGE * len(body.text):
        for block in known:
            block.decompose()


def _fingerprints(page: SamplePage) -> set[str]:
    body = parse_html(page.body, charset=page.charset).select_one("body")
    found: set[str] = set()
    for _, _, marks in _walk(body) if body is not None else ():
        found.update(marks)
    return found


def _walk(
    body: turbohtml.Element, known: AbstractSet[str] = frozenset()
) -> Iterator[tuple[turbohtml.Element, str, tuple[str, ...]]]:
    """Yield the blocks of *body*, each with its text and its fingerprints, but what stands in one that is known."""
    todo = [(body, "", 0)]
    count = 0
    while todo and count < MOST_BLOCKS:
        element, place, depth = todo.pop()
        text = element.text
        if not text or text.isspace():
            continue
        marks = _marks(element, place, text, depth) if depth and element.tag in BLOCKS else ()
        if marks:
            count += 1
            yield element, text, marks
        if known.isdisjoint(marks) and depth < DEEPEST and element.tag in THROUGH and element.attr("role") != "main":
            children = [child for child in element.children if isinstance(child, turbohtml.Element)]
            todo += [(child, f"{place}/{_name(child)}", depth + 1) for child in reversed(children)]


def _name(element: turbohtml.Element) -> str:
    return f"{element.tag}.{element.attr('class') or ''}#{element.attr('id') or ''}"


def _marks(element: turbohtml.Element, place: str, text: str, depth: int) -> tuple[str, ...]:
    """Return the fingerprints of a block: by its text, and by its links when it has more than one."""
    # From another folder the same page has another number of steps up before it.
    links = [(link.attr("href") or "").lstrip("./") for link in element.select("a[href]")]
    words = text.split()
    if len(links) < FEWEST_LINKS and (
        depth > DEEPEST_WITHOUT or (len(words) < FEWEST_WORDS and not links) or _stands_below_heading(element)
    ):
        return ()
    if element.select_one(OWN) is not None and (
        element.select_one("pre") is not None or link_share(element, text) < MOSTLY_LINKS
    ):
        return ()
    by_text = _hash(place, " ".join(words))
    return (by_text, _hash(place, "\n".join(links))) if len(links) > 1 else (by_text,)


def _stands_below_heading(element: turbohtml.Element) -> bool:
    before = element.previous_sibling
    while before is not None:
        if isinstance(before, turbohtml.Element) and before.tag in HEADINGS:
            return True
        before = before.previous_sibling
    return False


def _hash(place: str, said: str) -> str:
    return hashlib.blake2b(f"{place}{BETWEEN}{said}".encode("utf-8", "replace"), digest_size=8).hexdigest()
