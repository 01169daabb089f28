"""The shared tails of this process: one reader of the log for each job that somebody follows.

Laws (tests/unit/usecases/test_tail_job.py):
1. A job that several connections follow is read from the store once, from its beginning, which the fold needs.
2. A tail ends with its last reader, and leaves nothing behind.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it reads events, which takes a third of a second to load
    from runnel.usecases.services import Services
    from runnel.usecases.tail_job import JobTail


@dataclass(slots=True)
class Tails:
    """The tails that run now."""

    _running: "dict[tuple[str, str], JobTail]" = field(default_factory=dict)

    @property
    def jobs(self) -> int:
        """How many jobs are followed."""
        return len(self._running)

    @property
    def readers(self) -> int:
        """How many readers the tails have together."""
        return sum(tail.readers for tail in self._running.values())

    @asynccontextmanager
    async def joined(self, services: "Services", tenant: str, job_id: str) -> "AsyncGenerator[JobTail, None]":
        """The tail of a job, for one more reader while the context lasts."""
        from runnel.usecases.tail_job import JobTail

        key = tenant, job_id
        tail = self._running.get(key)
        if tail is None or tail.has_failed:
            tail = self._running[key] = JobTail(services, tenant, job_id)
        tail.readers += 1
        try:
            yield tail
        finally:
            tail.readers -= 1
            if not tail.readers:
                if self._running.get(key) is tail:
                    del self._running[key]
                await tail.close()
