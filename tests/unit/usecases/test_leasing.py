"""Who may drive a job; each test is named after its rule in the commit model."""

import asyncio
from collections import Counter
from dataclasses import replace

from runnel.domain import events as e
from runnel.domain.jobs import Job, JobState, Sign, Wish
from runnel.domain.segments import Segment
from runnel.usecases.leasing import LeaseKeeper, take_lease
from runnel.usecases.run_crawl import Drive
from runnel.usecases.services import Tuning
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage
from tests.support.killable_process import Process
from tests.support.scripted_ports import NoLocks

_SITE = {"/": ScriptedPage(text="home", links=("/a",)), "/a": ScriptedPage(text="A")}


async def _held(home: ScriptedHome) -> Job:
    """A job with a driver that shows no sign of life."""
    job = await home.create()
    await home.outside.services.leases.take(TENANT, job.job_id, owner="other", seen=Sign.of(job))
    return job


async def test_a_released_lease_is_taken_at_once() -> None:
    """Nobody waits for a ttl that nobody holds."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    before_s = home.clock.monotonic()
    taken = await take_lease(home.process("D1").services, TENANT, job.job_id)

    assert taken is not None
    assert (taken.lease.term, taken.reason) == (1, "started")
    assert home.clock.monotonic() == before_s


async def test_same_beat_must_be_seen_for_the_whole_ttl() -> None:
    """A driver that is only slow keeps its job."""
    home = ScriptedHome(_SITE)
    job = await _held(home)
    task = home.drive(home.process("D2"), job)
    await home.clock.advance(11.5)
    assert home.meta(job).owner == "other"
    await home.clock.advance(1.5)

    assert home.meta(job).owner != "other"
    assert await home.finish(task) is Drive.ENDED
    assert [event.reason for event in home.of_type(job, e.Handover)] == []
    assert home.of_type(job, e.JobStarted)[0].term == 2


async def test_same_beat_starts_again_with_every_new_beat() -> None:
    """Twelve seconds since the first look are not twelve seconds without a beat."""
    home = ScriptedHome(_SITE)
    job = await _held(home)
    process = home.process("D2")
    home.drive(process, job)
    for _ in range(5):
        await home.clock.advance(9)
        meta = home.meta(job)
        home.state.jobs[TENANT, job.job_id] = replace(meta, beat=meta.beat + 1)

    assert home.meta(job).owner == "other"
    assert "leases.take" not in process.steps


async def test_a_would_be_driver_gives_up_in_the_end() -> None:
    """The sweep asks again; a waiting process costs money."""
    home = ScriptedHome(_SITE)
    job = await _held(home)
    process = home.process("D2")
    task = home.drive(process, job)
    while not task.done():
        await home.clock.advance(5)
        meta = home.meta(job)
        home.state.jobs[TENANT, job.job_id] = replace(meta, beat=meta.beat + 1)

    assert task.result() is Drive.NO_LEASE
    assert home.meta(job).owner == "other"


async def test_seen_from_answer_not_from_question() -> None:
    """A read that was slow tells of a beat as old as its answer."""
    home = ScriptedHome(_SITE)
    job = await _held(home)
    process = home.process("D2")
    process.running.clear()
    home.drive(process, job)
    await home.clock.advance(11)
    process.running.set()
    await home.clock.advance(5)

    assert home.meta(job).owner == "other"


async def test_lost_take_is_recognised_by_its_owner() -> None:
    """Otherwise a driver would wait a ttl for itself."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    process = home.process("D1")
    process.lose_answer("leases.take")
    before_s = home.clock.monotonic()
    await home.finish(home.drive(process, job))

    assert home.meta(job).state is JobState.COMPLETED
    assert home.meta(job).term == 1
    assert home.clock.monotonic() - before_s < 5


