"""What every job store promises (runnel/ports/job_store.py)."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from runnel.domain.jobs import Job, JobOptions, JobState, Wish
from runnel.errors import InputInvalid
from tests.contract.bundle import Stores
from tests.contract.makers import (
    ENDING,
    TENANT,
    do_nothing,
    driven_job,
    invoke_nothing,
    make_flush,
    make_job,
    take,
)


async def all_pages(stores: Stores, *, limit: int) -> list[list[str]]:
    pages: list[list[str]] = []
    cursor = None
    while True:
        jobs, cursor = await stores.jobs.list_jobs(
            TENANT, states=frozenset(), library_id=None, cursor=cursor, limit=limit
        )
        pages.append([job.job_id for job in jobs])
        if cursor is None:
            return pages


async def test_a_job_comes_back_as_it_was_stored(stores: Stores) -> None:
    """META is all that a driver in another process knows of a job that has no log yet."""
    options = JobOptions(include=("/docs/**",), max_usd=0.5, metadata={"team": "ä"}, headers={"X-Key": "env:KEY"})
    job = make_job(
        options=options, start="on_connect", request_hash="f" * 64, output="/home/me/out", retry_of="job0",
        wish=Wish.PAUSE, wish_no=4, publishing=True, applied_seq=17, spent_s=1.25, spent_usd=0.125, owner="d", term=3,
        beat=9, state=JobState.COMPLETED, ending=ENDING,
    )  # fmt: skip

    assert await stores.jobs.create(job) == job
    assert await stores.jobs.get(TENANT, "job1") == job


async def test_a_minimal_job_comes_back_as_it_was_stored(stores: Stores) -> None:
    """A job without sources is allowed, and has no URL."""
    job = replace(make_job(), sources=())
    await stores.jobs.create(job)

    assert await stores.jobs.get(TENANT, "job1") == job


async def test_of_many_equal_creations_one_counts(stores: Stores) -> None:
    """An Idempotency-Key that is sent five times at once makes one job, and everybody learns which."""
    jobs = [make_job(request_hash=str(number)) for number in range(5)]
    answers = await asyncio.gather(*(stores.jobs.create(job) for job in jobs))
    stored = await stores.jobs.get(TENANT, "job1")

    assert stored in jobs
    assert answers == [stored] * 5


async def test_an_unknown_job_is_none(stores: Stores) -> None:
    """A job of another tenant is as unknown as one that was never there."""
    await stores.jobs.create(make_job())

    assert await stores.jobs.get(TENANT, "job2") is None
    assert await stores.jobs.get("other", "job1") is None


async def test_lists_are_newest_first_and_pages_join_without_gap_or_double(stores: Stores) -> None:
    """Somebody who pages through his jobs sees each once."""
    for number in (2, 0, 4, 1, 3):
        await stores.jobs.create(make_job(f"job{number}", minutes=number))

    assert await all_pages(stores, limit=2) == [["job4", "job3"], ["job2", "job1"], ["job0"]]
    assert await all_pages(stores, limit=5) == [["job4", "job3", "job2", "job1", "job0"]]


async def test_a_cursor_goes_on_where_it_stopped_although_a_job_came(stores: Stores) -> None:
    """A new job goes to the top of the list; it must not push another one out of the second page, or into it twice."""
    for number in range(4):
        await stores.jobs.create(make_job(f"job{number}", minutes=number))
    _, cursor = await stores.jobs.list_jobs(TENANT, states=frozenset(), library_id=None, cursor=None, limit=2)
    await stores.jobs.create(make_job("job9", minutes=9))
    rest, last = await stores.jobs.list_jobs(TENANT, states=frozenset(), library_id=None, cursor=cursor, limit=2)

    assert [job.job_id for job in rest] == ["job1", "job0"]
    assert last is None


async def test_lists_are_filtered_by_tenant_state_and_library(stores: Stores) -> None:
    """A tenant never sees another's jobs; filters do not eat up the page."""
    await stores.jobs.create(make_job("job1", minutes=1, state=JobState.RUNNING))
    await stores.jobs.create(make_job("job2", minutes=2, state=JobState.COMPLETED))
    await stores.jobs.create(make_job("job3", minutes=3, state=JobState.COMPLETED, library_id="blog"))
    await stores.jobs.create(make_job("job4", minutes=4, tenant="other"))

    async def ids(states: set[JobState], library_id: str | None) -> list[str]:
        jobs, _ = await stores.jobs.list_jobs(
            TENANT, states=frozenset(states), library_id=library_id, cursor=None, limit=1
        )
        return [job.job_id for job in jobs]

    assert await ids(set(), None) == ["job3"]
    assert await ids({JobState.RUNNING, JobState.QUEUED}, None) == ["job1"]
    assert await ids({JobState.COMPLETED}, "docs") == ["job2"]
    assert await ids({JobState.RUNNING}, "blog") == []


