"""Which part of a page is its own text.

Laws: first all that is plainly furniture goes from the whole page; a part that the page marks as its main one is taken
if what it leaves out is not more than it holds; without such a mark the way leads down from the body for as long as one
child holds nearly all text and the others hold no heading. Then the edges are trimmed of bars that lead around, and a
title that stands before the part is fetched in. The tree changes on the way: read links first.
"""

from dataclasses import dataclass
from operator import itemgetter
from typing import Final

import turbohtml

from runnel.extraction.bars import HEADED_TAGS, LONGEST_BAR, SPARSE, is_bar, is_longer_than_bar
from runnel.extraction.contents import Contents
from runnel.extraction.furniture import is_colophon, is_trail_to, link_share, remove_furniture
from runnel.extraction.page_heading import fetch_title, find_title, make_title, names_site
from runnel.extraction.tables import open_columns

#: How pages mark their text, most exact first. An `article` counts only when it is the only one.
MAIN_PARTS: Final = (
    "article[role=main]",
    "main article",
    "[role=main]",
    "main",
    "article",
    "div.body",
    "#main-content",
    "#mw-content-text",
    "#content",
    ".md-content",
    ".theme-doc-markdown",
    ".document",
)

#: Those that no index helps to find, to be asked for at once.
UNINDEXED: Final = frozenset(selector for selector in MAIN_PARTS if selector[0] in "[.#")
ANY_UNINDEXED: Final = ", ".join(sorted(UNINDEXED))

#: A marked part is doubted when the page has this many times its text beside it.
DOUBTED_BELOW: Final = 0.5

#: Less text than this (in characters) beside a marked part is no reason to doubt it.
WORTH_A_DOUBT: Final = 500

#: A child that holds this share of the text is where the way leads on.
NEARLY_ALL: Final = 0.9

#: A block with this share of text in links is passed by on the way.
PASSED_BY: Final = 0.5

#: A block of no more text than this share, and than so many characters, that has neither heading nor paragraph, is
#: passed by as well: the site's name, its version, a notice.
TINY_SHARE: Final = 0.03
TINY: Final = 200

#: How deep the way may lead, and how many blocks of an edge are looked at.
DEEPEST: Final = 24
EDGE: Final = 6

#: How far above an entry of a page the page's title may stand.
ENTRY_ABOVE: Final = 3

#: What says more than a list of pages, and so many characters outside of titles that do.
SAYS_MORE: Final = "p, pre, li, td, dd"
MOST_BESIDE_LISTS: Final = 40

#: How many links lead on at the end of a page.
PAGER_LINKS: Final = 2

OUTLINE: Final = "h1, h2, h3, h4"
HEADED: Final = "h1, h2, h3, h4, pre"

#: Elements that are a text's own blocks, into which no way leads.
TEXT_BLOCKS: Final = frozenset(
    {"p", "pre", "table", "ul", "ol", "dl", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "details"}
)


#: A child with text, and how many characters of it; of each element that was asked for its children.
_Block = tuple[turbohtml.Element, int]
_Measured = dict[turbohtml.Element, list[_Block]]


@dataclass(frozen=True, slots=True)
class MainPart:
    """The element that holds the page's own text, and whether more was taken than the page marks."""

    element: turbohtml.Element
    is_wide: bool = False


def choose_main_part(tree: turbohtml.Document, contents: Contents, title: str) -> MainPart | None:
    """Return the page's own text, freed of furniture; None when the page has no body.

    Args:
        title: what `<title>` says.
    """
    body = tree.select_one("body")
    if body is None:
        return None
    marked = _marked(tree)
    if marked is not None:
        _keep_lists(marked, contents)
    named = find_title(tree, contents, title)
    at_most = remove_furniture(body, contents)
    if named is not None:
        make_title(named)
    text = "" if marked is None else marked.text
    if not text or text.isspace():
        marked = None
    is_wide = marked is not None and _doubted(marked, len(text), body, at_most)
    measured: _Measured = {}
    if marked is None or is_wide:
        if contents.any_of("table"):
            open_columns(body)
        element, size = _densest(body, len(body.text), measured)
    else:
        element, size = _densest(marked, len(text), measured)
    if fetch_title(element, body, title):
        measured, size = {}, len(element.text)
    _trim(element, size, measured, title)
    return MainPart(element, is_wide)


