"""The rules by which a job's log is written; each test is named after its rule in the commit model."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from runnel.domain import events as e
from runnel.domain.created import created_segment
from runnel.domain.effects import effects_of, events_of
from runnel.domain.jobs import EndedBecause, Ending, JobState, Lease, Sign
from runnel.domain.segments import Flush, Segment, decode_segment
from runnel.domain.verdicts import Counts, QueuedUrl, Verdict
from runnel.errors import LeaseLost
from runnel.usecases.leasing import take_lease
from runnel.usecases.list_urls import list_urls
from runnel.usecases.recording import Recorder
from runnel.usecases.run_crawl import Drive
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

_SITE = {
    "/": ScriptedPage(text="home", links=("/a", "/b")),
    "/a": ScriptedPage(text="A", links=("/c",)),
    "/b": ScriptedPage(text="B"),
    "/c": ScriptedPage(text="C"),
}


async def _invoke(_batch_id: str) -> None:
    """Nobody processes."""


async def test_barrier_comes_before_the_state_is_read() -> None:
    """What a predecessor's late write adds after our reading would be lost: the barrier ends its writing first."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    process = home.process("D1")
    await home.finish(home.drive(process, job))

    barrier = process.steps.index("log.append")
    assert process.steps.index("queue.urls") > barrier
    assert process.steps.index("log.read", barrier) > barrier
    assert process.steps.index("journal.verdicts") > process.steps.index("log.read", barrier)


async def test_barrier_makes_a_predecessors_late_segment_fail() -> None:
    """A frozen driver that wakes has lost its place in the log, so its last flush never counts."""
    home = ScriptedHome(_SITE)
    held = home.hold("/b")
    job = await home.create()
    first, second = home.process("D1"), home.process("D2")
    task = home.drive(first, job)
    await home.until(lambda: "/b" in home.fetched)
    first.running.clear()
    held.set()
    await home.finish(home.drive(second, job))
    before = home.log(job)
    first.running.set()

    assert await home.finish(task) is Drive.LEASE_LOST
    assert home.log(job) == before
    assert home.meta(job).state is JobState.COMPLETED


async def test_barrier_decided_anew_when_its_place_is_taken() -> None:
    """A predecessor's `job_started` may land just before ours: then ours is a hand-over."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    process = home.process("D1")

    async def predecessor() -> None:
        event = e.JobStarted(job_id=job.job_id, time=job.created_at, seq=2, term=0)
        late = Segment(first=2, term=0, owner="late", lines=(e.encode_event(event),))
        await home.outside.services.log.append(TENANT, job.job_id, late)

    process.before["log.append"] = predecessor
    await home.finish(home.drive(process, job))

    assert [event.type for event in home.log(job)][:3] == ["job_created", "job_started", "handover"]
    assert home.meta(job).state is JobState.COMPLETED


async def test_higher_term_in_the_log_stops_a_driver_before_its_barrier() -> None:
    """A later driver exists, whatever lease and clock say."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    event = e.JobStarted(job_id=job.job_id, time=job.created_at, seq=2, term=9)
    later = Segment(first=2, term=9, owner="later", lines=(e.encode_event(event),))
    await home.outside.services.log.append(TENANT, job.job_id, later)

    assert await home.finish(home.drive(home.process("D1"), job)) is Drive.LEASE_LOST
    assert len(home.log(job)) == 2


async def _recorder(home: ScriptedHome) -> Recorder:
    job = await home.create()
    process = home.process("D1")
    taken = await take_lease(process.services, TENANT, job.job_id)
    assert taken is not None
    recorder = Recorder(process.services, taken.job, taken.lease, invoke=_invoke)
    await recorder.write_barrier(taken.reason)
    await recorder.read_state()
    return recorder


async def test_append_conditional_and_zombie_stops() -> None:
    """Two drivers never write one place: who finds it taken after its barrier is the zombie [terms_decide]."""
    home = ScriptedHome(_SITE)
    recorder = await _recorder(home)
    job = next(iter(home.state.jobs.values()))
    other = e.Handover(job_id=job.job_id, time=job.created_at, seq=3, term=2, reason="lease_lost")
    await home.outside.services.log.append(
        TENANT, job.job_id, Segment(first=3, term=2, owner="D2", lines=(e.encode_event(other),))
    )
    recorder.emit(e.Log, level="info", message="from the zombie")

    with pytest.raises(LeaseLost):
        await recorder.flush()
    assert home.log(job)[-1] == other


