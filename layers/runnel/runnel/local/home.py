"""A laptop's Runnel: the local services with worker processes, and the drivers of this process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runnel.local.reserve import Reserve
from runnel.local.worker_process import RAW_FILES, READERS, Started
from runnel.settings import Settings
from runnel.usecases.drive_jobs import Drivers
from runnel.usecases.services import Services
from runnel.wiring.local import TENANT, open_services

if TYPE_CHECKING:
    from runnel.extraction.learning import PageMarks
    from runnel.extraction.page import PageReading
    from runnel.local.frames import Lies
    from runnel.local.workers import WorkerPool

__all__ = ["TENANT", "Home", "open_home"]

#: How long the drivers may take to hand their jobs on: their own drain and a little more.
LEAVE_S: Final = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """What the command line and the local server work with."""

    services: Services
    drivers: Drivers
    settings: Settings
    #: Set when there is no room left to write below RUNNEL_HOME.
    full: asyncio.Event
    reserve: Reserve
    #: Takes whoever is to hear of a job that this process leaves alone, and why.
    on_lacking_leave: Callable[[Callable[[str, str], None]], None]

    async def leave(self) -> None:
        """Hand every job on; a store that does not answer holds nobody for ever."""
        try:
            await asyncio.wait_for(self.drivers.leave("sigterm"), LEAVE_S)
        except TimeoutError:
            await self.drivers.close()


@asynccontextmanager
async def open_home(
    settings: Settings, *, adopts: bool = False, readers: list[Started] | None = None
) -> AsyncIterator[Home]:
    """The home below `settings.home` while the context lasts; on leaving, its drivers hand their jobs on.

    Args:
        settings: Where everything lies.
        adopts: Whether a control call may start a driver in this process, as in `runnel serve`.
        readers: Processes that were started early, if any were; they are taken out of the list.
    """
    reader = _Workers(readers)
    try:
        async with open_services(settings, reader=reader, appending=reader, rest=reader.rest) as local:
            drivers, reserve = Drivers(local.services), Reserve(settings.home)
            reserve.keep()
            if adopts:
                local.orchestrators.connect(drivers.drive)
            home = Home(
                services=local.services,
                drivers=drivers,
                settings=settings,
                full=local.full,
                reserve=reserve,
                on_lacking_leave=local.on_lacking_leave,
            )
            try:
                yield home
            finally:
                await home.leave()
    finally:
        await reader.close()


class _Workers:
    """The `PageReader` of worker processes, made for the first page: most commands read none."""

    def __init__(self, started: list[Started] | None) -> None:
        self._started_early = started
        self._pool: WorkerPool | None = None

    async def read(
        self, body: bytes, *, url: str, charset: str | None, render: bool, blocks: tuple[str, ...] = ()
    ) -> "PageReading":
        return await self._started().read(body, url=url, charset=charset, render=render, blocks=blocks)

    async def read_marks(self, body: bytes, *, charset: str | None) -> "PageMarks":
        return await self._started().read_marks(body, charset=charset)

    async def find_present(self, body: bytes, *, charset: str | None, asked: tuple[str, ...]) -> tuple[str, ...]:
        return await self._started().find_present(body, charset=charset, asked=asked)

    async def read_appending(
        self, body: bytes, *, url: str, charset: str | None, stem: str, around: tuple[bytes, bytes]
    ) -> "tuple[PageReading, Lies | None]":
        return await self._started().read_appending(body, url=url, charset=charset, stem=stem, around=around)

    def rest(self) -> None:
        if self._pool is not None:
            self._pool.rest()

    def _started(self) -> "WorkerPool":
        if self._pool is None:
            from runnel.local.workers import WorkerPool

            self._pool = WorkerPool(size=READERS, files=RAW_FILES, started=self._started_early)
        return self._pool

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()
