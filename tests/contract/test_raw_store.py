"""What every raw store promises (runnel/ports/content_store.py)."""

import asyncio
from dataclasses import replace

from tests.contract.bundle import Stores
from tests.contract.makers import TENANT

RECORDS = (b"WARC/1.1\r\nfirst", b"", b"WARC/1.1\r\n" + bytes(range(256)) * 300, b"last")


async def test_each_record_is_read_by_its_place(stores: Stores) -> None:
    """A processor fetches one page of a call, not all five."""
    refs = await stores.raw.put(TENANT, "job1", "1-1", RECORDS)

    assert len(refs) == len(RECORDS)
    for ref, record in zip(refs, RECORDS, strict=True):
        if record:  # a record of no bytes has no place in an object
            assert await stores.raw.get(TENANT, ref) == record


async def test_records_lie_under_their_job_and_go_with_it(stores: Stores) -> None:
    """A deleted job leaves nothing behind, and takes nothing of another with it."""
    [ref] = await stores.raw.put(TENANT, "job1", "1-1", (b"x",))
    [other] = await stores.raw.put(TENANT, "job11", "1-1", (b"y",))
    [theirs] = await stores.raw.put("other", "job1", "1-1", (b"z",))
    for _ in range(2):
        await stores.raw.delete_job(TENANT, "job1")

    assert ref.key.startswith("raw/job1/")
    assert await stores.raw.get(TENANT, ref) is None
    assert await stores.raw.get(TENANT, other) == b"y"
    assert await stores.raw.get("other", theirs) == b"z"


async def test_puts_at_the_same_time_do_not_mix(stores: Stores) -> None:
    """Ten crawler calls end at once, of two jobs and two terms."""
    names = [(f"job{job}", f"{term}-{number}") for job in (1, 2) for term in (1, 2) for number in range(5)]
    bodies = [(f"{job} {name} {part} ".encode() * 1000) for job, name in names for part in "ab"]
    pairs = [tuple(bodies[place : place + 2]) for place in range(0, len(bodies), 2)]
    answers = await asyncio.gather(
        *(stores.raw.put(TENANT, job, name, pair) for (job, name), pair in zip(names, pairs, strict=True))
    )
    read = [await stores.raw.get(TENANT, ref) for refs in answers for ref in refs]

    assert read == bodies


async def test_a_later_put_leaves_earlier_places_as_they_were(stores: Stores) -> None:
    """A page is processed long after others were fetched."""
    [first] = await stores.raw.put(TENANT, "job1", "1-1", (b"first",))
    [second] = await stores.raw.put(TENANT, "job1", "1-2", (b"second",))

    assert await stores.raw.get(TENANT, first) == b"first"
    assert await stores.raw.get(TENANT, second) == b"second"
    assert first != second


async def test_no_records_need_no_place(stores: Stores) -> None:
    """A call in which every fetch failed stores nothing."""
    assert await stores.raw.put(TENANT, "job1", "1-1", ()) == ()
    assert [key async for key in stores.content.keys(TENANT, "")] == []


async def test_a_record_that_is_gone_is_none(stores: Stores) -> None:
    """Raw responses expire; who asks later is told."""
    [ref] = await stores.raw.put(TENANT, "job1", "1-1", (b"x",))

    assert await stores.raw.get(TENANT, replace(ref, key="raw/job1/9-9")) is None
    assert await stores.raw.get("other", ref) is None

    await stores.raw.delete_job(TENANT, "job1")

    assert await stores.raw.get(TENANT, ref) is None
