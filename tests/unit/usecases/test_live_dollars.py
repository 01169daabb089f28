"""What a job costs, told while it runs: each segment of the log says what had been spent when it was made."""

import asyncio
import json
from contextlib import aclosing
from typing import Any

from runnel.domain.jobs import EndedBecause, Job
from runnel.usecases.follow_job import follow_job
from runnel.usecases.look_at_job import look_at_job
from tests.support.homes import ScriptedHome, ScriptedPage
from tests.support.web_client import web_client

_PAGES = {f"/{number}": ScriptedPage(text=str(number)) for number in range(12)}
_SITE = {"/": ScriptedPage(text="home", links=tuple(_PAGES)), **_PAGES}


async def _costs(home: ScriptedHome, job: Job, *, after: int) -> list[float]:
    """The dollars in the snapshots that a new follower is shown within three seconds."""
    costs: list[float] = []

    async def read() -> None:
        async with aclosing(follow_job(home.process("follower").services, job, after=after)) as shown:
            async for item in shown:
                event: Any = json.loads(item.line or b"{}")
                costs.extend([event["metrics"]["cost_usd"]] if event.get("type") == "pipeline_progress" else [])

    reading = asyncio.create_task(read())
    await home.clock.advance(3)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    return costs


async def test_dollars_move_while_the_job_runs_for_all_who_look() -> None:
    """Whether they see all of the log or join it now, and in the state of the job too."""
    home = ScriptedHome(_SITE)
    home.latency_s = 1.0
    job = await home.create(concurrency=1)
    task = home.drive(home.process("D1"), job)
    await home.clock.advance(1.5)
    home.meter.total_usd = 0.75
    await home.clock.advance(2)
    whole, late = await _costs(home, job, after=0), await _costs(home, job, after=len(home.log(job)))
    state = (await web_client(home).get(f"/v1/jobs/{job.job_id}")).json()
    home.meter.total_usd = 1.0
    await home.finish(task)

    assert set(whole) == set(late) == {0.75}
    assert state["state"] == "running"
    assert state["cost_usd"] == 0.75
    assert home.log(job)[-1].model_dump()["cost_usd"] == 1.0
    assert (await look_at_job(home.outside.services, home.meta(job))).cost_usd == 1.0


async def test_the_dollars_of_a_killed_driver_count() -> None:
    """It told META nothing; its log has what it had spent by its last flush, and the job's budget is the job's."""
    home = ScriptedHome(_SITE)
    home.latency_s = 1.0
    job = await home.create(concurrency=1, max_usd=1.0)
    first = home.process("D1")
    home.drive(first, job)
    await home.clock.advance(1.5)
    home.meter.total_usd = 0.75
    await home.clock.advance(2)
    first.kill()
    home.meter.total_usd = 7.0  # the next driver's process has a meter of its own
    await home.clock.advance(13)
    task = home.drive(home.process("D2"), job)
    await home.clock.advance(15)
    home.meter.total_usd = 7.5
    await home.finish(task)
    meta = home.meta(job)

    assert meta.ending is not None
    assert (meta.ending.ended_because, meta.ending.cost_usd) == (EndedBecause.BUDGET, 1.25)
    assert meta.spent_usd == 1.25