def _keep_lists(marked: turbohtml.Element, contents: Contents) -> None:
    """Make the navigation in *marked* a part of its text where beside it there is but a title: a page that leads on."""
    boxes = [box for box in contents.within(marked, "nav") if _has_text(box)]
    first = marked.select_one(SAYS_MORE) if boxes else None
    if not boxes or (first is not None and _has_text(first) and not any(box in first.ancestors for box in boxes)):
        return
    within = {each for box in boxes for each in box.select(f"{SAYS_MORE}, {OUTLINE}")}
    if any(block not in within and _has_text(block) for block in marked.select(SAYS_MORE)):
        return
    titles = [heading for heading in marked.select(OUTLINE) if heading not in within]
    if _shown_size(marked) - sum(map(_shown_size, (*boxes, *titles))) > MOST_BESIDE_LISTS:
        return
    for box in boxes:
        if not all((link.attr("href") or "").startswith("#") for link in box.select("a")):
            box.tag = "div"


def _marked(tree: turbohtml.Document) -> turbohtml.Element | None:
    has_unindexed = tree.select_one(ANY_UNINDEXED) is not None
    for selector in MAIN_PARTS:
        if has_unindexed or selector not in UNINDEXED:
            hit = _only_hit(tree, selector)
            if hit is not None:
                return hit
    return None


def _only_hit(tree: turbohtml.Document, selector: str) -> turbohtml.Element | None:
    if not selector.endswith("article"):
        hit = tree.select_one(selector)
        return hit if hit is not None and _has_text(hit) else None
    hits = tree.select(selector)
    return hits[0] if len(hits) == 1 and _has_text(hits[0]) and not _is_entry(hits[0]) else None


def _is_entry(article: turbohtml.Element) -> bool:
    """Say whether *article* is but an entry of the page: its title, and further headings, stand beside it."""
    if article.select_one("h1") is not None:
        return False
    above = article.parent
    for _ in range(ENTRY_ABOVE):
        if not isinstance(above, turbohtml.Element) or above.tag == "body":
            break
        if above.select_one("h1") is not None:
            return len(above.select(OUTLINE)) - len(article.select(OUTLINE)) > 1
        above = above.parent
    return False


def _has_text(element: turbohtml.Element) -> bool:
    return next(iter(element.stripped_strings), None) is not None


def _doubted(marked: turbohtml.Element, held: int, body: turbohtml.Element, at_most: int) -> bool:
    """Say whether the page has more text of its own beside the part that it marks, of *held* characters, than in it.

    *at_most* is what *body* held with its furniture, 0 for unknown: mostly that says it, and costs nothing.
    """
    if at_most and held >= DOUBTED_BELOW * at_most:
        return False
    shown, whole = _shown_size(marked), _shown_size(body)
    if shown >= DOUBTED_BELOW * whole or whole - shown < WORTH_A_DOUBT:
        return False
    return _own_size(marked, shown) < DOUBTED_BELOW * _own_size(body, whole)


def _shown_size(part: turbohtml.Element) -> int:
    """Return how many characters of *part* a browser shows: templates indent what stands around a text."""
    return len(" ".join(part.text.split()))


def _own_size(part: turbohtml.Element, shown: int) -> int:
    """Return how much text of *part*, of which so much is *shown*, stands outside links."""
    return shown - sum(_shown_size(link) for link in part.select("a"))


def _densest(part: turbohtml.Element, size: int, measured: _Measured) -> tuple[turbohtml.Element, int]:
    """Follow the text down from *part* for as long as it stays together; a box around all of it stays.

    Returns where it ends and how much text that has; *size* is that of *part*.
    """
    found, found_size = part, size
    for _ in range(DEEPEST):
        below, size, leaves_out = _next_below(part, size, measured)
        if below is None:
            break
        part = below
        if leaves_out:
            found, found_size = below, size
    return found, found_size


def _next_below(part: turbohtml.Element, size: int, measured: _Measured) -> tuple[turbohtml.Element | None, int, bool]:
    """Return the child of *part* that holds all that may be text, its size, and whether others are left out."""
    children = _blocks(part, size, measured)
    best_size, at = max(((each, -at) for at, (_, each) in enumerate(children)), default=(0, 0))
    if 2 * best_size < size or not children:
        return None, 0, False
    best = children[-at][0]
    if best.tag in TEXT_BLOCKS:
        return None, 0, False
    others = [child for number, child in enumerate(children) if number != -at]
    tiny = TINY_SHARE * size if best_size >= NEARLY_ALL * size else 0
    if any(_may_be_text(child, each, tiny) for child, each in others):
        return None, 0, False
    return best, best_size, bool(others)


