"""What a job costs on AWS, by list prices (us-east-1): capacity, requests, and GB-seconds.

Limits: a processor's time is not measured but taken from the model in the design (about $2.70 a million pages);
log storage, data transfer and the free tier are left out. It is an estimate, and only grows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from runnel.domain.payloads import CrawlRequest, CrawlResponse, ProcessRequest
from runnel.ports.clock import Clock
from runnel.ports.crawler import Crawler, Processor, Turn

_USD_WRITE_UNIT = 0.625e-6
_USD_READ_UNIT = 0.125e-6
_USD_PUT = 5e-6
_USD_GET = 0.4e-6
_USD_GB_SECOND = 0.0000133334
_USD_REQUEST = 0.2e-6
_USD_PROCESSED_PAGE = 2.7e-6
_ORCHESTRATOR_GB = _CRAWLER_GB = 0.5


class TableUsed(Protocol):
    """Capacity of the table that was used."""

    @property
    def write_units(self) -> float:
        """Write units."""
        ...

    @property
    def read_units(self) -> float:
        """Read units."""
        ...


class BucketUsed(Protocol):
    """Requests to the bucket."""

    @property
    def puts(self) -> int:
        """Puts."""
        ...

    @property
    def gets(self) -> int:
        """Gets."""
        ...

    @property
    def lists(self) -> int:
        """Lists."""
        ...


@dataclass(slots=True)
class AwsMeter:
    """Adds up what this process used, and what the functions that it called have used."""

    clock: Clock
    table: Callable[[], TableUsed]
    bucket: Callable[[], BucketUsed]
    _began_s: float = 0.0
    _called_usd: float = 0.0

    def __post_init__(self) -> None:
        """Begin to count this process's time."""
        self._began_s = self.clock.monotonic()

    def usd(self) -> float:
        """US dollars so far."""
        table, bucket = self.table(), self.bucket()
        own_s = self.clock.monotonic() - self._began_s
        return (
            table.write_units * _USD_WRITE_UNIT
            + table.read_units * _USD_READ_UNIT
            + (bucket.puts + bucket.lists) * _USD_PUT
            + bucket.gets * _USD_GET
            + own_s * _ORCHESTRATOR_GB * _USD_GB_SECOND
            + self._called_usd
        )

    def add(self, usd: float) -> None:
        """Count what a called function has cost."""
        self._called_usd += usd


class MeteredCrawler:
    """A `Crawler` whose calls are counted: requests, time, puts."""

    def __init__(self, crawler: Crawler, meter: AwsMeter) -> None:
        """Count the calls of *crawler* in *meter*."""
        self._crawler = crawler
        self._meter = meter
        self.max_targets = crawler.max_targets

    async def crawl(self, request: CrawlRequest, *, turn: Turn | None = None) -> CrawlResponse:
        """Fetch; one result per target."""
        began_s = self._meter.clock.monotonic()
        puts = 0
        try:
            response = await self._crawler.crawl(request, turn=turn)
            puts = response.puts
            return response
        finally:
            took_s = self._meter.clock.monotonic() - began_s
            self._meter.add(_USD_REQUEST + took_s * _CRAWLER_GB * _USD_GB_SECOND + puts * _USD_PUT)


class MeteredProcessor:
    """A `Processor` whose pages are counted: a request, and a put and the model's time for each page."""

    def __init__(self, processor: Processor, meter: AwsMeter) -> None:
        """Count the pages that *processor* is sent in *meter*."""
        self._processor = processor
        self._meter = meter

    async def submit(self, request: ProcessRequest, *, failed: Callable[[str], None] | None = None) -> None:
        """Ask for these pages."""
        await self._processor.submit(request, failed=failed)
        pages = len(request.pages)
        self._meter.add(_USD_REQUEST + pages * (_USD_PROCESSED_PAGE + _USD_PUT) + _USD_PUT)
