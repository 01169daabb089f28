"""What a tree holds, asked once, so that no later pass looks for what is not there.

Laws: the answers may name too much (what is outside of the main part counts), never too little. They are asked before
the tree changes, for the parser keeps an index by tag until then, and only for questions to the whole tree: with it
forty questions cost less than one search of a main part.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import turbohtml

#: Elements that stand for a part of a page; each is found through the parser's index.
BOXES: Final = ("div", "ul", "ol", "table", "section", "aside", "header", "details")


class Contents:
    """Which selectors match anything in a tree, and its boxes."""

    __slots__ = ("_held", "boxes")

    def __init__(self, tree: turbohtml.Document, selectors: Iterable[str]) -> None:
        """Ask *tree* for each of *selectors*.

        Args:
            selectors: each a tag, a tag with one condition, or one class, which must be that of a box.
        """
        #: The boxes with their class, in document order by tag.
        self.boxes = [(box, box.attr("class") or "") for tag in BOXES for box in tree.select(tag)]
        classes = {name for names in {names for _, names in self.boxes} for name in _class_selectors(names)}
        self._held = {
            selector
            for selector in selectors
            if (selector in classes if selector[0] == "." else tree.select_one(selector) is not None)
        }

    def any_of(self, *selectors: str) -> str:
        """Return those of *selectors* that the tree holds as one selector, "" when it holds none."""
        return ", ".join(filter(self._held.__contains__, selectors))


@lru_cache(maxsize=4096)
def _class_selectors(names: str) -> tuple[str, ...]:
    return tuple(f".{name}" for name in names.lower().split())
