"""What a driver does with the end of a crawl: publish, say what that did, show it in the folder, index, report."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from runnel.domain import events as e
from runnel.domain.jobs import EndedBecause, Job
from runnel.errors import ManifestDamaged, RunnelError
from runnel.usecases.dry_run import preview
from runnel.usecases.end_job import End
from runnel.usecases.index_library import index_library
from runnel.usecases.patience import sure
from runnel.usecases.publish import Published, publish, tell_published, weigh_held
from runnel.usecases.read_library import own_former_names
from runnel.usecases.recording import Recorder
from runnel.usecases.report_crawl import is_reported, write_report
from runnel.usecases.services import Services

#: How the warning begins that says that the output folder lacks pages; the command line knows it by this.
OUTPUT_BEHIND = "The output folder could not be brought up to date"


class Publication:
    """Publishes one job for one driver."""

    def __init__(self, services: Services, job: Job, recorder: Recorder) -> None:
        """Tell what is published with *recorder*."""
        self._services = services
        self._job = job
        self._recorder = recorder
        self._published: Published | None = None

    async def prepare(self) -> None:
        """Let the output folder know the library under the name that it has now."""
        output = self._services.outputs.of(self._job)
        if output is None:
            return
        job, services = self._job, self._services
        library = await sure(services, partial(services.libraries.get, job.tenant, job.library_id))
        if library is not None and library.former_names:
            with suppress(RunnelError, OSError):  # what a folder cannot do is said when it is to be written
                await output.adopt(library.library_id, await own_former_names(services, library))

    async def publish(self, because: EndedBecause, *, run: str) -> None:
        """Publish what the log tells (a dry run only looks), say so once, and bring the output folder up to date."""
        fold = self._recorder.fold
        if self._job.options.dry_run:
            published = await preview(self._services, self._job, fold, because=because)
        else:
            published = await publish(self._services, self._job, fold, run=run, because=because)
        self._published = published
        if fold.published is None:
            tell_published(self._recorder, self._job, published)
            await self._recorder.flush()
        await self._show_output(published)

    async def index(self, *, has_time: Callable[[], bool]) -> bool:
        """Whether what the library shows is indexed, as far as it can be; False when time was short.

        Raises:
            ManifestDamaged: the list of the library's pages cannot be read, and to index it was all that was asked.
        """
        options, services = self._job.options, self._services
        library = await sure(services, partial(services.libraries.get, self._job.tenant, self._job.library_id))
        if library is None or options.dry_run or "index" not in options.steps:
            return True
        published = self._published
        is_known = published is not None and published.generation == library.pointer.generation
        shown = published.pages if published is not None and is_known else None
        try:
            indexed = await index_library(services, library, shown=shown, has_time=has_time)
        except ManifestDamaged:
            if not self._job.downloads:
                raise
            return True
        return indexed.waiting == 0

    async def report(self, end: End, *, seen: int) -> str | None:
        """Write the report of a job that ends so, with *seen* URLs; its id, or None when there is nothing to report."""
        if not is_reported(self._job, end):
            return None
        fold = self._recorder.fold
        if self._published is None and fold.held:
            self._published = await weigh_held(self._services, self._job, fold, end.because)
        published = self._published or Published(generation=0)
        return await write_report(self._services, self._job, fold, end, published, seen=seen)

    async def _show_output(self, published: Published) -> None:
        """Make the output folder equal to the library; if that fails the job is still completed, and says so."""
        output = self._services.outputs.of(self._job)
        if output is None:
            return
        try:
            await output.reconcile(self._job.tenant, self._job.library_id, published.pages)
        except (RunnelError, OSError) as error:
            message = f"{OUTPUT_BEHIND}: {error}"
            self._recorder.emit(e.Log, level="warning", message=message)
