"""Retrying: a linked job fetches again what did not come, and the library keeps all the rest."""

import asyncio

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import EndedBecause, Job, JobState
from runnel.domain.verdicts import ErrorCategory
from runnel.errors import JobConflict, JobNotFound
from runnel.usecases.control_job import cancel_job
from runnel.usecases.list_urls import list_urls
from runnel.usecases.look_at_job import look_at_job
from runnel.usecases.retry_job import retry_job
from runnel.usecases.run_crawl import Drive
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

_BROKEN = ScriptedPage(category=ErrorCategory.HTTP_4XX, status=404)


def _site(*broken: str) -> dict[str, ScriptedPage]:
    """Three pages that link to each other; the broken ones answer 404."""
    pages = {path: ScriptedPage(text=f"page {path}", links=("/a", "/b", "/c", "/")) for path in ("/", "/a", "/b", "/c")}
    return pages | dict.fromkeys(broken, _BROKEN)


async def _retried(home: ScriptedHome, first: Job) -> Job:
    """The retry of a job, when it has ended."""
    job = await retry_job(home.outside.services, TENANT, first.job_id, invoke=False)
    home.fetched.clear()
    assert await home.finish(home.drive(home.process("R"), job)) is Drive.ENDED
    return home.meta(job)


async def test_a_retry_fetches_the_failed_pages_and_no_other() -> None:
    """What came the first time is not asked for again, although the retried pages link to it."""
    home = ScriptedHome(_site("/a", "/b"))
    first = await home.crawl()
    home.pages |= _site("/b")
    job = await _retried(home, first)

    assert sorted(set(home.fetched)) == ["/a", "/b"]
    assert (job.state, job.retry_of) == (JobState.COMPLETED, first.job_id)
    assert job.ending is not None
    counts = job.ending.counts
    assert (counts.seen, counts.fetched, counts.failed) == (2, 1, 1)


async def test_a_retry_replaces_what_it_fetched_and_removes_nothing() -> None:
    """The library keeps the pages of the first crawl: they were not asked for, so nothing is known against them."""
    home = ScriptedHome(_site("/a"))
    first = await home.crawl()
    before = await home.library(first)
    home.pages |= _site()
    job = await _retried(home, first)
    published = home.of_type(job, e.LibraryPublished)[0]

    assert sorted(before) == ["/", "/b", "/c"]
    assert sorted(await home.library(job)) == ["/", "/a", "/b", "/c"]
    assert (published.added, published.removed, published.unchanged) == (1, 0, 3)


async def test_a_retry_goes_on_to_what_the_first_job_never_saw() -> None:
    """A page that failed may have been the only way to others."""
    home = ScriptedHome({"/": ScriptedPage(links=("/a",)), "/a": _BROKEN, "/behind": ScriptedPage(text="behind")})
    first = await home.crawl()
    home.pages["/a"] = ScriptedPage(text="a", links=("/", "/behind"))
    await _retried(home, first)

    assert home.fetched == ["/a", "/behind"]


async def test_a_retry_takes_what_was_left_when_the_time_was_over() -> None:
    """Without a verdict they count as cancelled; the site has not said anything against them."""
    home = ScriptedHome(_site())
    home.latency_s = 10.0
    job = await home.create(concurrency=1, timeout_s=15.0)
    await home.finish(home.drive(home.process("D1"), job))
    first = home.meta(job)
    home.latency_s = 0.02
    fetched = set(home.fetched)
    again = await _retried(home, first)

    assert first.state is JobState.TIMEOUT
    assert first.ending is not None
    assert first.ending.counts.cancelled == 4 - len(fetched) > 0
    assert fetched | set(home.fetched) == set(_site())
    assert not fetched & set(home.fetched)
    assert again.state is JobState.COMPLETED
    assert sorted(await home.library(again)) == sorted(_site())


async def test_a_retry_takes_the_pages_that_the_processor_lost() -> None:
    """They were fetched, and are in no library all the same."""
    home = ScriptedHome(_site())
    home.processor = "lost"
    first = await home.crawl()
    home.processor = "runs"
    assert await home.library(first) == {}
    job = await _retried(home, first)

    assert sorted(home.fetched) == sorted(_site())
    assert sorted(await home.library(job)) == sorted(_site())


async def test_of_many_equal_calls_one_creates_and_all_get_the_same_job() -> None:
    """A second click, or an answer that got lost, must not crawl twice."""
    home = ScriptedHome(_site("/a"))
    first = await home.crawl()
    services = home.outside.services
    jobs = await asyncio.gather(*(retry_job(services, TENANT, first.job_id) for _ in range(5)))
    await home.finish(home.drive(home.process("R"), jobs[0]))
    later = await retry_job(services, TENANT, first.job_id)

    assert {job.job_id for job in jobs} == {later.job_id} != {first.job_id}
    assert later.is_over
    assert len(home.state.jobs) == 2


