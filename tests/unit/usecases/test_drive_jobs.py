"""The drivers of one process: one task for each job, and a clean way out."""

import asyncio
from datetime import timedelta

from runnel.domain.jobs import JobState
from runnel.usecases.drive_jobs import Drivers
from runnel.usecases.run_crawl import Drive
from runnel.usecases.services import Tuning
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

_SITE = {"/": ScriptedPage(text="home", links=("/3",)), "/3": ScriptedPage(text="3")}


async def test_drivers_one_task_for_each_job_of_a_process() -> None:
    """Two connections to one process share its driver, and none of them holds it."""
    home = ScriptedHome(_SITE)
    process = home.process("D1")
    job = await home.create()
    drivers = Drivers(process.services)
    task = drivers.drive(TENANT, job.job_id)

    assert drivers.drive(TENANT, job.job_id) is task
    assert drivers.is_driving(job.job_id)
    await home.finish(task)
    await home.clock.settle()
    assert not drivers.is_driving(job.job_id)
    assert home.meta(job).state is JobState.COMPLETED


async def test_drivers_leave_hands_every_job_on() -> None:
    """SIGTERM: the job keeps its place and waits for whoever comes next."""
    home = ScriptedHome(_SITE, tuning=Tuning(drain=timedelta(seconds=2)))
    home.latency_s = 1.0
    process = home.process("D1")
    job = await home.create()
    drivers = Drivers(process.services)
    task = drivers.drive(TENANT, job.job_id)
    await home.clock.advance(2)
    leaving = asyncio.create_task(drivers.leave("sigterm"))
    await home.until(leaving.done)

    assert task.result() is Drive.HANDED_OVER
    assert home.meta(job).owner is None
    assert home.orchestrators.started == []


async def test_drivers_close_cancels_what_is_left() -> None:
    """The last way out leaves no task behind."""
    home = ScriptedHome(_SITE)
    home.hold("/3")
    process = home.process("D1")
    job = await home.create()
    drivers = Drivers(process.services)
    before = asyncio.all_tasks()
    task = drivers.drive(TENANT, job.job_id)
    await home.clock.advance(5)
    await drivers.close()
    await home.clock.settle()

    assert task.cancelled()
    assert asyncio.all_tasks() == before
