"""Pages that are text already: Markdown is kept as it is, plain text goes into a fence.

Law: any bytes give a reading; what cannot be decoded becomes U+FFFD.
"""

import hashlib
import re
from typing import Final

from runnel.extraction.chunks import split_chunks
from runnel.extraction.controls import drop_controls, short_line
from runnel.extraction.page import PageReading, pack_markdown
from runnel.extraction.quality import rate_page

MARKDOWN_TYPES: Final = frozenset({"text/markdown", "text/x-markdown"})
PLAIN_TYPES: Final = MARKDOWN_TYPES | {"text/plain"}
_TITLE: Final = re.compile(r"^# +(.+?) *#*$", re.MULTILINE)
_FENCES: Final = re.compile(r"`{3,}")


def read_plain(body: bytes, *, url: str, content_type: str, charset: str | None) -> PageReading:
    """Read a page that is no HTML; its title is its first heading, else the last part of its path."""
    text = decode_text(body, charset).replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    is_markdown = content_type in MARKDOWN_TYPES
    heading = _TITLE.search(text) if is_markdown else None
    markdown = f"{text}\n" if is_markdown else _fenced(text)
    packed = drop_controls(markdown.encode("utf-8", "replace"))
    markdown = packed.decode()
    words = len(text.split())
    title = short_line(heading.group(1)) if heading else url.rstrip("/").rsplit("/", 1)[-1]
    quality, quality_reason = rate_page(text, words=words, title=title)
    return PageReading(
        title=title,
        description="",
        lang="",
        links=(),
        links_truncated=False,
        nofollow=False,
        noindex=False,
        canonical=None,
        refresh=None,
        headings=(),
        words=words,
        is_empty=words == 0,
        quality=quality,
        quality_reason=quality_reason,
        chunks=len(split_chunks(markdown, (), url=url)),
        body_hash=hashlib.sha256(body).hexdigest(),
        markdown=markdown,
        content_hash=hashlib.sha256(packed).hexdigest(),
        markdown_gz=pack_markdown(packed),
    )


def decode_text(body: bytes, charset: str | None) -> str:
    """Return the text of *body*, UTF-8 unless *charset* says otherwise."""
    try:
        text = body.decode(charset or "utf-8", "replace")
    except (LookupError, UnicodeError):  # no such encoding, or one that is not for text
        text = body.decode("utf-8", "replace")
    return text.removeprefix("\ufeff").replace("\0", "\ufffd")


def _fenced(text: str) -> str:
    """The text in a fence that is longer than any within it."""
    longest = max((len(fence.group()) for fence in _FENCES.finditer(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}text\n{text}\n{fence}\n"
