"""A home that fetches and reads for real, over the in-memory stores, on the machine's clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from runnel.adapters.fts5.indexer import Fts5Indexer
from runnel.adapters.http.fetcher import HttpFetcher
from runnel.adapters.inprocess.functions import (
    InProcessCrawler,
    InProcessOrchestrators,
    InProcessProcessor,
    NoBill,
    RenderedPages,
)
from runnel.adapters.system.bell import LoopBell
from runnel.adapters.system.clock import SystemClock
from runnel.adapters.system.ids import SystemIds
from runnel.adapters.system.thread_reader import ThreadPageReader
from runnel.domain import events as e
from runnel.domain.jobs import Job, JobOptions
from runnel.testing import MemoryStores
from runnel.usecases.crawl_pages import CrawlerPorts, crawl_pages
from runnel.usecases.create_job import NewJob, create_job
from runnel.usecases.list_urls import list_urls
from runnel.usecases.process_pages import ProcessorPorts, process_pages
from runnel.usecases.run_crawl import Drive, run_crawl
from runnel.usecases.services import Services, Tuning
from tests.site.server import SiteServer
from tests.support.homes import TENANT, check_sum
from tests.support.scripted_ports import NoLocks, NoOutputs
from tests.support.verdict_sums import check_verdicts

_QUICK = Tuning(
    flush=timedelta(milliseconds=20),
    look=timedelta(milliseconds=100),
    batch_poll=timedelta(milliseconds=50),
    batch_wait=timedelta(milliseconds=50),
    poll=timedelta(milliseconds=20),
    poll_idle=timedelta(milliseconds=20),
    low_quality_below=0,
)


@dataclass(slots=True)
class RealHome:
    """Real fetching and reading over in-memory stores."""

    stores: MemoryStores
    services: Services

    async def crawl(self, url: str, **options: Any) -> Job:
        """A whole crawl; the job as META shows it at the end."""
        job = await self.create(url, **options)
        assert await run_crawl(self.services, TENANT, job.job_id) is Drive.ENDED
        job = self.stores.state.jobs[TENANT, job.job_id]
        assert job.ending is not None
        check_sum(job.ending.counts)
        check_verdicts(event.model_dump(mode="json") for event in await self.log(job))
        assert len(await list_urls(self.services, job)) == job.ending.counts.seen
        return job

    async def create(self, url: str, **options: Any) -> Job:
        """A new job that nobody drives yet."""
        new = NewJob(tenant=TENANT, urls=(url,), options=JobOptions(**options))
        return await create_job(self.services, new, invoke=False)

    async def log(self, job: Job) -> list[e.DurableEvent]:
        """The events as they are stored now."""
        segments = await self.stores.log.read(TENANT, job.job_id)
        return [e.decode_event(line) for segment in segments for line in segment.lines]


@asynccontextmanager
async def real_home(site: SiteServer, *, tuning: Tuning = _QUICK) -> AsyncIterator[RealHome]:
    """Services that may crawl *site*, while the context lasts."""
    stores, clock, bell, rendered = MemoryStores(), SystemClock(), LoopBell(), RenderedPages()
    host, _, port = site.address.rpartition(":")
    fetcher = HttpFetcher(allow_private=frozenset({(host, int(port))}))
    reader = ThreadPageReader()
    crawling = CrawlerPorts(fetcher=fetcher, reader=reader, raw=stores.raw, clock=clock, rendered=rendered)
    processing = ProcessorPorts(
        jobs=stores.jobs, batches=stores.batches, content=stores.content, raw=stores.raw, reader=reader,
        rendered=rendered, batch_bell=bell, outputs=NoOutputs(),
    )  # fmt: skip
    processor = InProcessProcessor(partial(process_pages, processing), clock=clock)
    services = Services(
        clock=clock, ids=SystemIds(clock), jobs=stores.jobs, leases=stores.leases, log=stores.log, queue=stores.queue,
        journal=stores.journal, batches=stores.batches, libraries=stores.libraries, bus=stores.bus,
        content=stores.content, raw=stores.raw, hosts=stores.hosts, tokens=stores.tokens,
        crawler=InProcessCrawler(partial(crawl_pages, crawling)), processor=processor,
        orchestrators=InProcessOrchestrators(), bell=bell, batch_bell=bell, locks=NoLocks(), meter=NoBill(),
        outputs=NoOutputs(), reader=reader, indexer=Fts5Indexer(), tuning=tuning,
    )  # fmt: skip
    try:
        yield RealHome(stores, services)
    finally:
        await processor.close()
        await fetcher.close()