@pytest.mark.parametrize("cursor", ["nonsense!", "AAAA", "é"])
async def test_a_foreign_cursor_is_refused_or_shows_nothing_foreign(stores: Stores, cursor: str) -> None:
    """A cursor comes back from the client: it is input."""
    await stores.jobs.create(make_job("secret", tenant="other"))
    try:
        jobs, _ = await stores.jobs.list_jobs(TENANT, states=frozenset(), library_id=None, cursor=cursor, limit=9)
    except InputInvalid:
        return

    assert jobs == []


async def test_active_names_every_job_that_has_not_ended(stores: Stores) -> None:
    """The sweep finds dead drivers of all tenants; a job it misses is lost."""
    await stores.jobs.create(make_job("job1"))
    await stores.jobs.create(make_job("job2", tenant="other", state=JobState.PAUSED))
    await stores.jobs.create(make_job("job3", state=JobState.FAILED))
    lease = await driven_job(stores, "job4")
    await stores.leases.release(lease, state=JobState.COMPLETED, ending=ENDING)

    assert sorted(await stores.jobs.active()) == [(TENANT, "job1"), ("other", "job2")]


async def test_wish_number_a_wish_is_written_only_over_the_number_that_was_read(stores: Stores) -> None:
    """Two tabs that press pause and cancel at once: one of them learns that it came second [wish_number]."""
    await stores.jobs.create(make_job())
    first = await stores.jobs.set_wish(TENANT, "job1", Wish.PAUSE, seen=0)
    late = await stores.jobs.set_wish(TENANT, "job1", None, seen=0)
    stored = await stores.jobs.get(TENANT, "job1")

    assert first is not None
    assert (first.wish, first.wish_no) == (Wish.PAUSE, 1)
    assert late is None
    assert stored == first


@pytest.mark.parametrize("fields", [{"publishing": True}, {"state": JobState.COMPLETED}, {"state": JobState.CANCELLED}])
async def test_no_wish_reaches_a_job_that_publishes_or_is_over(stores: Stores, fields: dict[str, Any]) -> None:
    """After the mark the end is decided; a wish that was acknowledged would be broken."""
    job = await stores.jobs.create(make_job(**fields))

    assert await stores.jobs.set_wish(TENANT, "job1", Wish.CANCEL, seen=0) is None
    assert await stores.jobs.get(TENANT, "job1") == job


async def test_no_wish_reaches_a_job_that_is_unknown(stores: Stores) -> None:
    """A wish must not make a job."""
    assert await stores.jobs.set_wish(TENANT, "job1", Wish.CANCEL, seen=0) is None
    assert await stores.jobs.get(TENANT, "job1") is None


@pytest.mark.parametrize(("before", "after"), [(JobState.PAUSED, JobState.RUNNING), (JobState.QUEUED, JobState.QUEUED)])
async def test_taking_a_pause_back_sets_a_paused_job_running(stores: Stores, before: JobState, after: JobState) -> None:
    """In the same write: a job that is paused without a wish to pause would have no driver for ever."""
    await stores.jobs.create(make_job(state=before, wish=Wish.PAUSE, wish_no=3))
    job = await stores.jobs.set_wish(TENANT, "job1", None, seen=3)

    assert job is not None
    assert (job.state, job.wish, job.wish_no) == (after, None, 4)
    assert await stores.jobs.get(TENANT, "job1") == job


