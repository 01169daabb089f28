"""When a page says that it was changed last.

Laws: the answer is RFC 3339 in UTC, or a date alone when no zone is told, or ""; what makes no sense is no answer. The
first that speaks counts: the head, then structured data, then a `<time>` that stands by such words.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import turbohtml

from runnel.extraction.dates import to_instant

#: Names of `<meta>`, lower case: whole documents' first, then vocabularies.
NAMES: Final = (
    "article:modified_time", "og:updated_time", "last-modified", "last-updated", "datemodified", "dcterms.modified",
    "dc.date.modified", "date.modified", "revised",
)  # fmt: skip

IN_DATA: Final = re.compile(r'"dateModified"\s*:\s*"([^"\\]{8,40})"')
CHANGED: Final = re.compile(r"modified|updated|changed|edited|revised", re.IGNORECASE)

#: So many scripts and times are looked at, and so much of the words around a time.
LOOKED_AT: Final = 20
SAID_AROUND: Final = 100


def find_modified(tree: turbohtml.Document, named: Mapping[str, str]) -> str:
    """Return when the page was changed last; *named* is what its `<meta>` elements say."""
    said = [named[name] for name in NAMES if name in named]
    for text in (*said, *_in_data(tree), *_by_words(tree)):
        instant = to_instant(text)
        if instant:
            return instant
    return ""


def _in_data(tree: turbohtml.Document) -> Iterator[str]:
    for script in tree.select('script[type="application/ld+json"]')[:LOOKED_AT]:
        yield from IN_DATA.findall(script.text)[:1]


def _by_words(tree: turbohtml.Document) -> Iterator[str]:
    for time in tree.select("time[datetime]")[:LOOKED_AT]:
        around = time.parent if isinstance(time.parent, turbohtml.Element) else time
        names = f"{time.attr('class') or ''} {time.attr('itemprop') or ''} {around.attr('class') or ''}"
        text = around.text
        if CHANGED.search(names) or (len(text) <= SAID_AROUND and CHANGED.search(text)):
            yield time.attr("datetime") or ""
