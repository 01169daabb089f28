"""What is particular to META in DynamoDB: its size and price, lost acknowledgements, long options, lists, expiry."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from runnel.adapters.dynamodb.items import job_from_items, job_to_items
from runnel.domain.jobs import EndedBecause, Ending, Job, JobOptions, JobState, Lease, Sign, Wish
from runnel.domain.retention import JOBS
from runnel.domain.verdicts import Counts
from runnel.errors import InputInvalid, StoreUnavailable
from tests.support.dynamodb_guard import Fault, at, crash_after
from tests.support.dynamodb_rules import item_size
from tests.support.dynamodb_stores import AwsStores, close_stores, make_stores, open_stores, past_the_guard
from tests.support.flushes import CREATED, JOB_ID, TENANT, Site, make_flush, make_job, take_lease

ENDING = Ending(
    ended_because=EndedBecause.DONE,
    ok=True,
    ended_at=CREATED + timedelta(hours=1),
    counts=Counts(seen=10_000, fetched=9_000, skipped=900, failed=100),
    cost_usd=0.1234,
)
#: Far more than META may hold.
LONG = JobOptions(include=tuple(f"/docs/section-{n}/**" for n in range(100)))


@pytest.fixture
async def stores() -> AsyncIterator[AwsStores]:
    async with make_stores() as made:
        yield made


def read_items(stores: AwsStores) -> dict[str, dict[str, Any]]:
    items = past_the_guard().scan(TableName=stores.table, ConsistentRead=True)["Items"]
    return {item["sk"]["S"]: item for item in items}


def make_full_job(options: JobOptions | None = None) -> Job:
    """A job with everything set that a running one may have."""
    return replace(
        make_job(options=options),
        state=JobState.COMPLETING,
        owner="0198f2a6-7c1e-7d3a-9b2f-1c2d3e4f5a6b",
        term=12,
        beat=99_999,
        wish=Wish.CANCEL,
        wish_no=7,
        publishing=True,
        applied_seq=123_456,
        spent_s=12_345.678901,
        spent_usd=1.23456789,
        output="/somewhere",
        start="on_connect",
    )


@pytest.mark.parametrize("job", [make_job(), make_full_job(), make_full_job(LONG), replace(make_job(), ending=ENDING)])
def test_a_job_comes_back_as_it_was_stored(job: Job) -> None:
    """The mapping loses nothing, whatever is set."""
    meta, spec = job_to_items(job)

    assert job_from_items(meta, spec or meta) == job


@pytest.mark.parametrize("options", [None, LONG])
def test_meta_stays_under_a_kilobyte(options: JobOptions | None) -> None:
    """It is written every four seconds and at every flush: a second kilobyte would double that price."""
    meta, _ = job_to_items(replace(make_full_job(options), ending=None))

    assert item_size(meta) < 1024


async def test_a_beat_a_wish_and_a_flush_cost_one_unit_each(stores: AwsStores) -> None:
    """No index key moves while the job runs."""
    lease = await take_lease(stores.jobs, stores.leases, make_job(options=LONG))
    stores.guard.reset()

    lease = await stores.leases.renew(lease)
    await stores.leases.update(lease, state=JobState.RUNNING, spent_s=1.5)
    await stores.jobs.set_wish(TENANT, JOB_ID, Wish.PAUSE, seen=0)

    assert stores.guard.spent.write_units == {"META": 3.0}


async def test_usage_is_what_the_table_charged(stores: AwsStores) -> None:
    """The dollars that a user sees come from this count."""
    lease = await take_lease(stores.jobs, stores.leases, make_job())
    await stores.journal.commit(make_flush(lease, 0, 1, Site(new_urls=9)), committed=lambda: None, invoke=_nobody)
    assert await stores.leases.update(replace(lease, term=9)) is None
    await stores.queue.urls(TENANT, JOB_ID)

    used = stores.dynamodb.usage.used
    assert used.write_units == stores.guard.spent.all_write_units
    assert used.read_units == stores.guard.spent.read_units
    assert used.requests == len(stores.guard.calls)


async def _nobody(_batch_id: str) -> None:
    return


# ---------------------------------------------------------------- lost acknowledgements


async def test_lost_take_a_lost_acknowledgement_of_taking_means_taken(stores: AwsStores) -> None:
    """Owner = me: without this a driver would wait out its own lease."""
    job = await stores.jobs.create(make_job())
    stores.guard.fail(at({1: Fault.LOST}))
    with pytest.raises(StoreUnavailable):
        await stores.leases.take(TENANT, JOB_ID, owner="a", seen=Sign.of(job))

    taken = await stores.leases.take(TENANT, JOB_ID, owner="a", seen=Sign.of(job))
    other = await stores.leases.take(TENANT, JOB_ID, owner="b", seen=Sign.of(job))

    assert taken is not None
    assert (taken.owner, taken.term, other) == ("a", 1, None)


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.DOUBLE])
async def test_a_renewal_that_is_done_twice_is_one_beat(stores: AwsStores, fault: Fault) -> None:
    """A beat that runs ahead would look like another driver's sign of life."""
    lease = await take_lease(stores.jobs, stores.leases, make_job())
    stores.guard.fail(at({1: fault}))
    try:
        renewed = await stores.leases.renew(lease)
    except StoreUnavailable:
        renewed = await stores.leases.renew(lease)

    job = await stores.jobs.get(TENANT, JOB_ID)
    assert job is not None
    assert (renewed.beat, job.beat) == (lease.beat + 1, lease.beat + 1)


