"""The crawler and the processor as calls within this process: the laptop's stand-ins for the two functions."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

from runnel.domain.payloads import CrawlRequest, CrawlResponse, ProcessRequest
from runnel.domain.verdicts import RawRef
from runnel.errors import CallFailed, DiskFull, StoreUnavailable
from runnel.ports.clock import Clock
from runnel.ports.content_store import RawStore
from runnel.ports.crawler import Turn
from runnel.ports.page_reader import PageKeeper, RawPlace

Crawl = Callable[[CrawlRequest, Turn | None], Awaitable[CrawlResponse]]
Process = Callable[[ProcessRequest], Awaitable[Any]]
Drive = Callable[[str, str], object]
Answer = TypeVar("Answer")

#: Between two tries of a store that is away.
_STORE_PAUSE: Final = timedelta(milliseconds=500)


class InProcessCrawler:
    """Calls the crawler's use case; one URL a call, so that no page waits for another."""

    max_targets = 1

    def __init__(self, crawl: Crawl) -> None:
        """Take the use case."""
        self._crawl = crawl

    async def crawl(self, request: CrawlRequest, *, turn: Turn | None = None) -> CrawlResponse:
        """Fetch; one result per target; raises `CallFailed`, as for a function that died of the same."""
        try:
            return await self._crawl(request, turn)
        except CallFailed:
            raise
        except Exception as error:  # the edge of what would be a function: whatever it raises, the driver hears of it
            raise CallFailed(_describe(error)) from error


class InProcessProcessor:
    """Runs the processor's use case as tasks of its own: nobody waits for them but `close`.

    A store that is away is waited for, since to ask again is harmless; what else goes wrong is told at once.
    """

    def __init__(self, process: Process, *, clock: Clock, at_once: int = 2) -> None:
        """Take the use case; run at most *at_once* batches together."""
        self._process = process
        self._clock = clock
        self._room = asyncio.Semaphore(at_once)
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False

    async def submit(self, request: ProcessRequest, *, failed: Callable[[str], None] | None = None) -> None:
        """Accept the batch."""
        task = asyncio.create_task(self._run(request, failed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Finish what was accepted; what waits for a store is left to the next driver."""
        self._is_closing = True
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, request: ProcessRequest, failed: Callable[[str], None] | None) -> None:
        async with self._room:
            try:
                await self._patiently(request)
            except Exception as error:  # noqa: BLE001  # the edge of what would be a function
                if failed is not None:
                    failed(_describe(error))

    async def _patiently(self, request: ProcessRequest) -> None:
        while True:
            try:
                await self._process(request)
            except StoreUnavailable:
                if self._is_closing:
                    raise
                await self._clock.sleep(_STORE_PAUSE)
            else:
                return


class Patience:
    """Waits for room and for a disk: a page that was fetched is not fetched again for that."""

    def __init__(self, *, clock: Clock, full: Callable[[], None]) -> None:
        """Call *full* whenever there is no room."""
        self._clock = clock
        self._full = full

    async def sure(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer of *ask*, which is repeated while the store is unavailable."""
        while True:
            try:
                return await ask()
            except StoreUnavailable as error:
                if isinstance(error, DiskFull):
                    self._full()
                await self._clock.sleep(_STORE_PAUSE)


class PatientPageKeeper:
    """A `PageKeeper` that waits for its store."""

    def __init__(self, keeper: PageKeeper, patience: Patience) -> None:
        """Keep with *keeper*."""
        self._keeper = keeper
        self._patience = patience

    async def read_and_keep(
        self, body: bytes, *, url: str, charset: str | None, place: RawPlace
    ) -> tuple[Any, RawRef | None]:
        """Read a page and store its response, as soon as that is possible."""
        return await self._patience.sure(
            lambda: self._keeper.read_and_keep(body, url=url, charset=charset, place=place)
        )


class PatientRawStore:
    """A `RawStore` that waits for its store."""

    def __init__(self, raw: RawStore, patience: Patience) -> None:
        """Put into *raw*."""
        self._raw = raw
        self._patience = patience

    async def put(self, tenant: str, job_id: str, name: str, records: tuple[bytes, ...]) -> tuple[RawRef, ...]:
        """Store the records, as soon as that is possible."""
        return await self._patience.sure(lambda: self._raw.put(tenant, job_id, name, records))

    async def get(self, tenant: str, ref: RawRef) -> bytes | None:
        """One record."""
        return await self._raw.get(tenant, ref)

    async def delete_job(self, tenant: str, job_id: str) -> None:
        """Everything of a job."""
        await self._raw.delete_job(tenant, job_id)


def _describe(error: Exception) -> str:
    """One sentence about what a use case has raised."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]


class InProcessOrchestrators:
    """Starts drivers in this process, or nowhere, when this process drives only its own job."""

    def __init__(self) -> None:
        """Start nothing until `connect`."""
        self._drive: Drive | None = None

    def connect(self, drive: Drive) -> None:
        """Start drivers by calling *drive*."""
        self._drive = drive

    async def start(self, tenant: str, job_id: str, *, hop: int = 0) -> None:  # noqa: ARG002  # nobody counts hops here
        """Begin to drive the job here, if this process drives jobs."""
        if self._drive is not None:
            self._drive(tenant, job_id)


class RenderedPages:
    """Readings that the crawler of this process has just made, for the processor of this process.

    Bounded: what is pushed out is read again from the raw store.
    """

    def __init__(self, most: int = 400) -> None:
        """Keep at most *most* readings."""
        self._most = most
        self._readings: OrderedDict[RawRef, Any] = OrderedDict()

    def keep(self, raw: RawRef, reading: Any) -> None:
        """Remember the reading of the response stored at *raw*."""
        self._readings[raw] = reading
        if len(self._readings) > self._most:
            self._readings.popitem(last=False)

    def take(self, raw: RawRef) -> Any | None:
        """The reading, at most once."""
        return self._readings.pop(raw, None)


class NoBill:
    """A laptop costs nothing."""

    def usd(self) -> float:
        """Zero."""
        return 0.0
