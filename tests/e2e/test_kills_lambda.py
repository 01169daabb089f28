"""The functions' processes are killed at random and at every step of a flush, while a reader watches."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.site.generated import GeneratedPages
from tests.site.server import SiteServer
from tests.support.attached_reader import AttachedReader
from tests.support.flush_killer import STEPS, FlushKiller
from tests.support.http_homes import make_token
from tests.support.kill_report import Kill, KillReport, Result, everything_held, read_result, spread
from tests.support.lambda_home import (
    CRAWLER,
    ORCHESTRATOR,
    PROCESSOR,
    TENANT,
    HomeOptions,
    LambdaHome,
    running_lambda_home,
)

#: Each step of a flush, killed before and after.
_AT_STEPS = [(step, is_after) for step in STEPS for is_after in (False, True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A running stack whose driver can be killed at a step, and the site that it may crawl."""

    home: LambdaHome
    site: SiteServer
    killer: FlushKiller
    headers: dict[str, str]
    #: Pages of a job that are fetched at once: each needs a process of its own.
    concurrency: int

    def address(self) -> str:
        """The Function URL."""
        return self.home.url

    async def create(self, library: str) -> str:
        """Create a job of the site; its id."""
        body = {"url": self.site.url("/docs/"), "library": library, "concurrency": self.concurrency}
        async with httpx.AsyncClient(base_url=self.home.url, headers=self.headers, timeout=60) as client:
            answer = await client.post("/v1/jobs", json=body)
        assert answer.status_code == 202, answer.text
        job_id: str = answer.json()["job_id"]
        return job_id

    async def crawl(self, library: str) -> Result:
        """A crawl with nobody killed."""
        job_id = await self.create(library)
        await AttachedReader(self.address, job_id, self.headers).run()
        return await read_result(self.home.url, job_id, library, self.headers)


@asynccontextmanager
async def running_stack(folder: Path, pages: int, concurrency: int, **environment: str) -> AsyncIterator[Stack]:
    """A stack and a site of *pages* generated pages."""
    async with SiteServer(GeneratedPages(pages)) as site:
        options = HomeOptions(allow_private=site.address, guarded=True, environment=environment)
        running = running_lambda_home(folder, options)
        home = await asyncio.to_thread(running.__enter__)
        try:
            assert home.guard is not None
            killer = FlushKiller(lambda: home.service.kill(ORCHESTRATOR, signal.SIGKILL))
            home.guard.fail(killer)
            headers = {"Authorization": f"Bearer {await make_token(home, TENANT)}"}
            yield Stack(home=home, site=site, killer=killer, headers=headers, concurrency=concurrency)
        finally:
            await asyncio.to_thread(running.__exit__, None, None, None)


def _plan(seed: int, chance: random.Random) -> list[tuple[str, bool | None]]:
    """Ten kills: four at steps of a flush (over three seeds every step, before and after), six at random."""
    steps: list[tuple[str, bool | None]] = [_AT_STEPS[(4 * seed + number) % len(_AT_STEPS)] for number in range(4)]
    others: list[tuple[str, bool | None]] = [(name, None) for name in (ORCHESTRATOR, CRAWLER, PROCESSOR) * 2]
    plan = steps + others
    chance.shuffle(plan)
    # New URLs come in the first eighth of the crawl only: these kills must be the first.
    return sorted(plan, key=lambda kill: kill[0] != "urls")


async def _strike(stack: Stack, reader: AttachedReader, what: str, *, is_after: bool | None) -> Kill:
    if is_after is not None:
        stack.killer.arm(what, is_after=is_after)
        while not stack.killer.struck.is_set() and not reader.is_over:
            await reader.wait_a_moment()
        return Kill(what=f"{'after' if is_after else 'before'} {what}")
    if what == PROCESSOR:
        sent = reader.count("sent_to_processing")
        await reader.wait(lambda: reader.count("sent_to_processing") > sent)
    kill = Kill(what=what, is_driver=what == ORCHESTRATOR)
    stack.home.service.kill(what, signal.SIGKILL)
    return kill


async def killed_crawl(
    folder: Path,
    *,
    seed: int,
    pages: int,
    plan: list[tuple[str, bool | None]],
    concurrency: int = 10,
    **environment: str,
) -> None:
    """Crawl under the kills of *plan*, hold it against the undisturbed crawl, print the figures."""
    async with running_stack(folder, pages, concurrency, **environment) as stack:
        expected = await stack.crawl("undisturbed")
        stack.site.forget_requests()
        chance = random.Random(seed)
        report = KillReport(name="Lambda", seed=seed)
        job_id = await stack.create("killed")
        reader = AttachedReader(stack.address, job_id, stack.headers)
        reading = asyncio.create_task(reader.run())
        places = spread(pages, len(plan), [chance.random() for _ in plan])
        for number, (place, (what, is_after)) in enumerate(zip(places, plan, strict=True)):
            place = pages // 60 * (number + 1) if what == "urls" else place  # noqa: PLW2901 - early, see the plan
            if not await reader.before_the_end(stack.site.wait_requests(place)):
                break
            if is_after is not None or what == PROCESSOR:
                report.strike(await _strike(stack, reader, what, is_after=is_after))
                continue
            async with everything_held(stack.site):
                report.strike(await _strike(stack, reader, what, is_after=None))
        await reading
        assert len(report.kills) == len(plan), "the crawl was over before the last kill"
        result = await read_result(stack.home.url, job_id, "killed", stack.headers)
        report.check(stack.site, reader, result, expected)


@pytest.mark.timeout(180)
@pytest.mark.xdist_group("lambda")
async def test_killed_functions_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """Each of the three functions dies once; lease and patience with the processor are short, so that the test is."""
    plan: list[tuple[str, bool | None]] = [(CRAWLER, None), (ORCHESTRATOR, None), (PROCESSOR, None)]
    short = {"RUNNEL_LEASE_TTL_S": "3", "RUNNEL_BATCH_OVERDUE_S": "4"}
    await killed_crawl(tmp_path, seed=1, pages=25, plan=plan, concurrency=2, **short)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_ten_kills_over_a_thousand_pages(tmp_path: Path, seed: int) -> None:
    """Driver, crawler, processor, and the driver at every step of a flush: nothing lost, nothing twice."""
    await killed_crawl(
        tmp_path, seed=seed, pages=1_000, plan=_plan(seed, random.Random(seed)), RUNNEL_BATCH_OVERDUE_S="60"
    )
