"""Pause, resume, cancel, hand-over and the sweep: what a user asks for comes true, whoever drives."""

import asyncio
from dataclasses import replace

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import EndedBecause, Job, JobState, Sign, Wish
from runnel.errors import JobConflict, JobNotFound
from runnel.usecases.control_job import cancel_job, get_job, pause_job, resume_job
from runnel.usecases.run_crawl import Drive
from runnel.usecases.sweep_jobs import Sweep
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

_PAGES = {f"/{number}": ScriptedPage(text=str(number)) for number in range(12)}
_SITE = {"/": ScriptedPage(text="home", links=tuple(_PAGES)), **_PAGES}


def _slow() -> ScriptedHome:
    home = ScriptedHome(_SITE)
    home.latency_s = 1.0
    return home


async def _running(home: ScriptedHome) -> tuple[Job, asyncio.Task[Drive]]:
    job = await home.create(concurrency=2)
    task = home.drive(home.process("D1"), job)
    await home.clock.advance(2.5)
    return job, task


async def test_pause_conditional_a_paused_job_has_no_driver_and_no_lease() -> None:
    """It costs nothing while it stands still, and nobody takes it up by itself."""
    home = _slow()
    job, task = await _running(home)
    await pause_job(home.outside.services, TENANT, job.job_id)

    assert await home.finish(task) is Drive.PAUSED
    meta, fetched = home.meta(job), len(home.fetched)
    assert (meta.state, meta.owner, meta.wish) == (JobState.PAUSED, None, Wish.PAUSE)
    assert home.log(job)[-1].type == "job_paused"
    await home.clock.advance(60)
    assert len(home.fetched) == fetched < 13


async def test_pause_conditional_a_resume_in_the_last_moment_wins() -> None:
    """The wish changes between the driver's look and its release: the driver goes on."""
    home = _slow()
    job, process = await home.create(concurrency=2), home.process("D1")
    task = home.drive(process, job)
    await home.clock.advance(2.5)
    await pause_job(home.outside.services, TENANT, job.job_id)

    async def resume() -> None:
        await resume_job(home.outside.services, TENANT, job.job_id)

    process.before["leases.release"] = resume

    assert await home.finish(task) is Drive.ENDED
    assert home.meta(job).state is JobState.COMPLETED
    kinds = [event.type for event in home.log(job)]
    assert kinds.index("job_resumed") == kinds.index("job_paused") + 1


async def test_resume_goes_on_where_the_pause_began() -> None:
    """Nothing that has a verdict is fetched again, and nothing is missing in the end."""
    home = _slow()
    job, task = await _running(home)
    await pause_job(home.outside.services, TENANT, job.job_id)
    await home.finish(task)
    await home.clock.advance(3_600)
    resumed = await resume_job(home.outside.services, TENANT, job.job_id)
    await home.finish(home.drive(home.process("D2"), job))

    assert resumed.state is JobState.RUNNING
    assert home.orchestrators.started == [job.job_id]
    assert sorted(home.fetched) == sorted(_SITE)
    assert home.meta(job).state is JobState.COMPLETED
    assert [event.reason for event in home.of_type(job, e.Handover)] == ["started"]
    assert len(home.of_type(job, e.JobResumed)) == 1


async def _with_a_page_that_hangs() -> tuple[ScriptedHome, Job, asyncio.Task[Drive]]:
    home = ScriptedHome(_SITE)
    home.hold("/3")
    job = await home.create(concurrency=2)
    task = home.drive(home.process("D1"), job)
    await home.clock.advance(3)
    assert home.in_flight
    return home, job, task


