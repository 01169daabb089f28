"""What a tree holds, asked once, so that no later pass looks for what is not there.

Laws: the answers may name too much (what is outside of the main part counts), never too little. They are asked before
the tree changes, for the parser keeps an index by tag until then, and only for questions to the whole tree: with it
forty questions cost less than one search of a main part.
"""

from collections.abc import Iterable
from typing import Final

import turbohtml

#: Classes that may stand on any tag, for which no index helps; one walk asks for all of them.
ANY_TAG_CLASSES: Final = (
    '[class*="admonition" i], [class*="markdown-alert" i], [class*="editsection" i], [class*="skip-link" i]'
)


class Contents:
    """Which selectors match anything in a tree."""

    __slots__ = ("_held",)

    def __init__(self, tree: turbohtml.Document, selectors: Iterable[str]) -> None:
        """Ask *tree* for each of *selectors*; a selector is a tag, a tag with one condition, or one class."""
        classes = _classes(tree)
        self._held = {
            selector
            for selector in selectors
            if (selector in classes if selector[0] == "." else tree.select_one(selector) is not None)
        }

    def any_of(self, *selectors: str) -> str:
        """Return those of *selectors* that the tree holds as one selector, "" when it holds none."""
        return ", ".join(filter(self._held.__contains__, selectors))


def _classes(tree: turbohtml.Document) -> set[str]:
    """Return the selectors of the classes on those elements that `ANY_TAG_CLASSES` finds, in lower case."""
    named = {element.attr("class") or "" for element in tree.select(ANY_TAG_CLASSES)}
    return {f".{name}" for names in named for name in names.lower().split()}
