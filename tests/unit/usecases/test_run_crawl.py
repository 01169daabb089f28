"""How a job ends, and that it says the truth about it."""

from dataclasses import replace
from itertools import pairwise

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import EndedBecause, JobState
from runnel.domain.verdicts import Counts, ErrorCategory, Verdict
from runnel.errors import JobNotFound
from runnel.usecases.control_job import cancel_job
from runnel.usecases.list_urls import list_urls
from runnel.usecases.look_at_job import look_at_job
from runnel.usecases.run_crawl import Drive
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

_PAGES = {f"/{number}": ScriptedPage(text=str(number)) for number in range(12)}
_SITE = {"/": ScriptedPage(text="home", links=tuple(_PAGES)), **_PAGES}


async def test_a_whole_job_in_the_words_of_its_log() -> None:
    """The order in which a client sees things."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    job = await home.crawl()

    assert [event.type for event in home.log(job)] == [
        "job_created", "job_started", "robots_loaded", "source_started", "url_started", "url_crawled",
        "source_completed", "sent_to_processing", "batch_processed", "library_published", "job_completed",
    ]  # fmt: skip
    assert job.ending is not None
    assert (job.ending.ok, job.ending.ended_because) == (True, EndedBecause.DONE)
    assert home.state.libraries[TENANT, job.library_id].active_job is None


async def test_time_over_is_a_timeout_that_keeps_what_it_has() -> None:
    """Additions are published, removals never."""
    home = ScriptedHome(_SITE)
    home.latency_s = 1.0
    job = await home.crawl(timeout_s=3.5, concurrency=2)
    end = home.log(job)[-1]

    assert isinstance(end, e.JobTimeout)
    assert (job.state, end.ended_because) == (JobState.TIMEOUT, EndedBecause.DEADLINE)
    counts = end.counts
    assert 0 < counts.fetched < 13
    assert counts.seen == counts.fetched + counts.cancelled == 13
    assert len(await home.library(job)) == counts.fetched


async def test_money_over_is_a_completed_job() -> None:
    """A soft stop: what was paid for is published."""
    home = ScriptedHome(_SITE)
    home.latency_s = 1.0
    job = await home.create(max_usd=1.0, concurrency=2)
    task = home.drive(home.process("D1"), job)
    await home.clock.advance(2.5)
    home.meter.total_usd = 1.5
    await home.finish(task)
    meta = home.meta(job)

    assert meta.state is JobState.COMPLETED
    assert meta.ending is not None
    assert meta.ending.ended_because is EndedBecause.BUDGET
    assert meta.ending.cost_usd == 1.5
    assert 0 < meta.ending.counts.fetched < 13
    assert len(await home.library(job)) == meta.ending.counts.fetched


async def test_money_spent_by_earlier_drivers_counts() -> None:
    """A budget is the job's, not the process's; what another job spent in this process is not."""
    home = ScriptedHome(_SITE)
    home.meter.total_usd = 7.0
    home.latency_s = 1.0
    job = await home.create(max_usd=1.0, concurrency=2)
    first = home.process("D1")
    task = home.drive(first, job)
    await home.clock.advance(2)
    home.meter.total_usd = 7.75
    first.leaving.reason = "sigterm"
    await home.finish(task)
    assert home.meta(job).spent_usd == 0.75
    task = home.drive(home.process("D2"), job)
    await home.clock.advance(1)
    home.meter.total_usd = 8.25
    await home.finish(task)

    ending = home.meta(job).ending
    assert ending is not None
    assert (ending.ended_because, ending.cost_usd) == (EndedBecause.BUDGET, 1.25)


async def test_no_page_no_success_and_the_reason_is_told() -> None:
    """Not "completed, 0 pages"."""
    home = ScriptedHome({})
    job = await home.crawl()

    assert job.state is JobState.FAILED
    assert job.ending is not None
    assert job.ending.error == f"{home.url('/')}: answered 404"
    assert (job.ending.ended_because, job.ending.ok) == (EndedBecause.ERROR, False)


async def test_nobody_there_is_a_failure_with_its_reason() -> None:
    """robots.txt cannot be reached, so nothing may be fetched (RFC 9309, 2.3.1.4)."""
    home = ScriptedHome(_SITE)
    home.robots["docs.example.com"] = (0, "")
    job = await home.crawl()

    assert job.state is JobState.FAILED
    assert job.ending is not None
    assert "nobody there" in (job.ending.error or "")
    assert job.ending.counts.failed == job.ending.counts.seen == 1
    assert [event.error.category for event in home.of_type(job, e.UrlFailed)] == [ErrorCategory.CONNECT]
    assert len(home.robots_requests) == 3
    assert home.fetched == []


async def test_every_page_of_a_host_that_is_not_there_fails_for_that_very_reason() -> None:
    """Also where another host's page leads there: robots.txt has nothing to do with it."""
    away = "https://away.example.com/page"
    home = ScriptedHome({"/": ScriptedPage(links=(away,))})
    home.robots["away.example.com"] = (0, "")
    job = await home.crawl(allow_domains=("away.example.com",))
    verdict = next(record for record in await list_urls(home.outside.services, job) if record.url == away)

    assert verdict.verdict is Verdict.FAILED
    assert verdict.error is not None
    assert (verdict.error.category, verdict.error.message) == (ErrorCategory.CONNECT, "nobody there")


