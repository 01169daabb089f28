"""A bell that other processes ring by writing to the file."""

from collections import OrderedDict
from datetime import timedelta

from runnel.adapters.sqlite.database import Database
from runnel.ports.bell import Bell

#: How often the file is looked at.
POLL = timedelta(milliseconds=100)
#: Jobs whose last look is remembered.
_JOBS = 1000


class SqliteBell:
    """A `Bell` that also rings when anybody has committed to the file; false alarms are harmless.

    Law: a ring of this process costs no look at the file. What was committed between two waits is seen by the first
    look of the second, for a job's looks are compared with its last one, whichever wait that belonged to.
    """

    def __init__(self, database: Database, inner: Bell) -> None:
        """Pass rings of this process through *inner*."""
        self._database = database
        self._inner = inner
        #: By job, the one asked for last at the end: the file's version when it was looked at.
        self._seen: OrderedDict[str, int] = OrderedDict()

    def ring(self, job_id: str) -> None:
        self._inner.ring(job_id)

    async def wait(self, job_id: str, *, at_most: timedelta) -> bool:
        if job_id not in self._seen:
            await self._has_changed(job_id)
        while at_most > timedelta():
            if await self._inner.wait(job_id, at_most=min(POLL, at_most)):
                return True
            if await self._has_changed(job_id):
                return True
            at_most -= POLL
        return False

    async def _has_changed(self, job_id: str) -> bool:
        version, seen = await self._database.data_version(), self._seen.pop(job_id, None)
        self._seen[job_id] = version
        if len(self._seen) > _JOBS:
            self._seen.popitem(last=False)
        return version != seen
