"""Following a job: each event once and in order, whenever a client comes and goes."""

import asyncio
import json
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import Job, JobState
from runnel.usecases.follow_job import HEARTBEAT, Shown, follow_job
from runnel.usecases.services import Tuning
from runnel.usecases.tail_job import tail_log
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

_PAGES = {f"/{number}": ScriptedPage(text=str(number)) for number in range(12)}
_SITE = {"/": ScriptedPage(text="home", links=tuple(_PAGES)), **_PAGES}


class _Client:
    """Reads a stream as fast as it comes."""

    def __init__(self, home: ScriptedHome, job: Job, **fields: Any) -> None:
        self.shown: list[Shown] = []
        self.task = asyncio.create_task(self._read(home, job, fields))

    async def _read(self, home: ScriptedHome, job: Job, fields: dict[str, Any]) -> None:
        stream = follow_job(home.process("follower").services, job, **fields)
        async with aclosing(stream):
            async for item in stream:
                self.shown.append(item)

    @property
    def seqs(self) -> list[int]:
        return [item.seq for item in self.shown if item.seq is not None]

    @property
    def types(self) -> list[str]:
        return [json.loads(item.line)["type"] for item in self.shown if item.line is not None]


async def test_a_client_sees_every_event_once_and_in_order() -> None:
    """It comes before the job begins, and leaves with the end."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    client = _Client(home, job)
    await home.finish(home.drive(home.process("D1"), job))
    await home.until(client.task.done)

    assert client.seqs == list(range(1, len(home.log(job)) + 1))
    assert client.types[0] == "stream_connected"
    assert client.types[-1] == "job_completed"
    lines = [item.line for item in client.shown if item.seq is not None]
    assert lines == [e.encode_event(event) for event in home.log(job)]


async def test_a_client_cut_at_any_event_misses_nothing() -> None:
    """The ids of all its connections joined are 1..N: no gap, no double [mid_segment, next_only]."""
    home = ScriptedHome(_SITE)
    job = await home.crawl()
    total = len(home.log(job))
    for cut in range(total):
        client = _Client(home, job, after=cut)
        await home.until(client.task.done)

        assert client.seqs == list(range(cut + 1, total + 1)), cut


async def test_next_only_a_segment_beyond_a_gap_is_not_shown() -> None:
    """A read that missed a segment must not make a client skip it."""
    home = ScriptedHome(_SITE)
    job = await home.crawl()
    segments = home.state.segments[TENANT, job.job_id]
    firsts = sorted(segments)
    hidden = segments.pop(firsts[2])
    client = _Client(home, job)
    await home.clock.advance(3)
    assert client.seqs == list(range(1, firsts[2]))
    segments[firsts[2]] = hidden
    await home.until(client.task.done)

    assert client.seqs == list(range(1, len(home.log(job)) + 1))


async def test_a_store_that_is_away_delays_the_stream_only() -> None:
    """No client is cut off for it."""
    home = ScriptedHome(_SITE)
    job = await home.crawl()
    process = home.process("follower")
    process.refuse("log.read", 3)
    seqs: list[int] = []

    async def read() -> None:
        stream = follow_job(process.services, job)
        async with aclosing(stream):
            async for item in stream:
                seqs.extend([item.seq] if item.seq else [])

    task = asyncio.create_task(read())
    await home.until(task.done)
    assert seqs == list(range(1, len(home.log(job)) + 1))


async def test_without_ephemeral_events_there_is_only_the_log() -> None:
    """What NDJSON and plain text show."""
    home = ScriptedHome(_SITE)
    job = await home.crawl()
    client = _Client(home, job, ephemeral=False, after=3)
    await home.until(client.task.done)

    assert client.seqs == list(range(4, len(home.log(job)) + 1))
    assert len(client.shown) == len(client.seqs)


async def test_the_clock_is_shown_while_nothing_happens() -> None:
    """A watcher sees that the stream lives: a tick a second, a heartbeat every ten."""
    home = ScriptedHome(_SITE)
    home.hold("/3")
    job = await home.create()
    process = home.process("D1")
    home.drive(process, job)
    await home.clock.advance(5)
    client = _Client(home, job)
    await home.clock.advance(25)
    ticks = [json.loads(item.line) for item in client.shown if item.line and b'"time_update"' in item.line]

    assert 23 <= len(ticks) <= 26
    assert ticks[-1]["elapsed"] - ticks[0]["elapsed"] == len(ticks) - 1
    assert client.shown.count(HEARTBEAT) == 2
    assert ticks[-1]["formatted"] == "0:30"
    assert client.types.count("progress") <= 2
    client.task.cancel()
    process.kill()


async def test_progress_comes_on_change_at_most_twice_a_second() -> None:
    """A page that draws it must not be flooded."""
    home = ScriptedHome(_SITE)
    home.latency_s = 0.3
    job = await home.create(concurrency=1)
    client = _Client(home, job)
    task = home.drive(home.process("D1"), job)
    began_s = home.clock.monotonic()
    await home.finish(task)
    await home.until(client.task.done)
    took_s = home.clock.monotonic() - began_s

    assert 3 < client.types.count("progress") <= took_s * 2 + 1
    last = [json.loads(item.line) for item in client.shown if item.line and b'"pipeline_progress"' in item.line][-1]
    assert last["overall_progress_percent"] == 100.0
    assert client.types[-2:] == ["pipeline_progress", "job_completed"]


async def test_a_follower_is_sent_away_when_its_window_ends_and_comes_back() -> None:
    """On AWS nobody tells that a client has gone, and every second is billed."""
    home = ScriptedHome(_SITE, tuning=Tuning(follow_window=timedelta(seconds=10)))
    home.latency_s = 3.0
    job = await home.create(concurrency=1)
    task = home.drive(home.process("D1"), job)
    seqs: list[int] = []
    connections = 0
    while not seqs or seqs[-1] != len(home.log(job)) or not home.meta(job).is_over:
        client = _Client(home, job, after=seqs[-1] if seqs else 0)
        await home.until(client.task.done, at_most_s=11)
        seqs += client.seqs
        connections += 1
    await home.finish(task)

    assert connections > 2
    assert seqs == list(range(1, len(home.log(job)) + 1))


async def test_a_driver_has_no_window() -> None:
    """Its connection stays until the job ends or is handed on."""
    home = ScriptedHome(_SITE, tuning=Tuning(follow_window=timedelta(seconds=1)))
    home.latency_s = 2.0
    job = await home.create(concurrency=1)
    client = _Client(home, job, role="driver")
    await home.finish(home.drive(home.process("D1"), job))
    await home.until(client.task.done)

    assert client.types[-1] == "job_completed"
    assert home.meta(job).state is JobState.COMPLETED


async def test_a_reader_that_stops_reading_holds_a_bounded_queue() -> None:
    """A stalled browser costs a few segments, and delays nobody."""
    home = ScriptedHome(_SITE)
    home.latency_s = 0.2
    job = await home.create(concurrency=1)
    process = home.process("follower")
    stream = follow_job(process.services, job)
    await anext(stream)
    await anext(stream)
    await home.finish(home.drive(home.process("D1"), job))

    assert home.meta(job).state is JobState.COMPLETED
    assert len(home.state.segments[TENANT, job.job_id]) > 8
    await stream.aclose()


async def test_a_long_log_is_read_in_parts() -> None:
    """A follower that comes late must not hold all of it in memory."""
    home = ScriptedHome(_SITE, tuning=Tuning(flush=timedelta(milliseconds=1)))
    home.latency_s = 0.5
    job = await home.create(concurrency=1)
    await home.finish(home.drive(home.process("D1"), job))
    segments = []
    tail = tail_log(home.outside.services, TENANT, job.job_id, after=5)
    async with aclosing(tail):
        async for segment in tail:
            segments.append(segment)
            if segment.last == len(home.log(job)):
                break

    assert len(segments) > 16
    assert segments[0].first <= 6 <= segments[0].last


@pytest.mark.parametrize("after", [0, 7])
async def test_two_connections_show_the_same(after: int) -> None:
    """Driver and followers fold one log: nobody knows more."""
    home = ScriptedHome(_SITE)
    job = await home.crawl()
    clients = [_Client(home, job, after=after) for _ in range(2)]
    for client in clients:
        await home.until(client.task.done)

    assert clients[0].shown == clients[1].shown


async def test_a_step_that_raises_delivers_every_earlier_event_and_then_the_end_with_its_message() -> None:
    """Whoever watches sees all that was done, why it ended, and nothing after that (B5)."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    process, calls = home.process("D1"), list[object]()
    ask = process.services.batches.get_many

    async def broken(*asked: Any) -> Any:
        calls.append(asked)
        if len(calls) == 2:
            raise ValueError("a bug")
        return await ask(*asked)

    process.services.batches.get_many = broken  # type: ignore[method-assign,assignment]
    home.processor_s = 3.0
    client = _Client(home, job)
    await home.finish(home.drive(process, job))
    await home.until(client.task.done)
    crawled = [event.url for event in home.of_type(job, e.UrlCrawled)]
    durable = [item.line for item in client.shown if item.seq is not None]

    assert durable == [e.encode_event(event) for event in home.log(job)]
    assert sorted(crawled) == sorted(map(home.url, home.fetched))
    assert client.types[-1] == "job_failed"
    assert json.loads(durable[-2] or b"")["message"] == "ValueError: a bug"
    assert json.loads(durable[-1] or b"")["error"] == "a bug"
