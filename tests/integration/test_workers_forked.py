"""The second reader of pages, which is forked from the first: as good as one that was started, and told as its cost."""

import asyncio
import os
import resource
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from runnel.local.worker_process import CAN_FORK
from runnel.local.workers import PAGES_AHEAD, WorkerPool
from tests.integration.test_workers import outcome, read
from tests.support.process_ends import gone, is_alive

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="this system has no descriptors of processes")


async def test_the_second_reader_is_forked_from_the_first_and_as_much_its_own() -> None:
    """What a reader imports is imported once; killed, either is replaced; closed, both are gone."""
    async with WorkerPool(size=2) as pool:
        await asyncio.gather(*(read(pool, f"https://h/{n}") for n in range(3 * PAGES_AHEAD)))
        first, second = pool.pids
        parent = int(Path(f"/proc/{second}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(second, signal.SIGKILL)
        outcomes = await asyncio.gather(*(outcome(pool, f"https://h/{n}") for n in range(3 * PAGES_AHEAD)))
        replaced = pool.pids

        assert parent == first
        assert set(outcomes) == {"text"}
        assert second not in replaced
    assert not any(map(is_alive, (first, second, *replaced)))


async def test_what_readers_cost_is_told_with_what_the_command_costs() -> None:
    """Whoever times a command has to see all of it: a reader ends by itself, and the first waits for the others."""
    body = b"<main>" + b"<p>word <b>word</b> word</p>" * 5_000
    before_s = children_s()
    async with WorkerPool(size=2) as pool:
        await asyncio.gather(*(pool.read(body, url="https://h/", charset=None, render=True) for _ in range(24)))
        both_s = [cpu_s(pid) for pid in pool.pids]

    assert len(both_s) == 2
    assert all(own_s > 0.05 for own_s in both_s)
    assert children_s() - before_s >= sum(both_s)


def children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def cpu_s(pid: int) -> float:
    """What a process has used of a processor so far, in the kernel's ticks."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system) - 2) / os.sysconf("SC_CLK_TCK")


async def test_a_hanging_page_ends_a_forked_reader_too() -> None:
    """It is no child of ours; all the same it may not outlive its page."""
    async with WorkerPool(size=2, parse_timeout=timedelta(seconds=1)) as pool:
        await asyncio.gather(*(read(pool, f"https://h/{n}") for n in range(3 * PAGES_AHEAD)))
        _, second = pool.pids
        os.kill(second, signal.SIGSTOP)  # as deep in a page as can be: it does not even hear its alarm
        outcomes = await asyncio.gather(*(outcome(pool, f"https://h/{n}") for n in range(3 * PAGES_AHEAD)))

        assert sorted(set(outcomes)) == ["The page took longer than 1 s to read.", "text"]
        await asyncio.wait_for(gone(second), 30)
