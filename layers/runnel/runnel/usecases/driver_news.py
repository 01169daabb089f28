"""What reaches a driver from outside its own story: what the user wishes, and word of the processor beside it.

Law: news that come while the driver is busy with a commit end the rest that follows; none waits for the next look.
"""

import asyncio
from collections.abc import Callable

from runnel.domain.jobs import Job, Wish
from runnel.errors import LeaseLost
from runnel.usecases.leasing import LeaseKeeper
from runnel.usecases.patience import sure
from runnel.usecases.services import Services


class DriverNews:
    """The ears of one driver."""

    def __init__(self, services: Services, job: Job, keeper: LeaseKeeper, *, wake: asyncio.Event) -> None:
        """Listen for *job*; whoever rests on *wake* is woken by news."""
        self._services, self._job, self._keeper = services, job, keeper
        self._wake = wake
        self.wish: Wish | None = job.wish
        #: Something was heard since the driver last rested.
        self.is_there = False

    async def look(self) -> None:
        """Read META; raises `LeaseLost` when the job is gone."""
        job = await sure(self._services, lambda: self._services.jobs.get(self._job.tenant, self._job.job_id))
        if job is None:
            raise LeaseLost("The job was deleted.")
        self.wish = job.wish

    async def keep_looking(self, *, before_each: Callable[[], None], changed: Callable[[], None]) -> None:
        """Look every second, a task of the driver; *changed* is called when there is another wish or no lease."""
        while True:
            await self._services.clock.sleep(self._services.tuning.look)
            before_each()
            before = self.wish
            try:
                await self.look()
            except LeaseLost:
                self._keeper.is_lost = True
            if self.wish is not before or self._keeper.is_lost:
                changed()
                self._tell()

    async def keep_listening(self, heard: Callable[[], None]) -> None:
        """Hear the processor of this process, a task of the driver."""
        while True:
            if await self._services.batch_bell.wait(self._job.job_id, at_most=self._services.tuning.look):
                heard()
                self._tell()

    def _tell(self) -> None:
        self.is_there = True
        self._wake.set()
