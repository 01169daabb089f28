"""Control calls at awkward moments: before the first page, while robots.txt is read, twice, in any order."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import Job, JobState
from runnel.errors import JobConflict
from runnel.usecases.control_job import cancel_job, pause_job, resume_job
from runnel.usecases.run_crawl import Drive
from runnel.usecases.services import Services
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

Control = Callable[[Services, str, str], Awaitable[Job]]

_SITE = {"/": ScriptedPage(text="home", links=("/a",)), "/a": ScriptedPage(text="a")}


async def test_a_pause_before_the_start_that_is_taken_back_costs_nothing() -> None:
    """The driver that finds the pause has begun nothing yet; it must not take "nothing to do" for "done"."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    await pause_job(home.outside.services, TENANT, job.job_id)
    process = home.process("D1")

    async def resume() -> None:
        await resume_job(home.outside.services, TENANT, job.job_id)

    process.before["leases.release"] = resume

    assert await home.finish(home.drive(process, job)) is Drive.ENDED
    assert home.meta(job).state is JobState.COMPLETED
    assert sorted(await home.library(job)) == ["/", "/a"]


@pytest.mark.parametrize("control", [pause_job, cancel_job])
async def test_a_wish_while_robots_are_read_asks_no_further_host(control: Control) -> None:
    """A job with many start URLs reads robots.txt host by host: that, too, is fetching."""
    hosts = [f"https://docs{number}.example.com/" for number in range(9)]
    home = ScriptedHome({host: ScriptedPage(text=host) for host in hosts})
    home.robots = {host.split("/")[2]: (0, "") for host in hosts}
    job = await home.create(*hosts)
    task = home.drive(home.process("D1"), job)
    await home.until(lambda: len(home.robots_requests) >= 2)
    await control(home.outside.services, TENANT, job.job_id)
    await home.clock.advance(2)
    asked = len(home.robots_requests)
    left = await home.finish(task)

    assert len(home.robots_requests) == asked < 8
    assert left is (Drive.PAUSED if control is pause_job else Drive.ENDED)
    assert home.fetched == []


async def test_a_pause_while_robots_are_read_goes_on_with_all_sources() -> None:
    """What was begun is not begun twice, what was not is not forgotten."""
    hosts = [f"https://docs{number}.example.com/" for number in range(4)]
    home = ScriptedHome({host: ScriptedPage(text=host) for host in hosts})
    home.robots = {"docs1.example.com": (503, "")}
    job = await home.create(*hosts)
    task = home.drive(home.process("D1"), job)
    await home.until(lambda: len(home.robots_requests) >= 2)
    await pause_job(home.outside.services, TENANT, job.job_id)
    assert await home.finish(task) is Drive.PAUSED
    home.robots = {}
    await resume_job(home.outside.services, TENANT, job.job_id)
    await home.finish(home.drive(home.process("D2"), job))

    assert home.meta(job).state is JobState.COMPLETED
    assert len(home.of_type(job, e.SourceStarted)) == 4
    assert sorted(await home.library(job)) == hosts


async def test_every_control_call_may_come_twice() -> None:
    """The second changes nothing: no new wish number, no second event."""
    home = ScriptedHome(_SITE)
    home.latency_s = 1.0
    job = await home.create()
    services = home.outside.services
    for control in (pause_job, resume_job, pause_job):
        first = await control(services, TENANT, job.job_id)
        second = await control(services, TENANT, job.job_id)
        assert (first.wish, first.wish_no) == (second.wish, second.wish_no)
    await resume_job(services, TENANT, job.job_id)
    task = home.drive(home.process("D1"), job)
    await home.clock.advance(0.5)
    await asyncio.gather(*(cancel_job(services, TENANT, job.job_id) for _ in range(5)))
    await home.finish(task)

    assert len(home.of_type(job, e.JobCancelling)) == 1
    with pytest.raises(JobConflict):
        await cancel_job(services, TENANT, job.job_id)
