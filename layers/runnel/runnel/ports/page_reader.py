"""The port through which a body becomes what its page says."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the parser is heavy, and most commands read no page
    from runnel.extraction.page import PageReading


class PageReader(Protocol):
    """
    Reads pages, away from the event loop.

    Promises every adapter keeps:

    * the reading is that of `runnel.extraction.reading`, whatever process or thread it was made in;
    * the event loop goes on while a page is read;
    * a page that cannot be read, or whose reading crashed or hung, raises `PageUnreadable`, and only that page does.
    """

    async def read(self, body: bytes, *, url: str, charset: str | None, render: bool) -> "PageReading":
        """Read a page, with its Markdown when *render* is set; raises `PageUnreadable`.

        Args:
            body: the decoded response (no content encoding left).
            url: the page's own address, after redirects.
            charset: what the HTTP header named, if it did.
            render: False leaves `markdown`, `content_hash` and `markdown_gz` empty.
        """
        ...
