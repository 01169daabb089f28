"""What clocks, names, bells and job locks promise (runnel/ports: clock, ids, bell, locks)."""

import asyncio
import subprocess
import sys
import time
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from runnel.adapters.filesystem.locks import FolderJobLocks
from runnel.adapters.system import clock as system_clock
from runnel.adapters.system.bell import LoopBell
from runnel.adapters.system.clock import SystemClock
from runnel.adapters.system.ids import SystemIds
from runnel.errors import InputInvalid
from runnel.ports.clock import Clock
from runnel.ports.ids import Ids
from runnel.testing import FixedIds, MovedClock

LONG = timedelta(seconds=60)


# ---------------------------------------------------------------- clock


@pytest.mark.parametrize("clock", [SystemClock(), MovedClock()], ids=["system", "moved"])
def test_now_is_aware_and_monotonic_grows(clock: Clock) -> None:
    """Instants are stored in UTC; durations are measured on a clock that nobody sets."""
    readings = [clock.monotonic() for _ in range(100)]

    assert clock.now().tzinfo is UTC
    assert readings == sorted(readings)


@pytest.mark.skipif(sys.platform != "linux", reason="the clock that goes on while the machine sleeps is Linux's")
def test_clock_runs_also_while_the_process_or_the_machine_sleeps() -> None:
    """A laptop that was closed for an hour must not believe in the lease it had before."""
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    shown = SystemClock().monotonic()

    assert before <= shown <= time.clock_gettime(time.CLOCK_BOOTTIME)
    assert system_clock._CLOCK_ID == time.CLOCK_BOOTTIME  # noqa: SLF001 - where it never slept the others say the same


async def test_the_system_clock_never_wakes_early() -> None:
    """A turn at a host that is taken early is impolite."""
    clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(timedelta(milliseconds=20))
    await clock.sleep(timedelta(seconds=-1))

    assert clock.monotonic() - before >= 0.02


async def test_sleepers_of_a_moved_clock_wake_in_order_each_at_its_time() -> None:
    """A test that moves an hour sees what would have happened in it."""
    clock, woken = MovedClock(), list[tuple[str, float]]()
    start = clock.monotonic()

    async def sleep(name: str, *naps: float) -> None:
        for nap in naps:
            await clock.sleep(timedelta(seconds=nap))
            woken.append((name, clock.monotonic() - start))

    tasks = [asyncio.create_task(sleep("slow", 5, 1)), asyncio.create_task(sleep("quick", 2, 2, 60))]
    await clock.advance(4)

    assert woken == [("quick", 2), ("quick", 4)]

    await clock.advance(3)

    assert woken[2:] == [("slow", 5), ("slow", 6)]
    assert clock.monotonic() - start == 7
    assert clock.sleepers == 1

    tasks[1].cancel()
    await clock.advance(60)

    assert clock.sleepers == 0
    assert len(woken) == 4


def test_a_jump_is_seen_by_now_alone() -> None:
    """A wrong clock that is set right must not move a lease."""
    clock = MovedClock()
    now, monotonic = clock.now(), clock.monotonic()
    clock.jump(-3600)

    assert clock.now() == now - timedelta(hours=1)
    assert clock.monotonic() == monotonic


# ---------------------------------------------------------------- ids


@pytest.mark.parametrize("ids", [SystemIds(MovedClock()), SystemIds(SystemClock()), FixedIds()])
def test_names_are_fresh_and_jitter_is_a_fraction(ids: Ids) -> None:
    """Two owners of one name would both believe in a lease; a job id is a part of keys, paths and SSE ids."""
    jobs = [ids.job_id() for _ in range(300)]

    assert jobs == sorted(set(jobs))
    assert all(job_id.isascii() and job_id.isalnum() and job_id == job_id.lower() for job_id in jobs)
    assert len({ids.owner() for _ in range(300)}) == 300
    assert len({ids.secret() for _ in range(300)}) == 300
    assert len(ids.secret()) >= 43
    assert all(0 <= ids.jitter() < 1 for _ in range(300))


async def test_job_ids_sort_by_time_across_processes() -> None:
    """Another process continues where the clock is, not where we are."""
    clock = MovedClock()
    first = SystemIds(clock).job_id()
    await clock.advance(0.01)

    assert first < SystemIds(clock).job_id()


# ---------------------------------------------------------------- bell


async def test_a_ring_wakes_everyone_who_waits_for_that_job() -> None:
    """Ten tabs follow one job; another job's followers sleep on."""
    bell = LoopBell()
    waiting = [asyncio.create_task(bell.wait("job1", at_most=LONG)) for _ in range(10)]
    other = asyncio.create_task(bell.wait("job2", at_most=LONG))
    await MovedClock().settle()
    bell.ring("job1")
    bell.ring("job1")
    bell.ring("nobody")

    assert await asyncio.gather(*waiting) == [True] * 10
    assert not other.done()

    other.cancel()
    await asyncio.gather(other, return_exceptions=True)

    assert bell.waiters == 0


async def test_silence_ends_and_leaves_nothing_behind() -> None:
    """A follower polls on; a thousand of them must not fill the memory."""
    bell = LoopBell()

    assert await bell.wait("job1", at_most=timedelta(milliseconds=1)) is False
    assert await bell.wait("job1", at_most=timedelta(seconds=-1)) is False
    assert bell.waiters == 0


# ---------------------------------------------------------------- job locks

# Takes the lock of a job, says so, and holds it until it dies.
HOLDER = """
import sys
from pathlib import Path
from runnel.adapters.filesystem.locks import FolderJobLocks
locks = FolderJobLocks(Path(sys.argv[1]))
print(locks.acquire("job1"), flush=True)
sys.stdin.read()
"""


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    """A second driver of this process, or of another object in it, is refused as well."""
    locks, others = FolderJobLocks(tmp_path / "locks"), FolderJobLocks(tmp_path / "locks")

    assert locks.acquire("job1") is True
    assert locks.acquire("job1") is False
    assert others.acquire("job1") is False
    assert others.acquire("job2") is True
    assert locks.is_held("job1")
    assert others.is_held("job1")

    others.release("job1")

    assert others.acquire("job1") is False

    locks.release("job1")
    locks.release("job1")

    assert not locks.is_held("job1")
    assert others.acquire("job1") is True

    others.release("job1")
    others.release("job2")

    assert list((tmp_path / "locks").iterdir()) == []


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    """A free lock means a dead driver: its lease need not be watched."""
    locks = FolderJobLocks(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        assert locks.is_held("job1")
        assert locks.acquire("job1") is False

        holder.kill()

    assert not locks.is_held("job1")
    assert locks.acquire("job1") is True

    locks.release("job1")


@pytest.mark.parametrize("job_id", ["../x", "a/b", "", ".", ".."])
def test_a_lock_lies_in_its_folder(tmp_path: Path, job_id: str) -> None:
    """A job's id may come from a request."""
    with pytest.raises(InputInvalid):
        FolderJobLocks(tmp_path / "locks").acquire(job_id)
