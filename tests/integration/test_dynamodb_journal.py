"""A flush under every fault that DynamoDB knows: it converges to what an undisturbed one leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from runnel.domain.jobs import Job, Lease, Sign
from runnel.domain.segments import BatchItem, Effects, Flush
from runnel.errors import ConfigInvalid, SegmentTaken, StoreUnavailable
from tests.support.dynamodb_guard import Fault, Plan, always, at, crash_after, seeded
from tests.support.dynamodb_stores import AwsStores, close_stores, make_stores, open_stores, past_the_guard
from tests.support.flushes import JOB_ID, TENANT, Site, make_flush, make_job, take_lease

#: Two chunks of new URLs, and both kinds of verdict items.
SITE = Site(pages=4, new_urls=8, ruled_out=3)


@pytest.fixture
async def stores() -> AsyncIterator[AwsStores]:
    async with make_stores() as made:
        yield made


class Driver:
    """Commits a flush until it is told that it is done, as the use case does."""

    def __init__(self, stores: AwsStores) -> None:
        self.stores = stores
        self.published = 0
        self.invoked: list[str] = []

    def publish(self) -> None:
        self.published += 1

    async def invoke(self, batch_id: str) -> None:
        self.invoked.append(batch_id)

    async def commit_once(self, flush: Flush) -> bool:
        try:
            await self.stores.journal.commit(flush, committed=self.publish, invoke=self.invoke)
        except StoreUnavailable:
            return False
        return True

    async def commit(self, flush: Flush) -> int:
        """Commit as often as it needs; how often."""
        for tries in range(1, 50):
            if await self.commit_once(flush):
                return tries
        raise AssertionError("the flush never came to an end")


def read_items(stores: AwsStores) -> dict[tuple[str, str], dict[str, Any]]:
    """Everything in the table, past the guard; expiry depends on the time of writing and does not count."""
    items = past_the_guard().scan(TableName=stores.table, ConsistentRead=True)["Items"]
    return {(item["pk"]["S"], item["sk"]["S"]): item | {"ttl": {}} for item in items}


async def start(stores: AwsStores) -> tuple[Lease, Flush]:
    lease = await take_lease(stores.jobs, stores.leases, make_job())
    return lease, make_flush(lease, 0, 1, SITE)


Undisturbed = tuple[dict[tuple[str, str], dict[str, Any]], list[str]]


@pytest.fixture(scope="module")
def undisturbed() -> Undisturbed:
    """What a flush leaves when nothing goes wrong, and its requests in order."""

    async def commit() -> Undisturbed:
        async with make_stores() as stores:
            _, flush = await start(stores)
            stores.guard.reset()
            await Driver(stores).commit(flush)
            return read_items(stores), [call.operation for call in stores.guard.calls]

    return asyncio.run(commit())


#: Asserted below: two chunks of URLs, the commit, verdicts, the batch, applied_seq.
REQUESTS = range(1, 7)


def test_urls_first_verdicts_after_batches_after_six_requests_in_the_commit_order(undisturbed: Undisturbed) -> None:
    """URL items, the segment, verdicts, batch, applied_seq: the parameters below cover each."""
    _, operations = undisturbed

    assert operations == [
        "BatchWriteItem", "BatchWriteItem", "PutItem", "BatchWriteItem", "PutItem", "UpdateItem",
    ]  # fmt: skip
    assert len(operations) == len(REQUESTS)


@pytest.mark.parametrize("number", REQUESTS)
@pytest.mark.parametrize("fault", list(Fault))
async def test_a_flush_converges_whatever_goes_wrong_at_one_request(
    stores: AwsStores, undisturbed: Undisturbed, fault: Fault, number: int
) -> None:
    """Throttled, broken, dropped, lost, doubled or half done: the driver repeats, and the table is the same."""
    expected, _ = undisturbed
    _, flush = await start(stores)
    driver = Driver(stores)

    stores.guard.fail(at({number: fault}))
    await driver.commit(flush)
    stores.guard.calm()

    assert read_items(stores) == expected
    assert set(driver.invoked) == {"1-0"}
    assert driver.published >= 1


@pytest.mark.parametrize("last", [None, Fault.LOST])
@pytest.mark.parametrize("number", range(7))
async def test_a_flush_that_died_is_finished_by_the_same_flush(
    stores: AwsStores, undisturbed: Undisturbed, number: int, last: Fault | None
) -> None:
    """Nothing goes through after request *number*, itself done with or without an answer; then all is well."""
    expected, _ = undisturbed
    _, flush = await start(stores)
    driver = Driver(stores)

    stores.guard.fail(crash_after(number, last))
    await driver.commit_once(flush)
    stores.guard.calm()
    await driver.commit(flush)

    assert read_items(stores) == expected


@pytest.mark.parametrize("last", [None, Fault.LOST])
@pytest.mark.parametrize("number", range(7))
async def test_a_successor_finishes_a_committed_flush_whose_driver_died(
    stores: AwsStores, number: int, last: Fault | None
) -> None:
    """Before the commit nothing counts; after it the effects are redone from the log, by another process."""
    lease, flush = await start(stores)
    stores.guard.fail(crash_after(number, last))
    await Driver(stores).commit_once(flush)
    stores.guard.calm()

    other = open_stores(stores.guard, stores.table)
    await succeed(other, lease, flush)
    log = await other.log.read(TENANT, JOB_ID)
    committed = [segment.lines for segment in log] == [flush.segment.lines]
    effects = await read_effects(other)
    close_stores(other)

    assert effects == (flush.effects if committed else Effects())
    assert committed == (number >= 3)


async def succeed(stores: AwsStores, lease: Lease, flush: Flush) -> Job:
    """Take the job over and redo what the log says and META does not."""
    job = await stores.jobs.get(TENANT, JOB_ID)
    assert job is not None
    taken = await stores.leases.take(TENANT, JOB_ID, owner="driver-2", seen=Sign.of(job))
    assert taken is not None
    assert taken.term == lease.term + 1
    for segment in await stores.log.read(TENANT, JOB_ID, after=taken.applied_seq):
        applied = ("driver-2", taken.term, segment.last)
        await stores.journal.redo(TENANT, JOB_ID, flush.effects, applied=applied)
    return taken


async def read_effects(stores: AwsStores) -> Effects:
    """What the items say, in the order of the flush."""
    verdicts = sorted(await stores.queue.verdicts(TENANT, JOB_ID), key=lambda verdict: verdict.url)
    ruled_out = sorted(await stores.queue.ruled_out(TENANT, JOB_ID), key=lambda one: one.url)
    batches = await stores.batches.list_batches(TENANT, JOB_ID)
    return Effects(
        verdicts=tuple(verdicts),
        ruled_out=tuple(ruled_out),
        batches=tuple(BatchItem(batch_id=batch.batch_id, pages=batch.pages) for batch in batches),
    )


@pytest.mark.parametrize("seed", range(3))
async def test_a_crawl_under_random_faults_leaves_what_an_undisturbed_one_leaves(stores: AwsStores, seed: int) -> None:
    """Faults meet each other here: a throttled repetition of a lost batch that came back in part."""

    async def crawl(on: AwsStores, plan: Plan | None) -> dict[tuple[str, str], dict[str, Any]]:
        lease = await take_lease(on.jobs, on.leases, make_job())
        if plan:
            on.guard.fail(plan)
        driver, first = Driver(on), 1
        for number in range(4):
            flush = make_flush(lease, number, first, SITE)
            await driver.commit(flush)
            first = flush.segment.last + 1
        on.guard.calm()
        return read_items(on)

    disturbed = await crawl(stores, seeded(seed, 0.4))
    async with make_stores() as calm:
        expected = await crawl(calm, None)

    assert disturbed == expected


async def test_a_batch_that_always_comes_back_in_part_is_sent_until_nothing_is_left(stores: AwsStores) -> None:
    """UnprocessedItems are not an error to DynamoDB: ignoring them would lose URLs silently."""
    _, flush = await start(stores)
    stores.guard.fail(lambda call: Fault.UNPROCESSED if len(_requests(call.body)) > 1 else None)

    await Driver(stores).commit(flush)
    stores.guard.calm()

    assert len(await stores.queue.urls(TENANT, JOB_ID)) == SITE.pages * SITE.new_urls
    assert [pause.total_seconds() for pause in stores.clock.slept[:2]] == [0.05, 0.05]
    assert max(stores.clock.slept).total_seconds() > 0.2


def _requests(body: dict[str, Any]) -> list[Any]:
    return [entry for table in body.get("RequestItems", {}).values() for entry in table]


async def test_a_batch_that_is_never_taken_gives_up(stores: AwsStores) -> None:
    """The pauses are bounded: the driver must come back to its lease and its deadline."""
    _, flush = await start(stores)
    stores.guard.fail(always("BatchWriteItem", Fault.UNPROCESSED))

    only_one = replace(flush, new_urls=flush.new_urls[:1])
    assert not await Driver(stores).commit_once(only_one)
    assert sum(pause.total_seconds() for pause in stores.clock.slept) < 10


async def test_a_throttled_table_is_asked_again_and_then_given_up(stores: AwsStores) -> None:
    """Throttled is surely not done, so even the commit may be repeated."""
    _, flush = await start(stores)
    stores.guard.fail(always("PutItem", Fault.THROTTLE))

    assert not await Driver(stores).commit_once(flush)
    assert [call.operation for call in stores.guard.calls].count("PutItem") == 5


async def test_a_lost_commit_is_recognised_and_published_once(stores: AwsStores) -> None:
    """The place is taken by our own bytes: the flush goes on, nothing is renumbered."""
    _, flush = await start(stores)
    driver = Driver(stores)
    stores.guard.fail(at({3: Fault.LOST}))

    first = await driver.commit_once(flush)
    published_before = driver.published
    second = await driver.commit_once(flush)

    assert (first, published_before, second, driver.published) == (False, 0, True, 1)


async def test_nothing_is_done_after_a_commit_whose_place_is_taken(stores: AwsStores) -> None:
    """A zombie leaves no verdict, no batch and no invocation behind."""
    lease, flush = await start(stores)
    successor = replace(flush.segment, term=lease.term + 1, owner="driver-2")
    await stores.log.append(TENANT, JOB_ID, successor)
    driver = Driver(stores)

    with pytest.raises(SegmentTaken):
        await stores.journal.commit(flush, committed=driver.publish, invoke=driver.invoke)

    assert await read_effects(stores) == Effects()
    assert (driver.published, driver.invoked) == (0, [])


async def test_a_late_acknowledgement_never_takes_applied_seq_back(stores: AwsStores) -> None:
    """A repetition of an old flush that lands late must not make a successor redo what is done."""
    lease, flush = await start(stores)
    later = make_flush(lease, 1, flush.segment.last + 1, SITE)
    driver = Driver(stores)
    for one in (flush, later, flush):
        await driver.commit(one)

    job = await stores.jobs.get(TENANT, JOB_ID)
    assert job is not None
    assert job.applied_seq == later.segment.last


async def test_a_redo_of_several_segments_and_a_late_write_lose_no_ruled_out_url(stores: AwsStores) -> None:
    """The dead driver's own packed item may land after the successor's longer one."""
    lease, flush = await start(stores)
    longer = replace(flush.effects, ruled_out=flush.effects.ruled_out * 2)
    await stores.journal.redo(TENANT, JOB_ID, longer, applied=("driver-2", lease.term + 1, 1))

    await Driver(stores).commit(replace(flush, effects=replace(flush.effects, ruled_out=flush.effects.ruled_out[:1])))

    ruled_out = await stores.queue.ruled_out(TENANT, JOB_ID)
    assert sorted(ruled_out, key=lambda one: one.url) == list(flush.effects.ruled_out)


async def test_a_batch_that_is_inserted_again_keeps_its_results(stores: AwsStores) -> None:
    """A repeated flush, a successor's redo: the processor may have been quicker."""
    lease, flush = await start(stores)
    driver = Driver(stores)
    await driver.commit(flush)
    await stores.batches.add_part(TENANT, JOB_ID, "1-0", "0", (0, 1))

    await driver.commit(flush)
    await stores.journal.redo(TENANT, JOB_ID, flush.effects, applied=("driver-1", lease.term, flush.segment.last))

    batch = (await stores.batches.get_many(TENANT, JOB_ID, ("1-0",)))["1-0"]
    assert batch.parts == {"0": (0, 1)}


