"""The laptop's processes are killed again and again while a reader watches: nothing is lost, nothing comes twice."""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import httpx
import pytest

from tests.site.generated import GeneratedPages
from tests.site.server import SiteServer
from tests.support.attached_reader import AttachedReader
from tests.support.kill_report import Kill, KillReport, Result, everything_held, read_result, spread
from tests.support.local_fleet import LocalFleet, local_fleet

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")

_LIBRARY = "killed"


async def _create(base: str, site: SiteServer, concurrency: int) -> str:
    body = {"url": site.url("/docs/"), "library": _LIBRARY, "concurrency": concurrency}
    async with httpx.AsyncClient(base_url=base, timeout=60, trust_env=False) as client:
        answer = await client.post("/v1/jobs", json=body)
    assert answer.status_code == 202, answer.text
    job_id: str = answer.json()["job_id"]
    return job_id


async def undisturbed(folder: Path, site: SiteServer) -> Result:
    """The same crawl with nobody killed."""
    async with local_fleet(folder / "undisturbed", 1, RUNNEL_ALLOW_PRIVATE=site.address) as fleet:
        job_id = await _create(fleet.address(), site, 10)
        reader = AttachedReader(fleet.address, job_id)
        await reader.run()
        return await read_result(fleet.address(), job_id, _LIBRARY)


async def _strike(fleet: LocalFleet, job_id: str, chance: random.Random) -> Kill:
    """Kill the driver's process, or, one time in five, the worker processes that read its pages."""
    driver = await fleet.driver(job_id)
    if chance.random() < 0.2 and (workers := driver.children()):
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        return Kill(what="workers", is_driver=False)
    kill = Kill(what="server")
    await fleet.kill(driver)
    await fleet.start()
    return kill


async def killed_crawl(
    folder: Path, site: SiteServer, *, seed: int, kills: int, pages: int, concurrency: int = 10
) -> None:
    """Crawl the site under kills, hold it against the undisturbed crawl, print the figures."""
    expected = await undisturbed(folder, site)
    site.forget_requests()
    chance = random.Random(seed)
    report = KillReport(name="laptop", seed=seed)
    async with local_fleet(folder / "home", RUNNEL_ALLOW_PRIVATE=site.address) as fleet:
        job_id = await _create(fleet.servers[0].url, site, concurrency)
        reader = AttachedReader(fleet.address, job_id)
        reading = asyncio.create_task(reader.run())
        for place in spread(pages, kills, [chance.random() for _ in range(kills)]):
            await site.wait_requests(place)
            async with everything_held(site):
                report.strike(await _strike(fleet, job_id, chance))
        await reading
        result = await read_result(fleet.address(), job_id, _LIBRARY)
    report.check(site, reader, result, expected)


async def test_killed_servers_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """Kill -9 three times on the way: the other server takes over, and the library is that of a quiet crawl."""
    async with SiteServer(GeneratedPages(70)) as site:
        await killed_crawl(tmp_path, site, seed=1, kills=3, pages=70, concurrency=3)


@pytest.mark.soak
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_ten_kills_over_a_thousand_pages(tmp_path: Path, seed: int) -> None:
    """The promise at length, and its figures."""
    async with SiteServer(GeneratedPages(1_000)) as site:
        await killed_crawl(tmp_path, site, seed=seed, kills=10, pages=1_000)
