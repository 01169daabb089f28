"""Text that a page hides from its readers: taken out, and told, for it may be meant for a machine.

Laws: what an inline style, or `hidden`, keeps from every reader is removed, but for panels of tabs and the like, which
a click shows; marks without width, and marks that turn the direction of writing, leave the prose, never code.
"""

import re
from functools import lru_cache
from typing import Final

import turbohtml

from runnel.extraction.metadata import one_line

#: How an inline style hides: nothing shown, no size, outside of every screen.
HIDES: Final = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?:[^.\d]|$)|opacity\s*:\s*0(?:[^.\d]|$)|"
    r"(?:left|top|right|text-indent|margin-left)\s*:\s*-\d{3,}|clip\s*:\s*rect\(\s*0|"
    r"(?:^|[;\s])(?:max-)?(?:height|width)\s*:\s*0(?:px)?\s*(?:;|$)"
)

#: Names of what a click shows.
SHOWN_BY_A_CLICK: Final = re.compile(
    r"tab|panel|pane\b|collapse|collapsible|accordion|toggle|details|spoiler|expand|answer", re.IGNORECASE
)

#: Zero-width marks (but the joiners, which scripts and emoji need), marks of direction, tags; the soft hyphen.
UNSEEN: Final = re.compile(
    "[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)

FENCE: Final = re.compile(r"^[ >\t]*(?:[-*+] +|\d+[.)] +)*[ >\t]*(`{3,})")

#: So much of it is told: how many pieces, how many characters of each.
TOLD: Final = 20
TOLD_CHARACTERS: Final = 200


def strip_hidden(main: turbohtml.Element) -> tuple[str, ...]:
    """Remove the hidden text of *main*; returns its beginnings, in document order."""
    told = []
    for element in main.select("[style], [hidden]"):
        if _is_hidden(element) and not _is_shown_by_a_click(element):
            text = one_line(element.text)
            if text and element.closest("body") is not None:
                told.append(text[:TOLD_CHARACTERS])
            element.decompose()
    return tuple(told[:TOLD])


def strip_unseen(markdown: str) -> str:
    """Return *markdown* without marks that nobody sees; code keeps them."""
    # None of them is printable, and asking that of a text takes half as long as searching it.
    if markdown.isascii() or markdown.replace("\n", " ").isprintable() or UNSEEN.search(markdown) is None:
        return markdown
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
    return "\n".join(lines)


def _is_hidden(element: turbohtml.Element) -> bool:
    if "hidden" in element.attrs and element.attr("hidden") != "until-found":
        return True
    return _hides(element.attr("style") or "")


@lru_cache(maxsize=1024)
def _hides(style: str) -> bool:
    return HIDES.search(style.lower()) is not None


def _is_shown_by_a_click(element: turbohtml.Element) -> bool:
    names = f"{element.attr('class') or ''} {element.attr('id') or ''} {element.attr('role') or ''}"
    return element.tag in ("details", "img") or SHOWN_BY_A_CLICK.search(names) is not None
