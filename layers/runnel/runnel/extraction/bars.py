"""Bars: lines of links that lead around, "Prev | Up | Next", the letters of an index, breadcrumbs; told by their words.

Law: a bar has no heading and no code, is short as a browser shows it, and says nothing of its own.
"""

import re
from collections.abc import Sequence
from typing import Final

import turbohtml

#: So many links, and no more characters of text to each, make a list of links.
MANY_LINKS: Final = 8
WORDS_A_LINK: Final = 30

HEADED_TAGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "pre"})
LONGEST_BAR: Final = 600
#: Templates indent their bars: of a text that is longer by this, white space is counted as a browser shows it.
SPARSE: Final = 10

#: What links and labels of a bar say; every word of a bar must be of these, or of the page that a link names.
NAV_WORDS: Final = re.compile(
    r"(?:next|previous|prev|up|home|top|contents|index|modules?|back|forward|page|chapter|section|topics?|to|the|of|"
    r"return|table|toc|on|this|more|about|go|goto|skip|main|navigation|available|languages?)"
)
NAV_LABEL: Final = re.compile(
    r"\W*(?:next|previous|prev|up|home|back|forward)\b"
    r"|.*(?:\b(?:next|previous|prev)|(?:next|previous) (?:page|chapter|section|topic|article))\W*$",
    re.IGNORECASE | re.DOTALL,
)
#: A link to one of many: the number of a chapter, the letter of an index.
NUMBERED: Final = re.compile(r"\W*(?:\d{1,4}|[A-Za-z])\W*")
MOSTLY_NUMBERED: Final = 0.7
SEPARATORS: Final = re.compile("[|\u00bb\u203a>\u00b7\u2022/\u2192\u2190\u00ab\u2039\u25b2\u2191]")
WORDS: Final = re.compile(r"[^\W_]+")


def is_bar(block: turbohtml.Element) -> bool:
    """Say whether *block* is a line of links that lead around: "Prev | Up | Next", breadcrumbs."""
    if block.tag == "a":
        return _is_bare_bar(block)
    links = block.select("a[href]") if block.tag not in HEADED_TAGS else ()
    text = block.text if links else ""
    if not text or is_longer_than_bar(text) or block.select_one("pre, h1, h2, h3, h4, h5, h6") is not None:
        return False
    outside, labels = text, []
    for link in links:
        label = link.text
        outside = outside.replace(label, " ", 1)
        labels.append(label)
    around = WORDS.findall(outside.lower())
    if not all(map(NAV_WORDS.fullmatch, around)):
        return False
    if any(NAV_LABEL.match(label) for label in labels) or any(map(NAV_LABEL.match, around)):
        return True
    if not around and len(links) > 1 and SEPARATORS.search(outside) is not None:
        return True
    return _is_numbered(links, labels)


def _is_bare_bar(link: turbohtml.Element) -> bool:
    """Say whether *link* is a bar of its own: no text stands beside it, and all that it says leads around."""
    if "href" not in link.attrs or not all(map(NAV_WORDS.fullmatch, WORDS.findall(link.text.lower()) or ("",))):
        return False
    return all(
        not isinstance(beside, turbohtml.Text) or says_only_nav_words(beside.data)
        for beside in (link.previous_sibling, link.next_sibling)
    )


def _is_numbered(links: Sequence[turbohtml.Element], labels: list[str]) -> bool:
    """Say whether *links*, called *labels*, lead to many pages by number or letter; to places of one, they are text."""
    numbered = sum(NUMBERED.fullmatch(label) is not None for label in labels)
    if len(links) < MANY_LINKS or numbered < MOSTLY_NUMBERED * len(links):
        return False
    return not all((link.attr("href") or "").startswith("#") for link in links)


def is_longer_than_bar(text: str) -> bool:
    """Say whether *text* is too long for a bar, as a browser shows it."""
    size = len(text)
    return size > LONGEST_BAR and (size > SPARSE * LONGEST_BAR or len(" ".join(text.split())) > LONGEST_BAR)


def says_only_nav_words(text: str) -> bool:
    """Say whether each word of *text* is one that leads around."""
    return all(NAV_WORDS.fullmatch(word[0]) for word in WORDS.finditer(text.lower()))  # mostly the first is none
