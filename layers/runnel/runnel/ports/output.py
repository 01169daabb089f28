"""Where a local crawl shows its Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from runnel.domain.integrity import Flaw
from runnel.domain.jobs import Job
from runnel.domain.payloads import StoredPage


class Output(Protocol):
    """A folder of Markdown files, one for a page.

    Promises: a file is there whole or not at all; `reconcile` leaves exactly the published pages among the files that
    Runnel wrote, and never touches others.
    """

    async def adopt(self, library_id: str, former_names: Sequence[str]) -> None:
        """Take the files that were written for the library under its *former_names* for its own."""
        ...

    async def write_many(self, library_id: str, pages: Iterable[tuple[StoredPage, bytes]]) -> None:
        """Write or replace the files of (page, Markdown in UTF-8) pairs."""
        ...

    async def arrange(self, library_id: str, pages: tuple[StoredPage, ...]) -> Mapping[str, str]:
        """Give the files of *pages* their names, before they are written, and remove those of others; names by URL."""
        ...

    async def reconcile(self, tenant: str, library_id: str, pages: tuple[StoredPage, ...]) -> None:
        """Make the folder equal to the published pages."""
        ...

    async def examine(
        self, tenant: str, library_id: str, pages: tuple[StoredPage, ...]
    ) -> tuple[tuple[Flaw, str], ...]:
        """What is wrong with the files of *pages*, each with its path; a `reconcile` that follows mends it.

        A folder that has gone altogether is somebody's wish, and not wrong.
        """
        ...


class Outputs(Protocol):
    """Which folder belongs to which job; a home without folders has none."""

    def of(self, job: Job) -> Output | None:
        """The job's folder, the same for every call; None when it writes none."""
        ...
