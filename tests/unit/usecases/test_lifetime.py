"""How long a driver may work in its process, and how many of them a job may have."""

from datetime import timedelta

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import Job, JobState, Sign
from runnel.usecases.control_job import pause_job, resume_job
from runnel.usecases.lifetime import Lifetime, most_terms
from runnel.usecases.run_crawl import Drive
from runnel.usecases.services import Tuning
from runnel.usecases.sweep_jobs import Sweep
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

_PAGES = {f"/{number}": ScriptedPage(text=str(number)) for number in range(30)}
_SITE = {"/": ScriptedPage(text="home", links=tuple(_PAGES)), **_PAGES}


@pytest.mark.parametrize(
    ("life_s", "leaves_s", "drain_s"), [(900.0, 825.0, 45.0), (225.0, 150.0, 45.0), (60.0, 40.0, 12.0), (9.0, 6.0, 1.8)]
)
def test_a_driver_leaves_early_enough_and_works_in_every_life(life_s: float, leaves_s: float, drain_s: float) -> None:
    """75 seconds before a function's fifteen minutes are over; a third of a shorter life."""
    lifetime = Lifetime.until(1_000 + life_s, 1_000, Tuning())

    assert lifetime.leave_at_s == pytest.approx(1_000 + leaves_s)
    assert lifetime.drain_s == pytest.approx(drain_s)
    assert not lifetime.is_ending(1_000 + leaves_s)
    assert lifetime.is_ending(1_000 + leaves_s + 0.01)


def test_a_process_without_a_deadline_never_makes_a_driver_leave() -> None:
    """A laptop runs as long as it runs."""
    lifetime = Lifetime.until(None, 0.0, Tuning())

    assert not lifetime.is_ending(1e12)
    assert lifetime.drain_s == 45


@pytest.mark.parametrize(("timeout_s", "terms"), [(21_600.0, 84), (780.0, 3), (781.0, 4), (60.0, 1)])
def test_the_hop_cap_is_three_times_what_the_jobs_time_allows(timeout_s: float, terms: int) -> None:
    """Six hours on functions of fifteen minutes are 28 drivers; 84 are a mistake."""
    assert most_terms(timeout_s) == terms


async def _drive_to_the_end(home: ScriptedHome, job: Job, life_s: float) -> list[Drive | None]:
    """Drivers one after the other, each in a process that lives so long, as long as each asks for the next."""
    ends: list[Drive | None] = []
    while not home.meta(job).is_over and len(ends) < 60:
        home.orchestrators.started.clear()
        deadline_s = home.clock.monotonic() + life_s
        ends.append(await home.finish(home.drive(home.process(f"D{len(ends)}"), job, deadline_s=deadline_s)))
        if not home.orchestrators.started:
            break
    return ends


async def test_a_job_of_many_lives_loses_nothing_on_the_way() -> None:
    """A job of hours on functions of minutes."""
    home = ScriptedHome(_SITE)
    home.latency_s = 1.0
    job = await home.create(concurrency=2)
    ends = await _drive_to_the_end(home, job, life_s=6.0)

    assert ends[-1] is Drive.ENDED
    assert set(ends[:-1]) == {Drive.HANDED_OVER}
    assert len(ends) > 3
    assert sorted(home.fetched) == sorted(_SITE)
    assert [event.reason for event in home.of_type(job, e.Handover)] == ["deadline"] * (len(ends) - 1)


async def test_beyond_the_hop_cap_only_the_sweep_goes_on() -> None:
    """A job that hands itself over for ever costs no more than a sweep does, and says so."""
    home = ScriptedHome(_SITE)
    home.latency_s = 1.0
    job = await home.create(concurrency=2, timeout_s=780.0)
    ends = await _drive_to_the_end(home, job, life_s=4.5)

    assert ends == [Drive.HANDED_OVER] * 3
    assert home.orchestrators.started == []
    assert home.meta(job).state is JobState.RUNNING
    (warning,) = [event for event in home.of_type(job, e.Log) if event.level == "warning"]
    assert "3 drivers" in warning.message
    assert await Sweep(home.outside.services).run() == 1
    ends = await _drive_to_the_end(home, job, life_s=600.0)
    assert home.meta(job).state is JobState.COMPLETED
    assert sorted(home.fetched) == sorted(_SITE)