async def test_a_pause_drops_a_page_that_hangs_and_a_resume_fetches_it_as_if_nothing_had_been() -> None:
    """Whoever presses Ctrl-C does not wait for a site; what was asked in vain is no attempt, no crash, no suspect."""
    home, job, task = await _with_a_page_that_hangs()
    await pause_job(home.outside.services, TENANT, job.job_id)
    await home.clock.advance(4)
    assert task.done()
    assert task.result() is Drive.PAUSED

    assert home.meta(job).state is JobState.PAUSED
    home.held["/3"].set()
    await resume_job(home.outside.services, TENANT, job.job_id)
    await home.finish(home.drive(home.process("D2"), job))

    assert home.meta(job).state is JobState.COMPLETED
    assert sorted(home.fetched) == sorted([*_SITE, "/3"])
    started = [event for event in home.of_type(job, e.UrlStarted) if event.url.endswith("/3")]
    assert [event.attempt for event in started] == [1, 1]
    assert not home.of_type(job, e.UrlRetry)


async def test_a_pause_during_a_hand_over_waits_for_it_no_longer_than_any_pause() -> None:
    """A driver whose time is up has most of a minute for what is in flight; nobody who pauses has."""
    home = ScriptedHome(_SITE)
    home.hold("/3")
    job = await home.create(concurrency=2)
    task = home.drive(home.process("D1"), job, deadline_s=home.clock.monotonic() + 85)
    await home.clock.advance(12)
    assert not task.done()
    await pause_job(home.outside.services, TENANT, job.job_id)
    await home.clock.advance(4)

    assert task.done()
    assert task.result() is Drive.PAUSED


async def test_a_pause_does_not_count_against_the_jobs_time() -> None:
    """A week on pause is not a week of crawling; what was spent before it is."""
    home = _slow()
    job = await home.create(concurrency=2, timeout_s=60.0)
    task = home.drive(home.process("D1"), job)
    await home.clock.advance(2.5)
    await pause_job(home.outside.services, TENANT, job.job_id)
    await home.finish(task)
    assert 2 < home.meta(job).spent_s < 10
    await home.clock.advance(7 * 86_400)
    await resume_job(home.outside.services, TENANT, job.job_id)
    await home.finish(home.drive(home.process("D2"), job))

    assert home.meta(job).state is JobState.COMPLETED


async def test_look_cancel_ends_the_job_within_two_seconds_and_publishes_nothing() -> None:
    """Within two seconds no further fetch starts."""
    home = _slow()
    job, task = await _running(home)
    await cancel_job(home.outside.services, TENANT, job.job_id)
    asked_s = home.clock.monotonic()
    fetched_at: list[float] = []
    seen = len(home.fetched)
    while not task.done():
        await home.clock.advance(0.1)
        if len(home.fetched) > seen:
            seen, fetched_at = len(home.fetched), [*fetched_at, home.clock.monotonic()]

    assert task.result() is Drive.ENDED
    assert all(at_s - asked_s < 2 for at_s in fetched_at)
    meta = home.meta(job)
    assert meta.state is JobState.CANCELLED
    assert meta.ending is not None
    assert meta.ending.ended_because is EndedBecause.USER
    counts = meta.ending.counts
    assert counts.seen == counts.fetched + counts.cancelled == 13
    assert await home.library(job) == {}
    assert [event.type for event in home.log(job)][-1] == "job_cancelled"
    assert len(home.of_type(job, e.JobCancelling)) == 1


async def test_sweep_wish_cancel_of_a_paused_job_needs_a_driver_to_say_so() -> None:
    """A paused job has none: the call asks for one, and the sweep does too [sweep_wish]."""
    home = _slow()
    job, task = await _running(home)
    await pause_job(home.outside.services, TENANT, job.job_id)
    await home.finish(task)
    home.orchestrators.is_down = True
    await cancel_job(home.outside.services, TENANT, job.job_id)
    assert home.orchestrators.started == []
    home.orchestrators.is_down = False
    assert await Sweep(home.outside.services).run() == 1
    await home.finish(home.drive(home.process("D2"), job))

    assert home.meta(job).state is JobState.CANCELLED


