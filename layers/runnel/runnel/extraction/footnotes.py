"""Footnotes as GitHub writes them: `[^1]` where the text refers to one, `[^1]: …` at the end of the page.

Laws: a link is taken for a reference only when it says no more than a mark (`1`, `[a]`, `*`), leads to a place of the
page's own, and what stands there either leads back to it or is named a note; what stands in several places keeps one
label, and no two notes share one. Nothing of a note's text is lost: one that is not understood stays a link to a block.
References pass the renderer as private-use characters, for it would escape their brackets.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

import turbohtml

#: What a reference says: a number, a letter, a sign, in brackets or not; wikis write "note 1".
MARK: Final = re.compile(r"[\[(\s]*(?:n(?:ote|b) )?(\d{1,4}|[A-Za-z]|[*\u2020\u2021]{1,4})[\])\s]*")

#: Names of notes and of what stands around them: the classes, ids and roles of Sphinx, DocBook, Asciidoctor, Pandoc.
NAMES: Final = re.compile(
    r"(?:^|[-_:\s.])(?:doc-)?(?:foot|end|cite_?|fn)(?:note|def)?s?(?=$|[-_:\s.\d])", re.IGNORECASE
)

#: Inside a note: its own mark, and the links back.
LABELS: Final = (
    "span.label, span.backrefs, .footnote-definition-label, .fn-bracket, a[role=doc-backlink], a.fn-backref, "
    "a.footnote-backref, "
    ".mw-cite-backlink, a[data-footnote-backref]"
)
#: What is left of such a mark before the text; a bracket without a backslash begins a link, a dot may begin a name.
LEFT_OVER: Final = re.compile(r"^(?:\\[\[\]]|\(\s*\)|[\])^\u2191]|[.:](?!\w)|\s)+")

#: A note that a reader who knows no footnotes would take for the definition of a link, and not show.
LIKE_A_TARGET: Final = re.compile(r"""(?:<[^<>]*>|\S+)(?: +(?:"[^"]*"|'[^']*'|\([^()]*\)))?$""")

#: Says nothing, and cannot follow a link's target.
NOTHING: Final = " &nbsp;"

#: Blocks that may be a note, and headings that are the mark of one.
BLOCKS: Final = "li, aside, dd, p, div"
HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})

#: Elements that may stand in a note to name it; and of what docutils once made notes.
MARKS_OF_PLACES: Final = frozenset({"a", "span", "sup"})
TABLE: Final = frozenset({"tr", "tbody", "table"})

#: A longer block is a part of the text; on a page with more references only the first count.
LONGEST: Final = 4_000
MOST: Final = 500

OPEN, CLOSE = "\ue0f6", "\ue0f7"
REFERENCE: Final = re.compile(f"{OPEN}[^{CLOSE}]*{CLOSE}")


@dataclass(frozen=True, slots=True)
class Footnote:
    """One note, taken out of the tree."""

    label: str
    block: turbohtml.Element


def take_footnotes(main: turbohtml.Element, links: Iterable[turbohtml.Element]) -> list[Footnote]:
    """Take the notes out of *main*, and put marks in the places of the references among *links*, its links within."""
    references = [link for link in links if MARK.fullmatch(link.text) is not None][:MOST]
    if not references:
        return []
    places = {element.attr("id") or element.attr("name") or "": element for element in main.select("[id], a[name]")}
    notes: dict[turbohtml.Element, Footnote] = {}
    for link in references:
        place = places.get(unquote((link.attr("href") or "")[1:]))
        block = _block(place) if place is not None else None  # a link back leads to what is no longer in the tree
        if place is None or block is None or not (block in notes or _is_note(link, place, block)):
            continue
        if block not in notes:
            notes[block] = Footnote(_label(link, {note.label for note in notes.values()}), block)
        _whole(link).replace_with(turbohtml.Text(f"{OPEN}{notes[block].label}{CLOSE}"))
    for block in notes:
        _take_out(block, main)
    return list(notes.values())


def restore_references(markdown: str) -> str:
    """Write the references of *markdown* as GitHub's."""
    return markdown.replace(OPEN, "[^").replace(CLOSE, "]") if OPEN in markdown else markdown


def without_references(text: str) -> str:
    """Return *text* without the marks of references."""
    return REFERENCE.sub("", text) if OPEN in text else text


