"""What a driver does with the end of a crawl: publish, say what that did, show it in the output folder, report it."""

from runnel.domain import events as e
from runnel.domain.jobs import EndedBecause, Job
from runnel.errors import RunnelError
from runnel.usecases.dry_run import preview
from runnel.usecases.end_job import End
from runnel.usecases.publish import Published, publish, tell_published, weigh_held
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
