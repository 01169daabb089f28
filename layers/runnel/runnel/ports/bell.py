"""A bell within one process: something about a job has changed, look again."""

from datetime import timedelta
from typing import Protocol


class Bell(Protocol):
    """Wakes whoever waits for news of a job sooner than its next poll.

    Promises: a ring is never needed for correctness, only for speed; waiting leaves nothing behind.
    """

    def ring(self, job_id: str) -> None:
        """Wake everyone in this process who waits for *job_id*."""
        ...

    async def wait(self, job_id: str, *, at_most: timedelta) -> bool:
        """Wait for a ring; False when *at_most* has passed."""
        ...