async def test_read_back_of_our_own_segment_is_a_lost_acknowledgement() -> None:
    """Not every taken place makes us a zombie."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    process = home.process("D1")
    process.lose_answer("journal.commit", 3)
    process.lose_answer("log.append", 1)

    assert await home.finish(home.drive(process, job)) is Drive.ENDED
    assert Counter(event.type for event in home.log(job))["job_started"] == 1


async def test_same_bytes_are_sent_until_the_fate_is_known() -> None:
    """A second version of a segment, with what was emitted since, would turn our own write into another's."""
    home = ScriptedHome(_SITE)
    recorder = await _recorder(home)
    process = home.process("D2")
    recorder._services = process.services  # noqa: SLF001 - the same recorder, in trouble
    sent: list[Segment] = []
    real = process.services.journal.commit

    async def watching(flush: Flush, **fields: Any) -> None:
        sent.append(flush.segment)
        await real(flush, **fields)

    process.services.journal.commit = watching  # type: ignore[method-assign]
    process.refuse("journal.append", 3)
    recorder.emit(e.Log, level="info", message="first")
    flush = asyncio.create_task(recorder.flush())
    await home.clock.advance(1)
    recorder.emit(e.Log, level="info", message="second")
    await home.until(flush.done)

    assert [segment.first for segment in sent] == [3, 3, 3, 3, 4]
    assert all(segment == sent[0] for segment in sent[:4])
    assert len(sent[0].lines) == 1


async def test_one_append_is_in_flight_at_a_time() -> None:
    """What comes after a segment whose fate is unknown could be committed before it."""
    home = ScriptedHome(_SITE)
    recorder = await _recorder(home)
    process = home.outside
    flights, most = [0], [0]
    services = recorder._services  # noqa: SLF001 - the port that this very recorder calls
    real = services.journal.commit

    async def counted(flush: object, **fields: object) -> None:
        flights[0] += 1
        most[0] = max(most[0], flights[0])
        await real(flush, **fields)  # type: ignore[arg-type]
        flights[0] -= 1

    services.journal.commit = counted  # type: ignore[method-assign]
    for number in range(40):
        recorder.emit(e.Log, level="info", message="x" * 4_000 + str(number))
    await recorder.flush()

    assert most == [1]
    assert recorder.committed_seq == 42
    assert process.is_dead is False


async def test_publish_after_the_commit_only() -> None:
    """An event that a client has seen must be there for every other client and for ever."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    process = home.process("D1")
    process.refuse("journal.append")
    home.drive(process, job)
    await home.until(lambda: process.steps.count("journal.append") > 3)
    rung = home.bell.rung[job.job_id]
    await home.clock.advance(5)

    assert home.bell.rung[job.job_id] == rung == 1, "once for the barrier"
    assert home.log(job)[-1].type == "job_started"
    assert home.fetched == []
    process.kill()


async def test_publish_after_rings_as_soon_as_the_commit_stands() -> None:
    """Followers do not wait for what a flush does after its commit."""
    home = ScriptedHome(_SITE)
    recorder = await _recorder(home)
    job = next(iter(home.state.jobs.values()))
    recorder.emit(e.Log, level="info", message="hello")
    rung = home.bell.rung[job.job_id]
    process = home.process("D2")
    process.refuse("journal.verdicts")
    recorder._services = process.services  # noqa: SLF001 - the same recorder, in trouble
    flush = asyncio.create_task(recorder.flush())
    await home.clock.advance(1)

    assert home.bell.rung[job.job_id] > rung
    assert recorder.committed_seq == 3
    flush.cancel()


async def test_url_flush_an_item_counts_only_with_its_segment() -> None:
    """URL items are written before the commit; those of a commit that never came are nobody's."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    first = home.process("D1")
    await home.until(lambda: True)
    task = home.drive(first, job)
    first.kill_before = "journal.append"
    await home.finish(task)
    queued = home.state.urls[TENANT, job.job_id]
    assert queued
    ghost = QueuedUrl(url=home.url("/ghost"), depth=0, parent=None, first=3, term=1)
    queued[ghost.url, 1] = ghost
    await home.finish(home.drive(home.process("D2"), job))

    assert "/ghost" not in home.fetched
    assert home.url("/ghost") not in {record.url for record in await list_urls(home.outside.services, home.meta(job))}
    assert home.meta(job).ending == replace(home.meta(job).ending, counts=Counts(seen=4, fetched=4))  # type: ignore[type-var]