async def test_take_conditional_only_one_of_many_gets_it() -> None:
    """Two drivers of one job would both be sure."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    tasks = [home.drive(home.process(f"D{number}"), job) for number in range(4)]
    ends = Counter([await home.finish(task) for task in tasks])

    assert ends == {Drive.ENDED: 1, Drive.NO_LEASE: 3}
    assert len(home.of_type(job, e.JobStarted, e.Handover)) == 1


async def test_a_free_lock_means_a_dead_driver() -> None:
    """On a laptop nobody needs to wait for the ttl of a process that is gone."""
    home = ScriptedHome(_SITE)
    home.locks = NoLocks(is_free=True)
    job = await _held(home)
    before_s = home.clock.monotonic()
    taken = await take_lease(home.process("D2").services, TENANT, job.job_id)

    assert taken is not None
    assert home.clock.monotonic() == before_s


async def test_a_job_that_wants_no_driver_gets_none() -> None:
    """Paused is paused; an ended job has ended; a deleted one is nobody's, and waiting for it is paid by the second."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    process = home.process("D1")
    for state in (JobState.PAUSED, JobState.COMPLETED):
        home.state.jobs[TENANT, job.job_id] = replace(job, state=state)
        assert await home.finish(home.drive(process, job)) is Drive.NO_LEASE
    home.state.jobs.clear()
    before_s = home.clock.monotonic()

    assert await take_lease(process.services, TENANT, job.job_id) is None
    assert home.clock.monotonic() == before_s


async def test_a_store_that_is_away_delays_the_taking() -> None:
    """It says nothing about the driver before."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    process = home.process("D1")
    process.refuse("jobs.get", 3)
    process.refuse("leases.take", 2)

    assert await home.finish(home.drive(process, job)) is Drive.ENDED


async def _keeper(home: ScriptedHome, process: Process) -> LeaseKeeper:
    job = await home.create()
    taken = await take_lease(process.services, TENANT, job.job_id)
    assert taken is not None
    return LeaseKeeper(process.services, taken)


async def test_renewals_keep_the_lease() -> None:
    """A driver at work is never taken for dead."""
    home = ScriptedHome({**_SITE, "/a": ScriptedPage(text="A")})
    held = home.hold("/a")
    job = await home.create()
    task = home.drive(home.process("D1"), job)
    other = home.drive(home.process("D2"), job)
    await home.clock.advance(55)
    assert home.meta(job).term == 1
    held.set()

    assert await home.finish(task) is Drive.ENDED
    assert await home.finish(other) is Drive.NO_LEASE


async def test_ttl_from_acked_renewal_stops_the_dispatch() -> None:
    """A renewal that nobody confirmed may never have come: others may already drive."""
    home = ScriptedHome(_SITE)
    process = home.process("D1")
    keeper = await _keeper(home, process)
    process.tasks.append(asyncio.create_task(keeper.run()))
    await home.clock.advance(20)
    process.refuse("leases.renew")
    await home.clock.advance(11)
    lasted = keeper.may_dispatch
    await home.clock.advance(2)
    stopped = not keeper.may_dispatch
    process.refused.clear()
    await home.clock.advance(4)

    assert lasted
    assert stopped
    assert keeper.may_dispatch
    process.kill()


async def test_ttl_from_acked_counts_from_before_the_sending() -> None:
    """An answer that took long is as old as its question."""
    home = ScriptedHome(_SITE)
    process = home.process("D1")
    keeper = await _keeper(home, process)
    process.tasks.append(asyncio.create_task(keeper.run()))
    await home.clock.advance(4.5)

    async def slow() -> None:
        process.running.clear()

    process.before["leases.renew"] = slow
    await home.clock.advance(8.5)
    process.running.set()
    await home.clock.advance(1)
    until_s = keeper._valid_until_s - home.clock.monotonic()  # noqa: SLF001 - to the second

    assert until_s <= 12 - 6
    process.kill()


async def test_a_driver_whose_lease_was_taken_fetches_nothing_more() -> None:
    """At most what was in flight is fetched twice."""
    home = ScriptedHome({"/": ScriptedPage(links=tuple(f"/{n}" for n in range(20)), text="home")})
    home.latency_s = 3.0
    job = await home.create(concurrency=2)
    task = home.drive(home.process("D1"), job)
    await home.clock.advance(5)
    home.state.jobs[TENANT, job.job_id] = replace(home.meta(job), owner="thief", term=2)

    assert await home.finish(task) is Drive.LEASE_LOST
    fetched = len(home.fetched)
    await home.clock.advance(30)
    assert len(home.fetched) == fetched <= 6
    assert home.meta(job).owner == "thief"


async def test_a_deleted_job_ends_its_driver() -> None:
    """Nobody wants the rest, and there is nowhere to write it."""
    home = ScriptedHome(_SITE)
    home.hold("/a")
    job = await home.create()
    task = home.drive(home.process("D1"), job)
    await home.clock.advance(2)
    await home.outside.services.jobs.delete(TENANT, job.job_id)

    assert await home.finish(task) is Drive.LEASE_LOST


async def test_a_wish_is_obeyed_by_the_driver_that_finds_it() -> None:
    """A job cancelled while nobody drove it is ended by its next driver, without a fetch."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    await home.outside.services.jobs.set_wish(TENANT, job.job_id, Wish.CANCEL, seen=0)
    await home.finish(home.drive(home.process("D1"), job))

    assert home.meta(job).state is JobState.CANCELLED
    assert home.fetched == []


