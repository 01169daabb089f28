"""
What a first crawl costs on AWS, counted as DynamoDB and S3 would bill it.

    python -m tests.bench.aws_cost [pages]

* The real driver, crawler and processor run in this process; the table and the bucket are moto's server behind the
  guard, which counts capacity by AWS's rules. The tuning is that of `wiring.aws`.
* A crawler call takes as long as on Lambda, and the site answers from memory: what is counted depends on how many pages
  come back between two flushes, so that figure is printed too.
* The budget is that of docs/architecture.md, at five pages a flush and five URLs a call.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from runnel.adapters.aws_lambda.meter import AwsMeter, MeteredCrawler, MeteredProcessor
from runnel.adapters.dynamodb.client import make_client as make_dynamodb
from runnel.adapters.dynamodb.stores import DynamoDBStores
from runnel.adapters.http.fetcher import HttpFetcher
from runnel.adapters.inprocess.functions import InProcessCrawler, InProcessOrchestrators, InProcessProcessor
from runnel.adapters.s3.client import make_client as make_s3
from runnel.adapters.s3.content_store import S3ContentStore
from runnel.adapters.s3.raw_store import S3RawStore
from runnel.adapters.system.bell import LoopBell
from runnel.adapters.system.clock import SystemClock
from runnel.adapters.system.ids import SystemIds
from runnel.adapters.system.thread_reader import ThreadPageReader
from runnel.domain.jobs import JobOptions
from runnel.domain.payloads import MAX_TARGETS, CrawlRequest, CrawlResponse
from runnel.ports.crawler import Turn
from runnel.usecases.crawl_pages import CrawlerPorts, crawl_pages
from runnel.usecases.create_job import NewJob, create_job
from runnel.usecases.process_pages import ProcessorPorts, process_pages
from runnel.usecases.run_crawl import Drive, run_crawl
from runnel.usecases.services import Services
from runnel.wiring.aws import make_tuning
from tests.site.generated import GeneratedPages
from tests.site.server import SiteServer
from tests.support.dynamodb_guard import Guard
from tests.support.dynamodb_stores import make_stores
from tests.support.moto_server import client_arguments
from tests.support.scripted_ports import InlineIndexer, InlineReader, NoLocks, NoOutputs, NothingRendered

TENANT = "main"
PAGES = 400
#: A warm invocation, and a site that answers as documentation sites do.
CALL_S = 0.1
#: A crawl that takes longer hangs on a processor that broke down.
MOST_S = 120
WRITE_UNIT_USD = 0.625e-6
PUT_USD = 5e-6
#: What a page of a first crawl may cost (docs/architecture.md).
MOST_WRITE_UNITS = 3.5
MOST_PUTS = 1.3
#: What a page of a crawl may cost that finds nothing changed.
MOST_WRITE_UNITS_UNCHANGED = 1.6
MOST_PUTS_UNCHANGED = 0.1


class DistantCrawler(InProcessCrawler):
    """The crawler's use case, as many URLs a call as Lambda's, and as far away."""

    max_targets = MAX_TARGETS
    calls = 0
    targets = 0

    async def crawl(self, request: CrawlRequest, *, turn: Turn | None = None) -> CrawlResponse:
        """Fetch; one result per target."""
        self.calls += 1
        self.targets += len(request.targets)
        await asyncio.sleep(CALL_S)
        return await super().crawl(request, turn=turn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The AWS home, but for the network between its functions."""

    services: Services
    crawler: DistantCrawler
    processor: InProcessProcessor


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What a crawl has used."""

    pages: int
    flushes: int
    batches: int
    calls: int
    targets: int
    write_units: dict[str, float]
    writes: dict[str, int]
    read_units: float
    puts: int
    gets: int
    usd: float

    @property
    def all_write_units(self) -> float:
        """Write units of all kinds of items together."""
        return sum(self.write_units.values())


async def measure(pages: int = PAGES) -> tuple[Bill, Bill]:
    """Crawl a generated site of so many *pages*, and again unchanged, on a table and a bucket of its own."""
    async with (
        make_stores() as stores,
        SiteServer(GeneratedPages(pages)) as site,
        _home(stores.guard, stores.table, site) as home,
    ):
        site.validates = True
        first = await _crawl(stores.guard, home, NewJob(tenant=TENANT, urls=(site.url("/docs/"),)))
        options = JobOptions(mode="incremental")
        again = await _crawl(stores.guard, home, NewJob(tenant=TENANT, urls=(site.url("/docs/"),), options=options))
        await home.processor.close()
        return first, again


async def _crawl(guard: Guard, home: Home, new: NewJob) -> Bill:
    guard.reset()
    home.crawler.calls = home.crawler.targets = 0
    job = await create_job(home.services, new, invoke=False)
    async with asyncio.timeout(MOST_S):
        ended = await run_crawl(home.services, TENANT, job.job_id)
    if ended is not Drive.ENDED:
        raise RuntimeError(f"the driver came to no end: {ended}")
    return await _count(guard, home, job.job_id)


@asynccontextmanager
async def _home(guard: Guard, name: str, site: SiteServer) -> AsyncIterator[Home]:
    """The services as `wiring.aws` puts them together, over the guard."""
    clock = SystemClock()
    ids = SystemIds(clock)
    arguments = client_arguments(guard.endpoint_url)
    stores = DynamoDBStores(make_dynamodb(**arguments), name, clock=clock, ids=ids)
    bucket = make_s3(path_style=True, **arguments)
    content = S3ContentStore(bucket, name, clock=clock, ids=ids)
    raw = S3RawStore(bucket, name, clock=clock, ids=ids)
    host, _, port = site.address.rpartition(":")
    fetcher = HttpFetcher(allow_private=frozenset({(host, int(port))}))
    reader, bell = ThreadPageReader(), LoopBell()
    crawler = DistantCrawler(partial(crawl_pages, CrawlerPorts(fetcher=fetcher, reader=reader, raw=raw, clock=clock)))
    # The bell of another process is not heard by the driver.
    processing = ProcessorPorts(
        jobs=stores.jobs, batches=stores.batches, content=content, raw=raw, reader=reader,
        rendered=NothingRendered(), batch_bell=LoopBell(), outputs=NoOutputs(),
    )  # fmt: skip
    processor = InProcessProcessor(partial(process_pages, processing), clock=clock, at_once=4)
    meter = AwsMeter(clock, lambda: stores.usage.used, lambda: content.usage.used)
    services = Services(
        clock=clock, ids=ids, jobs=stores.jobs, leases=stores.leases, log=stores.log, queue=stores.queue,
        journal=stores.journal, batches=stores.batches, libraries=stores.libraries, bus=stores.bus, content=content,
        raw=raw, hosts=stores.hosts, tokens=stores.tokens, crawler=MeteredCrawler(crawler, meter),
        processor=MeteredProcessor(processor, meter), orchestrators=InProcessOrchestrators(), bell=bell,
        batch_bell=bell, locks=NoLocks(), meter=meter, outputs=NoOutputs(), reader=InlineReader(),
        indexer=InlineIndexer(), tuning=make_tuning(),
    )  # fmt: skip
    try:
        yield Home(services=services, crawler=crawler, processor=processor)
    finally:
        await fetcher.close()
        for store in (stores, content, raw):
            store.close()


async def _count(guard: Guard, home: Home, job_id: str) -> Bill:
    spent = guard.spent
    units: dict[str, float] = dict(spent.write_units)
    writes = dict(spent.writes)
    requests, read_units = dict(spent.requests), spent.read_units
    job = await home.services.jobs.get(TENANT, job_id)
    if job is None or job.ending is None:
        raise RuntimeError("the job has no ending")
    return Bill(
        pages=job.ending.counts.fetched,
        flushes=writes["E"],
        batches=writes.get("B", 0),
        calls=home.crawler.calls,
        targets=home.crawler.targets,
        write_units=units,
        writes=writes,
        read_units=read_units,
        puts=requests.get("PutObject", 0),
        gets=requests.get("GetObject", 0),
        usd=job.ending.cost_usd,
    )


def report(bill: Bill, name: str, most_write_units: float, most_puts: float) -> None:
    """Print units and objects by kind, and how they stand to the budget."""
    pages = bill.pages
    a_batch = f"{pages / bill.batches:.1f} a batch, " if bill.batches else "no batch, "
    print(f"AWS, {name} of {pages} pages: {pages / bill.flushes:.1f} a flush, {a_batch}", end="")
    print(f"{bill.targets / bill.calls:.1f} URLs a crawler call")
    print(f"  write units a page {bill.all_write_units / pages:6.2f}   budget {most_write_units}")
    for kind, units in sorted(bill.write_units.items(), key=lambda one: -one[1]):
        print(f"    {kind:6} {units / pages:6.3f}   in {bill.writes[kind] / pages:.3f} writes")
    print(f"  PUTs a page        {bill.puts / pages:6.2f}   budget {most_puts}")
    print(f"  GETs a page        {bill.gets / pages:6.2f}")
    print(f"  read units a page  {bill.read_units / pages:6.2f}")
    both_usd = (bill.all_write_units * WRITE_UNIT_USD + bill.puts * PUT_USD) / pages
    print(
        f"  1,000 pages        ${1_000 * both_usd:.4f} for both, ${1_000 * bill.usd / pages:.4f} by the job's meter\n"
    )


def print_bills(first: Bill, again: Bill) -> None:
    """Print both crawls."""
    report(first, "first crawl", MOST_WRITE_UNITS, MOST_PUTS)
    report(again, "unchanged re-crawl", MOST_WRITE_UNITS_UNCHANGED, MOST_PUTS_UNCHANGED)


if __name__ == "__main__":
    print_bills(*asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else PAGES)))