async def test_created_by_any_who_finds_the_log_empty() -> None:
    """`POST /v1/jobs` may die between META and the log; the event must be the same whoever writes it."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    expected = home.log(job)[0]
    home.state.segments.clear()
    await home.finish(home.drive(home.process("D1"), job))

    assert home.log(job)[0] == expected
    assert home.meta(job).state is JobState.COMPLETED


@pytest.mark.parametrize("step", ["journal.verdicts", "journal.ruled_out", "journal.batches", "journal.applied"])
async def test_redo_verdicts_and_redo_batches_after_a_crash_behind_the_commit(step: str) -> None:
    """The commit stands, the items do not: whoever takes over writes them from the log."""
    home = ScriptedHome({**_SITE, "/b": ScriptedPage(text="B", links=("https://elsewhere.example/",))})
    job = await home.create()
    for number in range(1, 30):
        process = home.process(f"D{number}")
        task = home.drive(process, job)
        await home.until_step(process, "queue.urls", task)
        process.kill_before = step
        await home.finish(task)
        if home.meta(job).is_over:
            break
    log = [decode_segment(data) for _, data in sorted(home.state.segments[TENANT, job.job_id].items())]
    effects = effects_of(pair for segment in log for pair in events_of(segment))

    assert home.meta(job).is_over
    assert home.state.verdicts[TENANT, job.job_id] == {item.url: item for item in effects.verdicts}
    assert home.state.ruled_out[TENANT, job.job_id] == {item.url: item for item in effects.ruled_out}
    assert set(home.state.batches[TENANT, job.job_id]) == {item.batch_id for item in effects.batches}


async def test_started_first_then_the_fetch() -> None:
    """A page that kills its crawler can only be found out when its start stands in the log."""
    pages = {f"/{number}": ScriptedPage(text=str(number)) for number in range(30)}
    home = ScriptedHome({"/": ScriptedPage(text="home", links=tuple(pages)), **pages})
    job = await home.create()
    process = home.process("D1")
    told: list[bool] = []
    home.on_fetch = lambda path: told.append(home.url(path) in {event.url for event in home.of_type(job, e.UrlStarted)})
    task = home.drive(process, job)
    while not task.done():
        process.refused["journal.append"] = 1
        await home.clock.advance(0.7)

    assert len(told) == 31
    assert all(told)


async def test_urls_first_verdicts_after() -> None:
    """A commit whose URLs were not put would forget them; a verdict before its commit may be no verdict."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    process = home.process("D1")
    await home.finish(home.drive(process, job))
    steps = [step for step in process.steps if step.startswith("journal.")]
    first = steps.index("journal.urls")

    assert steps[first : first + 3] == ["journal.urls", "journal.append", "journal.verdicts"]
    assert steps[-1] == "journal.applied"


async def test_the_log_says_why_a_driver_took_over() -> None:
    """Released, dead, or paused before: an operator wants to know which."""
    for state, owner, reason in ((JobState.RUNNING, "dead", "lease_lost"), (JobState.RUNNING, None, "deadline")):
        home = ScriptedHome(_SITE)
        job = await home.create()
        await home.outside.services.log.append(TENANT, job.job_id, created_segment(job))
        event = e.JobStarted(job_id=job.job_id, time=job.created_at, seq=2, term=1)
        started = Segment(first=2, term=1, owner="dead", lines=(e.encode_event(event),))
        await home.outside.services.log.append(TENANT, job.job_id, started)
        home.state.jobs[TENANT, job.job_id] = replace(home.meta(job), owner=owner, term=1, state=state)
        await home.finish(home.drive(home.process("D2"), job))

        assert [event.reason for event in home.of_type(job, e.Handover)] == [reason]


async def test_meta_fenced_against_a_driver_that_lost_its_lease() -> None:
    """A zombie's release must not free the job of its successor."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    taken = await home.outside.services.leases.take(TENANT, job.job_id, owner="D1", seen=Sign.of(home.meta(job)))
    assert taken is not None
    old = Lease(tenant=TENANT, job_id=job.job_id, owner="D1", term=taken.term, beat=taken.beat)
    await home.outside.services.leases.take(TENANT, job.job_id, owner="D2", seen=Sign.of(home.meta(job)))
    ending = Ending(ended_because=EndedBecause.DONE, ok=True, ended_at=home.clock.now(), counts=Counts())

    assert not await home.outside.services.leases.release(old, state=JobState.COMPLETED, ending=ending)
    assert home.meta(job).owner == "D2"


async def test_every_queued_url_has_a_verdict_at_the_end() -> None:
    """The list of URLs is what answers "why is page X missing?"."""
    home = ScriptedHome(_SITE)
    job = await home.crawl()
    records = await list_urls(home.outside.services, job)

    assert [record.verdict for record in records] == [Verdict.FETCHED] * 4
    assert [(record.depth, home.path_of(record.url)) for record in records] == [
        (0, "/"),
        (1, "/a"),
        (1, "/b"),
        (2, "/c"),
    ]
