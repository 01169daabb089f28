"""Workers that are killed when nobody reads anything: what that costs, and what is said of it."""

import asyncio
import os
import signal

import pytest

from runnel.errors import PageUnreadable
from runnel.local.workers import PAGES_AHEAD, WorkerPool


async def outcome(pool: WorkerPool, url: str) -> str:
    try:
        return (await pool.read(b"<p>text", url=url, charset=None, render=True)).markdown.strip()
    except PageUnreadable as exc:
        return exc.message


@pytest.mark.parametrize("size", [1, 2])
async def test_a_worker_killed_while_it_starts_costs_no_page(size: int) -> None:
    """It has pages before it is ready; the first one is as innocent then as later. Nor do those die that it forks."""
    async with WorkerPool(size=size) as pool:
        reading = asyncio.ensure_future(outcome(pool, "https://h/1"))
        while not pool.pids:
            await asyncio.wait([reading], timeout=0.001)
        os.kill(pool.pids[0], signal.SIGKILL)

        assert await reading == "text"


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="this system cannot wait for a process and leave it")
async def test_pages_for_a_dead_worker_go_elsewhere_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    """Many may be sent before the loop hears of a death; asyncio would complain of each on the user's terminal."""
    async with WorkerPool() as pool:
        await outcome(pool, "https://h/0")
        os.kill(pool.pids[0], signal.SIGKILL)
        os.waitid(os.P_PID, pool.pids[0], os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222  # the loop must not hear of it
        outcomes = await asyncio.gather(*(outcome(pool, f"https://h/{n}") for n in range(2 * PAGES_AHEAD)))

    assert set(outcomes) == {"text"}
    assert not caplog.messages
