"""Text that a page hides from its readers: taken out, and told, for it may be meant for a machine.

Laws: what an inline style, or `hidden`, keeps from every reader is removed, but for panels of tabs and the like, which
a click shows; marks without width, and marks that turn the direction of writing, leave the prose, never code. What is
told of it is bounded, on one line and printable, whatever the page hides.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import turbohtml

from runnel.extraction.metadata import one_line
from runnel.extraction.page import Hidden

#: How an inline style hides: nothing shown, no size, outside of every screen. The group's name is the kind.
HIDES: Final = re.compile(
    r"(?P<not_displayed>display\s*:\s*none)"
    r"|(?P<invisible>visibility\s*:\s*hidden|opacity\s*:\s*0(?:[^.\d]|$))"
    r"|(?P<off_screen>(?:left|top|right|text-indent|margin-left)\s*:\s*-\d{3,}|clip\s*:\s*rect\(\s*0)"
    r"|(?P<no_size>font-size\s*:\s*0(?:[^.\d]|$)|(?:^|[;\s])(?:max-)?(?:height|width)\s*:\s*0(?:px)?\s*(?:;|$))"
)

#: The kinds that no style names.
ATTRIBUTE: Final = "attribute"
COMMENT: Final = "comment"
ZERO_WIDTH: Final = "zero_width"
DIRECTION: Final = "direction"
TAGS: Final = "tag_characters"

#: Elements of code within a line, unless it is of several.
CODE: Final = frozenset({"code", "samp", "kbd", "tt"})

#: Names of what a click shows.
SHOWN_BY_A_CLICK: Final = re.compile(
    r"tab|panel|pane\b|collapse|collapsible|accordion|toggle|details|spoiler|expand|answer", re.IGNORECASE
)

#: Marks that nobody sees, by kind. Of those without width the joiners stay, which scripts and emoji need; the soft
#: hyphen is among them. Tags spell ASCII that a model reads and a person does not.
MARKS: Final = {
    ZERO_WIDTH: "\u00ad\u200b\u2060-\u2064\ufeff",
    DIRECTION: "\u200e\u200f\u202a-\u202e\u2066-\u2069",
    TAGS: "\U000e0000-\U000e007f",
}
UNSEEN: Final = re.compile(f"[{''.join(MARKS.values())}]")
ONE_OF: Final = {kind: re.compile(f"[{marks}]+") for kind, marks in MARKS.items()}
#: A tag character is its ASCII one and this.
TAG_BASE: Final = 0xE0000

FENCE: Final = re.compile(r"^[ >\t]*(?:[-*+] +|\d+[.)] +)*[ >\t]*(`{3,})")

#: So much of it is told: how many pieces, how many characters of each, and how much of the text before marks.
TOLD: Final = 20
TOLD_CHARACTERS: Final = 200
AROUND: Final = 40

#: Of comments only those are told that say something: generators mark the parts of their pages with them.
FEWEST_WORDS: Final = 3


def strip_hidden(main: turbohtml.Element) -> tuple[Hidden, ...]:
    """Remove the hidden text of *main*; returns what it was, in document order, comments last."""
    told = []
    for element in main.select("[style], [hidden]"):
        kind = _how_hidden(element)
        if kind and not _is_shown_by_a_click(element):
            text = one_line(element.text)
            if text and element.closest("body") is not None:
                told.append(_tell(kind, text))
            element.decompose()
        elif "white-space" in (element.attr("style") or "") and _is_prose(element):
            del element.attrs["style"]  # the renderer takes it for code
    comments = (one_line(comment.data) for comment in _comments(main))
    told += (_tell(COMMENT, text) for text in comments if text.count(" ") >= FEWEST_WORDS - 1)
    return tuple(told[:TOLD])


def strip_unseen(markdown: str) -> tuple[str, tuple[Hidden, ...]]:
    """Return *markdown* without marks that nobody sees, code keeps them; and of each kind the first, with its place."""
    # None of them is printable, and asking that of a text takes half as long as searching it.
    if markdown.isascii() or markdown.replace("\n", " ").isprintable() or UNSEEN.search(markdown) is None:
        return markdown, ()
    lines, fence = [], ""
    for line in markdown.split("\n"):
        found = FENCE.match(line)
        if found and not fence:
            fence = found[1]
        elif fence and line.strip(" >\t") == fence:
            fence = ""
        elif not fence:
            line = UNSEEN.sub("", line)  # noqa: PLW2901  # this very line
        lines.append(line)
    return "\n".join(lines), tuple(_tell_marks(markdown))


def _tell_marks(markdown: str) -> Iterator[Hidden]:
    """Say how often each kind of marks occurs, and what they are where they come first."""
    for kind, pattern in ONE_OF.items():
        first = pattern.search(markdown)
        if first is not None:
            count = sum(map(len, pattern.findall(markdown)))
            before = markdown[max(0, first.start() - AROUND) : first.start()]
            yield _tell(kind, one_line(f"{count} times, first {_spell(first[0])} after: {before}"))


def _spell(marks: str) -> str:
    """Name *marks* by their code points; of tags, say what they spell."""
    if ord(marks[0]) >= TAG_BASE:
        return repr("".join(chr(ord(mark) - TAG_BASE) for mark in marks))
    return " ".join(f"U+{ord(mark):04X}" for mark in marks[:4])


def _tell(kind: str, text: str) -> Hidden:
    """Cut *text*, and make what would act on a terminal, or on nobody's eyes, visible."""
    shown = "".join(mark if mark.isprintable() else "\ufffd" for mark in text[:TOLD_CHARACTERS])
    return kind, shown


def _comments(main: turbohtml.Element) -> Iterator[turbohtml.Comment]:
    """Yield the comments of *main*."""
    return (node for node in main.xpath_iter(".//comment()") if isinstance(node, turbohtml.Comment))


def _is_prose(element: turbohtml.Element) -> bool:
    """Say whether *element* is no block of code, whatever its style keeps."""
    return element.tag != "pre" and not (element.tag in CODE and "\n" in element.text)


def _how_hidden(element: turbohtml.Element) -> str:
    """Return the kind of hiding, "" for none."""
    if "hidden" in element.attrs and element.attr("hidden") != "until-found":
        return ATTRIBUTE
    return _hides(element.attr("style") or "")


@lru_cache(maxsize=1024)
def _hides(style: str) -> str:
    found = HIDES.search(style.lower())
    return (found.lastgroup or "") if found else ""


def _is_shown_by_a_click(element: turbohtml.Element) -> bool:
    names = f"{element.attr('class') or ''} {element.attr('id') or ''} {element.attr('role') or ''}"
    if element.tag in ("details", "img") or "data-state" in element.attrs:
        return True
    return SHOWN_BY_A_CLICK.search(names) is not None
