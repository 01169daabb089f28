"""A journal whose commits take their time, as a disk does, on a clock that the test moves."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from runnel.domain.segments import Flush
from runnel.ports.clock import Clock
from runnel.ports.journal import Journal
from tests.support.killable_process import Process


class _SlowJournal:
    def __init__(self, journal: Journal, clock: Clock, commit_s: float) -> None:
        self._journal, self._clock, self._commit_s = journal, clock, commit_s

    async def commit(self, flush: Flush, **callbacks: Any) -> None:
        """Wait, and commit."""
        await self._clock.sleep(timedelta(seconds=self._commit_s))
        await self._journal.commit(flush, **callbacks)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


def slow_down(process: Process, commit_s: float) -> None:
    """Let every commit of *process* take so many seconds."""
    journal: Any = _SlowJournal(process.services.journal, process.services.clock, commit_s)
    process.services = replace(process.services, journal=journal)
