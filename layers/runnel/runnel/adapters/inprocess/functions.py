"""The crawler and the processor as calls within this process: the laptop's stand-ins for the two functions."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from runnel.domain.payloads import CrawlRequest, CrawlResponse, ProcessRequest
from runnel.domain.verdicts import RawRef

Crawl = Callable[[CrawlRequest], Awaitable[CrawlResponse]]
Process = Callable[[ProcessRequest], Awaitable[Any]]
Drive = Callable[[str, str], object]


class InProcessCrawler:
    """Calls the crawler's use case; one URL a call, so that no page waits for another."""

    max_targets = 1

    def __init__(self, crawl: Crawl) -> None:
        """Take the use case."""
        self._crawl = crawl

    async def crawl(self, request: CrawlRequest) -> CrawlResponse:
        """Fetch; one result per target."""
        return await self._crawl(request)


class InProcessProcessor:
    """Runs the processor's use case as tasks of its own: nobody waits for them but `close`."""

    def __init__(self, process: Process, *, at_once: int = 2) -> None:
        """Take the use case; run at most *at_once* batches together."""
        self._process = process
        self._room = asyncio.Semaphore(at_once)
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, request: ProcessRequest) -> None:
        """Accept the batch."""
        task = asyncio.create_task(self._run(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Finish what was accepted."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, request: ProcessRequest) -> None:
        async with self._room:
            await self._process(request)


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