async def test_renewals_go_on_while_every_other_thread_hangs(stores: AwsStores) -> None:
    """A slow queue must not cost a driver its job."""
    lease, _ = await start(stores)
    with stores.guard.holding("BatchGetItem") as held:
        hanging = [asyncio.create_task(stores.batches.get_many(TENANT, JOB_ID, (str(n),))) for n in range(20)]
        await asyncio.to_thread(held.arrived.wait)
        renewed = await stores.leases.renew(lease)
        given_up = list(stores.clock.slept)
        held.release()
        await asyncio.gather(*hanging)

    assert renewed.beat == lease.beat + 1
    assert given_up == []  # nobody's time-out has made room


async def test_strong_reads_are_asked_for_whatever_a_driver_reads(stores: AwsStores) -> None:
    """moto knows no other reads, AWS does: a new driver must see what its predecessor wrote last."""
    lease, flush = await start(stores)
    await Driver(stores).commit(flush)
    stores.guard.reset()
    await stores.jobs.get(TENANT, JOB_ID)
    await stores.log.read(TENANT, JOB_ID)
    await stores.log.read(TENANT, JOB_ID, after=flush.segment.first)
    await stores.queue.urls(TENANT, JOB_ID)
    await stores.queue.verdicts(TENANT, JOB_ID)
    await stores.queue.ruled_out(TENANT, JOB_ID)
    await stores.batches.get_many(TENANT, JOB_ID, ("1-0",))
    await stores.batches.list_batches(TENANT, JOB_ID)
    await stores.libraries.get(TENANT, "docs")
    bodies = [call.body for call in stores.guard.calls]
    asked = [next(iter(body["RequestItems"].values())) if "RequestItems" in body else body for body in bodies]

    assert len(asked) >= 9
    assert [body for body in asked if not body.get("ConsistentRead")] == []
    assert lease.term == 1


