"""The outline of a main part: each heading with its level, its text and the anchor a link can name.

Laws: permalink marks (`¶`, `#`, `§`) are no part of a heading and leave the tree; the anchor is the heading's own id,
else one inside it, else that of the section whose first heading it is; without any it is the empty string.
"""

import re
from collections.abc import Iterable
from typing import Final

import turbohtml

from runnel.extraction.contents import Contents
from runnel.extraction.controls import short_line
from runnel.extraction.footnotes import without_references
from runnel.extraction.metadata import one_line
from runnel.extraction.page import Heading
from runnel.extraction.page_heading import is_site_title

PERMALINK_MARKS: Final = frozenset(
    {
        "¶",
        "#",
        "§",
        "🔗",
        "\N{LINK SYMBOL}\ufe0f",
        "\uf0c1",
        "\u200b",
        "\u21a9",
        "\u21a9\ufe0e",
        "◆",
        "⚓",
        "∞",
        "Link to this heading",
        "Permalink",
        "",
    }
)

#: What a link says that leads nowhere, for a script waits for its click.
CONTROL: Final = re.compile(
    r"\W*(?:(?:show|hide|view|expand|collapse|toggle|copy)(?: (?:all|source|code|more|less|details|inherited))?|"
    r"(?:back to )?top)\W*",
    re.IGNORECASE,
)

#: So many headings of a page are told: they stand in the list of its library's pages.
MOST_HEADINGS: Final = 5_000

#: How far above a heading its section may stand (DocBook puts a title page of three boxes between).
SECTION_DEPTH: Final = 4

LEVELS: Final = ("h1", "h2", "h3", "h4", "h5", "h6")


def take_headings(main: turbohtml.Element, contents: Contents, title: str) -> tuple[Heading, ...]:
    """Return the headings of *main* in document order; one that names the site (*title* tells) goes first."""
    found = list[Heading]()
    levels = contents.any_of(*LEVELS)
    elements = list(main.iter_elements(levels.split(", "))) if levels else []  # in a third of the time of a selector
    if is_site_title(elements, title) or _says_title_before(elements, title):
        elements.pop(0).decompose()
    for element in elements:
        link = element.closest("a")
        if link is not None:
            _turn_inside_out(element, link)
        text = short_line(without_references(element.text))
        if text and len(found) < MOST_HEADINGS:
            found.append((int(element.tag[1]), text, _anchor(element)))
    return tuple(found)


def _says_title_before(headings: list[turbohtml.Element], title: str) -> bool:
    """Say whether the first of *headings*, a template's, only says what the page's title after it says again."""
    if len(headings) < 2 or headings[1].tag != "h1" or headings[0].tag == "h1":
        return False
    if headings[0].parent == headings[1].parent:
        return False
    said = one_line(headings[0].text)
    return said != "" and said in title and said == one_line(headings[1].text.rstrip("\u00b6#"))


def drop_marks(links: Iterable[turbohtml.Element]) -> None:
    """Take away those of *links*, all to places of the page, that name their own, or make a heading lead to itself."""
    for link in links:
        text = link.text.strip()
        if text in PERMALINK_MARKS and link.select_one("img") is None:
            _pass_anchor_on(link)
            link.decompose()
        elif CONTROL.fullmatch(text) is not None and link.attr("href") == "#":
            link.decompose()
        elif isinstance(link.parent, turbohtml.Element) and link.parent.tag in LEVELS:
            _pass_anchor_on(link)
            link.unwrap()


def _pass_anchor_on(link: turbohtml.Element) -> None:
    """Give the anchor of a link to the heading that it stands in, if that has none."""
    anchor = link.attr("id") or link.attr("name")
    heading = link.closest("h1, h2, h3, h4, h5, h6") if anchor else None
    if heading is not None and anchor and not heading.attr("id"):
        heading.attrs["id"] = anchor


def _turn_inside_out(heading: turbohtml.Element, link: turbohtml.Element) -> None:
    """Make a heading within *link* a heading; the link comes into it, unless it leads to the heading itself.

    What else stands in the link, as on a card, stays behind the heading as text.
    """
    href, anchor = link.attr("href"), link.attr("id") or link.attr("name")
    if anchor and not heading.attr("id"):
        heading.attrs["id"] = anchor
    link.unwrap()
    if href and not href.startswith("#"):
        inner = turbohtml.Element("a")
        inner.attrs["href"] = href
        inner.extend([child.extract() for child in list(heading.children)])
        heading.append(inner)


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
