"""A job whose pages nobody processes: it downloads them, or it only makes the index."""

from runnel.usecases.track_batches import BatchTracker


class IdleBatches(BatchTracker):
    """Batches of which there are none: what was fetched waits for the job that will process it."""

    @property
    def backlog(self) -> int:
        """Nothing waits here."""
        return 0

    async def invoke_open(self) -> None:
        """There is nothing to ask for."""

    def should_look(self) -> bool:
        """There is nothing to look at."""
        return False

    def choose_last(self) -> None:
        """Whoever processes the pages chooses."""

    def send(self, *, is_last: bool) -> None:  # the tracker's signature
        """Nothing is sent."""