async def test_deleting_takes_all_of_one_job_and_nothing_else(stores: Stores) -> None:
    """What was deleted is gone, down to the last URL; a neighbour keeps everything."""
    for job_id in ("job1", "job11"):
        await driven_job(stores, job_id)
        await stores.journal.commit(make_flush(job_id), committed=do_nothing, invoke=invoke_nothing)
    await stores.jobs.delete(TENANT, "job1")
    await stores.jobs.delete(TENANT, "job1")
    await stores.jobs.delete(TENANT, "job2")

    async def what_is_left(job_id: str) -> list[int]:
        return [
            len(await stores.log.read(TENANT, job_id)),
            len(await stores.queue.urls(TENANT, job_id)),
            len(await stores.queue.verdicts(TENANT, job_id)),
            len(await stores.queue.ruled_out(TENANT, job_id)),
            len(await stores.batches.list_batches(TENANT, job_id)),
        ]

    assert await stores.jobs.get(TENANT, "job1") is None
    assert await what_is_left("job1") == [0, 0, 0, 0, 0]
    assert await what_is_left("job11") == [1, 3, 3, 2, 1]
    assert await stores.jobs.active() == [(TENANT, "job11")]
    assert await all_pages(stores, limit=9) == [["job11"]]


async def test_a_job_that_is_marked_deleted_is_gone_at_once(stores: Stores) -> None:
    """Its user sees no trace of it, the sweep finds it until all of it is removed."""
    for number in range(3):
        await stores.jobs.create(make_job(f"job{number}", minutes=number, state=JobState.COMPLETED, ending=ENDING))
    marked = await stores.jobs.mark_deleted(TENANT, "job1")
    again = await stores.jobs.mark_deleted(TENANT, "job1")
    seen = await stores.jobs.create(make_job("job1", minutes=9))

    assert marked is not None
    assert marked.deleted
    assert again is None
    assert await stores.jobs.get(TENANT, "job1") is None
    assert await all_pages(stores, limit=1) == [["job2"], ["job0"]]
    assert await stores.jobs.active() == []
    assert await stores.jobs.deleted() == [marked]
    # Whoever makes the same id again learns why it cannot.
    assert seen.deleted
    assert await stores.jobs.set_wish(TENANT, "job1", Wish.CANCEL, seen=0) is None

    await stores.leases.repair(TENANT, "job1", state=JobState.FAILED, ending=ENDING)
    assert [job.job_id for job in await stores.jobs.deleted()] == ["job1"]
    await stores.jobs.delete(TENANT, "job1")
    assert await stores.jobs.deleted() == []
    assert await stores.jobs.create(make_job("job1", minutes=9)) == make_job("job1", minutes=9)


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING, JobState.PAUSED, JobState.COMPLETING])
async def test_a_job_that_has_not_ended_is_not_marked_deleted(stores: Stores, state: JobState) -> None:
    """Its driver would go on without it."""
    job = await stores.jobs.create(make_job(state=state))

    assert await stores.jobs.mark_deleted(TENANT, "job1") is None
    assert await stores.jobs.mark_deleted("other", "job1") is None
    assert await stores.jobs.mark_deleted(TENANT, "job2") is None
    assert await stores.jobs.get(TENANT, "job1") == job
    assert await stores.jobs.deleted() == []


async def test_a_deleted_id_can_be_used_again(stores: Stores) -> None:
    """An Idempotency-Key names the same id again after its job was deleted."""
    await driven_job(stores)
    await stores.jobs.delete(TENANT, "job1")
    job: Job = await stores.jobs.create(make_job(minutes=5))

    assert (await take(stores)).term == 1
    assert job == make_job(minutes=5)
