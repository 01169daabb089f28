"""The sweep finds jobs that lost their driver, and leaves the others alone."""

import pytest

from runnel.domain.jobs import JobState, Lease, Sign, Wish
from runnel.usecases.control_job import pause_job
from runnel.usecases.leasing import take_lease
from runnel.usecases.sweep_jobs import Sweep
from tests.support.homes import TENANT, ScriptedHome


class FreeLocks:
    """Locks whose holders have all died."""

    def acquire(self, job_id: str) -> bool:  # noqa: ARG002
        return True

    def release(self, job_id: str) -> None:  # noqa: ARG002
        return None


async def held_job(home: ScriptedHome) -> str:
    """A job whose lease somebody holds."""
    job = await home.create()
    taken = await home.outside.services.leases.take(TENANT, job.job_id, owner="somebody", seen=Sign.of(job))
    assert taken is not None
    return job.job_id


async def test_a_queued_job_is_started_when_its_start_was_lost() -> None:
    """The call that should have started it failed; nobody else will."""
    home = ScriptedHome({})
    job, sweep = await home.create(), Sweep(home.outside.services)
    at_once = await sweep.run()
    await home.clock.advance(31)

    assert (at_once, await sweep.run()) == (0, 1)
    assert home.orchestrators.started == [job.job_id]


async def test_a_driver_is_dead_when_its_beat_stood_still_for_the_time_of_a_lease() -> None:
    """Not sooner, however often the sweep looks: a live driver must not be disturbed."""
    home = ScriptedHome({})
    job_id, sweep = await held_job(home), Sweep(home.outside.services)
    looks = []
    for _ in range(8):
        looks.append(await sweep.run())
        await home.clock.advance(2)

    assert looks == [0, 0, 0, 0, 0, 0, 1, 1]
    assert sweep.is_watching
    assert set(home.orchestrators.started) == {job_id}


async def test_a_driver_that_beats_is_left_alone() -> None:
    """Renewing is the sign of life."""
    home = ScriptedHome({})
    job_id, sweep, leases = await held_job(home), Sweep(home.outside.services), home.outside.services.leases
    started = 0
    for _ in range(20):
        job = await home.outside.services.jobs.get(TENANT, job_id)
        assert job is not None
        taken = await leases.take(TENANT, job_id, owner="another", seen=Sign.of(job))
        assert taken is not None
        started += await sweep.run()
        await home.clock.advance(4)

    assert started == 0


async def test_a_lock_that_is_free_means_a_dead_driver() -> None:
    """Where locks die with their process there is nothing to wait for."""
    home = ScriptedHome({})
    home.locks = FreeLocks()  # type: ignore[assignment]
    process = home.process("server")
    await held_job(home)

    assert await Sweep(process.services).run() == 1


@pytest.mark.parametrize("wish", [Wish.PAUSE, Wish.CANCEL])
async def test_sweep_wish_a_paused_job_is_started_only_to_be_cancelled(wish: Wish) -> None:
    """Whoever paused it decides when it goes on."""
    home = ScriptedHome({})
    home.locks = FreeLocks()  # type: ignore[assignment]
    services = home.process("server").services
    job = await home.create()
    taken = await services.leases.take(TENANT, job.job_id, owner="somebody", seen=Sign.of(job))
    assert taken is not None
    paused = await pause_job(services, TENANT, job.job_id)
    if wish is Wish.CANCEL:
        await services.jobs.set_wish(TENANT, job.job_id, wish, seen=paused.wish_no)
    lease = Lease(tenant=TENANT, job_id=job.job_id, owner="somebody", term=taken.term, beat=taken.beat)
    assert await services.leases.release(lease, state=JobState.PAUSED)

    assert await Sweep(services).run() == (1 if wish is Wish.CANCEL else 0)


class LockLetGo:
    """A lock that its holder gives up a moment after we asked for it."""

    def __init__(self) -> None:
        self.answers = [False, True]
        self.is_ours = False

    def acquire(self, job_id: str) -> bool:  # noqa: ARG002
        self.is_ours = self.answers.pop(0)
        return self.is_ours

    def release(self, job_id: str) -> None:  # noqa: ARG002
        self.is_ours = False


async def test_a_driver_holds_the_lock_also_when_it_was_free_too_late() -> None:
    """A live driver without its lock would be swept away as a dead one."""
    home = ScriptedHome({})
    locks = LockLetGo()
    home.locks = locks  # type: ignore[assignment]
    services = home.process("server").services
    job = await home.create()
    taken = await take_lease(services, TENANT, job.job_id)

    assert taken is not None
    assert locks.is_ours