async def test_the_jobs_time_counts_over_hand_overs_and_lost_drivers_but_not_while_paused() -> None:
    """`timeout_s` is the job's, not its driver's: META has the time of those that left, the log of those that died."""
    home = ScriptedHome(_SITE)
    home.latency_s = 10.0
    job = await home.create(concurrency=1, timeout_s=150.0)
    before_s = home.clock.monotonic()
    await home.finish(home.drive(home.process("hands over"), job, deadline_s=home.clock.monotonic() + 60))
    handed_s = home.clock.monotonic() - before_s
    killed = home.process("is killed")
    task = home.drive(killed, job)
    await home.clock.advance(45)
    killed.kill()
    await home.finish(task)
    await home.clock.advance(1_000)
    paused = home.process("is paused")
    task = home.drive(paused, job)
    await home.clock.advance(30)
    await pause_job(home.outside.services, TENANT, job.job_id)
    await home.finish(task)
    spent_s = home.meta(job).spent_s
    await home.clock.advance(100_000)
    await resume_job(home.outside.services, TENANT, job.job_id)
    before_s = home.clock.monotonic()
    await home.finish(home.drive(home.process("ends"), job))

    assert home.meta(job).state is JobState.TIMEOUT
    assert handed_s < spent_s < handed_s + 45
    # What the killed driver did after its last event is not known to anybody.
    left_s = 150 - spent_s - 45
    assert left_s - 1 <= home.clock.monotonic() - before_s <= left_s + 25


async def test_a_driver_told_to_end_leaves_within_seconds() -> None:
    """SIGTERM hands work back at once: what a slow site has not answered is asked again by the successor."""
    home = ScriptedHome(_SITE)
    home.latency_s = 25.0
    job = await home.create(concurrency=2)
    process = home.process("D1")
    task = home.drive(process, job)
    await home.clock.advance(30)
    assert home.in_flight == 2
    at_s = home.clock.monotonic()
    process.leaving.reason, process.leaving.invoke_successor = "sigterm", False

    assert await home.finish(task) is Drive.HANDED_OVER
    assert home.clock.monotonic() - at_s <= 4
    assert home.meta(job).owner is None
    home.latency_s = 0.1
    await home.finish(home.drive(home.process("D2"), job))
    assert home.meta(job).state is JobState.COMPLETED
    assert len(home.fetched) == len(_SITE) + 2


class _Skewed:
    """A clock whose wall time is wrong; durations are right."""

    def __init__(self, clock: object, by: timedelta) -> None:
        self._clock, self._by = clock, by

    def now(self) -> object:
        return self._clock.now() + self._by  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        return getattr(self._clock, name)


@pytest.mark.parametrize("minutes", [10, -10])
async def test_clocks_that_differ_by_ten_minutes_do_no_harm(minutes: int) -> None:
    """Stored times are never compared: a live driver is left alone, a dead one replaced after the ttl, no sooner."""
    home = ScriptedHome(_SITE)
    home.latency_s = 1.0
    job = await home.create(concurrency=2)
    first, second = home.process("D1"), home.process("D2")
    for process, sign in ((first, 1), (second, -1)):
        skewed = _Skewed(home.clock, timedelta(minutes=sign * minutes))
        object.__setattr__(process.services, "clock", skewed)
    task, other = home.drive(first, job), home.drive(second, job)
    await home.clock.advance(8)
    assert home.meta(job).term == 1
    first.kill()
    dead_s = home.clock.monotonic()
    await home.finish(task)
    while home.meta(job).term == 1:
        await home.clock.advance(0.5)
    took_s = home.clock.monotonic() - dead_s
    sweep = Sweep(second.services)

    assert 8 <= took_s <= 13.5
    assert Sign.of(home.meta(job)).term == 2
    assert await sweep.run() == 0
    assert await home.finish(other) is Drive.ENDED
    ending = home.meta(job).ending
    assert ending is not None
    assert ending.counts.fetched == ending.counts.seen == len(_SITE)
    assert home.meta(job).spent_s < 60
