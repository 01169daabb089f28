"""A long robots.txt is read in steps wherever one is read: a process that serves others goes on in between."""

from datetime import timedelta

from runnel.domain.payloads import RobotsText
from runnel.testing import MovedClock
from runnel.usecases.why_url import why_url
from tests.support.crawler_calls import crawler_and_site
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

RULES = 10_000
LONG = "User-agent: *\n" + "".join(f"Disallow: /private/{number}/\n" for number in range(RULES))
#: So many turns at least are given while it is read.
TURNS = RULES // 250


class _CountingClock(MovedClock):
    """Counts the turns that others are given."""

    turns = 0

    async def sleep(self, duration: timedelta) -> None:
        self.turns += not duration
        await super().sleep(duration)


async def test_the_driver_reads_the_file_of_a_host_in_steps() -> None:
    """It renews its lease, hears of wishes and takes answers meanwhile, as do the jobs beside it."""
    clock = _CountingClock()
    home = ScriptedHome({"/": ScriptedPage(links=("/a", "/private/9999/x")), "/a": ScriptedPage(text="A")}, clock=clock)
    home.robots["docs.example.com"] = (200, LONG)
    job = await home.crawl(sitemap="skip")

    assert clock.turns >= TURNS
    assert job.ending is not None
    assert (job.ending.counts.fetched, job.ending.counts.skipped) == (2, 1)


async def test_why_reads_it_in_steps() -> None:
    """The question comes to a server that has streams to feed."""
    clock = _CountingClock()
    home = ScriptedHome({"/": ScriptedPage(text="home")}, clock=clock)
    await home.crawl(sitemap="skip")
    home.robots["docs.example.com"] = (200, LONG)
    clock.turns = 0
    answer = await why_url(home.outside.services, TENANT, home.url("/private/77/x"))

    assert answer.record.rule == "79: Disallow: /private/77/"
    assert clock.turns >= TURNS


async def test_the_crawler_reads_the_file_behind_a_redirect_in_steps() -> None:
    """On a laptop it works in the driver's process; a file that came along is no other."""
    async with crawler_and_site() as crawl:
        clock = crawl.clock = _CountingClock()
        crawl.site.add("/robots.txt", LONG, "text/plain")
        crawl.site.redirect("/docs/in", "/private/9999/x")
        asked = await crawl.one("/docs/in")
        turns, clock.turns = clock.turns, 0
        known = await crawl.one("/docs/in", robots=(RobotsText(host=crawl.site.address, status=200, text=LONG),))

    assert asked.rule is not None
    assert asked.rule.endswith("10001: Disallow: /private/9999/")
    assert known.rule == asked.rule
    assert min(turns, clock.turns) >= TURNS
