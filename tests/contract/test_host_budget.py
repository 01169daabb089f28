"""What every host budget promises (runnel/ports/host_budget.py)."""

import asyncio
from datetime import timedelta

import pytest

from tests.contract.bundle import Stores

HALF = timedelta(milliseconds=500)


async def test_a_free_host_gives_its_turn_now(stores: Stores) -> None:
    """Nobody waits for a host that nobody asks."""
    assert await stores.hosts.reserve("a.example:443", now_s=1000.0, spacing=HALF, turns=1) == 1000.0


async def test_blocks_follow_each_other(stores: Stores) -> None:
    """The turns of all takers together are at least the spacing apart."""
    first = await stores.hosts.reserve("a.example:443", now_s=1000.0, spacing=HALF, turns=4)
    second = await stores.hosts.reserve("a.example:443", now_s=1000.25, spacing=HALF, turns=2)
    third = await stores.hosts.reserve("a.example:443", now_s=999.0, spacing=HALF, turns=1)

    assert (first, second, third) == pytest.approx((1000.0, 1002.0, 1003.0))


async def test_a_host_that_was_left_alone_gives_no_turn_in_the_past(stores: Stores) -> None:
    """Turns that nobody took are not saved up: a burst after a pause would be impolite."""
    await stores.hosts.reserve("a.example:443", now_s=1000.0, spacing=HALF, turns=1)

    assert await stores.hosts.reserve("a.example:443", now_s=2000.0, spacing=HALF, turns=3) == pytest.approx(2000.0)
    assert await stores.hosts.reserve("a.example:443", now_s=2000.0, spacing=HALF, turns=1) == pytest.approx(2001.5)


async def test_hosts_do_not_wait_for_each_other(stores: Stores) -> None:
    """Host and port are the key."""
    await stores.hosts.reserve("a.example:443", now_s=1000.0, spacing=HALF, turns=100)

    assert await stores.hosts.reserve("a.example:8443", now_s=1000.0, spacing=HALF, turns=1) == 1000.0


async def test_blocks_that_are_taken_at_once_do_not_overlap(stores: Stores) -> None:
    """Several processes ask at the same moment: each block is one conditional write."""
    taken = await asyncio.gather(
        *(stores.hosts.reserve("a.example:443", now_s=1000.0, spacing=HALF, turns=2) for _ in range(8))
    )

    assert sorted(taken) == pytest.approx([1000.0 + number for number in range(8)])
