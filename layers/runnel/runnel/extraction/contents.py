"""What a tree holds, asked once, so that no later pass looks for what is not there.

Laws: the answers may name too much (what is outside of the main part counts), never too little. They are asked before
the tree changes, for the parser keeps an index by tag until then, and only for questions to the whole tree: with it
forty questions cost less than one search of a main part. Classes are read once for each tag that pages are full of: to
ask a thousand `span`s for nine classes costs more than to read theirs.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, cast

import turbohtml

#: Elements that stand for a part of a page; each is found through the parser's index.
BOXES: Final = ("div", "ul", "ol", "table", "section", "aside", "header", "details")

#: Elements that are asked for again when the tree has changed. While there is an index they cost nothing, later a walk
#: of the main part for each; beyond so many of a tag, the walk is cheaper.
KEPT: Final = ("pre", "sup", "dt", "nav", "button", "form")
MOST_KEPT: Final = 100

#: Other elements whose classes are read: through the index, too; but of a thousand spans a path reads them faster.
READ: Final = {"a": "a[class]", "p": "p[class]"}
SPAN: Final = "span"
SPAN_CLASSES: Final = "//span/@class"

#: A class alone or behind a tag.
CLASS: Final = re.compile(r"([a-z0-9]*)(\.[\w-]+)")


class Contents:
    """Which selectors match anything in a tree, its boxes, its code and terms, and the classes of its links."""

    __slots__ = ("_held", "_kept", "boxes", "link_classes")

    def __init__(self, tree: turbohtml.Document, selectors: Iterable[str]) -> None:
        """Ask *tree* for each of *selectors*.

        Args:
            selectors: each a tag, a tag with one condition, or one class, which must be that of a box.
        """
        #: The boxes with their class, in document order by tag.
        self.boxes: list[tuple[turbohtml.Element, str]] = []
        classes: set[str] = set()
        for tag in BOXES:
            boxes = [(box, box.attr("class") or "") for box in tree.select(tag)]
            self.boxes += boxes
            for name in {name for names in {names for _, names in boxes} for name in _class_selectors(names)}:
                classes |= {name, tag + name}
        read = {tag: {each.attr("class") or "" for each in tree.select(named)} for tag, named in READ.items()}
        read[SPAN] = set(cast("list[str]", tree.xpath(SPAN_CLASSES)))
        classes |= {f"{tag}{name}" for tag in read for names in read[tag] for name in _class_selectors(names)}
        self._kept = {tag: tree.select(tag) for tag in KEPT}
        #: As they stand in the page, each once.
        self.link_classes = read["a"]
        self._held = {
            selector
            for selector in selectors
            if (key in classes if (key := _class_key(selector)) else tree.select_one(selector) is not None)
        }

    def any_of(self, *selectors: str) -> str:
        """Return those of *selectors* that the tree holds as one selector, "" when it holds none."""
        return "" if self._held.isdisjoint(selectors) else ", ".join(filter(self._held.__contains__, selectors))

    def within(self, part: turbohtml.Element, tag: str) -> list[turbohtml.Element]:
        """Return the elements of a `KEPT` *tag* that stand in *part* now, in document order.

        Of those that were made since, it knows what `made` was told; when there is any, none may be missing.
        """
        kept = self._kept[tag]
        return [each for each in kept if part in each.ancestors] if len(kept) <= MOST_KEPT else part.select(tag)

    def kept(self, tag: str) -> list[turbohtml.Element]:
        """Return the elements of a `KEPT` *tag* that the tree had, in document order."""
        return self._kept[tag]

    def made(self, element: turbohtml.Element) -> None:
        """Take note of a new element of a `KEPT` tag."""
        self._kept[element.tag].append(element)


@lru_cache(maxsize=4096)
def _class_selectors(names: str) -> tuple[str, ...]:
    return tuple(f".{name}" for name in names.lower().split())


@lru_cache(maxsize=1024)
def _class_key(selector: str) -> str:
    """Return what a selector of a class is looked up as; "" for one that the tree must be asked for."""
    found = CLASS.fullmatch(selector)
    return selector.lower() if found and (found[1] in BOXES or found[1] in (*READ, SPAN) or not found[1]) else ""
