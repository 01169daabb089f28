"""A crawl over stores that fail: it waits or goes on, nothing is lost or doubled, and the counts equal a recount.

The sites are fetched for real, the stores are the real adapters, and what fails is what the injectors make fail: the
guard before moto for DynamoDB, a connection of our own for SQLite. In `make soak` the bursts take their whole time.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from runnel.adapters.dynamodb.client import make_client as make_dynamodb
from runnel.adapters.dynamodb.stores import DynamoDBStores
from runnel.adapters.inprocess.functions import InProcessProcessor
from runnel.adapters.sqlite.database import Database
from runnel.adapters.sqlite.stores import SqliteStores
from runnel.adapters.system.clock import SystemClock
from runnel.adapters.system.ids import SystemIds
from runnel.adapters.system.thread_reader import ThreadPageReader
from runnel.domain.jobs import Job, JobState
from runnel.domain.segments import Segment
from runnel.usecases.create_job import NewJob, create_job
from runnel.usecases.list_urls import list_urls
from runnel.usecases.look_at_job import look_at_job
from runnel.usecases.process_pages import ProcessorPorts, process_pages
from runnel.usecases.read_library import list_pages
from runnel.usecases.run_crawl import Drive, run_crawl
from runnel.usecases.services import Services
from tests.site.generated import GeneratedPages
from tests.site.server import SiteServer
from tests.support import sqlite_faults
from tests.support.dynamodb_guard import Fault, Guard, running_guard, seeded
from tests.support.homes import TENANT
from tests.support.moto_server import client_arguments, create_table, running_moto
from tests.support.real_home import real_home
from tests.support.scripted_ports import NothingRendered

PAGES = 40
_STORES = ("jobs", "leases", "log", "queue", "journal", "batches", "libraries", "hosts")


@dataclass(frozen=True, slots=True)
class FaultyHome:
    """Services over stores that fail, and the two ways in which a test lets them."""

    services: Services
    #: Let about one request in twenty fail, each in another way.
    sometimes: Any
    #: Let every request fail in one way, for some seconds.
    burst: Any
    calm: Any


def _over(services: Services, stores: Any, **others: Any) -> Services:
    """The same services over other stores, the processor too."""
    services = replace(services, **{name: getattr(stores, name) for name in _STORES}, **others)
    ports = ProcessorPorts(
        jobs=services.jobs, batches=services.batches, content=services.content, raw=services.raw,
        reader=ThreadPageReader(), rendered=NothingRendered(), batch_bell=services.batch_bell, outputs=services.outputs,
    )  # fmt: skip
    return replace(services, processor=InProcessProcessor(partial(process_pages, ports), clock=services.clock))


@asynccontextmanager
async def sqlite_home(site: SiteServer, folder: Path, seed: int) -> AsyncIterator[FaultyHome]:
    faults = sqlite_faults.Faults(seed)
    stores = SqliteStores(Database.open(folder / "runnel.db", connect=faults.connect))
    async with real_home(site) as home:
        services = _over(home.services, stores, content=stores.content)

        async def burst(kind: str, seconds: float) -> None:
            faults.fail(1.0, sqlite_faults.Fault(kind))
            await services.clock.sleep(timedelta(seconds=seconds))
            faults.fail(0.0)

        yield FaultyHome(services, partial(faults.fail, 0.05), burst, partial(faults.fail, 0.0))
    await stores.close()


@asynccontextmanager
async def dynamodb_home(site: SiteServer, _folder: Path, seed: int) -> AsyncIterator[FaultyHome]:
    clock = SystemClock()
    with running_moto() as moto, running_guard(moto.endpoint_url) as guard:
        name = f"faults-{seed}-{id(guard)}"
        create_table(moto.dynamodb(), name)
        client = make_dynamodb(**client_arguments(guard.endpoint_url))
        stores = DynamoDBStores(client, name, clock=clock, ids=SystemIds(clock))
        async with real_home(site) as home:
            services = _over(home.services, stores)

            async def burst(kind: str, seconds: float) -> None:
                guard.fail(_always(guard, Fault(kind)))
                await services.clock.sleep(timedelta(seconds=seconds))
                guard.calm()

            yield FaultyHome(services, lambda: guard.fail(seeded(seed, 0.05)), burst, guard.calm)
        stores.close()


def _always(_guard: Guard, fault: Fault) -> Any:
    return lambda _call: fault


HOMES = {"sqlite": sqlite_home, "dynamodb": dynamodb_home}
BURSTS = {
    "sqlite": [fault.value for fault in sqlite_faults.Fault],
    "dynamodb": [Fault.THROTTLE.value, Fault.ERROR.value, Fault.DROP.value, Fault.LOST.value, Fault.DOUBLE.value,
                 Fault.UNPROCESSED.value],
}  # fmt: skip


async def _create(home: FaultyHome, site: SiteServer) -> Job:
    new = NewJob(tenant=TENANT, urls=(site.url("/docs/"),), library="docs")
    return await create_job(home.services, new, invoke=False)


async def check(home: FaultyHome, site: SiteServer, job: Job) -> None:
    """Everything is there once, and every count is that of a recount."""
    services = home.services
    meta = await services.jobs.get(TENANT, job.job_id)
    assert meta is not None
    assert meta.state is JobState.COMPLETED
    assert meta.ending is not None
    segments: list[Segment] = await services.log.read(TENANT, job.job_id)
    look = await look_at_job(services, meta)
    records = await list_urls(services, meta)
    recount = Counter(str(record.verdict) for record in records)
    counts = meta.ending.counts
    fetched = Counter(path for path in site.paths() if path.startswith("/docs/"))

    assert sum(len(segment.lines) for segment in segments) == look.last_seq == segments[-1].last
    assert counts == look.counts
    assert (counts.seen, counts.fetched) == (len(records), recount["fetched"]) == (PAGES, PAGES)
    assert len({record.url for record in records}) == PAGES
    assert len(await list_pages(services, TENANT, "docs")) == PAGES
    assert set(fetched.values()) == {1}, "a fault of the store made us fetch a page again"
    batches = await services.batches.list_batches(TENANT, job.job_id)
    assert all(batch.is_done and not batch.closed for batch in batches)
    assert (await services.libraries.get(TENANT, "docs")).active_job is None  # type: ignore[union-attr]


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 12))])
@pytest.mark.parametrize("name", HOMES)
async def test_one_request_in_twenty_that_fails_costs_time_only(tmp_path: Path, name: str, seed: int) -> None:
    """Throttled, broken, lost, doubled, half done, locked, full: whatever it is, it is waited out."""
    async with SiteServer(GeneratedPages(PAGES)) as site, HOMES[name](site, tmp_path, seed) as home:
        job = await _create(home, site)
        home.sometimes()
        assert await run_crawl(home.services, TENANT, job.job_id) is Drive.ENDED
        home.calm()
        await check(home, site, job)


async def _through_a_burst(folder: Path, name: str, kind: str, seconds: float) -> None:
    async with SiteServer(GeneratedPages(PAGES)) as site, HOMES[name](site, folder, 1) as home:
        job = await _create(home, site)
        driving = asyncio.create_task(run_crawl(home.services, TENANT, job.job_id))
        await site.wait_requests(15)
        await home.burst(kind, seconds)
        ended = await driving
        while ended is not Drive.ENDED:  # a lease that could not be renewed for long is lost, the job is not
            ended = await run_crawl(home.services, TENANT, job.job_id)
        await check(home, site, job)


@pytest.mark.parametrize(("name", "kind"), [("sqlite", "full"), ("sqlite", "lost"), ("dynamodb", "drop")])
async def test_a_store_that_fails_for_a_while_is_waited_for(tmp_path: Path, name: str, kind: str) -> None:
    """Nothing can be written: nothing is fetched ahead, nothing is thrown away, and it goes on."""
    await _through_a_burst(tmp_path, name, kind, 1.5)


@pytest.mark.soak
@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, kinds in BURSTS.items() for kind in kinds])
async def test_a_store_that_fails_for_half_a_minute_is_waited_for(tmp_path: Path, name: str, kind: str) -> None:
    """The whole of it: thirty seconds of nothing but this fault."""
    await _through_a_burst(tmp_path, name, kind, 30.0)


async def test_a_file_locked_by_another_process_for_ten_seconds_is_waited_for(tmp_path: Path) -> None:
    """A backup, a curious sqlite3 shell: the writer waits, the job goes on."""
    await _through_a_burst(tmp_path, "sqlite", "locked", 2.0)
