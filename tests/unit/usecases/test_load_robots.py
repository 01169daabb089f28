"""How long a robots.txt holds."""

from datetime import timedelta

import pytest

from runnel.domain import events as e
from runnel.usecases import load_robots
from tests.support.homes import ScriptedHome, ScriptedPage

HOST = "docs.example.com"


@pytest.fixture
def minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """A day of a minute: the driver's heart beats too often for a real one."""
    assert timedelta(hours=24) == load_robots.FRESH
    monkeypatch.setattr(load_robots, "FRESH", timedelta(minutes=1))


def _site() -> ScriptedHome:
    paths = [f"/{number}" for number in range(30)]
    home = ScriptedHome({"/": ScriptedPage(links=tuple(paths)), **{path: ScriptedPage(text=path) for path in paths}})
    home.robots[HOST] = (200, "User-agent: *\nDisallow: /none\n")
    return home


@pytest.mark.usefixtures("minute")
async def test_a_file_that_is_a_day_old_is_read_again_and_obeyed() -> None:
    """The owner of a site need not wait for the end of a crawl of days."""
    home = _site()
    job = await home.create(delay_s=5.0, sitemap="skip")
    task = home.drive(home.process("D1"), job)
    await home.until(lambda: len(home.fetched) == 4)
    home.robots[HOST] = (200, "User-agent: *\nDisallow: /2\n")
    await home.finish(task)
    skipped = home.of_type(job, e.UrlSkipped)

    assert 2 <= len(home.robots_requests) <= 4
    assert skipped
    assert {event.rule for event in skipped} == {"2: Disallow: /2"}
    assert len(home.of_type(job, e.RobotsLoaded)) == 1


@pytest.mark.usefixtures("minute")
async def test_an_old_copy_holds_on_while_the_new_one_cannot_be_read() -> None:
    """RFC 9309 section 2.4: a server in trouble does not end the crawl, nor free it from its rules."""
    home = _site()
    home.robots[HOST] = (200, "User-agent: *\nDisallow: /29\n")
    job = await home.create(delay_s=5.0, sitemap="skip")
    task = home.drive(home.process("D1"), job)
    await home.until(lambda: len(home.fetched) == 4)
    home.robots[HOST] = (503, "")
    await home.finish(task)

    assert len(home.robots_requests) > 2
    assert "/29" not in home.fetched
    assert home.meta(job).ending.counts.fetched == 30  # type: ignore[union-attr]


async def test_a_job_whose_time_is_over_asks_for_no_robots_txt_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tries would take a minute and a half where a server takes all the time that it may."""
    monkeypatch.setattr(load_robots, "_PAUSE", timedelta(minutes=1))
    home = _site()
    home.robots[HOST] = (503, "")
    job = await home.create(timeout_s=30.0, sitemap="skip")
    await home.finish(home.drive(home.process("D1"), job))

    assert len(home.robots_requests) == 1
    assert home.meta(job).ending.ended_because == "deadline"  # type: ignore[union-attr]


SIGNALS = "User-agent: *\nContent-Signal: search=yes, ai-input=no, ai-train=no\nDisallow: /2\n"


@pytest.mark.parametrize(
    ("options", "fetched"),
    [
        ({}, 20),
        ({"content_signal": "report", "robots": "ignore", "reason": "mine"}, 31),
        ({"content_signal": "obey"}, 0),
        ({"content_signal": "obey", "robots": "ignore", "reason": "mine"}, 0),
    ],
    ids=["reported", "robots ignored", "obeyed", "only signals obeyed"],
)
async def test_a_content_signal_is_told_and_obeyed_when_that_is_asked(options: dict[str, str], fetched: int) -> None:
    """It speaks of what is made of pages; whether that stops a crawl is the choice of whoever makes it."""
    home = _site()
    home.robots[HOST] = (200, SIGNALS)
    job = await home.create(sitemap="skip", **options)
    await home.finish(home.drive(home.process("D1"), job))
    (loaded,) = home.of_type(job, e.RobotsLoaded)
    skipped = {event.rule for event in home.of_type(job, e.UrlSkipped)}

    assert loaded.content_signal == {"search": "yes", "ai-input": "no", "ai-train": "no"}
    assert len(home.fetched) == fetched
    assert skipped == (set() if fetched else {"2: Content-Signal: search=yes, ai-input=no, ai-train=no"})


async def test_a_site_that_refuses_training_alone_is_crawled() -> None:
    """A library is an index and input of models; nothing is trained. Millions of sites say just this."""
    home = _site()
    home.robots[HOST] = (200, "User-agent: *\nContent-Signal: search=yes,ai-train=no\nAllow: /\n")
    job = await home.create(sitemap="skip", content_signal="obey")
    await home.finish(home.drive(home.process("D1"), job))

    assert len(home.fetched) == 31


@pytest.mark.parametrize(("asked", "robots", "warnings"), [("30", "obey", 1), ("5", "obey", 0), ("30", "ignore", 0)])
async def test_a_long_delay_is_told(asked: str, robots: str, warnings: int) -> None:
    """Between two pages nothing happens: a job that waits must not look like one that hangs."""
    home = ScriptedHome({"/": ScriptedPage(links=("/a",)), "/a": ScriptedPage(text="A")})
    home.robots[HOST] = (200, f"User-agent: *\nCrawl-delay: {asked}\nDisallow: /none\n")
    job = await home.create(robots=robots, reason="my own site")
    await home.finish(home.drive(home.process("D1"), job))
    told = [event.message for event in home.of_type(job, e.Log) if "between two requests" in event.message]

    assert (
        told
        == [f"The robots.txt of {HOST}:443 asks for {asked} s between two requests; the crawl keeps to it."] * warnings
    )
    assert home.fetched == ["/", "/a"]
