"""Two jobs, one host: together they ask no more than one of them might."""

from itertools import pairwise
from typing import Any

import pytest

from runnel.domain.host_book import BLOCK_S, GRACE_S
from runnel.domain.jobs import Job, JobState
from runnel.domain.verdicts import ErrorCategory
from runnel.errors import CallFailed
from runnel.usecases.control_job import cancel_job
from runnel.usecases.run_crawl import Drive
from tests.support.homes import ScriptedHome, ScriptedPage

HOST = "docs.example.com:443"


def _site(pages: int = 40, latency_s: float = 0.4) -> ScriptedHome:
    paths = [f"/{number}" for number in range(pages)]
    home = ScriptedHome({"/": ScriptedPage(links=tuple(paths)), **{path: ScriptedPage(text=path) for path in paths}})
    home.latency_s = latency_s
    return home


async def _crawl_together(home: ScriptedHome, *names: str, **options: Any) -> list[Job]:
    jobs = [await home.create(library=name, **options) for name in names]
    tasks = [home.drive(home.process(job.library_id), job) for job in jobs]
    for task in tasks:
        await home.finish(task)
    return [home.meta(job) for job in jobs]


async def test_two_jobs_share_the_requests_at_once() -> None:
    """The site sees one crawler, however many somebody has started; and both come to their end."""
    home = _site()
    jobs = await _crawl_together(home, "one", "two", concurrency=4)

    assert [job.state for job in jobs] == [JobState.COMPLETED] * 2
    assert 2 < home.max_in_flight <= 4


async def test_neither_job_waits_for_the_other_s_end() -> None:
    """An even part for each, from the second or third second on."""
    home = _site(pages=60)
    order: list[str] = []
    jobs = [await home.create(library=name, concurrency=4) for name in ("one", "two")]
    tasks = [home.drive(home.process(job.library_id), job) for job in jobs]
    await home.clock.advance(4.0)
    shares = [claim.slots for claim in home.state.hosts[HOST].claims.values()]
    for task in tasks:
        task.add_done_callback(lambda _: order.append("done"))
        await home.finish(task)
    await home.clock.settle()  # the second may have ended with the first

    assert sorted(shares) == [2, 2]
    assert len(order) == 2


async def test_a_delay_holds_over_all_jobs() -> None:
    """Two crawls at one request a second each would be two a second to the site."""
    home = _site(pages=6, latency_s=0.1)
    times: list[float] = []
    home.on_fetch = lambda _path: times.append(home.clock.monotonic())
    await _crawl_together(home, "one", "two", delay_s=1.0, sitemap="skip")

    assert len(times) == 14
    assert min(later - sooner for sooner, later in pairwise(times)) >= 1.0
    assert times[-1] - times[0] < 17.0, "no turn in five is lost"


async def test_a_crawl_alone_loses_no_time_to_the_budget() -> None:
    """Its delay is kept to the letter, and nothing is added that matters."""
    home = _site(pages=10, latency_s=0.1)
    times: list[float] = []
    home.on_fetch = lambda _path: times.append(home.clock.monotonic())
    await home.crawl(delay_s=2.0, sitemap="skip")

    gaps = [later - sooner for sooner, later in pairwise(times)]
    assert min(gaps) >= 2.0
    assert max(gaps) < 2.2


async def test_a_host_that_nobody_else_asks_costs_one_write_a_second() -> None:
    """Whatever the number of pages."""
    home = _site(pages=80)
    process = home.process("D1")
    job = await home.create(concurrency=4)
    begun_s = home.clock.monotonic()
    await home.finish(home.drive(process, job))
    seconds = home.clock.monotonic() - begun_s

    assert process.steps.count("hosts.take") <= 2 + seconds / (BLOCK_S - 0.4)
    assert process.steps.count("hosts.leave") == 1


async def test_retry_after_that_one_job_hears_holds_the_other_too() -> None:
    """The host said it to this address, not to this job."""
    home = _site(pages=30, latency_s=0.1)
    home.pages["/5"] = [ScriptedPage(status=429, retry_after_s=20.0), ScriptedPage(text="five")]
    times: list[float] = []
    home.on_fetch = lambda _path: times.append(home.clock.monotonic())
    await _crawl_together(home, "one", "two", concurrency=2)

    gaps = sorted(later - sooner for sooner, later in pairwise(times))
    assert gaps[-1] > 18.0, "both were quiet at once"


async def test_a_finished_job_gives_its_share_back() -> None:
    """The next crawl of the same site begins at once."""
    home = _site(pages=3)
    await home.crawl()
    begun_s = home.clock.monotonic()
    job = await home.create(library="next")
    task = home.drive(home.process("D2"), job)
    await home.until(lambda: home.in_flight > 0, step_s=0.01)

    assert home.clock.monotonic() - begun_s < 0.3
    await home.finish(task)


