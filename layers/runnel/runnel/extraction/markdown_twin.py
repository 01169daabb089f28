"""A page's Markdown twin in the place of what was made from its HTML (docs/adr/0026).

Laws (tests/unit/extraction/test_markdown_twin.py):

* a twin is taken only when it is Markdown of the same page: it has the page's words and its headings;
* it passes the same hygiene as any page: links absolute, what nobody sees taken out, code as it stands; a twin with
  markup that could hide or run something is not taken, for the page made from the HTML is safe;
* any bytes give a reading; the time is linear in their number.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from runnel.errors import PageUnreadable
from runnel.extraction.charset import decode_text
from runnel.extraction.chunks import count_chunks
from runnel.extraction.controls import drop_controls
from runnel.extraction.links import LinkResolver
from runnel.extraction.markdown_text import clean_markdown, markdown_headings, without_front_matter
from runnel.extraction.page import PageReading, pack_markdown

#: Of the page's words so many must stand in the twin, and of its headings.
_LEAST_WORDS: Final = 0.6
_LEAST_HEADINGS: Final = 0.5
#: A twin of less than half the page's words is a summary; one of many times as many is a manual.
_SHORTEST, _LONGEST = 0.5, 5.0
#: So many hidden pieces are told of a page.
_TOLD: Final = 23
#: Words that a twin may have beyond that: a page of a few words says little about its length.
_SLACK: Final = 200

_WORD: Final = re.compile(r"\w{3,}")
_NAME: Final = re.compile(r"\w+")
#: HTML in the place of Markdown.
_DOCUMENT: Final = re.compile(r"\s*<(?:!doctype|html|head|body|\?xml)\b", re.IGNORECASE)


def adopt_twin(page: PageReading, body: bytes, *, url: str, charset: str | None = None) -> PageReading | None:
    """Return the *page* with the text of its twin; None when the twin is not to be taken.

    Args:
        page: What the page's HTML says, Markdown included.
        body: The twin as it came.
        url: The twin's address: its links are relative to it.
        charset: What the HTTP header named, if it did.
    """
    text, title = without_front_matter(decode_text(body, charset).replace("\r\n", "\n"))
    if _DOCUMENT.match(text):
        return None
    try:
        markdown, unseen = clean_markdown(text, LinkResolver(url))
    except PageUnreadable:
        return None
    if not markdown or not _is_same_page(page, markdown, title):
        return None
    packed = drop_controls(markdown.encode("utf-8", "replace"))
    return replace(
        page,
        words=len(markdown.split()),
        chunks=count_chunks(packed),
        hidden=(*unseen, *page.hidden)[:_TOLD],
        utf8=packed,
        content_hash=hashlib.sha256(packed).hexdigest(),
        markdown_gz=pack_markdown(packed),
    )


# ---- the same page?


def is_same_text(mine: str, theirs: str, *, title: str) -> bool:
    """Whether *theirs* is the text of the page that has the text *mine* and this title, both as they are stored."""
    return _is_same(mine, list(markdown_headings(mine)), title, theirs, list(markdown_headings(theirs)))


def _is_same_page(page: PageReading, markdown: str, title: str) -> bool:
    headings = [text for _, text, _ in page.headings]
    return _is_same(page.markdown, headings, page.title, markdown, [title, *markdown_headings(markdown)])


def _is_same(mine: str, headings: Iterable[str], title: str, theirs: str, their_headings: Iterable[str]) -> bool:
    words, their_words = len(mine.split()), len(theirs.split())
    if not words * _SHORTEST <= their_words <= words * _LONGEST + _SLACK:
        return False
    vocabulary = _words(mine)
    has_words = len(vocabulary & _words(theirs)) >= _LEAST_WORDS * len(vocabulary)
    return has_words and _has_headings(_names(headings), title, _names(their_headings))


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def _has_headings(mine: list[str], title: str, theirs: list[str]) -> bool:
    """Whether the twin has the page's headings; of a page with none or one, at least its title."""
    shared = sum(name in set(theirs) for name in mine)
    if mine and shared >= _LEAST_HEADINGS * len(mine):
        return True
    return len(mine) <= 1 and (not theirs or any(name in _name(title) for name in theirs[:2]))


def _names(headings: Iterable[str]) -> list[str]:
    return [name for text in headings if (name := _name(text))]


def _name(text: str) -> str:
    return " ".join(_NAME.findall(text.lower()))