def format_footnote(label: str, markdown: str) -> str:
    """Return the note *label* that says *markdown*: its further lines stand four spaces in, as lists have it."""
    said = LEFT_OVER.sub("", markdown.strip("\n"), count=1)
    first, *others = said.split("\n")
    end = NOTHING if LIKE_A_TARGET.match(first) is not None else ""
    return "\n".join([f"[^{label}]: {first}{end}", *(f"    {line}" if line else "" for line in others)])


def _is_note(link: turbohtml.Element, place: turbohtml.Element, block: turbohtml.Element) -> bool:
    """Say whether *block* at *place*, which *link* leads to, is a note."""
    if len(block.text) > LONGEST or any(box == block for box in link.ancestors):
        return False
    return _is_named(place, block) or _leads_back(block, place, link)


def _block(place: turbohtml.Element) -> turbohtml.Element | None:
    """Return the block of text that *place* names."""
    heading = place.closest("h1, h2, h3, h4, h5, h6")
    if place.tag == "table":  # of a mark and a note, as docutils wrote it
        cells = place.select("td")
        return cells[1] if len(cells) == 2 and MARK.fullmatch(cells[0].text) else None
    if heading is None and place.tag != "dt":
        return place.closest(BLOCKS) if place.tag in MARKS_OF_PLACES or place.matches(BLOCKS) else None
    # A term is followed by its note; Texinfo heads each with its mark.
    beside = _next(place if heading is None else heading)
    if (
        beside is None
        or beside.tag not in ("dd", "p")
        or (heading is not None and MARK.fullmatch(heading.text) is None)
    ):
        return None
    return beside


def _next(element: turbohtml.Element) -> turbohtml.Element | None:
    after = element.next_sibling
    while after is not None and not isinstance(after, turbohtml.Element):
        after = after.next_sibling
    return after


def _is_named(*elements: turbohtml.Element) -> bool:
    """Say whether the names of *elements*, or of what stands around the last, are those of notes."""
    around = elements[-1].parent
    boxes = (*elements, around) if isinstance(around, turbohtml.Element) else elements
    return any(
        NAMES.search(element.attr(name) or "") is not None for element in boxes for name in ("class", "role", "id")
    )


def _leads_back(block: turbohtml.Element, place: turbohtml.Element, link: turbohtml.Element) -> bool:
    """Say whether a link at the place, or in the block, leads to where *link* stands."""
    near = (link, *(box for box in (link.parent,) if isinstance(box, turbohtml.Element) and box.tag in ("sup", "span")))
    ids = {f"#{name}" for element in near if (name := element.attr("id") or element.attr("name"))}
    return any((back.attr("href") or "") in ids for back in (place, *block.select('a[href^="#"]')))


def _label(link: turbohtml.Element, taken: set[str]) -> str:
    found = MARK.fullmatch(link.text)
    said = found[1] if found is not None and found[1].isalnum() else str(len(taken) + 1)
    label, more = said, 1
    while label in taken:
        more += 1
        label = f"{said}-{more}"
    return label


def _whole(link: turbohtml.Element) -> turbohtml.Element:
    """Return the reference with what only raises it, or puts brackets around it."""
    box = link.parent
    is_raised = isinstance(box, turbohtml.Element) and box.tag in ("sup", "span") and MARK.fullmatch(box.text)
    return box if is_raised and isinstance(box, turbohtml.Element) else link


def _take_out(block: turbohtml.Element, main: turbohtml.Element) -> None:
    """Take a note out of the tree, free of its marks, and the boxes with it that it leaves empty."""
    for label in block.select(LABELS):
        label.decompose()
    for link in block.select('a[href^="#"]'):
        if MARK.fullmatch(link.text) is not None and link.previous_sibling is None:
            _whole(link).decompose()
    before, box = block.previous_sibling, block.parent
    while before is not None and not isinstance(before, turbohtml.Element):
        before = before.previous_sibling
    if before is not None and (before.tag == "dt" or (before.tag in HEADINGS and MARK.fullmatch(before.text))):
        before.decompose()
    block.extract()
    block.tag = "div"  # an item of a list would come out with its mark
    while isinstance(box, turbohtml.Element) and box != main and _is_spent(box):
        above = box.parent
        box.decompose()
        box = above


def _is_spent(box: turbohtml.Element) -> bool:
    """Say whether *box*, whose note is gone, holds nothing else, or the mark of it only."""
    text = box.text
    return not text.strip() or (box.tag in TABLE and MARK.fullmatch(text) is not None)
