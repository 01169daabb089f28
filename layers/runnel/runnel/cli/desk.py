"""What the commands ask of libraries, beyond reading them; the answers are shaped like those over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from runnel.cli.backend import Json


class LibraryDesk(Protocol):
    """Where libraries are looked after, here or behind a server."""

    async def library(self, library_id: str) -> Json:
        """One library; raises `LibraryNotFound`."""
        ...

    async def delete(self, library_id: str) -> Json:
        """Delete a library; as it was."""
        ...

    async def change(self, library_id: str, changes: Json) -> Json:
        """Change a library by the body of `PATCH /v1/libraries/{id}`; as it is then."""
        ...

    async def add_source(self, library_id: str, url: str, source_id: str | None) -> Json:
        """Add a source; raises `SourceExists`."""
        ...

    async def remove_source(self, library_id: str, source_id: str) -> Json:
        """Remove a source with its pages; as it was."""
        ...

    async def generations(self, library_id: str) -> list[Json]:
        """The generations that are kept, the present one first."""
        ...

    def diff(self, library_id: str, older: int | None, newer: int | None) -> AsyncIterator[Json]:
        """What differs between two generations, page by page."""
        ...

    def diff_job(self, library_id: str, job_id: str) -> AsyncIterator[Json]:
        """What publishing the result of a job would change, page by page."""
        ...

    def export(self, library_id: str, kind: str) -> AsyncIterator[bytes]:
        """The pages of a library as one stream of this format."""
        ...

    async def export_folder(self, library_id: str, folder: Path) -> None:
        """The pages of a library as files; raises `InputInvalid` where a server answers."""
        ...

    def download(self, job_id: str) -> AsyncIterator[bytes]:
        """The good pages of a job as one Markdown file."""
        ...

    async def report(self, job_id: str) -> Json:
        """The report of a job; raises `ReportNotFound`."""
        ...

    def report_zip(self, job_id: str) -> AsyncIterator[bytes]:
        """The report of a job with the map of each source, as a zip."""
        ...

    async def publish(self, library_id: str, job_id: str | None, *, force: bool) -> Json:
        """Publish a job's result; raises `PublicationHeld`."""
        ...

    async def roll_back(self, library_id: str, generation: int | None) -> Json:
        """Show an earlier generation again: the new one."""
        ...

    async def verify(self, library_id: str, *, repair: bool) -> Json:
        """What is wrong with the stored objects of a library, and what a repair made of it."""
        ...
