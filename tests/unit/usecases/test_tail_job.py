"""One tail for all readers of a job in a process: read once, remembered a little, and gone with the last of them."""

import asyncio
import json
from contextlib import aclosing
from typing import Any

import pytest

from runnel.domain.jobs import Job
from runnel.usecases import tail_job
from runnel.usecases.follow_job import Shown, follow_job, follow_parts
from runnel.usecases.services import Services
from tests.support.homes import ScriptedHome, ScriptedPage

_PAGES = {f"/{number}": ScriptedPage(text=str(number)) for number in range(20)}
_SITE = {"/": ScriptedPage(text="home", links=tuple(_PAGES)), **_PAGES}


class _Reader:
    """Reads a stream of these services to its end."""

    def __init__(self, services: Services, job: Job, **fields: Any) -> None:
        self.shown: list[Shown] = []
        self.task = asyncio.create_task(self._read(services, job, fields))

    async def _read(self, services: Services, job: Job, fields: dict[str, Any]) -> None:
        async with aclosing(follow_job(services, job, **fields)) as stream:
            async for item in stream:
                self.shown.append(item)

    @property
    def seqs(self) -> list[int]:
        return [item.seq for item in self.shown if item.seq is not None]


async def test_many_readers_of_a_job_cost_one_reading_of_its_log() -> None:
    """On AWS every poll is billed; two hundred tabs are no reason for two hundred polls."""
    home = ScriptedHome(_SITE)
    home.latency_s = 0.5
    job = await home.create(concurrency=1)
    process = home.process("follower")
    readers = [_Reader(process.services, job) for _ in range(30)]
    await home.finish(home.drive(home.process("D1"), job))
    for reader in readers:
        await home.until(reader.task.done)
    reads = process.steps.count("log.read")

    assert all(reader.seqs == list(range(1, len(home.log(job)) + 1)) for reader in readers)
    assert reads < 2 * len(home.log(job))
    assert process.services.tails.jobs == process.services.tails.readers == 0


@pytest.mark.parametrize("kept_bytes", [0, 2_000])
async def test_a_reader_that_fell_behind_reads_the_store_from_its_place(
    monkeypatch: pytest.MonkeyPatch, kept_bytes: int
) -> None:
    """It holds a place and no queue; when it reads again it gets everything, once, and nobody waited for it."""
    monkeypatch.setattr(tail_job, "_KEPT_BYTES", kept_bytes)
    home = ScriptedHome(_SITE)
    job = await home.create()
    process = home.process("follower")
    seqs: list[int] = []
    async with aclosing(follow_parts(process.services, job)) as parts:
        while len(seqs) < 1:
            seqs += [item.seq for item in await anext(parts) if item.seq]
        quick = _Reader(process.services, job)
        await home.finish(home.drive(home.process("D1"), job))
        await home.until(quick.task.done)
        rest = asyncio.create_task(_seqs(parts))
        await home.until(rest.done)
        seqs += rest.result()

    assert quick.seqs == seqs == list(range(1, len(home.log(job)) + 1))


async def _seqs(parts: Any) -> list[int]:
    return [item.seq async for part in parts for item in part if item.seq]


async def test_a_reader_that_comes_and_goes_leaves_nothing() -> None:
    """No task, no waiter, no tail: a server lives for months."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    process = home.process("follower")
    before = asyncio.all_tasks()
    for number in range(20):
        stream = follow_job(process.services, job)
        for _ in range(number % 3):
            await anext(stream)
        await stream.aclose()
    readers = [_Reader(process.services, job) for _ in range(20)]
    await home.clock.advance(1)
    assert (process.services.tails.jobs, process.services.tails.readers) == (1, 20)
    for reader in readers:
        reader.task.cancel()
    await home.clock.settle()

    assert (process.services.tails.jobs, process.services.tails.readers) == (0, 0)
    assert asyncio.all_tasks() == before


async def test_the_clock_goes_on_while_the_store_does_not_answer() -> None:
    """A watcher who sees no tick takes the stream for dead; the store has nothing to do with the time."""
    home = ScriptedHome(_SITE)
    job = await home.crawl()
    process = home.process("follower")
    stuck = asyncio.Event()
    read = process.services.log.read

    async def hang(*arguments: Any, **fields: Any) -> Any:
        await stuck.wait()
        return await read(*arguments, **fields)

    process.services.log.read = hang  # type: ignore[method-assign]
    reader = _Reader(process.services, job)
    await home.clock.advance(5.2)
    ticks = [json.loads(item.line)["elapsed"] for item in reader.shown if item.line and b"time_update" in item.line]
    stuck.set()
    await home.until(reader.task.done)

    assert len(ticks) == 5
    assert reader.seqs == list(range(1, len(home.log(job)) + 1))


async def test_a_log_that_cannot_be_read_ends_its_streams_with_the_error() -> None:
    """Not in silence, and the next reader begins anew."""
    home = ScriptedHome(_SITE)
    job = await home.crawl()
    segments = home.state.segments[job.tenant, job.job_id]
    first = min(segments)
    whole, segments[first] = segments[first], b"no segment"
    services = home.process("follower").services
    readers = [_Reader(services, job) for _ in range(2)]
    for reader in readers:
        await home.until(reader.task.done)
        assert reader.task.exception() is not None
    segments[first] = whole
    again = _Reader(services, job)
    await home.until(again.task.done)

    assert again.seqs == list(range(1, len(home.log(job)) + 1))


async def test_a_log_that_is_deleted_while_it_is_read_ends_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes next is a 404, not a stream that says nothing for ever."""
    monkeypatch.setattr(tail_job, "_KEPT_BYTES", 0)
    home = ScriptedHome(_SITE)
    job = await home.crawl()
    services = home.process("follower").services
    other = _Reader(services, job)
    async with aclosing(follow_parts(services, job)) as parts:
        await anext(parts)
        await home.until(other.task.done)
        home.state.segments[job.tenant, job.job_id].clear()
        rest = asyncio.create_task(_seqs(parts))
        await home.until(rest.done)

    assert rest.result() == []


async def test_a_reader_that_fell_behind_waits_for_a_store_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not cut off for that, and tries again with the next second."""
    monkeypatch.setattr(tail_job, "_KEPT_BYTES", 0)
    home = ScriptedHome(_SITE)
    job = await home.crawl()
    process = home.process("follower")
    other = _Reader(process.services, job)
    async with aclosing(follow_parts(process.services, job)) as parts:
        await anext(parts)
        await home.until(other.task.done)
        process.refuse("log.read", 2)
        rest = asyncio.create_task(_seqs(parts))
        await home.until(rest.done)

    assert rest.result() == list(range(1, len(home.log(job)) + 1))
