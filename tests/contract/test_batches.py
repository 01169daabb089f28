"""What every store of batches promises (runnel/ports/batches.py)."""

import asyncio
from datetime import timedelta

from runnel.domain.libraries import Batch
from runnel.domain.segments import BatchItem, Effects, Flush
from tests.contract.bundle import Stores
from tests.contract.makers import NOON, TENANT, do_nothing, driven_job, invoke_nothing, make_segment


async def insert(stores: Stores, *batches: BatchItem, job_id: str = "job1") -> None:
    await driven_job(stores, job_id)
    flush = Flush(tenant=TENANT, job_id=job_id, segment=make_segment(), effects=Effects(batches=batches))
    await stores.journal.commit(flush, committed=do_nothing, invoke=invoke_nothing)


async def get(stores: Stores, batch_id: str = "1-1") -> Batch:
    return (await stores.batches.get_many(TENANT, "job1", (batch_id,)))[batch_id]


async def test_batches_are_found_by_id_and_listed_by_job(stores: Stores) -> None:
    """The driver asks for the open ones, a new driver for all."""
    await insert(stores, BatchItem(batch_id="1-1", pages=2), BatchItem(batch_id="1-2", pages=25))
    await insert(stores, BatchItem(batch_id="1-1", pages=9), job_id="job2")
    first, second = Batch(batch_id="1-1", pages=2), Batch(batch_id="1-2", pages=25)

    assert await stores.batches.get_many(TENANT, "job1", ("1-2", "1-1", "9-9")) == {"1-1": first, "1-2": second}
    assert await stores.batches.get_many(TENANT, "job1", ()) == {}
    assert sorted(await stores.batches.list_batches(TENANT, "job1"), key=lambda batch: batch.batch_id) == [
        first,
        second,
    ]
    assert await stores.batches.list_batches("other", "job1") == []


async def test_many_batches_are_all_found(stores: Stores) -> None:
    """More than one request of any store can carry."""
    items = [BatchItem(batch_id=f"1-{number}", pages=number) for number in range(1, 121)]
    await insert(stores, *items)
    wanted = {item.batch_id: item.pages for item in items}
    found = await stores.batches.get_many(TENANT, "job1", tuple(wanted))

    assert {batch_id: batch.pages for batch_id, batch in found.items()} == wanted
    assert len(await stores.batches.list_batches(TENANT, "job1")) == 120


async def test_page_results_a_batch_is_done_when_its_parts_cover_every_page(stores: Stores) -> None:
    """Results are one object an invocation: the whole batch, or a page alone [page_results]."""
    await insert(stores, BatchItem(batch_id="1-1", pages=3))

    assert await stores.batches.add_part(TENANT, "job1", "1-1", "p1", (0, 2)) is True
    assert (await get(stores)).missing == (1,)

    await stores.batches.add_part(TENANT, "job1", "1-1", "p2", (1,))
    batch = await get(stores)

    assert batch.is_done
    assert dict(batch.parts) == {"p1": (0, 2), "p2": (1,)}


async def test_the_same_part_twice_changes_nothing(stores: Stores) -> None:
    """A processor runs twice; the result that came first counts."""
    await insert(stores, BatchItem(batch_id="1-1", pages=3))
    await stores.batches.add_part(TENANT, "job1", "1-1", "p1", (0, 1))

    assert await stores.batches.add_part(TENANT, "job1", "1-1", "p1", (2,)) is True
    assert dict((await get(stores)).parts) == {"p1": (0, 1)}


async def test_parts_that_come_at_once_are_all_kept(stores: Stores) -> None:
    """Five processors of one batch note their results at the same moment."""
    await insert(stores, BatchItem(batch_id="1-1", pages=5))
    await asyncio.gather(*(stores.batches.add_part(TENANT, "job1", "1-1", f"p{n}", (n,)) for n in range(5)))

    assert (await get(stores)).is_done


async def test_an_unknown_batch_takes_no_part(stores: Stores) -> None:
    """A processor of a deleted job leaves nothing behind."""
    await driven_job(stores)

    assert await stores.batches.add_part(TENANT, "job1", "1-1", "p1", (0,)) is False
    assert await stores.batches.list_batches(TENANT, "job1") == []


async def test_results_that_come_after_the_end_do_not_count(stores: Stores) -> None:
    """The pages of a batch that was given up have failed, and stay so [close_batch]."""
    await insert(stores, BatchItem(batch_id="1-1", pages=2))
    await stores.batches.add_part(TENANT, "job1", "1-1", "p1", (0,))

    assert await stores.batches.close(TENANT, "job1", "1-1", seen=await get(stores)) is True
    assert await stores.batches.add_part(TENANT, "job1", "1-1", "p2", (1,)) is False

    batch = await get(stores)

    assert batch.closed
    assert batch.missing == (1,)


async def test_close_batch_a_batch_is_not_given_up_when_a_result_has_come(stores: Stores) -> None:
    """One write decides between the driver's patience and the processor's result."""
    await insert(stores, BatchItem(batch_id="1-1", pages=2))
    seen = await get(stores)
    await stores.batches.add_part(TENANT, "job1", "1-1", "p1", (0,))
    before = await get(stores)

    assert await stores.batches.close(TENANT, "job1", "1-1", seen=seen) is False
    assert await get(stores) == before


async def test_a_batch_that_is_done_or_closed_or_unknown_is_not_given_up(stores: Stores) -> None:
    """Giving up happens once, and only to a batch that lacks something."""
    await insert(stores, BatchItem(batch_id="1-1", pages=1), BatchItem(batch_id="1-2", pages=1))
    await stores.batches.add_part(TENANT, "job1", "1-1", "p1", (0,))
    await stores.batches.close(TENANT, "job1", "1-2", seen=await get(stores, "1-2"))
    unknown = Batch(batch_id="9-9", pages=1)

    assert await stores.batches.close(TENANT, "job1", "1-1", seen=await get(stores)) is False
    assert await stores.batches.close(TENANT, "job1", "1-2", seen=await get(stores, "1-2")) is False
    assert await stores.batches.close(TENANT, "job1", "9-9", seen=unknown) is False
    assert (await get(stores)).closed is False
    assert await stores.batches.get_many(TENANT, "job1", ("9-9",)) == {}


async def test_of_those_who_count_the_same_try_one_goes_on(stores: Stores) -> None:
    """The driver and the sweep both find a batch overdue; it is invoked once."""
    await insert(stores, BatchItem(batch_id="1-1", pages=1))
    tries = [stores.batches.count_try(TENANT, "job1", "1-1", seen=0, now=NOON) for _ in range(4)]
    counted = [batch for batch in await asyncio.gather(*tries) if batch is not None]

    assert counted == [Batch(batch_id="1-1", pages=1, tries=1, invoked_at=NOON)]
    assert await get(stores) == counted[0]


async def test_tries_are_counted_over_the_number_seen(stores: Stores) -> None:
    """A late second try must not be taken for the first."""
    await insert(stores, BatchItem(batch_id="1-1", pages=1))
    later = NOON + timedelta(minutes=6)
    await stores.batches.count_try(TENANT, "job1", "1-1", seen=0, now=NOON)

    assert await stores.batches.count_try(TENANT, "job1", "1-1", seen=0, now=later) is None
    assert await stores.batches.count_try(TENANT, "job1", "9-9", seen=0, now=later) is None

    second = await stores.batches.count_try(TENANT, "job1", "1-1", seen=1, now=later)

    assert second is not None
    assert (second.tries, second.invoked_at) == (2, later)
