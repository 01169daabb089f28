"""What every bus promises (runnel/ports/bus.py)."""

import asyncio

from runnel.domain.bus import BusSegment
from tests.contract.bundle import Stores
from tests.contract.makers import TENANT


def make_segment(key: str, count: int = 3) -> BusSegment:
    return BusSegment(key=key, lines=tuple(f"{key}:{n}".encode() for n in range(count)))


async def test_records_are_numbered_from_one_in_the_order_of_the_appends(stores: Stores) -> None:
    """So that a reader can say how far it has come."""
    for key, count in (("a", 3), ("b", 1), ("c", 2)):
        await stores.bus.append(TENANT, make_segment(key, count))
    await stores.bus.append("other", make_segment("z"))
    found = await stores.bus.read(TENANT)

    assert found == list(enumerate([b"a:0", b"a:1", b"a:2", b"b:0", b"c:0", b"c:1"], 1))
    assert [seq for seq, _ in await stores.bus.read("other")] == [1, 2, 3]
    assert await stores.bus.read("nobody") == []


async def test_reading_goes_on_at_any_number(stores: Stores) -> None:
    """Also in the middle of a segment, and at the end."""
    await stores.bus.append(TENANT, make_segment("a", 3))
    await stores.bus.append(TENANT, make_segment("b", 3))
    whole = await stores.bus.read(TENANT)

    for after in range(8):
        assert await stores.bus.read(TENANT, after=after) == whole[after:]
        assert await stores.bus.read(TENANT, after=after, limit=2) == whole[after : after + 2]


async def test_a_segment_is_there_once_however_often_it_is_appended(stores: Stores) -> None:
    """A successor that does not know whether its predecessor told repeats it [bus_redo]."""
    for key in ("a", "b", "a", "b"):
        await stores.bus.append(TENANT, make_segment(key))

    assert len(await stores.bus.read(TENANT)) == 6
    assert await stores.bus.has(TENANT, "a") is True
    assert await stores.bus.has(TENANT, "c") is False
    assert await stores.bus.has("other", "a") is False


async def test_writers_at_the_same_time_lose_and_double_nothing(stores: Stores) -> None:
    """Two libraries publish in the same moment, and each twice."""
    keys = [f"k{number % 4}" for number in range(8)]
    await asyncio.gather(*(stores.bus.append(TENANT, make_segment(key)) for key in keys))
    found = await stores.bus.read(TENANT)
    lines = [line for _, line in found]

    assert [seq for seq, _ in found] == list(range(1, 13))
    assert sorted(lines) == sorted(line for key in sorted(set(keys)) for line in make_segment(key).lines)
    assert all(lines[start : start + 3] == sorted(lines[start : start + 3]) for start in range(0, 12, 3))