async def test_a_killed_job_s_share_ends_by_itself() -> None:
    """Another job at the host waits a few seconds, not for ever."""
    home = _site(pages=30)
    first = await home.create(library="dead", concurrency=2)
    process = home.process("D1")
    home.drive(process, first)
    await home.until(lambda: home.in_flight == 2, step_s=0.01)
    process.kill()
    second = await home.create(library="alive", concurrency=2)
    fetched, killed_s = len(home.fetched), home.clock.monotonic()
    task = home.drive(home.process("D2"), second)
    await home.until(lambda: len(home.fetched) > fetched)

    assert 2.0 < home.clock.monotonic() - killed_s <= BLOCK_S + GRACE_S + 1.0
    assert await home.finish(task) is Drive.ENDED


async def test_a_successor_of_the_job_need_not_wait() -> None:
    """It takes up its predecessor's share: hand-over costs the crawl nothing."""
    home = _site(pages=30)
    job = await home.create(concurrency=2)
    process = home.process("D1")
    task = home.drive(process, job)
    await home.until(lambda: len(home.fetched) > 5, step_s=0.01)
    process.leaving.reason = "sigterm"
    await home.finish(task)
    fetched, left_s = len(home.fetched), home.clock.monotonic()
    task = home.drive(home.process("D2"), job)
    await home.until(lambda: len(home.fetched) > fetched, step_s=0.01)

    assert home.clock.monotonic() - left_s < 0.5
    assert await home.finish(task) is Drive.ENDED


async def test_a_store_that_does_not_answer_stops_requests_and_never_the_job() -> None:
    """A fault of the store is waited out; without a share nothing is sent."""
    home = _site(pages=20)
    process = home.process("D1")
    job = await home.create(concurrency=2)
    task = home.drive(process, job)
    await home.until(lambda: len(home.fetched) > 4, step_s=0.01)
    process.refuse("hosts.take")
    await home.clock.advance(3.0)
    fetched = len(home.fetched)
    await home.clock.advance(5.0)
    assert len(home.fetched) == fetched
    process.refused.clear()
    process.refuse("hosts.leave")

    assert await home.finish(task) is Drive.ENDED
    assert home.meta(job).state is JobState.COMPLETED


async def test_what_a_host_said_is_told_when_the_store_is_back() -> None:
    """Retry-After that could not be shared at once is shared later."""
    home = _site(pages=10, latency_s=0.1)
    home.pages["/3"] = [ScriptedPage(status=429, retry_after_s=30.0), ScriptedPage(text="three")]
    process = home.process("D1")
    job = await home.create(concurrency=1)
    task = home.drive(process, job)
    await home.until(lambda: home.fetched[-1:] == ["/3"], step_s=0.01)
    process.refuse("hosts.take", 3)
    await home.clock.advance(6.0)

    assert home.state.hosts[HOST].held_until_s > home.clock.now().timestamp() + 20.0
    assert await home.finish(task) is Drive.ENDED


async def test_a_cancelled_job_waits_for_no_share() -> None:
    """Its robots.txt stands behind another job's requests: cancelling must not."""
    home = _site(pages=30)
    gate = home.hold("/3")
    first = await home.create(library="one", concurrency=1)
    home.drive(home.process("D1"), first)
    await home.until(lambda: home.fetched[-1:] == ["/3"], step_s=0.01)
    second = await home.create(library="two", concurrency=1)
    task = home.drive(home.process("D2"), second)
    await home.clock.advance(3.0)
    assert len(home.robots_requests) == 1
    await cancel_job(home.outside.services, second.tenant, second.job_id)

    assert await home.finish(task, at_most_s=10.0) is Drive.ENDED
    assert home.meta(second).state is JobState.CANCELLED
    gate.set()


@pytest.mark.parametrize("status", [429, 503])
async def test_refusals_without_a_time_slow_the_whole_host(status: int) -> None:
    """Asked for less, we ask less at once, and after a pause."""
    home = _site(pages=60, latency_s=0.1)
    home.pages["/20"] = [ScriptedPage(status=status), ScriptedPage(text="twenty")]
    times: list[float] = []
    home.on_fetch = lambda _path: times.append(home.clock.monotonic())
    job = await home.crawl(concurrency=8)

    assert job.ending is not None
    assert job.ending.ok
    assert max(later - sooner for sooner, later in pairwise(times)) >= 1.0


