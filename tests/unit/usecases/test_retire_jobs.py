"""What is past its retention goes, the rest stays, and what goes changes nothing else that can be seen."""

from datetime import timedelta

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import Job
from runnel.errors import EventsExpired
from runnel.usecases.generations import publish_job
from runnel.usecases.list_urls import list_urls
from runnel.usecases.look_at_job import look_at_job
from runnel.usecases.read_log import has_more
from runnel.usecases.retire_jobs import retire_jobs
from runnel.usecases.retry_job import retry_job
from runnel.usecases.sweep_jobs import Sweep
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

_SITE = {
    "/": ScriptedPage(text="home", links=("/a", "/b", "/out")),
    "/a": ScriptedPage(text="a"),
    "/b": ScriptedPage(status=404),
}
_DAY_S = 86_400.0


def _let_pass(home: ScriptedHome, days: float) -> None:
    """The wall clock alone: no task of these tests sleeps so long."""
    home.clock.jump(days * _DAY_S)


def _left_of(home: ScriptedHome, job: Job) -> set[str]:
    state, key = home.state, (job.tenant, job.job_id)
    return {name for name in ("jobs", "segments", "urls", "verdicts", "batches") if getattr(state, name).get(key)}


async def test_events_go_after_seven_days_and_the_job_after_thirty() -> None:
    """Each to its day; the library stays with every page."""
    home = ScriptedHome(_SITE)
    job, services = await home.crawl(), home.outside.services
    everything = _left_of(home, job)
    found = []
    for days in (6.9, 0.2, 22.8, 0.2):
        _let_pass(home, days)
        found.append((await retire_jobs(services), _left_of(home, job)))

    assert everything == {"jobs", "segments", "urls", "verdicts", "batches"}
    assert found == [(0, everything), (0, everything - {"segments"}), (0, everything - {"segments"}), (1, set())]
    assert sorted(await home.library(job)) == ["/", "/a"]


async def test_a_job_that_has_not_ended_keeps_everything() -> None:
    """One may be paused for a summer."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    process = home.process("D1")
    task = home.drive(process, job)
    await home.until(lambda: home.fetched != [])
    process.kill()
    await home.finish(task)
    _let_pass(home, 400)

    assert await retire_jobs(home.outside.services) == 0
    assert "segments" in _left_of(home, job)
    await home.finish(home.drive(home.process("D2"), job))
    assert home.meta(job).is_over


@pytest.mark.parametrize("is_gone", [False, True])
async def test_past_the_retention_no_event_is_shown_wherever_it_still_lies(is_gone: bool) -> None:  # noqa: FBT001
    """A store may take weeks over it; the answer does not depend on that."""
    home = ScriptedHome(_SITE)
    job, services = await home.crawl(), home.outside.services
    before = await look_at_job(services, job)
    urls = await list_urls(services, job)
    _let_pass(home, 7.1)
    if is_gone:
        await services.log.forget(before=home.clock.now() - timedelta(days=7))
    after = await look_at_job(services, job)

    with pytest.raises(EventsExpired):
        await has_more(services, job, after=0)
    assert (after.counts, after.last_seq, after.activities) == (before.counts, before.last_seq, ())
    assert await list_urls(services, job) == urls
    assert (await retry_job(services, TENANT, job.job_id)).retry_of == job.job_id


async def test_what_needs_a_log_that_has_gone_says_so() -> None:
    """A held result can be published for a week; then the reason is told, not guessed."""
    home = ScriptedHome(_SITE)
    job, services = await home.crawl(), home.outside.services
    _let_pass(home, 8)
    await retire_jobs(services)

    with pytest.raises(EventsExpired):
        await publish_job(services, TENANT, job.library_id, job.job_id)


async def test_a_job_that_is_retried_now_stays_until_that_has_ended() -> None:
    """The retry still reads what it has seen."""
    home = ScriptedHome(_SITE)
    job, services = await home.crawl(), home.outside.services
    _let_pass(home, 29.9)
    retry = await retry_job(services, TENANT, job.job_id)
    _let_pass(home, 0.2)
    assert await retire_jobs(services) == 0
    await home.finish(home.drive(home.process("D2"), retry))

    assert home.of_type(retry, e.JobCompleted, e.JobFailed) != []
    assert _left_of(home, job) == set(), "the retry's own driver has seen to it"


async def test_the_sweep_looks_once_an_hour_beginning_with_the_first() -> None:
    """A laptop that is on for minutes gets it done, and one that is on for months does not look all day."""
    home = ScriptedHome(_SITE)
    sweep = Sweep(home.outside.services)
    for _ in range(3):
        await sweep.run()
    looks = home.outside.steps.count("jobs.ended")
    await home.clock.advance(3_601)
    await sweep.run()

    assert looks == 1
    assert home.outside.steps.count("jobs.ended") == 2


async def test_a_driver_lets_go_of_what_is_past_its_time_after_its_job() -> None:
    """Who only ever says `runnel crawl` has no sweep."""
    home = ScriptedHome(_SITE)
    old = await home.crawl(library="old")
    _let_pass(home, 31)
    await home.crawl(library="new")

    assert _left_of(home, old) == set()