@pytest.mark.parametrize("number", range(4))
async def test_creating_after_a_crash_anywhere_ends_with_one_listed_job(stores: AwsStores, number: int) -> None:
    """Options, META, list item: the call is repeated, with another time, and nothing is lost or double."""
    stores.guard.fail(crash_after(number, Fault.LOST))
    with pytest.raises(StoreUnavailable):
        await stores.jobs.create(make_job(options=LONG))
    stores.guard.calm()

    job = await stores.jobs.create(replace(make_job(options=LONG), created_at=CREATED + timedelta(seconds=9)))
    listed, _ = await stores.jobs.list_jobs(TENANT, states=frozenset(), library_id=None, cursor=None, limit=10)

    assert listed == [job]
    assert sorted(sk.split("#")[0] for sk in read_items(stores)) == ["J", "META", "SPEC"]


async def test_a_deletion_after_a_crash_anywhere_can_be_repeated(stores: AwsStores) -> None:
    """META goes last: as long as anything is left, the job is found."""
    lease = await take_lease(stores.jobs, stores.leases, make_job(options=LONG))
    for number in range(6):
        await stores.jobs.create(make_job(options=LONG))
        await stores.journal.commit(make_flush(lease, 0, 1, Site(pages=30)), committed=lambda: None, invoke=_nobody)
        stores.guard.fail(crash_after(number, Fault.LOST))
        try:
            await stores.jobs.delete(TENANT, JOB_ID)
        except StoreUnavailable:
            stores.guard.calm()
            await stores.jobs.delete(TENANT, JOB_ID)
        stores.guard.calm()

        assert read_items(stores) == {}


# ---------------------------------------------------------------- long options


async def test_long_options_are_read_once(stores: AwsStores) -> None:
    """A driver looks at META every second; what cannot change need not be read again."""
    await stores.jobs.create(make_job(options=LONG))
    other = open_stores(stores.guard, stores.table)
    stores.guard.reset()

    jobs = [await other.jobs.get(TENANT, JOB_ID) for _ in range(3)]
    close_stores(other)

    assert jobs == [make_job(options=LONG)] * 3
    assert stores.guard.spent.requests == {"GetItem": 4}