async def test_mark_conditional_a_cancel_before_the_mark_prevents_publishing() -> None:
    """The user was told "cancelling": the library must stay as it was."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    job = await home.create()
    process = home.process("D1")
    updates = iter(["running", "mark"])
    real = process.services.leases.update

    async def cancel_first(*args: object, **fields: object) -> object:
        if next(updates) == "mark":
            await cancel_job(home.outside.services, TENANT, job.job_id)
        return await real(*args, **fields)  # type: ignore[arg-type]

    process.services.leases.update = cancel_first  # type: ignore[method-assign,assignment]
    await home.finish(home.drive(process, job))

    assert home.meta(job).state is JobState.CANCELLED
    assert home.state.libraries[TENANT, job.library_id].pointer.generation == 0


async def test_mark_no_wish_a_pause_before_the_mark_prevents_publishing() -> None:
    """Else the job would end that its user has just been told is paused."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    job = await home.create()
    process = home.process("D1")
    updates = iter(["running", "mark", "running again", "mark"])
    real = process.services.leases.update

    async def pause_first(*args: object, **fields: object) -> object:
        if next(updates) == "mark":
            await pause_job(home.outside.services, TENANT, job.job_id)
        return await real(*args, **fields)  # type: ignore[arg-type]

    process.services.leases.update = pause_first  # type: ignore[method-assign,assignment]

    assert await home.finish(home.drive(process, job)) is Drive.PAUSED
    assert home.state.libraries[TENANT, job.library_id].pointer.generation == 0
    await resume_job(home.outside.services, TENANT, job.job_id)
    await home.finish(home.drive(home.process("D2"), job))
    assert home.meta(job).state is JobState.COMPLETED


@pytest.mark.parametrize("status", [200, 404])
async def test_mark_every_end_a_control_call_after_the_mark_is_refused(status: int) -> None:
    """409 `publishing`, also for the end of a job that has nothing to publish."""
    home = ScriptedHome({"/": ScriptedPage(text="home", status=status)})
    job = await home.create()
    process = home.process("D1")
    codes: list[str] = []

    async def ask() -> None:
        for control in (pause_job, cancel_job):
            with pytest.raises(JobConflict) as refused:
                await control(home.outside.services, TENANT, job.job_id)
            codes.append(refused.value.code)

    process.before["libraries.free"] = ask
    await home.finish(home.drive(process, job))

    assert codes == ["publishing", "publishing"]
    assert home.meta(job).is_over


async def test_a_lost_answer_of_the_mark_is_read_back() -> None:
    """Our own mark must not look like a wish."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    job = await home.create()
    process = home.process("D1")
    process.lose_answer("leases.update", 3)
    await home.finish(home.drive(process, job))

    assert home.meta(job).state is JobState.COMPLETED


async def test_control_of_an_ended_job_is_refused() -> None:
    """A terminal log stays closed."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    job = await home.crawl()
    for control in (pause_job, cancel_job, resume_job):
        with pytest.raises(JobConflict) as refused:
            await control(home.outside.services, TENANT, job.job_id)
        assert refused.value.code == "terminal"


async def test_a_cancel_cannot_be_taken_back() -> None:
    """What was thrown away cannot be fetched back; asking for it again is fine."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    job = await home.create()
    first = await cancel_job(home.outside.services, TENANT, job.job_id)
    again = await cancel_job(home.outside.services, TENANT, job.job_id)

    assert first.wish_no == again.wish_no == 1
    for control in (pause_job, resume_job):
        with pytest.raises(JobConflict) as refused:
            await control(home.outside.services, TENANT, job.job_id)
        assert refused.value.code == "cancelling"


async def test_wish_number_two_users_at_once_both_get_an_answer() -> None:
    """A wish is written only over the number that was read; the loser reads again and decides anew."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    job = await home.create()
    process = home.process("user")

    async def other() -> None:
        await pause_job(home.outside.services, TENANT, job.job_id)

    process.before["jobs.set_wish"] = other
    done = await cancel_job(process.services, TENANT, job.job_id)

    assert (done.wish, done.wish_no) == (Wish.CANCEL, 2)


