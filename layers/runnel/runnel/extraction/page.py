"""What reading a page gives, apart from how it is read: whoever only passes it on need not load the parser."""

import zlib
from dataclasses import dataclass
from typing import Final

#: One heading: level, text, anchor ("" when it has none).
Heading = tuple[int, str, str]

#: One piece of hidden text: how it was hidden, and its beginning.
Hidden = tuple[str, str]

#: Measured on real documentation: level 1 costs a third of level 6 and packs a fifth worse.
GZIP_LEVEL: Final = 1

#: zlib's sign for the gzip format; its header carries no time, so equal text packs to equal bytes.
GZIP_FORMAT: Final = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class PageReading:
    """What one page says."""

    title: str  # the page's own, without its site's name
    description: str
    lang: str
    modified: str = ""  # when the page says it was changed last: RFC 3339 in UTC, or a date
    version: str = ""  # of what the page documents, when it states one
    breadcrumbs: tuple[str, ...] = ()  # the way to it from the site's start, as the page tells it
    links: tuple[str, ...]  # absolute http(s), without fragment, distinct, in document order
    links_truncated: bool  # the page has more than `MAX_LINKS`
    nofollow: bool  # the page asks robots to follow none of its links
    noindex: bool  # the page asks robots not to keep it
    canonical: str | None
    nofollow_links: tuple[str, ...] = ()  # links that stand there with `rel=nofollow` only
    refresh: str | None  # where `<meta http-equiv=refresh>` leads, perhaps to the page itself
    refresh_s: float = 0.0  # after how many seconds it leads there
    twin: str | None = None  # where the page says that it stands as Markdown
    headings: tuple[Heading, ...]  # level, text, anchor
    hidden: tuple[Hidden, ...] = ()  # what the page hides from its readers and was left out; its beginnings, bounded
    is_wide: bool = False  # more was taken than the page marks as its main part, which would have lost text
    profile: str = ""  # names the blocks that were left out because the site repeats them; "" for none
    words: int  # of the main part's text
    is_empty: bool  # the main part has no word, or none yet: see `is_shell`
    is_shell: bool = False  # a browser's JavaScript is to build the page
    quality: int = 100  # 0 to 100
    quality_reason: str = ""  # what keeps it from 100
    chunks: int = 0  # how many chunks the Markdown makes; 0 without Markdown asked for
    text_hash: str = ""  # names the main part's text
    body_hash: str  # sha256 of the bytes, in hex
    utf8: bytes  # the Markdown in UTF-8; b"" when only links were asked for
    content_hash: str  # sha256 of the Markdown as UTF-8, in hex; "" without Markdown asked for
    markdown_gz: bytes  # the same, gzip

    @property
    def markdown(self) -> str:
        """The Markdown as text; whoever only stores it does without."""
        return self.utf8.decode()


def pack_markdown(markdown: bytes) -> bytes:
    """The Markdown as it is stored: gzip, the same bytes for the same text."""
    return zlib.compress(markdown, GZIP_LEVEL, GZIP_FORMAT)