async def test_a_site_that_dies_is_probed_and_not_hammered_and_the_job_ends_saying_so() -> None:
    """A handful of requests in minutes, then the truth."""
    home = _site(pages=50, latency_s=0.1)
    job = await home.create(concurrency=4)
    task = home.drive(home.process("D1"), job)
    await home.until(lambda: len(home.fetched) > 10, step_s=0.01)
    dead = ScriptedPage(category=ErrorCategory.CONNECT, status=200)
    home.pages = dict.fromkeys(home.pages, dead)
    fetched = len(home.fetched)
    await home.finish(task)
    end = home.meta(job).ending

    assert end is not None
    assert not end.ok
    assert end.counts.failed > 30
    assert len(home.fetched) - fetched < 20
    messages = [event.message for event in home.log(job) if event.type == "log"]
    assert any("tried once more at the end" in message for message in messages)
    assert any("are given up" in message for message in messages)
    assert any("Retry batch" in message for message in messages)
    failed = [event for event in home.log(job) if event.type == "url_failed"]
    assert {event.error.category for event in failed} == {ErrorCategory.CONNECT}
    assert any("stopped to answer" in event.error.message for event in failed)


async def test_a_site_that_comes_back_is_crawled_to_its_end() -> None:
    """A restart of the server costs time, not pages."""
    home = _site(pages=50, latency_s=0.1)
    job = await home.create(concurrency=4)
    task = home.drive(home.process("D1"), job)
    await home.until(lambda: len(home.fetched) > 10, step_s=0.01)
    alive = dict(home.pages)
    home.pages = dict.fromkeys(home.pages, ScriptedPage(category=ErrorCategory.TIMEOUT))
    await home.clock.advance(40.0)
    probes = len(home.fetched)
    home.pages = alive
    await home.finish(task)

    assert home.meta(job).ending.counts.fetched == 51  # type: ignore[union-attr]
    assert probes < 30


async def test_with_one_retry_batch_a_dead_site_ends_the_job_sooner() -> None:
    """`--retry-batches 1`: no second try."""
    home = _site(pages=30, latency_s=0.1)
    home.pages.update(dict.fromkeys([f"/{n}" for n in range(30)], ScriptedPage(category=ErrorCategory.CONNECT)))
    job = await home.crawl(concurrency=4, retry_batches=1)
    messages = [event.message for event in home.log(job) if event.type == "log"]

    assert not any("Retry batch" in message for message in messages)
    assert job.ending is not None
    assert job.ending.counts.failed == 30


async def test_what_failed_is_tried_once_more_at_the_end() -> None:
    """The last try is behind everything else, and it may bring new pages."""
    home = _site(pages=5)
    home.pages["/2"] = [*[ScriptedPage(status=500)] * 3, ScriptedPage(text="two", links=("/late",))]
    home.pages["/late"] = ScriptedPage(text="late")
    job = await home.crawl()

    assert home.fetched[-2:] == ["/2", "/late"]
    assert home.fetched.count("/2") == 4
    assert job.ending is not None
    assert (job.ending.ok, job.ending.counts.fetched) == (True, 7)


async def test_a_successor_knows_what_waits_for_the_end() -> None:
    """From the log: a URL with three failures is not due again before everything else."""
    home = _site(pages=60)
    home.pages["/hub"], home.pages["/"] = home.pages["/"], ScriptedPage(text="start", links=("/bad", "/hub"))
    home.pages["/bad"] = [*[ScriptedPage(status=500)] * 3, ScriptedPage(text="at last")]
    job = await home.create(concurrency=1)
    process = home.process("D1")
    task = home.drive(process, job)
    await home.until(lambda: home.fetched.count("/bad") == 3, step_s=0.01)
    await home.clock.advance(0.6)
    process.leaving.reason = "sigterm"
    await home.finish(task)
    await home.finish(home.drive(home.process("D2"), job))

    assert home.fetched.count("/bad") == 4
    assert home.fetched[-1] == "/bad"
    assert home.meta(job).ending.counts.fetched == 63  # type: ignore[union-attr]


async def test_the_urls_of_a_failed_call_are_asked_again_alone() -> None:
    """Nobody knows which of them it was; it is no attempt of any."""
    home = _site(pages=30, latency_s=0.01)
    process = home.process("D1")
    process.services.crawler.max_targets = 5
    job = await home.create(concurrency=10)
    task = home.drive(process, job)
    await home.until(lambda: any(len(request.targets) > 1 for request in home.requests), step_s=0.005)
    home.call_failures = [CallFailed("crashed")]
    await home.finish(task)
    failed = [event for event in home.log(job) if event.type == "batch_failed"]
    again = [request for request in home.requests if set(failed[0].urls) & {t.url for t in request.targets}]

    assert len(failed) == 1
    assert failed[0].batch_id is None
    assert failed[0].will_retry
    assert len(failed[0].urls) > 1
    assert [len(request.targets) for request in again[1:]] == [1] * len(failed[0].urls)
    assert not [event for event in home.log(job) if event.type == "url_retry"]
    assert home.meta(job).ending.counts.fetched == 31  # type: ignore[union-attr]
