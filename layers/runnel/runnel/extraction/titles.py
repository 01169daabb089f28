"""A page's title without its site's name: what `<title>` says is mostly both, in either order.

Laws: something of a title always stays; a part goes only when something says that it is not the page's own: its first
heading, which is the rest; the name that the site gives itself; or what the titles of a sample of its pages share.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Final

#: What may part a page's title from its site's.
SEPARATOR: Final = re.compile(
    "\\s+(?:[|/>~\u00b7\u2022\u2014\u2013\u00ab\u00bb\u2039\u203a:]|::|-+)\\s+|\\s*\\|\\s*|:\\s+|\\s+-+\\s*"
)

#: A version as it stands in a site's name: digits and dots, "v2".
VERSION: Final = re.compile(
    r"(?<![\w.])v?(\d+(?:\.\d+)+(?:[-.]?(?:a|b|rc|alpha|beta|dev|post)[-.]?\d*)?|(?<=v)\d+)(?![\w.])"
)

#: What is learned: ends and beginnings that this share of a sample's titles has, and so many of them at least.
SHARED_BY: Final = 0.8
LEAST_TITLES: Final = 3

#: Longer ones are no titles, and would only cost time.
LONGEST: Final = 300

#: Which end of a title an affix is: they are told apart by a mark.
AT_END: Final = "$"
AT_START: Final = "^"
WHOLE: Final = "="


def cut_title(said: str, *, heading: str, site: str) -> tuple[str, str]:
    """Return the page's own part of the title that it *said*, and the rest, which names the site.

    Args:
        said: what `<title>` says, on one line.
        heading: the first heading of the page's text, "" for none.
        site: how the site calls itself, "" when it does not.
    """
    cuts = _cuts(said)
    own = _plain(heading)
    for before, after in reversed(cuts) if own else ():
        if _plain(before) == own:
            return before, after
    for before, after in cuts if own else ():
        if _plain(after) == own:
            return after, before
    name = _plain(site)
    if cuts and name and _plain(cuts[-1][1]) == name:
        return cuts[-1]
    if cuts and name and _plain(cuts[0][0]) == name:
        return cuts[0][1], cuts[0][0]
    return said, ""


def learn_titles(titles: Iterable[str]) -> frozenset[str]:
    """Return what the *titles* of a sample share: ends, beginnings, or all of it."""
    told = [frozenset(_affixes(title)) for title in titles if title]
    least = max(LEAST_TITLES, SHARED_BY * len(told))
    counts = Counter(affix for affixes in told for affix in affixes)
    return frozenset(affix for affix, count in counts.items() if count >= least)


def cut_learned(title: str, known: AbstractSet[str], *, heading: str) -> tuple[str, str]:
    """Return *title* without the longest end, or else the longest beginning, that is *known*, and what went.

    A title that all pages have gives way to the page's first *heading*.
    """
    if WHOLE + title in known and heading:
        return heading, title
    for before, after in _cuts(title) if known else ():
        if AT_END + after in known:
            return before, after
    for before, after in reversed(_cuts(title)) if known else ():
        if AT_START + before in known:
            return after, before
    return title, ""


def find_version(text: str) -> str:
    """Return the version that *text* names, "" for none: "Python 3.11.2 documentation" names 3.11.2."""
    found = VERSION.search(text)
    return found[1] if found else ""


def _cuts(title: str) -> list[tuple[str, str]]:
    """Return the two sides of each separator of *title*, from the first to the last."""
    if len(title) > LONGEST:
        return []
    found = [(title[: cut.start()].strip(), title[cut.end() :].strip()) for cut in SEPARATOR.finditer(title)]
    return [(before, after) for before, after in found if before and after]


def _affixes(title: str) -> Iterator[str]:
    yield WHOLE + title
    for before, after in _cuts(title):
        yield AT_END + after
        yield AT_START + before


def _plain(text: str) -> str:
    return " ".join(text.split()).strip(" \u00b6#").casefold()