async def test_a_missing_table_is_a_mistake_of_the_configuration(stores: AwsStores) -> None:
    """Waiting for it would hang the driver for ever."""
    other = open_stores(stores.guard, "no-such-table")

    with pytest.raises(ConfigInvalid):
        await other.jobs.get(TENANT, JOB_ID)

    close_stores(other)


async def test_every_item_of_a_flush_has_its_time_to_live(stores: AwsStores) -> None:
    """Retention costs no write: what is not wanted any more goes by itself, the log sooner than the rest."""
    _, flush = await start(stores)
    before_s = stores.jobs._table.clock.now().timestamp()  # noqa: SLF001 - the clock that the items went by
    await Driver(stores).commit(flush)
    items = past_the_guard().scan(TableName=stores.table, ConsistentRead=True)["Items"]
    days = {
        item["sk"]["S"][0]: (int(item["ttl"]["N"]) - before_s) / 86_400
        for item in items
        if item["sk"]["S"] != "META" and item["pk"]["S"].endswith(JOB_ID) and "#JOB#" in item["pk"]["S"]
        and not item["sk"]["S"].startswith("SPEC")
    }  # fmt: skip

    assert set(days) == set("UEVB")
    assert {kind: round(left) for kind, left in days.items()} == {"U": 68, "V": 68, "B": 68, "E": 45}
