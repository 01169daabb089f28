"""The libraries of this machine, looked after by this process."""

from collections.abc import AsyncIterator
from pathlib import Path

from runnel.cli.backend import Json
from runnel.usecases.services import Services
from runnel.web.shapes import (
    change_to_json,
    generation_to_json,
    library_to_json,
    published_to_json,
    report_to_json,
    source_to_json,
    verification_to_json,
)


class LocalDesk:
    """The `LibraryDesk` over the use cases; each is imported by the command that needs it."""

    def __init__(self, services: Services, tenant: str) -> None:
        """Look after the libraries of *tenant*."""
        self._services = services
        self._tenant = tenant

    async def library(self, library_id: str) -> Json:
        """One library."""
        from runnel.usecases.library_statistics import read_statistics
        from runnel.usecases.read_library import get_library

        library = await get_library(self._services, self._tenant, library_id)
        statistics = await read_statistics(self._services, library)
        return {**library_to_json(library), "statistics": statistics.model_dump(mode="json")}

    async def delete(self, library_id: str) -> Json:
        """Delete a library."""
        from runnel.usecases.delete_library import delete_library

        return library_to_json(await delete_library(self._services, self._tenant, library_id))

    async def change(self, library_id: str, changes: Json) -> Json:
        """Change a library."""
        from runnel.usecases.edit_library import Wanted, change_library

        changed = await change_library(self._services, self._tenant, library_id, Wanted(**changes))
        return library_to_json(changed)

    async def add_source(self, library_id: str, url: str, source_id: str | None) -> Json:
        """Add a source."""
        from runnel.usecases.create_job import parse_start_url
        from runnel.usecases.edit_library import set_source

        place = self._services, self._tenant, library_id
        _, source = await set_source(*place, parse_start_url(url), source_id, may_replace=False)
        return source_to_json(source)

    async def remove_source(self, library_id: str, source_id: str) -> Json:
        """Remove a source with its pages."""
        from runnel.usecases.edit_library import find_source, remove_source
        from runnel.usecases.read_library import get_library

        source = find_source(await get_library(self._services, self._tenant, library_id), source_id)
        await remove_source(self._services, self._tenant, library_id, source_id)
        return source_to_json(source)

    async def generations(self, library_id: str) -> list[Json]:
        """The generations that are kept."""
        from runnel.usecases.generations import list_generations

        return [generation_to_json(one) for one in await list_generations(self._services, self._tenant, library_id)]

    async def diff(self, library_id: str, older: int | None, newer: int | None) -> AsyncIterator[Json]:
        """What differs between two generations."""
        from runnel.usecases.diff_library import diff_library

        async for change in diff_library(self._services, self._tenant, library_id, older=older, newer=newer):
            yield change_to_json(change)

    async def diff_job(self, library_id: str, job_id: str) -> AsyncIterator[Json]:
        """What publishing the result of a job would change."""
        from runnel.usecases.generations import diff_job

        async for change in diff_job(self._services, self._tenant, library_id, job_id):
            yield change_to_json(change)

    async def export(self, library_id: str, kind: str) -> AsyncIterator[bytes]:
        """The pages of a library as one stream."""
        from runnel.usecases.export_library import MEDIA_TYPES, open_export, stream_export

        opened = await open_export(self._services, self._tenant, library_id)
        async for part in stream_export(opened, next(name for name in MEDIA_TYPES if name == kind)):
            yield part

    async def export_folder(self, library_id: str, folder: Path) -> None:
        """The pages of a library as files."""
        from runnel.usecases.export_library import open_export, write_folder
        from runnel.wiring.local import open_folder

        opened = await open_export(self._services, self._tenant, library_id)
        output = open_folder(folder, opened.home_host)
        try:
            await write_folder(opened, output)
        finally:
            await output.close()

    async def download(self, job_id: str) -> AsyncIterator[bytes]:
        """The good pages of a job as one file."""
        from runnel.usecases.download_job import open_download
        from runnel.usecases.export_library import stream_export

        async for part in stream_export(await open_download(self._services, self._tenant, job_id), "file"):
            yield part

    async def report(self, job_id: str) -> Json:
        """The report of a job."""
        from runnel.usecases.read_reports import get_job_report

        return report_to_json(await get_job_report(self._services, self._tenant, job_id))

    async def report_zip(self, job_id: str) -> AsyncIterator[bytes]:
        """The report of a job as a zip."""
        from runnel.usecases.read_reports import get_job_report, zip_report

        yield await zip_report(self._services, await get_job_report(self._services, self._tenant, job_id))

    async def publish(self, library_id: str, job_id: str | None, *, force: bool) -> Json:
        """Publish a job's result."""
        from runnel.usecases.generations import publish_job

        published = await publish_job(self._services, self._tenant, library_id, job_id, force=force)
        return await self._shown(library_id, published_to_json(library_id, published))

    async def roll_back(self, library_id: str, generation: int | None) -> Json:
        """Show an earlier generation again."""
        from runnel.usecases.generations import roll_back

        pointer = await roll_back(self._services, self._tenant, library_id, generation)
        return await self._shown(library_id, generation_to_json(pointer))

    async def _shown(self, library_id: str, answer: Json) -> Json:
        """*answer*, when the folder of Markdown shows it too; with a `warning` where it cannot."""
        from runnel.usecases.show_output import show_output

        warning = await show_output(self._services, self._tenant, library_id)
        return answer if warning is None else {**answer, "warning": warning}

    async def verify(self, library_id: str, *, repair: bool) -> Json:
        """Look at the stored objects of a library, and mend them on request."""
        from runnel.usecases.verify_library import verify_library

        return verification_to_json(await verify_library(self._services, self._tenant, library_id, repair=repair))
