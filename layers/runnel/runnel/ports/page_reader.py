"""The port through which a body becomes what its page says."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from runnel.domain.verdicts import RawRef

if TYPE_CHECKING:  # the parser is heavy, and most commands read no page
    from runnel.extraction.learning import PageMarks
    from runnel.extraction.page import PageReading


class PageReader(Protocol):
    """
    Reads pages, away from the event loop.

    Promises every adapter keeps:

    * the reading is that of `runnel.extraction.reading`, whatever process or thread it was made in;
    * the event loop goes on while a page is read;
    * a page that cannot be read, or whose reading crashed or hung, raises `PageUnreadable`, and only that page does.
    """

    async def read(
        self, body: bytes, *, url: str, charset: str | None, render: bool, blocks: tuple[str, ...] = ()
    ) -> "PageReading":
        """Read a page, with its Markdown when *render* is set; raises `PageUnreadable`.

        Args:
            body: the decoded response (no content encoding left).
            url: the page's own address, after redirects.
            charset: what the HTTP header named, if it did.
            render: False leaves `markdown`, `content_hash` and `markdown_gz` empty.
            blocks: what the page's site repeats, to be left out of the text.
        """
        ...

    async def read_marks(self, body: bytes, *, charset: str | None) -> "PageMarks":
        """Say what a page of a sample tells about its site; raises `PageUnreadable`."""
        ...

    async def find_present(self, body: bytes, *, charset: str | None, asked: tuple[str, ...]) -> tuple[str, ...]:
        """Say which of the *asked* blocks stand on a page, sorted; raises `PageUnreadable`."""
        ...


@dataclass(frozen=True, slots=True)
class RawPlace:
    """Where a raw response belongs, and what stands before its body there."""

    tenant: str
    job_id: str
    #: As for `RawStore.put`.
    name: str
    head: bytes


class PageKeeper(Protocol):
    """
    Reads a page and keeps its raw response in one go, for a home where both happen in the same place.

    Promises: the reading is that of a `PageReader` with `render` set; what is kept is what `RawStore.put` would have
    kept and `RawStore.get` finds; of a page without a word nothing is kept.
    """

    async def read_and_keep(
        self, body: bytes, *, url: str, charset: str | None, place: RawPlace
    ) -> "tuple[PageReading, RawRef | None]":
        """Read and keep; raises `PageUnreadable`, and `StoreUnavailable` when it cannot be kept."""
        ...
