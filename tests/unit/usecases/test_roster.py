"""A reader of all jobs comes and goes as it likes: each event of each job once, and in order."""

import asyncio
import random
from typing import Any

import pytest

from runnel.domain.jobs import Job
from runnel.errors import EventsExpired
from runnel.streaming.places import parse_places
from runnel.usecases import roster
from runnel.usecases.control_job import pause_job
from runnel.usecases.delete_jobs import delete_job
from runnel.usecases.roster import SLACK_S
from tests.support.all_jobs_reader import SITE, AllJobsReader, crawl, log_of, pass_time
from tests.support.homes import TENANT, ScriptedHome


async def test_every_active_job_is_shown_whole_and_those_that_come_too() -> None:
    """One that runs, one that begins while the stream is open; one that had ended before is not repeated."""
    home = ScriptedHome(SITE)
    before = await crawl(home, "before")
    first = await home.create(library="first")
    reader = AllJobsReader(home).connect()
    await home.finish(home.drive(home.process("D1"), first))
    second = await home.create(library="second", delay_s=1)
    await home.finish(home.drive(home.process("D2"), second))
    await pass_time(home, 3)
    await reader.leave()

    assert reader.lines == {first.job_id: log_of(home, first), second.job_id: log_of(home, second)}
    assert reader.types(first)[0] == "stream_connected"
    assert reader.types(first)[-1] == "job_completed"
    assert {"time_update", "pipeline_progress"} <= set(reader.types(second))
    assert before.job_id not in reader.lines


async def test_a_job_that_has_run_for_hours_is_shown_to_who_comes_now() -> None:
    """From its beginning, as its own stream would be."""
    home = ScriptedHome(SITE)
    job = await home.create(library="old")
    await home.clock.advance(SLACK_S * 10)
    reader = AllJobsReader(home).connect()
    await home.finish(home.drive(home.process("D1"), job))
    await pass_time(home, 2)
    await reader.leave()

    assert reader.lines == {job.job_id: log_of(home, job)}


async def test_a_job_that_began_and_ended_while_nobody_was_connected_is_shown() -> None:
    """And one that was being shown goes on where it was; what was seen to its end does not come again."""
    home = ScriptedHome(SITE)
    reader = AllJobsReader(home)
    done = await home.create(library="done")
    running = await home.create(library="running", delay_s=1)
    reader.connect()
    driver = home.drive(home.process("D1"), running)
    await home.finish(home.drive(home.process("D2"), done))
    await reader.leave()
    missed = await crawl(home, "missed")
    await home.finish(driver)
    reader.connect()
    await pass_time(home, 3)
    await reader.leave()

    assert reader.lines == {job.job_id: log_of(home, job) for job in (done, running, missed)}


@pytest.mark.parametrize("seed", range(2))
async def test_a_reader_cut_at_any_event_misses_nothing(seed: int) -> None:
    """Three jobs that run one into the other, a reader whose connections break wherever chance wills."""
    home, chance = ScriptedHome(SITE), random.Random(seed)
    reader, jobs, drivers = AllJobsReader(home), list[Job](), list[asyncio.Task[Any]]()
    for number in range(3):
        jobs.append(await home.create(library=f"library-{number}", concurrency=1, delay_s=0.3))
        drivers.append(home.drive(home.process(f"D{number}"), jobs[-1]))
        for _ in range(4):
            reader.connect(at_most=chance.randint(1, 9))
            await home.clock.advance(chance.random() * 2)
            await reader.leave()
    await asyncio.gather(*(home.finish(driver) for driver in drivers))
    for _ in range(40):
        reader.connect(at_most=chance.randint(1, 12))
        await pass_time(home, 1.5)
        await reader.leave()

    assert reader.lines == {job.job_id: log_of(home, job) for job in jobs}


async def test_what_was_seen_long_ago_leaves_the_id_and_is_not_shown_again() -> None:
    """The id stays short, however many jobs a day brings; and a job that lasts keeps its place in it."""
    home = ScriptedHome(SITE)
    lasting = await home.create(library="lasting")
    await pause_job(home.outside.services, TENANT, lasting.job_id)
    await home.finish(home.drive(home.process("D0"), lasting))
    reader, jobs = AllJobsReader(home), [lasting]
    for number in range(4):
        reader.connect()
        jobs.append(await crawl(home, f"library-{number}"))
        await pass_time(home, 1)
        await reader.leave()
        await home.clock.advance(SLACK_S / 2)
    reader.connect()
    jobs.append(await crawl(home, "last"))
    await pass_time(home, 3)
    await reader.leave()
    places = parse_places(reader.last or "")

    assert reader.lines == {job.job_id: log_of(home, job) for job in jobs}
    assert places is not None
    assert len(places.seen) == 3
    assert places.oldest_s < places.since_s


async def test_an_id_of_a_clock_that_was_ahead_repeats_nothing() -> None:
    """ "Since" never goes back, whichever process answers next."""
    home = ScriptedHome(SITE)
    reader = AllJobsReader(home)
    home.clock.jump(SLACK_S * 3)
    reader.connect()
    await pass_time(home, 2)
    home.clock.jump(-SLACK_S * 3)
    job = await crawl(home, "one")
    await pass_time(home, 2)
    await reader.leave()
    home.clock.jump(SLACK_S * 3)
    later = await home.create(library="later")
    await home.finish(home.drive(home.process("D"), later))
    reader.connect()
    await pass_time(home, 2)
    await reader.leave()

    assert reader.lines == {later.job_id: log_of(home, later)}
    assert job.job_id not in reader.lines


async def test_of_a_log_past_its_retention_no_part_is_shown() -> None:
    """As of one job: a part would look like the whole."""
    home = ScriptedHome(SITE)
    job = await home.create(library="old")
    driver = home.drive(home.process("D"), job)
    reader = AllJobsReader(home).connect(at_most=2)
    await home.finish(driver)
    segments = home.state.segments[TENANT, job.job_id]
    del segments[min(segments)]
    reader.connect()
    assert reader.task is not None

    with pytest.raises(EventsExpired):
        await reader.task


async def test_a_job_that_is_deleted_leaves_the_stream() -> None:
    """Its reader is not kept waiting for the rest, nor shown it again."""
    home = ScriptedHome(SITE)
    job = await home.create(library="gone")
    driver = home.drive(home.process("D"), job)
    reader = AllJobsReader(home).connect(at_most=2)
    await home.finish(driver)
    await delete_job(home.outside.services, TENANT, job.job_id)
    await home.outside.services.jobs.delete(TENANT, job.job_id)
    reader.connect()
    await pass_time(home, 2)
    await reader.leave()

    assert len(reader.lines[job.job_id]) == 2


async def test_jobs_are_found_over_any_number_of_pages_of_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that is read in part would leave a job out for ever."""
    monkeypatch.setattr(roster, "_PAGE", 1)
    home = ScriptedHome(SITE)
    reader = AllJobsReader(home).connect()
    await home.clock.advance(0.5)
    jobs = [await crawl(home, f"library-{number}") for number in range(3)]
    await pass_time(home, 2)
    await reader.leave()

    assert reader.lines == {job.job_id: log_of(home, job) for job in jobs}