async def test_a_robots_file_that_its_server_cannot_give_forbids_the_host() -> None:
    """The server is there and in trouble: nothing of it may be fetched (RFC 9309, 2.3.1.4)."""
    home = ScriptedHome(_SITE)
    home.robots["docs.example.com"] = (503, "")
    job = await home.crawl()
    verdict = (await list_urls(home.outside.services, job))[0]

    assert (verdict.verdict, verdict.reason) == (Verdict.SKIPPED, "robots")
    assert home.fetched == []


async def test_who_ignores_robots_asks_the_page_itself() -> None:
    """Its own answer counts."""
    home = ScriptedHome({"/": ScriptedPage()})
    home.robots["docs.example.com"] = (0, "")
    job = await home.crawl(robots="ignore", reason="it is ours")

    assert job.state is JobState.COMPLETED


async def test_one_of_two_sources_may_fail() -> None:
    """The others complete, and the job is not ok."""
    home = ScriptedHome({"/a": ScriptedPage(text="A")})
    job = await home.create("/a", "/gone")
    await home.finish(home.drive(home.process("D1"), job))
    meta = home.meta(job)

    assert meta.state is JobState.COMPLETED
    assert meta.ending is not None
    assert not meta.ending.ok
    assert [event.source_id for event in home.of_type(job, e.SourceStarted)] == ["main", "source-2"]
    assert set(await home.library(job)) == {"/a"}


async def test_two_starts_with_one_url_are_one_source() -> None:
    """A URL is known once."""
    home = ScriptedHome({"/a": ScriptedPage(text="A")})
    job = await home.create("/a", "/a?utm_source=x")
    await home.finish(home.drive(home.process("D1"), job))

    assert [event.count for event in home.of_type(job, e.SourceStarted)] == [1]
    assert home.fetched == ["/a"]
    assert home.meta(job).ending.counts.seen == 1  # type: ignore[union-attr]


