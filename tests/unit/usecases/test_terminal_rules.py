"""The rules by which a job's log ends; each test is named after its rule in the commit model."""

from typing import Any

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import EndedBecause, JobState
from runnel.domain.segments import Segment, decode_segment
from runnel.domain.verdicts import Counts
from runnel.usecases.leasing import take_lease
from runnel.usecases.recording import AlreadyOver, Recorder
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


async def test_terminal_truth_repairs_meta() -> None:
    """The log has the end, META does not: the next driver only brings META up to date."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    first = home.process("D1")
    first.kill_before = "leases.release"
    await home.finish(home.drive(first, job))
    log = home.log(job)
    fetched = len(home.fetched)
    assert log[-1].type == "job_completed"
    assert not home.meta(job).is_over

    assert await home.finish(home.drive(home.process("D2"), job)) is Drive.ENDED
    assert home.log(job) == log
    assert len(home.fetched) == fetched
    meta = home.meta(job)
    assert (meta.state, meta.owner) == (JobState.COMPLETED, None)
    assert meta.ending is not None
    assert meta.ending.counts == Counts(seen=4, fetched=4)


async def test_terminal_stops_a_driver_that_is_writing_its_barrier() -> None:
    """The predecessor's end may land while we start."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    process = home.process("D1")
    taken = await take_lease(process.services, TENANT, job.job_id)
    assert taken is not None
    recorder = Recorder(process.services, taken.job, taken.lease, invoke=_invoke)
    end = _end(job.job_id, seq=2)

    async def late() -> None:
        segment = Segment(first=2, term=0, owner="late", lines=(e.encode_event(end),))
        await home.outside.services.log.append(TENANT, job.job_id, segment)

    process.before["log.append"] = late

    with pytest.raises(AlreadyOver) as raised:
        await recorder.write_barrier(taken.reason)
    assert raised.value.event == end
    assert len(home.log(job)) == 2


def _end(job_id: str, *, seq: int) -> e.JobCompleted:
    now = ScriptedHome({}).clock.now()
    return e.JobCompleted(
        job_id=job_id, time=now, seq=seq, state=JobState.COMPLETED, ok=True, error=None,
        ended_because=EndedBecause.DONE, library_id="docs", mode="full", scope="subpages", dry_run=False,
        sources_processed=1, counts=e.EventCounts(), total_processed=0, total_discovered=0, pages=0, words=0, chunks=0,
        vectors=0, bytes=0, elapsed_ms=0, started_at=now, finished_at=now, cost_usd=0.0,
    )  # fmt: skip


async def test_terminal_alone_also_when_the_driver_breaks_down() -> None:
    """The line that says why must not lie in the segment of the end, where a crash would lose both."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    process = home.process("D1")

    async def broken(*_: object) -> object:
        raise ValueError("a bug")

    process.services.batches.get_many = broken  # type: ignore[method-assign,assignment]
    await home.finish(home.drive(process, job))
    last = max(home.state.segments[TENANT, job.job_id].items())[1]

    assert [event.type for event in home.log(job)[-2:]] == ["log", "job_failed"]
    assert len(decode_segment(last).lines) == 1


@pytest.mark.parametrize("options", [{}, {"limit": 1}, {"timeout_s": 0.001}])
async def test_terminal_alone_in_its_segment_after_everything_is_applied(options: dict[str, Any]) -> None:
    """Who has seen the end may download everything that it claims."""
    home = ScriptedHome(_SITE)
    job = await home.create(**options)
    process = home.process("D1")
    await home.finish(home.drive(process, job))
    segments = [decode_segment(data) for _, data in sorted(home.state.segments[TENANT, job.job_id].items())]
    steps = [step for step in process.steps if step.startswith("journal.")]
    last = max(place for place, step in enumerate(steps) if step == "journal.append")
    end = max(place for place, step in enumerate(process.steps) if step == "journal.append")

    assert len(segments[-1].lines) == 1
    assert home.log(job)[-1].type in e.TERMINAL_TYPES
    assert steps[last - 2] == "journal.applied"
    assert "content.put" not in process.steps[end : process.steps.index("libraries.free")]
