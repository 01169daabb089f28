"""What every host budget promises (runnel/ports/host_budget.py); how shares are made is tested in test_host_book.py."""

import asyncio
from itertools import pairwise

import pytest

from runnel.domain.host_book import BLOCK_S, GRACE_S, LATE_S, Ask
from tests.contract.bundle import Stores

HOST = "a.example:443"
NOW_S = 1_767_225_600.125


def _ask(taker: str, now_s: float = NOW_S, *, spacing_s: float = 0.0, busy: int = 0) -> Ask:
    return Ask(taker=taker, now_s=now_s, most=10, spacing_s=spacing_s, busy=busy)


async def test_a_host_that_nobody_asks_is_all_ours_at_once(stores: Stores) -> None:
    """Nobody waits for a host that nobody asks."""
    share = await stores.hosts.take(HOST, _ask("A"))

    assert (share.slots, share.first_s, share.until_s, share.takers) == (10, NOW_S, NOW_S + BLOCK_S, 1)


async def test_a_taking_sees_those_before_it(stores: Stores) -> None:
    """Slots are shared, not copied: together they are never more than the concurrency."""
    await stores.hosts.take(HOST, _ask("A"))
    late = await stores.hosts.take(HOST, _ask("B"))
    first = await stores.hosts.take(HOST, _ask("A", NOW_S + 0.6, busy=10))
    still = await stores.hosts.take(HOST, _ask("B", NOW_S + 0.7))
    await stores.hosts.take(HOST, _ask("A", NOW_S + 1.2, busy=5))
    half = await stores.hosts.take(HOST, _ask("B", NOW_S + 1.3))

    assert (late.slots, first.slots, still.slots, half.slots) == (0, 5, 0, 5)


async def test_turns_follow_each_other_and_none_is_in_the_past(stores: Stores) -> None:
    """Turns that nobody took are not saved up: a burst after a pause would be impolite."""
    first = await stores.hosts.take(HOST, _ask("A", spacing_s=2.0))
    second = await stores.hosts.take(HOST, _ask("B", spacing_s=2.0))
    third = await stores.hosts.take(HOST, _ask("A", NOW_S + 60, spacing_s=2.0))

    assert first.first_s == NOW_S
    assert second.first_s == pytest.approx(NOW_S + 2.0 + LATE_S)
    assert third.first_s == NOW_S + 60


async def test_who_has_left_is_not_counted(stores: Stores) -> None:
    """The next job need not wait for a share to end by itself; leaving twice, or where one never was, is no error."""
    await stores.hosts.take(HOST, _ask("A"))
    await stores.hosts.leave(HOST, "A")
    await stores.hosts.leave(HOST, "A")
    await stores.hosts.leave("unknown.example:443", "A")

    assert (await stores.hosts.take(HOST, _ask("B"))).slots == 10


async def test_who_has_died_is_counted_for_a_while(stores: Stores) -> None:
    """Its last requests may still be under way."""
    await stores.hosts.take(HOST, _ask("A"))

    assert (await stores.hosts.take(HOST, _ask("B", NOW_S + BLOCK_S + GRACE_S - 0.1))).slots == 0
    assert (await stores.hosts.take(HOST, _ask("B", NOW_S + BLOCK_S + GRACE_S + 0.1))).slots == 10


async def test_hosts_do_not_wait_for_each_other(stores: Stores) -> None:
    """Host and port are the key."""
    await stores.hosts.take(HOST, _ask("A"))

    assert (await stores.hosts.take("a.example:8443", _ask("B"))).slots == 10


async def test_takings_at_once_happen_one_after_another(stores: Stores) -> None:
    """Several processes ask at the same moment: each taking is one conditional write."""
    taken = await asyncio.gather(*(stores.hosts.take(HOST, _ask(f"J{n}", spacing_s=0.5)) for n in range(8)))

    firsts = sorted(share.first_s for share in taken if share.slots)
    assert sum(share.slots for share in taken) == 10
    assert all(later - sooner >= 2 * 0.5 for sooner, later in pairwise(firsts))