async def test_the_two_jobs_name_each_other() -> None:
    """Whoever looks at one finds the other."""
    home = ScriptedHome(_site("/a"))
    first = await home.crawl()
    services = home.outside.services
    before = await look_at_job(services, first)
    job = await retry_job(services, TENANT, first.job_id)
    after = await look_at_job(services, first)
    created = home.of_type(job, e.JobCreated)[0]

    assert (before.retried_by, after.retried_by) == (None, job.job_id)
    assert created.links["retry_of"] == f"/v1/jobs/{first.job_id}"


async def test_what_has_not_ended_or_not_failed_is_not_retried() -> None:
    """Each with its own code; nothing is created."""
    home = ScriptedHome(_site())
    services = home.outside.services
    running = await home.create()
    with pytest.raises(JobConflict) as active:
        await retry_job(services, TENANT, running.job_id)
    await home.finish(home.drive(home.process("D1"), running))
    with pytest.raises(JobConflict) as nothing:
        await retry_job(services, TENANT, running.job_id)
    with pytest.raises(JobNotFound):
        await retry_job(services, "somebody", running.job_id)

    assert (active.value.code, nothing.value.code) == ("active", "nothing_to_retry")
    assert len(home.state.jobs) == 1


async def test_a_job_that_was_cancelled_with_every_page_decided_has_nothing_to_retry() -> None:
    """It is not `ok`, and yet no page is missing."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    home.processor = "lost"
    job = await home.create()
    task = home.drive(home.process("D1"), job)
    await home.clock.advance(3)
    await cancel_job(home.outside.services, TENANT, job.job_id)
    await home.finish(task)

    with pytest.raises(JobConflict) as refused:
        await retry_job(home.outside.services, TENANT, job.job_id)
    assert refused.value.code == "nothing_to_retry"


async def test_a_retry_of_a_retry_knows_what_both_have_seen() -> None:
    """Else the second would crawl the whole site again."""
    home = ScriptedHome(_site("/a", "/b"))
    first = await home.crawl()
    home.pages |= _site("/b")
    second = await _retried(home, first)
    home.pages |= _site()
    third = await _retried(home, second)

    assert home.fetched == ["/b"]
    assert third.retry_of == second.job_id
    assert sorted(await home.library(third)) == ["/", "/a", "/b", "/c"]


async def test_a_retry_that_changes_hands_loses_and_doubles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its list of pages is long; the driver may die when half of it is stored."""
    monkeypatch.setattr("runnel.usecases.recording.FLUSH_BYTES", 3_000)
    many = {f"/p{number}": _BROKEN for number in range(600)}
    home = ScriptedHome({"/": ScriptedPage(links=tuple(many)), **many})
    first = await home.crawl()
    home.pages |= {path: ScriptedPage(text=path) for path in many}
    home.fetched.clear()
    job = await retry_job(home.outside.services, TENANT, first.job_id, invoke=False)
    process = home.process("R1")

    async def store_one_part_then_die() -> None:
        process.before["journal.commit"] = die

    async def die() -> None:
        process.kill()

    process.before["journal.commit"] = store_one_part_then_die
    await home.finish(home.drive(process, job))
    stored = sum(event.count for event in home.of_type(job, e.UrlsDiscovered))
    await home.finish(home.drive(home.process("R2"), job))
    records = await list_urls(home.outside.services, home.meta(job))

    assert 0 < stored < len(many) == len(records)
    assert sorted(home.fetched) == sorted(many)
    assert home.meta(job).state is JobState.COMPLETED


async def test_pages_keep_the_source_that_they_were_found_from() -> None:
    """A later crawl of one source replaces the pages of that source."""
    home = ScriptedHome({"/": ScriptedPage(text="one"), "/two/": ScriptedPage(links=("/two/a",)), "/two/a": _BROKEN})
    first = await home.create("/", "/two/")
    await home.finish(home.drive(home.process("D1"), first))
    home.pages["/two/a"] = ScriptedPage(text="a")
    job = await _retried(home, home.meta(first))

    assert (await home.library(job))["/two/a"].source_id == "source-2"
    assert [event.count for event in home.of_type(job, e.SourceStarted)] == [0, 0]


async def test_a_retry_whose_first_job_was_deleted_says_so() -> None:
    """Nobody knows any more what is to be fetched."""
    home = ScriptedHome(_site("/a"))
    first = await home.crawl()
    job = await retry_job(home.outside.services, TENANT, first.job_id, invoke=False)
    await home.outside.services.jobs.delete(TENANT, first.job_id)
    await home.finish(home.drive(home.process("R"), job))
    ending = home.meta(job).ending

    assert ending is not None
    assert ending.ended_because is EndedBecause.ERROR
    assert ending.error is not None
    assert "deleted" in ending.error
