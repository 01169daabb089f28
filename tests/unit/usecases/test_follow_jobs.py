"""Following all jobs at once: what is merged, and what a fault of one costs the others."""

import asyncio
import json
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from runnel.errors import StateUnreadable
from runnel.streaming.places import parse_places
from runnel.usecases import follow_jobs as module
from runnel.usecases.find_orphans import DriverWatch
from runnel.usecases.follow_jobs import follow_jobs
from runnel.usecases.roster import Roster
from runnel.usecases.services import Tuning
from tests.support.all_jobs_reader import SITE, AllJobsReader, crawl, log_of, pass_time
from tests.support.homes import TENANT, ScriptedHome
from tests.support.told import Told

_WINDOW = Tuning(follow_window=timedelta(seconds=20))


async def test_only_the_libraries_and_types_that_were_asked_for_are_shown() -> None:
    """And a reader that sees few events of a job still comes back to the right place."""
    home = ScriptedHome(SITE)
    reader = AllJobsReader(home).connect(libraries=["mine"], types=["url_crawled", "job_completed"], at_most=3)
    mine, other = await home.create(library="mine"), await home.create(library="other")
    await asyncio.gather(*(home.finish(home.drive(home.process(f"D{job.job_id}"), job)) for job in (mine, other)))
    await pass_time(home, 2)
    reader.connect(libraries=["mine"], types=["url_crawled", "job_completed"])
    await pass_time(home, 2)
    await reader.leave()
    wanted = [line for line in log_of(home, mine) if json.loads(line)["type"] in {"url_crawled", "job_completed"}]

    assert reader.lines == {mine.job_id: wanted}
    assert set(reader.types(mine)) == {"url_crawled", "job_completed"}


async def test_nothing_happens_and_the_line_stays_open() -> None:
    """A heartbeat every ten seconds, also where there is no job at all."""
    home = ScriptedHome(SITE)
    reader = AllJobsReader(home).connect()
    await home.clock.advance(31)
    await reader.leave()

    assert [(item.shown.line, item.event_id) for item in reader.shown] == [(None, None)] * 3


async def test_a_window_ends_the_connection_and_loses_no_place() -> None:
    """On Lambda; the client comes back to where it was."""
    home = ScriptedHome(SITE)
    job = await home.create(library="long", concurrency=1, delay_s=10)
    driver = home.drive(home.process("D1"), job)
    reader = AllJobsReader(home, tuning=_WINDOW)
    for _ in range(8):
        connection = reader.connect().task
        assert connection is not None
        began_s = home.clock.monotonic()
        await home.until(connection.done)
        assert 20 <= home.clock.monotonic() - began_s < 21
    await home.finish(driver)
    reader.connect()
    await pass_time(home, 3)
    await reader.leave()

    assert reader.lines == {job.job_id: log_of(home, job)}


async def test_a_store_that_is_away_delays_new_jobs_only() -> None:
    """No reader is cut off for it."""
    home = ScriptedHome(SITE)
    process = home.process("follower")
    roster = Roster(process.services, TENANT)
    await roster.begin(None)
    process.refuse("jobs.list", 3)
    job = await crawl(home, "new")
    lines: list[Any] = []
    async with aclosing(follow_jobs(process.services, roster)) as parts:
        reading = asyncio.create_task(_collect(parts, lines))
        await pass_time(home, 8)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    assert lines == log_of(home, job)


async def _collect(parts: Any, lines: list[Any]) -> None:
    async for part in parts:
        lines += [item.shown.line for item in part if item.event_id is not None]


async def test_a_log_that_cannot_be_read_ends_no_other() -> None:
    """It is told, and its place stays in the id."""
    home, told = ScriptedHome(SITE), Told()
    broken, good = await home.create(library="broken"), await home.create(library="good")
    segments = home.state.segments[TENANT, broken.job_id]
    segments[1] = b"damaged"
    reader = AllJobsReader(home)
    reader.services = replace(reader.services, telemetry=told)
    reader.connect()
    await home.finish(home.drive(home.process("D"), good))
    await pass_time(home, 2)
    await reader.leave()
    places = parse_places(reader.last or "")

    assert reader.lines == {good.job_id: log_of(home, good)}
    assert [(event, job_id) for event, job_id, _ in told.lines] == [("stream_job_unreadable", broken.job_id)]
    assert places is not None
    assert sorted(places.seen.values(), key=str) == [0, None]


class _Unreadable(Roster):
    """Jobs of another time."""

    async def look(self) -> None:
        raise StateUnreadable("A job is of a newer Runnel.")


async def test_a_failure_that_nobody_foresaw_ends_the_stream() -> None:
    """A look that raises anything but a store that is away is no quiet standstill."""
    home = ScriptedHome(SITE)
    services = home.process("follower").services
    reading = asyncio.create_task(_collect(follow_jobs(services, _Unreadable(services, TENANT)), []))
    await pass_time(home, 3)

    assert isinstance(reading.exception(), StateUnreadable)


async def test_who_watches_sees_to_it_that_a_dead_driver_is_followed_by_the_next() -> None:
    """Within twenty seconds of its last sign; who came with a ticket begins nothing."""
    home = ScriptedHome(SITE)
    job = await home.create(library="orphan", concurrency=1, delay_s=5)
    process = home.process("D1")
    driver = home.drive(process, job)
    await pass_time(home, 2)
    process.kill()
    await asyncio.gather(driver, return_exceptions=True)
    guest = AllJobsReader(home).connect()
    await home.clock.advance(60)
    assert home.orchestrators.started == []
    reader = AllJobsReader(home)
    reader.connect(watch=DriverWatch(home.outside.services))
    await home.clock.advance(20)
    for one in (guest, reader):
        await one.leave()

    assert job.job_id in home.orchestrators.started


async def test_a_job_that_is_deleted_while_it_is_shown_is_nobodys_orphan() -> None:
    """Its last reader looks for its driver no more, and is not cut off from the other jobs."""
    home = ScriptedHome(SITE)
    job = await home.create(library="gone")
    reader = AllJobsReader(home).connect(watch=DriverWatch(home.outside.services))
    await home.clock.advance(0.5)
    await home.outside.services.jobs.delete(TENANT, job.job_id)
    other = await crawl(home, "other")
    await pass_time(home, 6)
    await reader.leave()

    assert reader.lines[other.job_id] == log_of(home, other)
    assert home.orchestrators.started == []


async def test_beyond_the_most_jobs_the_others_wait_and_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every amount has a limit."""
    monkeypatch.setattr(module, "MOST_JOBS", 1)
    home = ScriptedHome(SITE)
    jobs = [await home.create(library=f"library-{number}") for number in range(3)]
    reader = AllJobsReader(home).connect()
    for job in jobs:
        await home.finish(home.drive(home.process(f"D{job.job_id}"), job))
    await pass_time(home, 5)
    await reader.leave()

    assert reader.lines == {job.job_id: log_of(home, job) for job in jobs}
    assert list(reader.lines) == [job.job_id for job in jobs]


async def test_a_reader_that_leaves_leaves_nothing_behind() -> None:
    """No tail, no task, no timer."""
    home = ScriptedHome(SITE)
    jobs = [await home.create(library=f"library-{number}") for number in range(3)]
    tasks = len(asyncio.all_tasks())
    reader = AllJobsReader(home).connect()
    await home.clock.advance(2.5)
    assert reader.services.tails.jobs == len(jobs)
    await reader.leave()
    await home.clock.settle()

    assert reader.services.tails.jobs == 0
    assert len(asyncio.all_tasks()) == tasks
