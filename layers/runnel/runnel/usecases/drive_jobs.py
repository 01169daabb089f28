"""The drivers of one process: each job has at most one task here, owned, awaited or handed on."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from runnel.usecases.services import Services

if TYPE_CHECKING:
    from runnel.usecases.run_crawl import Drive, Leaving


class Drivers:
    """Runs drivers as tasks of this process, so that no connection holds them."""

    def __init__(self, services: Services, *, tell: Callable[[str, BaseException], None] | None = None) -> None:
        """Drive jobs with *services*; *tell* hears of each driver that an error has ended, whose job is left."""
        self._services = services
        self.tell = tell
        self._tasks: dict[str, asyncio.Task[Drive]] = {}
        self._leaving: dict[str, Leaving] = {}

    def drive(self, tenant: str, job_id: str, *, deadline_s: float | None = None) -> "asyncio.Task[Drive]":
        """The task that drives the job here, begun if there is none."""
        from runnel.usecases.run_crawl import Leaving, run_crawl  # a third of a second, for those who drive

        task = self._tasks.get(job_id)
        if task is None or task.done():
            leaving = self._leaving[job_id] = Leaving()
            driver = run_crawl(self._services, tenant, job_id, deadline_s=deadline_s, leaving=leaving)
            task = asyncio.create_task(driver, name=f"drive {job_id}")
            self._tasks[job_id] = task
            task.add_done_callback(lambda ended: self._forget(job_id, ended))
        return task

    def is_driving(self, job_id: str) -> bool:
        """Whether a task of this process drives the job."""
        task = self._tasks.get(job_id)
        return task is not None and not task.done()  # its callback comes a turn of the loop later

    async def leave(self, reason: str, *, invoke_successor: bool = False) -> None:
        """Hand every job on, and wait until this process drives none."""
        for leaving in self._leaving.values():
            leaving.reason, leaving.invoke_successor = reason, invoke_successor
        for job_id in self._tasks:
            self._services.bell.ring(job_id)
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def close(self) -> None:
        """Cancel what is left."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, job_id: str, ended: "asyncio.Task[Drive]") -> None:
        self._tasks.pop(job_id, None)
        self._leaving.pop(job_id, None)
        error = None if ended.cancelled() else ended.exception()
        if error is not None and self.tell is not None:
            self.tell(job_id, error)
