"""Making the index segments in which the pages of a library are searched."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class IndexedPage:
    """One page that is to be found."""

    page_id: str
    url: str
    #: The Markdown as its object holds it.
    markdown_gz: bytes


class Indexer(Protocol):
    """
    Makes index segments, away from the event loop.

    Promises every adapter keeps (tests/contract/test_indexer.py):

    * equal pages in equal order make equal bytes;
    * the event loop goes on while a segment is made;
    * a segment that was cut or changed is not whole.
    """

    async def build(self, pages: Sequence[IndexedPage]) -> bytes:
        """Make a segment; raises `PageNotFound` when a page's Markdown cannot be read."""
        ...

    async def is_whole(self, segment: bytes) -> bool:
        """Whether these bytes can be searched."""
        ...