async def test_a_bug_in_a_step_ends_the_job_with_its_message() -> None:
    """Everything emitted before it is delivered; nothing hangs."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    process = home.process("D1")

    async def broken(*_: object) -> object:
        raise ValueError("a bug")

    process.services.batches.get_many = broken  # type: ignore[method-assign,assignment]
    await home.finish(home.drive(process, job))
    log = home.log(job)

    assert [event.type for event in log[-2:]] == ["log", "job_failed"]
    assert "ValueError: a bug" in home.of_type(job, e.Log)[-1].message
    assert home.meta(job).state is JobState.FAILED
    assert home.state.libraries[TENANT, job.library_id].active_job is None


async def test_a_pages_own_robots_file_of_another_host_is_read_first() -> None:
    """No host is asked for a page before its rules are known; each is asked for them once."""
    home = ScriptedHome(
        {
            "/": ScriptedPage(text="home", links=("https://api.example.com/x", "https://api.example.com/private/y")),
            "https://api.example.com/x": ScriptedPage(text="X"),
        }
    )
    home.robots["api.example.com"] = (200, "User-agent: *\nDisallow: /private/\n")
    job = await home.crawl(allow_domains=("api.example.com",), include=())
    records = {home.path_of(record.url): record for record in await list_urls(home.outside.services, job)}

    assert records["https://api.example.com/x"].verdict is Verdict.FETCHED
    private = records["https://api.example.com/private/y"]
    assert (private.verdict, private.reason, private.rule) == (Verdict.SKIPPED, "robots", "2: Disallow: /private/")
    assert "https://api.example.com/private/y" not in home.fetched
    assert len(home.robots_requests) == 2
    assert [event.host for event in home.of_type(job, e.RobotsLoaded)] == [
        "docs.example.com:443",
        "api.example.com:443",
    ]


async def test_another_user_agent_is_sent_and_obeys_the_rules_for_its_own_name() -> None:
    """A robots.txt addresses the product token, whatever stands behind it."""
    home = ScriptedHome({"/": ScriptedPage(text="home", links=("/1", "/2")), **_PAGES})
    home.robots["docs.example.com"] = (200, "User-agent: Runnel\nDisallow: /2\n\nUser-agent: MyBot\nDisallow: /1\n")
    job = await home.crawl(user_agent="MyBot/2.0 (+https://bot.example.com)")
    verdicts = {home.path_of(record.url): record.verdict for record in await list_urls(home.outside.services, job)}

    assert {request.user_agent for request in home.requests} == {"MyBot/2.0 (+https://bot.example.com)"}
    assert (verdicts["/1"], verdicts["/2"]) == (Verdict.SKIPPED, Verdict.FETCHED)


async def test_a_crawl_delay_spaces_the_requests() -> None:
    """Measured where they arrive."""
    home = ScriptedHome({"/": ScriptedPage(text="home", links=("/1", "/2", "/3")), **_PAGES})
    home.robots["docs.example.com"] = (200, "User-agent: *\nCrawl-delay: 5\n")
    job = await home.create()
    task = home.drive(home.process("D1"), job)
    times: list[float] = []
    while not task.done():
        await home.clock.advance(0.05)
        times += [home.clock.monotonic()] * (len(home.fetched) - len(times))

    assert len(times) == 4
    assert all(later - sooner >= 4.9 for sooner, later in pairwise(times))


async def test_a_look_shows_a_running_job_at_one_moment() -> None:
    """Counts, activities and the place in the log belong together."""
    home = ScriptedHome(_SITE)
    home.latency_s = 1.0
    job = await home.create(concurrency=2)
    task = home.drive(home.process("D1"), job)
    await home.clock.advance(4)
    look = await look_at_job(home.outside.services, home.meta(job))
    assert look.last_seq == len(home.log(job))
    assert look.counts.seen == look.counts.fetched == len(home.of_type(job, e.UrlCrawled))
    assert len(look.activities) == 10
    records = await list_urls(home.outside.services, home.meta(job))
    assert {record.verdict for record in records} == {None, Verdict.FETCHED}
    await home.finish(task)

    look = await look_at_job(home.outside.services, home.meta(job))
    assert look.counts == Counts(seen=13, fetched=13)


async def test_a_job_without_sources_ends_by_itself() -> None:
    """A library that has none yet is no error."""
    home = ScriptedHome({})
    job = await home.create()
    home.state.jobs[TENANT, job.job_id] = replace(job, sources=())
    await home.finish(home.drive(home.process("D1"), job))
    meta = home.meta(job)

    assert meta.state is JobState.COMPLETED
    assert meta.ending is not None
    assert meta.ending.ok


async def test_cancel_waits_only_a_moment_for_what_is_in_flight() -> None:
    """A page that hangs holds nobody up: it ends as all that was left does."""
    home = ScriptedHome(_SITE)
    home.hold("/0")
    job = await home.create()
    task = home.drive(home.process("D1"), job)
    await home.clock.advance(3)
    await cancel_job(home.outside.services, TENANT, job.job_id)
    before_s = home.clock.monotonic()

    assert await home.finish(task) is Drive.ENDED
    assert home.clock.monotonic() - before_s < 4
    assert home.meta(job).state is JobState.CANCELLED
    ending = home.meta(job).ending
    assert ending is not None
    assert ending.counts.cancelled == 1


async def test_a_job_that_is_not_there_cannot_be_cancelled() -> None:
    """A wrong id is told as such."""
    with pytest.raises(JobNotFound):
        await cancel_job(ScriptedHome({}).outside.services, TENANT, "nonsense")
