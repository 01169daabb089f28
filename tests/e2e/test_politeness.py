"""What a site sees of two crawls at once, by two processes of one machine: one polite crawler."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from tests.site.faults import Status
from tests.site.generated import GeneratedPages, path_of
from tests.site.server import EVERY, SiteServer
from tests.support.command_line import Cli, Ran, finish


async def _crawl_twice(folder: Path, site: SiteServer, *options: str) -> list[Ran]:
    """Two commands over one home, started together."""
    cli = Cli(folder, RUNNEL_ALLOW_PRIVATE=site.address)
    start = site.url("/docs/")
    processes = [
        await cli.start("crawl", start, "--library", name, "-o", str(folder / name), "--sitemap", "skip", *options)
        for name in ("one", "two")
    ]
    return list(await asyncio.gather(*(finish(process) for process in processes)))


async def test_two_processes_keep_one_concurrency(tmp_path: Path) -> None:
    """Requests at once are counted at the site, robots.txt among them; the bound is used, too."""
    async with SiteServer(GeneratedPages(120)) as site:
        site.delay(EVERY, 0.04)
        ran = await _crawl_twice(tmp_path, site, "--concurrency", "4")

        assert [one.code for one in ran] == [0, 0]
        assert 3 <= site.max_in_flight <= 4
        assert site.count("/robots.txt") == 2


@pytest.mark.parametrize("by_robots", [False, True], ids=["--delay", "Crawl-delay"])
async def test_two_processes_keep_one_delay(tmp_path: Path, by_robots: bool) -> None:  # noqa: FBT001
    """From start to start, over both; robots.txt comes before its own delay, and late: a process is cold at first."""
    delay_s = 0.5
    async with SiteServer(GeneratedPages(12)) as site:
        site.add("/robots.txt", f"User-agent: *\nCrawl-delay: {delay_s}\n" if by_robots else "", "text/plain")
        options = () if by_robots else ("--delay", str(delay_s))
        ran = await _crawl_twice(tmp_path, site, "--limit", "3", *options)
        seen = [request for request in site.requests if request.path != "/robots.txt"]
        gaps = [later.at_s - sooner.at_s for sooner, later in pairwise(seen)]

        assert [one.code for one in ran] == [0, 0]
        assert len(seen) >= 6
        # On a busy machine one may be under way longer than the one behind it; without the budget most gaps are short.
        assert sorted(gaps)[1] >= 0.8 * delay_s, gaps


async def test_a_site_that_asks_for_quiet_gets_it_from_both(tmp_path: Path) -> None:
    """429 with Retry-After to one of them: nobody asks until it is over."""
    async with SiteServer(GeneratedPages(60)) as site:
        site.delay(EVERY, 0.02)
        site.fail(path_of(9), Status(code=429, retry_after="3"), times=1)
        ran = await _crawl_twice(tmp_path, site, "--concurrency", "2")
        gaps = [later.at_s - sooner.at_s for sooner, later in pairwise(site.requests)]

        assert [one.code for one in ran] == [0, 0]
        assert max(gaps) > 1.0


async def test_a_content_signal_is_told_and_obeyed_from_the_command_line(tmp_path: Path) -> None:
    """What a site says of the use of its pages stands in the log and at the end; whether it stops the crawl is said."""
    async with SiteServer(GeneratedPages(5)) as site:
        site.add("/robots.txt", "User-agent: *\nContent-Signal: search=yes, ai-input=no\nAllow: /\n", "text/plain")
        cli = Cli(tmp_path, RUNNEL_ALLOW_PRIVATE=site.address)
        told = await cli.run("crawl", site.url("/docs/"), "--no-output", "--limit", "3")
        pages = len(site.paths())
        obeyed = await cli.run("crawl", site.url("/docs/"), "--no-output", "--content-signal", "obey")
        why = (await cli.run("why", site.url("/docs/"))).lines[0]

        assert "says of the use of its pages: search=yes, ai-input=no" in told.err
        assert told.code == 0
        assert site.paths()[pages:] == ["/robots.txt"]
        assert why["rule"] == "2: Content-Signal: search=yes, ai-input=no"
        assert obeyed.code != 0
