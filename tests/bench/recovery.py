"""
What a new driver needs to take over a job of 100,000 URLs: seconds from the laptop's file, queries in the Lambda home.

    python -m tests.bench.recovery [urls]

* The job's log is written by our own recorder and journal, a third of its URLs crawled, as a driver would have.
* Timed is all that comes before the first fetch: barrier, log, state, queue, frontier. The bar: 5 s on a laptop.
* The queries are counted by the guard before moto; the bar is 100. moto's own slowness is not ours: no time is told.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from runnel.adapters.dynamodb.client import make_client as make_dynamodb
from runnel.adapters.dynamodb.stores import DynamoDBStores
from runnel.adapters.sqlite.database import Database
from runnel.adapters.sqlite.stores import SqliteStores
from runnel.adapters.system.clock import SystemClock
from runnel.adapters.system.ids import SystemIds
from runnel.domain import events as e
from runnel.domain.jobs import Job, JobOptions
from runnel.usecases.crawl_site import SiteCrawl
from runnel.usecases.create_job import NewJob, create_job
from runnel.usecases.leasing import LeaseKeeper, take_lease
from runnel.usecases.recording import Recorder
from runnel.usecases.services import Services
from tests.site.server import SiteServer
from tests.support.dynamodb_guard import running_guard
from tests.support.homes import TENANT
from tests.support.moto_server import client_arguments, create_table, running_moto
from tests.support.real_home import real_home

URLS = 100_000
LINKS = 50
MOST_S = 5.0
MOST_QUERIES = 100
STORES = ("jobs", "leases", "log", "queue", "journal", "batches", "libraries", "hosts")


async def processes_nothing(_batch_id: str) -> None:
    """Nobody processes."""


async def fill(services: Services, urls: int, *, crawled: int = LINKS // 3) -> Job:
    """A job that a driver has left behind: *urls* seen, of each page's links *crawled*."""
    new = NewJob(tenant=TENANT, urls=("https://docs.example.com/",), options=JobOptions(limit=1_000_000))
    job = await create_job(services, new, invoke=False)
    taken = await take_lease(services, TENANT, job.job_id)
    assert taken is not None
    recorder = Recorder(services, taken.job, taken.lease, invoke=processes_nothing)
    await recorder.write_barrier(taken.reason)
    await recorder.read_state()
    for start in range(0, urls, LINKS):
        parent = f"https://docs.example.com/section-{start:06}/"
        found = [f"{parent}a-page-of-the-manual-{number:06}.html" for number in range(start, start + LINKS)]
        recorder.emit_with_urls(
            e.UrlsDiscovered, [(url, 2, parent) for url in found], source_url=parent, depth=1, count=LINKS,
            discovered_urls=tuple(found), total_discovered=start + LINKS, skipped={},
        )  # fmt: skip
        for url in found[:crawled]:
            recorder.emit(e.UrlStarted, url=url, depth=2, attempt=1)
            note = {"raw": ["raw/x/1-1", 0, 6_000], "at": "2026-01-31T12:00:00.000Z", "attempts": 1}
            recorder.emit(
                e.UrlCrawled, note=note, url=url, final_url=url, status=200, outcome="fetched", duplicate_of=None,
                title="A page of the manual", content_length=6_000, body_hash=f"{hash(url) & (1 << 64) - 1:064x}",
                elapsed_ms=20,
            )  # fmt: skip
        await recorder.flush()
    await services.leases.release(taken.lease)
    return job


async def recover(services: Services, job: Job) -> tuple[float, float, int]:
    """Seconds of CPU and of the wall until a new driver knows everything, and how many URLs it knows."""
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    taken = await take_lease(services, TENANT, job.job_id)
    assert taken is not None
    recorder = Recorder(services, taken.job, taken.lease, invoke=processes_nothing)
    await recorder.write_barrier(taken.reason)
    recovered = await recorder.read_state()
    site = SiteCrawl(services, taken.job, recorder, LeaseKeeper(services, taken))
    site.discovery.recover(recovered.urls)
    took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    await services.leases.release(taken.lease)
    return cpu_s, took_s, len(recovered.urls)


@asynccontextmanager
async def over(stores: Any) -> AsyncIterator[Services]:
    """Services over these stores."""
    async with SiteServer() as site, real_home(site) as home:
        yield replace(home.services, **{name: getattr(stores, name) for name in STORES})


async def measure_sqlite(urls: int) -> None:
    """Time the laptop's recovery."""
    with tempfile.TemporaryDirectory(prefix="bench-recovery-") as folder:
        stores = SqliteStores(Database.open(Path(folder) / "runnel.db"))
        async with over(stores) as services:
            job = await fill(services, urls)
            rounds = [await recover(services, job) for _ in range(3)]
        await stores.close()
    cpu_s, took_s, known = min(rounds)
    verdict = "ok" if cpu_s * URLS / urls <= MOST_S else "TOO SLOW"
    print(f"recovery from SQLite: {known} URLs in {cpu_s:.2f} s of CPU, {took_s:.2f} s in all")
    print(f"  (bar for {URLS} URLs: {MOST_S:g} s; a busy machine changes only the second): {verdict}")


async def measure_dynamodb(urls: int) -> None:
    """Count the Lambda home's queries."""
    clock = SystemClock()
    with running_moto() as moto, running_guard(moto.endpoint_url) as guard:
        create_table(moto.dynamodb(), "bench")
        past_the_guard = DynamoDBStores(
            make_dynamodb(**client_arguments(moto.endpoint_url)), "bench", clock=clock, ids=SystemIds(clock)
        )
        async with over(past_the_guard) as services:
            job = await fill(services, urls)
        stores = DynamoDBStores(
            make_dynamodb(**client_arguments(guard.endpoint_url)), "bench", clock=clock, ids=SystemIds(clock)
        )
        async with over(stores) as services:
            _, _, known = await recover(services, job)
        asked = dict(guard.spent.requests)
        past_the_guard.close()
        stores.close()
    queries = asked.get("Query", 0)
    verdict = "ok" if queries * URLS / urls <= MOST_QUERIES else "TOO MANY"
    print(f"recovery in the Lambda home: {known} URLs, {asked}")
    print(f"  {queries} queries (bar for {URLS} URLs: {MOST_QUERIES}): {verdict}")


def measure(urls: int = URLS) -> None:
    """Measure both homes."""
    asyncio.run(measure_sqlite(urls))
    asyncio.run(measure_dynamodb(urls))


if __name__ == "__main__":
    measure(int(sys.argv[1]) if len(sys.argv) > 1 else URLS)
