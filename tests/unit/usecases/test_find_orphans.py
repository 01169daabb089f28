"""Whoever asks for a job's status notices a dead driver, by the lease rule, and starts the next one."""

from dataclasses import replace

from runnel.domain.jobs import JobState, Sign, Wish
from runnel.usecases.find_orphans import DriverWatch
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage


async def test_a_status_call_starts_a_driver_for_a_job_without_one() -> None:
    """The user who looks is the first to see that nothing moves."""
    home = ScriptedHome({})
    job = await home.create()
    home.state.jobs[TENANT, job.job_id] = running = replace(home.meta(job), state=JobState.RUNNING)

    assert await DriverWatch(home.outside.services).notice(running)
    assert home.orchestrators.started == [job.job_id]
    home.orchestrators.is_down = True
    assert not await DriverWatch(home.outside.services).notice(running)


async def test_a_status_call_waits_for_the_lease_rule() -> None:
    """The beat must stand still for the ttl on our own clock; a driver that beats is never disturbed."""
    home = ScriptedHome({})
    job = await home.create()
    await home.outside.services.leases.take(TENANT, job.job_id, owner="somebody", seen=Sign.of(job))
    home.state.jobs[TENANT, job.job_id] = replace(home.meta(job), state=JobState.RUNNING)
    watch, looks = DriverWatch(home.outside.services), []
    for beat in range(5):
        home.state.jobs[TENANT, job.job_id] = replace(home.meta(job), beat=beat + 10)
        looks.append(await watch.notice(home.meta(job)))
        await home.clock.advance(11)
    for _ in range(3):
        looks.append(await watch.notice(home.meta(job)))
        await home.clock.advance(1)

    assert looks == [False] * 5 + [False, True, True]
    assert watch.is_watching
    watch.keep_only(())
    assert not watch.is_watching


async def test_nobody_starts_what_is_paused_over_or_waits_for_its_reader() -> None:
    """A status call must change nothing that its owner has decided."""
    home = ScriptedHome({})
    job = await home.create()
    watch = DriverWatch(home.outside.services)
    for state, wish in ((JobState.PAUSED, Wish.PAUSE), (JobState.COMPLETED, None), (JobState.QUEUED, None)):
        assert not await watch.notice(replace(job, state=state, wish=wish))
    assert not await watch.notice(replace(job, start="on_connect"))
    assert home.orchestrators.started == []


async def test_a_watch_remembers_a_bounded_number_of_jobs() -> None:
    """A server that is asked for a million jobs must not keep them all."""
    home = ScriptedHome({})
    job = replace(await home.create(), state=JobState.RUNNING, owner="somebody")
    watch = DriverWatch(home.outside.services)
    for number in range(1_500):
        await watch.notice(replace(job, job_id=f"job{number}"))

    assert len(watch._seen) == 1_000  # noqa: SLF001 - the bound itself


class LockHeldByAFrozenProcess:
    """A lock that its holder, stopped when its lease was taken, lets go of when it wakes."""

    def __init__(self) -> None:
        self.is_free = False
        self.is_ours = False

    def acquire(self, job_id: str) -> bool:  # noqa: ARG002
        taken = self.is_free and not self.is_ours
        self.is_ours |= taken
        return taken

    def release(self, job_id: str) -> None:  # noqa: ARG002
        self.is_ours = False


async def test_a_driver_takes_the_lock_as_soon_as_a_zombie_lets_it_go() -> None:
    """A live driver whose lock is free would be swept away as a dead one."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    held = home.hold("/")
    locks = LockHeldByAFrozenProcess()
    home.locks = locks  # type: ignore[assignment]
    job = await home.create()
    task = home.drive(home.process("D1"), job)
    ours: list[bool] = []
    await home.clock.advance(9)
    ours.append(locks.is_ours)
    locks.is_free = True
    await home.clock.advance(4)
    ours.append(locks.is_ours)
    held.set()
    await home.finish(task)
    ours.append(locks.is_ours)

    assert ours == [False, True, False]
