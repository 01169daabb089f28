"""What the pages of one site have in common around their texts: blocks in the same place with the same text or links.

Laws: a profile depends on its sample alone, and that is chosen by whoever asks (the start page and its first links in
document order, never the pages that came first); the same profile and the same bytes give the same page. A block is
known by the names on the way to it, not by its number among others, so that a notice more or less on one page does not
hide the rest. What may be the page's own is never learned (what the page marks as its main part, what has a heading and
is not mostly links, a few words without a link), and from no page is so much taken that hardly anything is left. The
main part is chosen before anything is taken: what a page is found in does not depend on its neighbours.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import islice
from typing import Final

import turbohtml

from runnel.extraction.charset import parse_html
from runnel.extraction.contents import Contents
from runnel.extraction.furniture import FURNITURE, MOSTLY_LINKS, link_share
from runnel.extraction.learning import SAMPLE, PageMarks, ask_for, learn_blocks
from runnel.extraction.limits import check_depth
from runnel.extraction.links import LinkResolver, find_base
from runnel.extraction.main_part import choose_main_part
from runnel.extraction.metadata import read_metadata
from runnel.extraction.panels import SETS, label_panels
from runnel.extraction.titles import cut_title, learn_titles

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

#: So many blocks in one place of a page are entries of a list: one of few words is learned from no such place, though
#: the lists of other pages have it, too.
ENTRIES: Final = 4

#: What a text has and its surroundings seldom.
OWN: Final = "h1, h2, h3, h4, h5, h6, pre"
HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
ANY_HEADING: Final = ", ".join(sorted(HEADINGS))

#: The address of a page whose links nobody wants.
NOWHERE: Final = "https://nowhere.invalid/"

#: A longer block (in characters) is no page's surroundings.
LONGEST: Final = 20_000

#: A page that would lose more than this share of its text is left as it is: it may be what all others copy.
MOST_OF_PAGE: Final = 0.9

#: What choosing the main part asks of a tree.
ASKED: Final = (*FURNITURE, *SETS, "a[hreflang]", "header", "table")

#: What parts the name of a place from what stands there; no class holds it.
BETWEEN: Final = "\0"


@dataclass(frozen=True, slots=True)
class SiteProfile:
    """The blocks that a site repeats, each as a fingerprint of its place and of what it says; and parts of titles."""

    blocks: frozenset[str] = frozenset()
    titles: frozenset[str] = frozenset()


NO_PROFILE: Final = SiteProfile()


@dataclass(frozen=True, slots=True)
class SamplePage:
    """One page that a profile is learned from."""

    body: bytes
    charset: str | None = None


def learn(pages: Iterable[SamplePage]) -> SiteProfile:
    """Learn from the first pages of *pages*, each of which has been read; too few teach nothing."""
    sample = list(islice(pages, SAMPLE))
    told = [marks_of(page.body, charset=page.charset) for page in sample]
    asked = ask_for(told)
    present = [present_marks(page.body, charset=page.charset, asked=asked) for page in sample if asked]
    return SiteProfile(frozenset(learn_blocks(asked, present)), frozenset(learn_titles(page.title for page in told)))


def present_marks(body: bytes, *, charset: str | None, asked: Collection[str]) -> frozenset[str]:
    """Return which of the *asked* marks stand anywhere on a page; raises as `marks_of`."""
    tree = parse_html(body, charset=charset)
    check_depth(tree, body)
    whole = tree.select_one("body")
    return _fingerprints(whole).intersection(asked) if whole is not None else frozenset()


def marks_of(body: bytes, *, charset: str | None) -> PageMarks:
    """Return what a page of a sample tells; raises `ValueError`, `RecursionError` as the parser does."""
    tree = parse_html(body, charset=charset)
    check_depth(tree, body)
    facts = read_metadata(tree, LinkResolver(find_base(tree, body, url=NOWHERE)))
    contents = Contents(tree, ASKED)
    label_panels(tree, contents)
    part = choose_main_part(tree, contents, facts.title)
    if part is None:
        return PageMarks(kept=frozenset(), title=facts.title)
    heading = part.element.select_one(ANY_HEADING)
    title, _ = cut_title(facts.title, heading=heading.text if heading is not None else "", site=facts.site)
    return PageMarks(kept=_learnable(part.element), title=title)


def find_repeated(main: turbohtml.Element, profile: SiteProfile) -> tuple[turbohtml.Element, ...]:
    """Return the blocks of *main* that *profile* knows, the outermost; none when they are nearly all of it."""
    if not profile.blocks:
        return ()
    known = [step.element for step, marks in _walk(main, profile.blocks) if not profile.blocks.isdisjoint(marks)]
    size = sum(len(block.text) for block in known)
    return tuple(known) if size <= MOST_OF_PAGE * len(main.text) else ()


def _fingerprints(part: turbohtml.Element) -> frozenset[str]:
    return frozenset(mark for _, marks in _walk(part) for mark in marks)


def _learnable(part: turbohtml.Element) -> frozenset[str]:
    """Return the fingerprints of the blocks of *part* but those of entries of a list."""
    found = list(_walk(part))
    places = Counter(step.place for step, _ in found)
    return frozenset(
        mark
        for step, marks in found
        if places[step.place] < ENTRIES or len(step.element.text.split()) >= FEWEST_WORDS
        for mark in marks
    )


@dataclass(frozen=True, slots=True)
class _Step:
    element: turbohtml.Element
    place: str
    depth: int
    #: A heading stands before it among its neighbours.
    is_headed: bool


def _walk(part: turbohtml.Element, known: AbstractSet[str] = frozenset()) -> Iterator[tuple[_Step, tuple[str, ...]]]:
    """Yield the blocks of *part*, each with its fingerprints, but what stands in one that is known."""
    place, depth = _place_of(part)
    todo = [_Step(part, place, depth, is_headed=False)]
    count = 0
    while todo and count < MOST_BLOCKS:
        step = todo.pop()
        marks: tuple[str, ...] = ()
        if step.element != part:
            if step.depth > DEEPEST_WITHOUT and not _has_links(step.element):
                continue  # nor has anything within it
            if step.element.tag in BLOCKS:
                marks = _marks(step)
            elif step.element.tag == "a" and step.depth <= DEEPEST_WITHOUT and _stands_alone(step.element):
                marks = (_hash(step.place, f"{step.element.text.strip()}{BETWEEN}{_target(step.element)}"),)
        if marks:
            count += 1
            yield step, marks
        if known.isdisjoint(marks) and step.depth < DEEPEST and _leads_on(step.element, part):
            todo += reversed(list(_below(step)))


def _leads_on(element: turbohtml.Element, part: turbohtml.Element) -> bool:
    return element == part or (element.tag in THROUGH and element.attr("role") != "main")


def _below(step: _Step) -> Iterator[_Step]:
    is_headed = False
    for child in step.element.children:
        if isinstance(child, turbohtml.Element):
            yield _Step(child, f"{step.place}/{_name(child)}", step.depth + 1, is_headed)
            is_headed = is_headed or child.tag in HEADINGS


def _place_of(part: turbohtml.Element) -> tuple[str, int]:
    """Return the names on the way from the body to *part*, and how deep that is."""
    names: list[str] = []
    above: turbohtml.Node | None = part
    while isinstance(above, turbohtml.Element) and above.tag != "body":
        names.append(_name(above))
        above = above.parent
    return "".join(f"/{name}" for name in reversed(names)), len(names)


def _name(element: turbohtml.Element) -> str:
    return f"{element.tag}.{element.attr('class') or ''}#{element.attr('id') or ''}"


def _has_links(element: turbohtml.Element) -> bool:
    """Say whether there are enough to go by, without asking for all of them."""
    return sum(1 for _ in islice(element.xpath_iter(".//a[@href]"), FEWEST_LINKS)) == FEWEST_LINKS


def _marks(step: _Step) -> tuple[str, ...]:
    """Return the fingerprints of a block: by its text, and by its links when it has more than one."""
    element = step.element
    text = element.text
    if len(text) > LONGEST:
        return ()
    words, links = text.split(), element.select("a[href]")
    has_few = len(links) < FEWEST_LINKS
    if has_few and (step.depth > DEEPEST_WITHOUT or step.is_headed):
        return ()
    if not words or (has_few and len(words) < FEWEST_WORDS and not links):
        return ()
    if element.select_one(OWN) is not None and (
        element.select_one("pre") is not None or link_share(element, text) < MOSTLY_LINKS
    ):
        return ()
    by_text = _hash(step.place, " ".join(words))
    if len(links) < FEWEST_LINKS:
        return (by_text,)
    return by_text, _hash(step.place, "\n".join(map(_target, links)))


def _target(link: turbohtml.Element) -> str:
    """Return where *link* leads: from another folder the same page has another number of steps up before it."""
    return (link.attr("href") or "").lstrip("./")


def _stands_alone(link: turbohtml.Element) -> bool:
    """Say whether *link* says something, and no text stands beside it: "main help file" between a title and a rule."""
    beside = (link.previous_sibling, link.next_sibling)
    return bool(link.text.strip() and _target(link)) and not any(
        isinstance(node, turbohtml.Text) and not node.data.isspace() for node in beside
    )


def _hash(place: str, said: str) -> str:
    return hashlib.blake2b(f"{place}{BETWEEN}{said}".encode("utf-8", "replace"), digest_size=8).hexdigest()
