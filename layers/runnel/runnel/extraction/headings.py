"""The outline of a main part: each heading with its level, its text and the anchor a link can name.

Laws: permalink marks (`¶`, `#`, `§`) are no part of a heading and leave the tree; the anchor is the heading's own id,
else one inside it, else that of the section whose first heading it is; without any it is the empty string.
"""

from typing import Final

import turbohtml

from runnel.extraction.contents import Contents
from runnel.extraction.metadata import one_line
from runnel.extraction.page import Heading

PERMALINK_MARKS: Final = frozenset(
    {"¶", "#", "§", "🔗", "\N{LINK SYMBOL}\ufe0f", "\uf0c1", "\u200b", "Link to this heading", "Permalink", ""}
)

#: How far above a heading its section may stand (DocBook puts a title page of three boxes between).
SECTION_DEPTH: Final = 4

LEVELS: Final = ("h1", "h2", "h3", "h4", "h5", "h6")


def take_headings(main: turbohtml.Element, contents: Contents) -> tuple[Heading, ...]:
    """Free the headings of *main* from permalink marks, and return them in document order."""
    found = []
    levels = contents.any_of(*LEVELS)
    for element in main.select(levels) if levels else ():
        if element.select_one("a") is not None:
            _drop_marks(element)
        text = one_line(element.text)
        if text:
            found.append((int(element.tag[1]), text, _anchor(element)))
    return tuple(found)


def _drop_marks(heading: turbohtml.Element) -> None:
    for link in heading.select('a[href*="#"]'):
        if link.text.strip() in PERMALINK_MARKS and link.select_one("img") is None:
            link.decompose()


def _anchor(heading: turbohtml.Element) -> str:
    own = heading.attr("id")
    if own:
        return own
    inside = heading.select_one("[id], a[name]")
    if inside is not None:
        return inside.attr("id") or inside.attr("name") or ""
    return _section_id(heading)


def _section_id(heading: turbohtml.Element) -> str:
    """Return the id of the nearest box around *heading* that begins with it."""
    inner: turbohtml.Node = heading
    for _ in range(SECTION_DEPTH):
        box = inner.parent
        if not isinstance(box, turbohtml.Element) or not _begins_with(box, inner):
            return ""
        if box.attr("id"):
            return box.attr("id") or ""
        inner = box
    return ""


def _begins_with(box: turbohtml.Element, child: turbohtml.Node) -> bool:
    before = child.previous_sibling
    while before is not None:
        if before.text.strip() if isinstance(before, (turbohtml.Element, turbohtml.Text)) else False:
            return False
        before = before.previous_sibling
    return box is not None
