"""The way from a site's start to a page, as the page tells it above its text.

Law: bounded, each step on one line, without the signs between steps; a page without such a way has none.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import turbohtml

from runnel.extraction.contents import Contents
from runnel.extraction.controls import short_line

#: How the box around the steps is called: its class, or what it says to a screen reader.
NAMED: Final = re.compile(r"breadcrumbs?|(?:^|[-_ ])crumbs|you are here", re.IGNORECASE)
#: Sphinx's bar above a page, whose steps stand among other links.
RELATED: Final = "related"
RELATED_STEPS: Final = "li.nav-item"

#: Between steps, and around them.
SIGNS: Final = " \t\u00a0/|>:\u00bb\u203a\u2192\u00b7\u2022\u276f\u25b8\u2302"
#: Parts of the line that are no step: "Edit on GitHub".
BESIDE: Final = re.compile(r"aside|action|edit|source|copy")

MOST_STEPS: Final = 12
LONGEST_STEP: Final = 120


def find_breadcrumbs(tree: turbohtml.Document, contents: Contents) -> tuple[str, ...]:
    """Return the steps from the first named to the last; the page itself is the last one where it is named."""
    for box, steps in _boxes(tree, contents):
        items = box.select(steps) or box.select("a[href]")
        found = [_step(item) for item in items if not BESIDE.search(item.attr("class") or "")]
        told = tuple(dict.fromkeys(filter(None, found)))
        if told:
            return told[:MOST_STEPS]
    return ()


def _boxes(tree: turbohtml.Document, contents: Contents) -> Iterator[tuple[turbohtml.Element, str]]:
    """Yield the boxes that may hold the way, each with what its steps are."""
    for box in tree.select("nav"):
        if NAMED.search(f"{box.attr('aria-label') or ''} {box.attr('class') or ''}"):
            yield box, "li"
    for box, names in contents.boxes:
        if names and _names_steps(names):
            yield box, "li"
        elif names == RELATED:
            yield box, RELATED_STEPS


@lru_cache(maxsize=4096)
def _names_steps(classes: str) -> bool:
    return NAMED.search(classes) is not None


def _step(item: turbohtml.Element) -> str:
    text = short_line(item.text).strip(SIGNS)
    return text if len(text) <= LONGEST_STEP and any(map(str.isalnum, text)) else ""