async def test_a_would_be_driver_is_no_older_than_a_third_of_its_life() -> None:
    """Who took the job late in its life would have to hand it on at once, or be cut off before it had."""
    home = ScriptedHome(_SITE)
    job = await _held(home)
    task = home.drive(home.process("D2"), job, deadline_s=home.clock.monotonic() + 30)
    await home.clock.advance(9)
    assert not task.done()
    await home.clock.advance(2)

    assert task.result() is Drive.NO_LEASE
    assert home.meta(job).owner == "other"


async def test_a_dead_driver_is_replaced_the_moment_its_ttl_is_over() -> None:
    """Looks come every second; the one that counts comes in time."""
    home = ScriptedHome(_SITE, tuning=Tuning().with_lease_ttl(12.4))
    job = await _held(home)
    home.drive(home.process("D2"), job)
    await home.clock.advance(12.35)
    assert home.meta(job).owner == "other"
    await home.clock.advance(0.1)

    assert home.meta(job).owner != "other"


async def test_the_log_of_a_silent_driver_is_read_ahead_and_the_rest_at_the_barrier() -> None:
    """A long log takes seconds to read; what the dead driver's last write brought in between counts all the same."""
    home = ScriptedHome(_SITE)
    home.hold("/a")
    job = await home.create()
    first = home.process("D1")
    dead = home.drive(first, job)
    await home.until(lambda: "/a" in home.fetched)
    first.kill()
    await home.finish(dead)
    second = home.process("D2")
    seq = len(home.log(job)) + 1
    late = e.Log(job_id=job.job_id, time=home.clock.now(), seq=seq, level="info", message="late")

    async def write_late() -> None:
        segment = Segment(first=seq, term=1, owner="owner", lines=(e.encode_event(late),))
        await home.outside.services.log.append(TENANT, job.job_id, segment)

    second.before["leases.take"] = write_late
    task = home.drive(second, job)
    await home.until(lambda: "leases.take" in second.steps)
    home.held["/a"].set()

    assert second.steps[: second.steps.index("leases.take")].count("log.read") == 1
    assert await home.finish(task) is Drive.ENDED
    assert [event.message for event in home.of_type(job, e.Log)][:1] == ["late"]
    assert home.log(job)[seq].type == "handover"


async def test_the_log_of_a_living_driver_is_not_read_by_those_who_wait() -> None:
    """Every reader of a stream on AWS waits for its lease."""
    home = ScriptedHome(_SITE)
    job = await _held(home)
    process = home.process("D2")
    home.drive(process, job)
    for _ in range(10):
        await home.clock.advance(4)
        meta = home.meta(job)
        home.state.jobs[TENANT, job.job_id] = replace(meta, beat=meta.beat + 1)

    assert "log.read" not in process.steps