def _blocks(part: turbohtml.Element, size: int, measured: _Measured) -> list[_Block]:
    """Return the children of *part*, of *size*, that have text, with how much; what was *measured* is not again."""
    blocks = measured.get(part)
    if blocks is None:
        children = [child for child in part.children if isinstance(child, turbohtml.Element)]
        blocks = _only_block(part, size, children[0]) if len(children) == 1 else _measure(children)
        measured[part] = blocks
    return blocks


def _measure(children: list[turbohtml.Element]) -> list[_Block]:
    found = [(child, child.text) for child in children]
    return [(child, len(text)) for child, text in found if text and not text.isspace()]


def _only_block(part: turbohtml.Element, size: int, child: turbohtml.Element) -> list[_Block]:
    """Return *child*, which has all text of *part* but what stands beside it: that is faster added up."""
    beside = sum(len(node.data) for node in part.children if isinstance(node, turbohtml.Text))
    return [(child, size - beside)] if any(map(str.strip, child.strings)) else []


def _may_be_text(block: turbohtml.Element, size: int, tiny: float) -> bool:
    if block.tag in TEXT_BLOCKS:
        return not is_bar(block) and not is_colophon(block)
    if block.select_one(HEADED) is not None:
        return True
    if is_colophon(block) or (size <= min(tiny, TINY) and block.select_one("p") is None):
        return False
    return link_share(block, block.text) < PASSED_BY


def _trim(part: turbohtml.Element, size: int, measured: _Measured, title: str) -> None:
    """Take the bars from the edges of *part*, of *size*, and of the block in it that holds most of its text."""
    for _ in range(DEEPEST):
        blocks = _trimmed(_blocks(part, size, measured), title)
        biggest, below = max(blocks, key=itemgetter(1), default=(part, 0))
        if biggest.tag in TEXT_BLOCKS or 2 * below < size or not below:
            return
        part, size = biggest, below


def _trimmed(blocks: list[_Block], title: str) -> list[_Block]:
    for _ in range(EDGE):
        if len(blocks) > 1 and (_is_edge(*blocks[0], is_last=False) or _leads_up_to_title(blocks, title)):
            _drop_edge(blocks.pop(0)[0])
        elif len(blocks) > 1 and (_is_edge(*blocks[-1], is_last=True) or _is_pager(blocks)):
            _drop_edge(blocks.pop()[0])
        else:
            break
    return blocks


def _drop_edge(block: turbohtml.Element) -> None:
    """Drop *block*, and the rule that parts it from the text.

    With a link of no box goes what stands beside it, too: a word for what is no link on this page, or a separator.
    """
    for step in ("previous_sibling", "next_sibling"):
        beside = getattr(block, step)
        if block.tag == "a" and isinstance(beside, turbohtml.Text):
            beside.data = " "
        while beside is not None and not isinstance(beside, turbohtml.Element) and beside.text.isspace():
            beside = getattr(beside, step)
        if isinstance(beside, turbohtml.Element) and beside.tag == "hr":
            beside.decompose()
    block.decompose()


def _is_pager(blocks: list[_Block]) -> bool:
    """Say whether the last of *blocks* is one link or two, and nothing else, after what the page says of itself."""
    (before, size), (last, last_size) = blocks[-2:]
    if last.tag != "div" or max(size, last_size) > LONGEST_BAR or not is_colophon(before):
        return False
    return 0 < len(last.select("a[href]")) <= PAGER_LINKS and link_share(last, last.text) == 1.0


def _is_edge(block: turbohtml.Element, size: int, *, is_last: bool) -> bool:
    if size > SPARSE * LONGEST_BAR:
        return False
    return is_bar(block) or (is_last and is_colophon(block))


def _leads_up_to_title(blocks: list[_Block], title: str) -> bool:
    """Say whether the first of *blocks* is mostly links, a trail or the site's name, and the page's title comes after.

    *title* is what `<title>` says.
    """
    first, size = blocks[0]
    if size > SPARSE * LONGEST_BAR or first.tag in HEADED_TAGS or is_longer_than_bar(first.text):
        return False
    titles = (block if block.tag == "h1" else block.select_one("h1") for block, _ in blocks[1:])
    heading = next((each for each in titles if each is not None), None)
    if heading is None or first.select_one(HEADED) is not None:
        return False
    links = len(first.select("a[href]"))
    if links > 1 and link_share(first, first.text) >= PASSED_BY:
        return True
    return is_trail_to(first, heading) if links else names_site(first, heading, title)