async def test_another_tenants_job_does_not_exist() -> None:
    """A job id is no secret, its job is."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    job = await home.create()

    with pytest.raises(JobNotFound):
        await get_job(home.outside.services, "somebody", job.job_id)


async def test_release_reread_a_release_whose_answer_was_lost() -> None:
    """Owner not me = released: the driver goes away, once."""
    home = _slow()
    job = await home.create(concurrency=2)
    process = home.process("D1")
    process.lose_answer("leases.release")
    task = home.drive(process, job)
    await home.clock.advance(2.5)
    await pause_job(home.outside.services, TENANT, job.job_id)

    assert await home.finish(task) is Drive.PAUSED
    assert [event.type for event in home.log(job)].count("job_paused") == 1


async def test_handover_invoke_at_the_deadline_of_the_process() -> None:
    """A function has fifteen minutes, a crawl has six hours."""
    home = _slow()
    job = await home.create(concurrency=2)
    now_s = home.clock.monotonic()
    task = home.drive(home.process("D1"), job, deadline_s=now_s + 6)

    assert await home.finish(task) is Drive.HANDED_OVER
    assert 4 < home.clock.monotonic() - now_s <= 6
    assert 2 < len(home.fetched) < len(_SITE)
    assert home.orchestrators.started == [job.job_id]
    meta = home.meta(job)
    assert (meta.owner, meta.state) == (None, JobState.RUNNING)
    assert meta.spent_s > 2
    await home.finish(home.drive(home.process("D2"), job))
    assert sorted(home.fetched) == sorted(_SITE)
    assert [event.reason for event in home.of_type(job, e.Handover)] == ["deadline"]


async def test_a_handover_whose_call_fails_is_found_by_the_sweep() -> None:
    """The job stands without a driver, and that can be seen."""
    home = _slow()
    home.orchestrators.is_down = True
    job, task = await _running(home)
    home.drive(home.process("unused"), job)
    process = home.process("sweeper")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    home.state.jobs[TENANT, job.job_id] = replace(home.meta(job), owner=None, state=JobState.RUNNING)
    sweep = Sweep(process.services)
    assert await sweep.run() == 0
    home.orchestrators.is_down = False

    assert await sweep.run() == 1
    assert home.orchestrators.started == [job.job_id]


async def test_sweep_starts_a_driver_for_a_job_whose_driver_is_dead() -> None:
    """Nobody watches, nobody asks for the status: the job goes on all the same."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    await home.outside.services.leases.take(TENANT, job.job_id, owner="dead", seen=Sign.of(job))
    home.state.jobs[TENANT, job.job_id] = replace(home.meta(job), state=JobState.RUNNING)
    sweep = Sweep(home.outside.services)
    first = await sweep.run()
    await home.clock.advance(30)

    assert first == 0
    assert await sweep.run() == 1


async def test_sweep_leaves_alone_what_lives_is_paused_or_over() -> None:
    """A needless start costs a call."""
    home = ScriptedHome(_SITE)
    alive = await home.create(library="alive")
    paused = await home.create(library="paused")
    over = await home.create(library="over")
    home.state.jobs[TENANT, alive.job_id] = replace(alive, state=JobState.RUNNING, owner="D1", term=1, beat=1)
    home.state.jobs[TENANT, paused.job_id] = replace(paused, state=JobState.PAUSED, wish=Wish.PAUSE)
    home.state.jobs[TENANT, over.job_id] = replace(over, state=JobState.COMPLETED)
    sweep = Sweep(home.outside.services)
    for beat in range(2, 5):
        home.state.jobs[TENANT, alive.job_id] = replace(home.meta(alive), beat=beat)
        assert await sweep.run() == 0
        await home.clock.advance(20)

    assert home.orchestrators.started == []


async def test_sweep_starts_a_queued_job_whose_start_was_lost() -> None:
    """A start is one call; it may not come."""
    home = ScriptedHome(_SITE)
    await home.create()
    sweep = Sweep(home.outside.services)
    assert await sweep.run() == 0
    await home.clock.advance(31)

    assert await sweep.run() == 1
