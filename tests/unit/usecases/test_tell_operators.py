"""What operators are told while jobs run: lines with the job's id, and numbers that do not grow with the pages."""

from dataclasses import replace

from runnel.ports.telemetry import Silence
from runnel.usecases.control_job import pause_job
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage
from tests.support.killable_process import Process
from tests.support.told import Told

_SITE = {
    "/": ScriptedPage(text="home", links=tuple(f"/{number}" for number in range(40))),
    **{f"/{number}": ScriptedPage(text=f"page {number}") for number in range(39)},
    "/39": ScriptedPage(status=404),
}


def listened(home: ScriptedHome, name: str) -> tuple[Process, Told]:
    """A process whose telemetry is remembered."""
    process, told = home.process(name), Told()
    process.services = replace(process.services, telemetry=told)
    return process, told


async def test_a_driver_tells_its_beginning_its_numbers_and_its_end() -> None:
    """With the job's id, so that the lines of all three functions are found together."""
    home = ScriptedHome(_SITE)
    process, told = listened(home, "D1")
    job = await home.create()
    await home.finish(home.drive(process, job))
    started, ended = told.lines

    assert (started[0], ended[0]) == ("driver_started", "driver_ended")
    assert {job_id for _, job_id, _ in told.lines} == {job_id for job_id, _ in told.measures} == {job.job_id}
    assert (ended[2]["how"], ended[2]["last_seq"]) == ("ended", len(home.log(job)))
    assert told.total("pages_fetched") == 40
    assert told.total("pages_failed") == told.total("errors_http_4xx") == 1
    assert all("queue_depth" in measures for _, measures in told.measures)


async def test_the_numbers_are_told_by_time_not_by_page() -> None:
    """A line a page would cost more than the page."""
    home = ScriptedHome(_SITE)
    home.latency_s = 2.0
    process, told = listened(home, "D1")
    job = await home.create(concurrency=2)
    began_s = home.clock.monotonic()
    await home.finish(home.drive(process, job))
    took_s = home.clock.monotonic() - began_s

    assert took_s > 30
    assert took_s / 10 - 2 < len(told.measures) < took_s / 10 + 2


async def test_a_hand_over_a_pause_and_a_death_are_told_apart() -> None:
    """Whoever reads the log must see why a driver went."""
    home = ScriptedHome(_SITE)
    home.latency_s = 1.0
    job = await home.create(concurrency=2)
    ends = []
    for name in ("leaves", "dies", "pauses"):
        process, told = listened(home, name)
        task = home.drive(process, job)
        await home.until(lambda told=told: any(measures for measures in told.lines))  # type: ignore[misc]
        await home.clock.advance(3)
        if name == "leaves":
            process.leaving.reason = "sigterm"
        elif name == "dies":
            process.kill()
        else:
            await pause_job(home.outside.services, TENANT, job.job_id)
        await home.finish(task)
        ends.append(told.lines[-1][2]["how"])
        assert told.counts.count("handovers") == (name == "leaves")

    assert ends == ["handed_over", "died", "paused"]


async def test_a_store_that_must_be_asked_again_is_counted() -> None:
    """A rising number of repeats is the first sign of a table that throttles."""
    home = ScriptedHome(_SITE)
    process, told = listened(home, "D1")
    process.refuse("journal.append", 3)
    job = await home.create(limit=3)
    await home.finish(home.drive(process, job))

    assert told.counts.count("store_retries") == 3


def test_a_home_without_telemetry_says_nothing() -> None:
    """A laptop's commands talk to their user."""
    silence = Silence()
    silence.log("event", job_id="j", field=1)
    silence.count("name")
    silence.measure({"name": 1.0})
