"""A job whose pages nobody processes: it downloads them, or it only makes the index."""

from runnel.domain.jobs import Job
from runnel.usecases.dry_run import DryBatches
from runnel.usecases.track_batches import BatchTracker


def batches_of(job: Job) -> type[BatchTracker]:
    """What becomes of the pages that a job fetches."""
    if "process" not in job.options.steps:
        return IdleBatches
    return DryBatches if job.options.dry_run else BatchTracker


class IdleBatches(BatchTracker):
    """Batches of which there are none: what was fetched waits for the job that will process it."""

    @property
    def backlog(self) -> int:
        """Nothing waits here."""
        return 0

    @property
    def is_done(self) -> bool:
        """Nothing is waited for."""
        return True

    async def invoke_open(self) -> None:
        """There is nothing to ask for."""

    def should_look(self) -> bool:
        """There is nothing to look at."""
        return False

    def choose_last(self) -> None:
        """Whoever processes the pages chooses."""

    def send(self, *, is_last: bool) -> None:  # the tracker's signature
        """Nothing is sent."""