async def test_another_request_under_the_same_id_does_not_change_stored_options(stores: AwsStores) -> None:
    """Options are put before META is decided: they must not be those of the loser."""
    first = await stores.jobs.create(make_job(options=LONG))
    other = LONG.model_copy(update={"include": LONG.include[:99]})
    second = await stores.jobs.create(make_job(options=other))

    reader = open_stores(stores.guard, stores.table)
    stored = await reader.jobs.get(TENANT, JOB_ID)
    close_stores(reader)

    assert first == second == stored


# ---------------------------------------------------------------- lists and the end


async def test_a_long_list_is_read_to_its_end_in_pages(stores: AwsStores) -> None:
    """More jobs than list items are read at once, with few that match."""
    made = []
    for n in range(120):
        state = JobState.FAILED if n % 40 == 0 else JobState.QUEUED
        job = replace(make_job(f"j{n:03}"), created_at=CREATED + timedelta(seconds=n), state=state)
        made.append(await stores.jobs.create(job))

    found, cursor = [], None
    while True:
        page, cursor = await stores.jobs.list_jobs(
            TENANT, states=frozenset({JobState.FAILED}), library_id=None, cursor=cursor, limit=1
        )
        found += page
        if cursor is None:
            break
    everything, _ = await stores.jobs.list_jobs(TENANT, states=frozenset(), library_id=None, cursor=None, limit=500)

    assert [job.job_id for job in found] == ["j080", "j040", "j000"]
    assert everything == made[::-1]


@pytest.mark.parametrize("cursor", ["", "x", "é", "////", "AAAA=AAAA"])
async def test_a_foreign_cursor_is_refused(stores: AwsStores, cursor: str) -> None:
    """It comes from the outside: no error of base64 or of DynamoDB may come of it."""
    with pytest.raises(InputInvalid):
        await stores.jobs.list_jobs(TENANT, states=frozenset(), library_id=None, cursor=cursor, limit=5)


async def test_the_end_takes_a_job_out_of_the_index_and_lets_its_items_expire(stores: AwsStores) -> None:
    """A deletion costs as much as a write; expiry is free."""
    lease = await take_lease(stores.jobs, stores.leases, make_job(options=LONG))
    active = await stores.jobs.active()

    assert await stores.leases.release(lease, state=JobState.COMPLETED, ending=ENDING)

    expires = str(int((ENDING.ended_at + JOBS).timestamp()))
    items = read_items(stores)
    assert (active, await stores.jobs.active()) == ([(TENANT, JOB_ID)], [])
    assert {sk.split("#")[0]: item["ttl"]["N"] for sk, item in items.items()} == dict.fromkeys(
        ("META", "SPEC", "J"), expires
    )
    assert "gsi1pk" not in items["META"]


async def test_repairing_is_releasing_without_a_lease(stores: AwsStores) -> None:
    """The log is the truth: whoever reads its end may write it to META, and nobody holds an ended job."""
    lease: Lease = await take_lease(stores.jobs, stores.leases, make_job())
    for _ in range(2):
        await stores.jobs.repair(TENANT, JOB_ID, state=JobState.COMPLETED, ending=ENDING)

    job = await stores.jobs.get(TENANT, JOB_ID)
    assert job is not None
    assert (job.state, job.ending, job.owner) == (JobState.COMPLETED, ENDING, None)
    assert not await stores.leases.release(lease)


async def test_taking_a_pause_back_sets_only_a_paused_job_running(stores: AwsStores) -> None:
    """One write either way, under another condition."""
    lease = await take_lease(stores.jobs, stores.leases, make_job())
    await stores.jobs.set_wish(TENANT, JOB_ID, Wish.PAUSE, seen=0)
    early = await stores.jobs.set_wish(TENANT, JOB_ID, None, seen=1)
    await stores.jobs.set_wish(TENANT, JOB_ID, Wish.PAUSE, seen=2)
    await stores.leases.release(lease, state=JobState.PAUSED, only_if_paused=True)

    late = await stores.jobs.set_wish(TENANT, JOB_ID, None, seen=3)

    assert early is not None
    assert late is not None
    assert (early.state, late.state, late.wish, late.wish_no) == (JobState.QUEUED, JobState.RUNNING, None, 4)
