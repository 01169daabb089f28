"""Pages that are text already: Markdown is kept, its links made absolute; plain text goes into a fence.

Law: any bytes give a reading; what cannot be decoded becomes U+FFFD.
"""

import hashlib
import re
from typing import Final

from runnel.errors import PageUnreadable
from runnel.extraction.charset import decode_text
from runnel.extraction.chunks import count_chunks
from runnel.extraction.controls import drop_controls, short_line
from runnel.extraction.links import MAX_LINKS, LinkResolver
from runnel.extraction.markdown_text import clean_markdown, find_links, first_title, without_front_matter
from runnel.extraction.page import Hidden, PageReading, pack_markdown
from runnel.extraction.quality import rate_page

MARKDOWN_TYPES: Final = frozenset({"text/markdown", "text/x-markdown"})
PLAIN_TYPES: Final = MARKDOWN_TYPES | {"text/plain"}
#: So many hidden pieces are told of a page.
_TOLD: Final = 23
_FENCES: Final = re.compile(r"`{3,}")


def read_plain(body: bytes, *, url: str, content_type: str, charset: str | None) -> PageReading:
    """Read a page that is no HTML; its title is its first heading, else what it says
    before its text, else the last part of its path.
    """
    text = decode_text(body, charset).replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    title, links, hidden = "", tuple[str, ...](), tuple[Hidden, ...]()
    if content_type in MARKDOWN_TYPES:
        text, title, hidden = _cleaned(text, url)
        links = tuple(find_links(text))
    markdown = f"{text}\n" if content_type in MARKDOWN_TYPES else _fenced(text)
    packed = drop_controls(markdown.encode("utf-8", "replace"))
    markdown = packed.decode()
    words = len(text.split())
    title = short_line(title) if title else url.rstrip("/").rsplit("/", 1)[-1]
    quality, quality_reason = rate_page(text, words=words, title=title)
    return PageReading(
        title=title,
        description="",
        lang="",
        links=links[:MAX_LINKS],
        links_truncated=len(links) > MAX_LINKS,
        nofollow=False,
        noindex=False,
        canonical=None,
        refresh=None,
        headings=(),
        hidden=hidden[:_TOLD],
        words=words,
        is_empty=words == 0,
        quality=quality,
        quality_reason=quality_reason,
        chunks=count_chunks(packed),
        body_hash=hashlib.sha256(body).hexdigest(),
        utf8=packed,
        content_hash=hashlib.sha256(packed).hexdigest(),
        markdown_gz=pack_markdown(packed),
    )


def _cleaned(text: str, url: str) -> tuple[str, str, tuple[Hidden, ...]]:
    """Return Markdown with absolute links and without what nobody sees, its title, and what went.

    What cannot be cleaned (a comment without an end, markup that hides or runs something) stays as its author wrote it.
    """
    body, told = without_front_matter(text)
    try:
        cleaned, hidden = clean_markdown(body, LinkResolver(url))
    except PageUnreadable:
        cleaned, hidden = "", ()
    kept = cleaned.strip("\n") or body.strip("\n")
    return kept, first_title(kept) or told, hidden


def _fenced(text: str) -> str:
    """The text in a fence that is longer than any within it."""
    longest = max((len(fence.group()) for fence in _FENCES.finditer(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}text\n{text}\n{fence}\n"
