"""A bell that other processes ring by writing to the file."""

from datetime import timedelta

from runnel.adapters.sqlite.database import Database
from runnel.ports.bell import Bell

#: How often the file is looked at.
POLL = timedelta(milliseconds=100)


class SqliteBell:
    """A `Bell` that also rings when anybody has committed to the file; false alarms are harmless."""

    def __init__(self, database: Database, inner: Bell) -> None:
        """Pass rings of this process through *inner*."""
        self._database = database
        self._inner = inner

    def ring(self, job_id: str) -> None:
        self._inner.ring(job_id)

    async def wait(self, job_id: str, *, at_most: timedelta) -> bool:
        seen = await self._database.data_version()
        while at_most > timedelta():
            if await self._inner.wait(job_id, at_most=min(POLL, at_most)):
                return True
            if await self._database.data_version() != seen:
                return True
            at_most -= POLL
        return False
