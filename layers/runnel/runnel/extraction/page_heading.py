"""The heading that is a page's title: where it stands, and whether it is one at all.

Laws: a title comes into the main part when it stands before it; a box that says what `<title>` says becomes a heading
only on a page that has none of the first level; a heading that names the site, not the page, is no title.
"""

import re
from functools import lru_cache
from typing import Final

import turbohtml

from runnel.extraction.bars import is_longer_than_bar
from runnel.extraction.contents import Contents
from runnel.extraction.furniture import LITTLE_BUT_LINKS, link_share
from runnel.extraction.metadata import one_line

#: How far above a part its title may stand.
TITLE_ABOVE: Final = 3

#: Among how many headings one with the page's title is looked for.
NEXT_HEADINGS: Final = 4

#: What parts a page's title from its site's in `<title>`.
TITLE_PARTS: Final = re.compile("\\s+(?:[|\u00b7\u2022\u2014\u2013\u00ab\u00bb:]|::|-+)\\s+|\\s*[|]\\s*")

#: A fetched block with this share of text in links is a bar: only its heading is the page's.
PASSED_BY: Final = 0.5

#: What boxes are called that hold a title without being a heading, what such a box cannot hold, how long it may be, and
#: which share of `<title>` it must say: the site's name is said, too.
TITLE_NAME: Final = re.compile(r"title|heading")
BLOCKS: Final = "div, p, pre, ul, ol, dl, table, h2, h3, h4, h5, h6"
LONGEST: Final = 200
LEAST_SHARE: Final = 0.4

#: How far above such a box what belongs to it may stand.
BOX_ABOVE: Final = 2


def find_title(tree: turbohtml.Document, contents: Contents, title: str) -> turbohtml.Element | None:
    """Return the box that says what *title*, that of `<title>`, says of the page; None when a heading says it."""
    page = _plain(title)
    headings = (tree.select_one(level) for level in ("h1", "h2"))  # each is found through the parser's index
    if not page or any(heading is not None and _plain(heading.text) in page for heading in headings):
        return None
    best: tuple[int, turbohtml.Element | None] = (0, None)
    for box, names in contents.boxes:
        if not _names_title(names) or box.select_one("h1, pre") is not None:
            continue
        said = _plain(_own_text(box))
        if best[0] < len(said) <= LONGEST and len(said) >= LEAST_SHARE * len(page) and _is_part(said, page):
            best = len(said), box
    return best[1]


@lru_cache(maxsize=4096)
def _names_title(classes: str) -> bool:
    return TITLE_NAME.search(classes.lower()) is not None


def make_title(box: turbohtml.Element) -> None:
    """Make what *box* says itself the page's first heading, and take away what leads around beside it."""
    inner = _become_heading(box)
    for _ in range(BOX_ABOVE):
        around = inner.parent
        if not isinstance(around, turbohtml.Element) or around.tag == "body" or is_longer_than_bar(around.text):
            return
        beside = [child for child in around.children if isinstance(child, turbohtml.Element) and child != inner]
        for child in beside:
            if link_share(child, child.text) >= LITTLE_BUT_LINKS:
                child.decompose()
        inner = around


def _become_heading(box: turbohtml.Element) -> turbohtml.Element:
    """Turn *box* into a heading; where blocks stand in it, its first text alone."""
    first = next(iter(box.children), None)
    if box.select_one(BLOCKS) is None or not isinstance(first, turbohtml.Text):
        box.tag = "h1"
        return box
    heading = turbohtml.Element("h1")
    box.insert(0, heading)
    heading.append(first.extract())
    return heading


def _own_text(box: turbohtml.Element) -> str:
    """Return what *box* says before any element in it, for labels stand behind a title; all of it, when that is not."""
    first = next(iter(box.children), None)
    said = first.text if isinstance(first, turbohtml.Text) else ""
    if said.strip():
        return said
    return "" if box.select_one(BLOCKS) is not None else box.text


def _is_part(said: str, title: str) -> bool:
    """Say whether *said* is the beginning or the end of *title*, up to the end of a word."""
    if title.startswith(said):
        return not title[len(said) : len(said) + 1].isalnum()
    return title.endswith(said) and not title[: -len(said)][-1:].isalnum()


def fetch_title(part: turbohtml.Element, body: turbohtml.Element, title: str) -> bool:
    """Move the block with the page's title into *part*, when it stands before it and *part* has none; say whether.

    Some generators head the sections of a page as high as the page: then only a heading that is the title counts.
    """
    if part == body:
        return False
    page_title = _plain(TITLE_PARTS.split(title)[0])
    first = part.select_one("h1")
    if first is not None and _plain(first.text) in _plain(title):
        return False
    inner: turbohtml.Node = part
    for _ in range(TITLE_ABOVE):
        before = inner.previous_sibling
        while before is not None:
            if isinstance(before, turbohtml.Element):
                bearer = _bearer(before, page_title, exactly=first is not None)
                if bearer is not None:
                    part.insert(0, bearer.extract())
                    return True
            before = before.previous_sibling
        above = inner.parent
        if not isinstance(above, turbohtml.Element) or above == body:
            return False
        inner = above
    return False


def _bearer(block: turbohtml.Element, page_title: str, *, exactly: bool) -> turbohtml.Element | None:
    """Return what of *block* is to be fetched as the page's title: all of it, or of a bar its heading alone."""
    heading = block if block.tag == "h1" else block.select_one("h1")
    if heading is None or not page_title or _leads_away(heading):
        return None
    said = _plain(heading.text)
    if said != page_title and (exactly or not said or not (said in page_title or page_title in said)):
        return None
    return heading if link_share(block, block.text) >= PASSED_BY else block


def names_site(block: turbohtml.Element, heading: turbohtml.Element, title: str) -> bool:
    """Say whether *block* says of *title*, what `<title>` says, only what the page's *heading* does not."""
    said, page = _plain(block.text), _plain(title)
    return said not in ("", page) and _is_part(said, page) and said not in _plain(heading.text)


def is_site_title(headings: list[turbohtml.Element], title: str) -> bool:
    """Say whether the first of *headings* names the site, not the page: other pages bear it too."""
    if len(headings) < 2:
        return False
    first = headings[0]
    said, parts = _plain(first.text), [_plain(each) for each in TITLE_PARTS.split(title)]
    if not said or said in parts[0] or said not in _plain(title):
        return False
    # A site's name may come first in `<title>`, so that a page's title looks like a site's: something else must say so.
    others = [_plain(heading.text) for heading in headings[1:NEXT_HEADINGS]]
    return _leads_away(first) or (said in parts[1:] and parts[0] in others)


def _leads_away(heading: turbohtml.Element) -> bool:
    link = heading.select_one("a[href]") or heading.closest("a[href]")
    return (
        link is not None
        and not (link.attr("href") or "").startswith("#")
        and len(link.text.strip()) >= len(heading.text.strip())
    )


def _plain(text: str) -> str:
    return one_line(text).strip(" \u00b6#").lower()
