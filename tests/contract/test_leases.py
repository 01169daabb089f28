"""What every store of leases promises (runnel/ports/job_store.py)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from runnel.domain.jobs import Job, JobState, Lease, Sign, Wish
from runnel.errors import LeaseLost
from tests.contract.bundle import Stores
from tests.contract.makers import ENDING, TENANT, driven_job, make_job, take


async def stored(stores: Stores) -> Job:
    job = await stores.jobs.get(TENANT, "job1")
    assert job is not None
    return job


async def test_each_taking_raises_the_term_and_moves_the_beat(stores: Stores) -> None:
    """The term tells drivers apart in the log; the beat tells watchers that somebody has come."""
    job = await stores.jobs.create(make_job())
    taken = await stores.leases.take(TENANT, "job1", owner="a", seen=Sign.of(job))

    assert taken is not None
    assert (taken.owner, taken.term) == ("a", 1)
    assert taken.beat > job.beat
    assert await stored(stores) == taken
    assert (await take(stores, owner="b")).term == 2


async def test_take_conditional_of_many_takers_one_becomes_the_driver(stores: Stores) -> None:
    """Followers that notice a dead driver at the same moment must not drive side by side [take_conditional]."""
    job = await stores.jobs.create(make_job())
    takers = [stores.leases.take(TENANT, "job1", owner=f"d{n}", seen=Sign.of(job)) for n in range(5)]
    taken = [answer for answer in await asyncio.gather(*takers) if answer is not None]

    assert len(taken) == 1
    assert await stored(stores) == taken[0]


@pytest.mark.parametrize("change", [{"owner": "x"}, {"owner": None}, {"term": 0}, {"beat": 0}])
async def test_take_conditional_a_lease_is_not_taken_when_meta_shows_anything_else(
    stores: Stores, change: dict[str, object]
) -> None:
    """Owner, term and beat are what the taker has watched; each of them alone says that the driver lives."""
    await driven_job(stores)
    before = await stored(stores)
    seen = replace(Sign.of(before), **change)  # type: ignore[arg-type]  # the table above has the right types

    assert await stores.leases.take(TENANT, "job1", owner="other", seen=seen) is None
    assert await stored(stores) == before


async def test_a_beat_that_moved_protects_the_driver(stores: Stores) -> None:
    """A driver that renewed after the taker's last look is alive."""
    lease = await driven_job(stores)
    watched = Sign.of(await stored(stores))
    await stores.leases.renew(lease)

    assert await stores.leases.take(TENANT, "job1", owner="other", seen=watched) is None


async def test_an_unknown_job_has_no_lease(stores: Stores) -> None:
    """Taking must not make a job."""
    sign = Sign(owner=None, term=0, beat=0)

    assert await stores.leases.take(TENANT, "job1", owner="a", seen=sign) is None
    assert await stores.jobs.get(TENANT, "job1") is None


async def test_renewing_raises_the_beat(stores: Stores) -> None:
    """The beat is the sign of life."""
    lease = await driven_job(stores)
    renewed = await stores.leases.renew(lease)

    assert renewed.beat > lease.beat
    assert (await stored(stores)).beat == renewed.beat
    assert renewed == replace(lease, beat=renewed.beat)


async def test_renew_conditional_a_lost_lease_cannot_be_renewed(stores: Stores) -> None:
    """A zombie learns it at its next beat, and changes nothing."""
    zombie = await driven_job(stores)
    await take(stores, owner="successor")
    before = await stored(stores)

    with pytest.raises(LeaseLost):
        await stores.leases.renew(zombie)

    assert await stored(stores) == before


async def test_the_same_owner_of_an_older_term_is_another(stores: Stores) -> None:
    """Conditions name the term too: an owner's name alone proves nothing [meta_fenced]."""
    old = await driven_job(stores, owner="same")
    await take(stores, owner="same")

    with pytest.raises(LeaseLost):
        await stores.leases.renew(old)
    assert await stores.leases.update(old, state=JobState.COMPLETING) is None
    assert await stores.leases.release(old) is False


Write = Callable[[Stores, Lease], Awaitable[object]]
WRITES: dict[str, Write] = {
    "update": lambda stores, lease: stores.leases.update(lease, state=JobState.RUNNING, publishing=True, spent_s=9.0),
    "release": lambda stores, lease: stores.leases.release(lease, state=JobState.COMPLETED, ending=ENDING),
}


@pytest.mark.parametrize("write", WRITES)
async def test_meta_fenced_a_zombie_writes_nothing(stores: Stores, write: str) -> None:
    """Every write of a driver is conditional on owner and term [meta_fenced]."""
    zombie = await driven_job(stores)
    await take(stores, owner="successor")
    before = await stored(stores)
    answer = await WRITES[write](stores, zombie)

    assert not answer
    assert await stored(stores) == before


@pytest.mark.parametrize("write", WRITES)
async def test_a_released_lease_writes_nothing(stores: Stores, write: str) -> None:
    """Nobody holds a released job, least of all who held it last."""
    lease = await driven_job(stores)
    await stores.leases.release(lease)
    before = await stored(stores)
    answer = await WRITES[write](stores, lease)

    assert not answer
    assert await stored(stores) == before


async def test_a_release_gives_the_job_up_with_its_new_state_in_one_write(stores: Stores) -> None:
    """An ended job with an owner, or a running one without, would be a job that nobody finishes."""
    lease = await driven_job(stores)
    before = await stored(stores)
    done = await stores.leases.release(lease, state=JobState.COMPLETED, ending=ENDING, spent_s=7.5, spent_usd=0.25)

    assert done is True
    assert await stored(stores) == replace(
        before, owner=None, state=JobState.COMPLETED, ending=ENDING, spent_s=7.5, spent_usd=0.25
    )


async def test_a_bare_release_changes_only_the_owner(stores: Stores) -> None:
    """Handing over leaves the job as it is."""
    lease = await driven_job(stores)
    await stores.leases.update(lease, state=JobState.RUNNING, spent_s=3.0, spent_usd=0.5)
    before = await stored(stores)
    await stores.leases.release(lease)

    assert await stored(stores) == replace(before, owner=None)


@pytest.mark.parametrize(("wish", "done"), [(Wish.PAUSE, True), (None, False), (Wish.CANCEL, False)])
async def test_pause_conditional_a_job_is_paused_only_while_that_is_the_wish(
    stores: Stores, wish: Wish | None, *, done: bool
) -> None:
    """Somebody who resumes between the driver's look and its release must not find a paused job [pause_conditional]."""
    lease = await driven_job(stores)
    await stores.jobs.set_wish(TENANT, "job1", Wish.PAUSE, seen=0)
    if wish is not Wish.PAUSE:
        await stores.jobs.set_wish(TENANT, "job1", wish, seen=1)
    before = await stored(stores)
    answer = await stores.leases.release(lease, state=JobState.PAUSED, only_if_paused=True)

    assert answer is done
    assert await stored(stores) == (replace(before, owner=None, state=JobState.PAUSED) if done else before)


async def test_an_update_changes_what_it_names_and_returns_the_job(stores: Stores) -> None:
    """The driver goes on with what META holds now, the wish included."""
    lease = await driven_job(stores)
    first = await stores.leases.update(lease, state=JobState.RUNNING, spent_s=1.5, spent_usd=0.5)
    second = await stores.leases.update(lease, publishing=True)
    third = await stores.leases.update(lease, publishing=False)

    assert first is not None
    assert (first.state, first.publishing, first.spent_s, first.spent_usd) == (JobState.RUNNING, False, 1.5, 0.5)
    assert second == replace(first, publishing=True)
    assert third == first
    assert await stored(stores) == first


@pytest.mark.parametrize("wish", [Wish.PAUSE, Wish.CANCEL])
async def test_mark_conditional_and_mark_no_wish_a_job_is_not_marked_over_a_wish(stores: Stores, wish: Wish) -> None:
    """A cancel that was acknowledged before the mark is kept [mark_conditional, mark_no_wish]."""
    lease = await driven_job(stores)
    await stores.jobs.set_wish(TENANT, "job1", wish, seen=0)
    refused = await stores.leases.update(lease, publishing=True, only_without_wish=True)

    assert refused is None
    assert (await stored(stores)).publishing is False

    await stores.jobs.set_wish(TENANT, "job1", None, seen=1)
    marked = await stores.leases.update(lease, publishing=True, only_without_wish=True)

    assert marked is not None
    assert marked.publishing is True


async def test_meta_is_repaired_without_a_lease(stores: Stores) -> None:
    """A log that ends is the truth; the driver that wrote it may be dead [terminal_truth]."""
    await driven_job(stores)
    await stores.leases.repair(TENANT, "job1", state=JobState.COMPLETED, ending=ENDING)
    job = await stored(stores)

    assert (job.state, job.ending, job.owner) == (JobState.COMPLETED, ENDING, None)
    assert await stores.jobs.active() == []


async def test_repairing_an_unknown_job_makes_none(stores: Stores) -> None:
    """A job that was deleted meanwhile stays deleted."""
    await stores.leases.repair(TENANT, "job1", state=JobState.COMPLETED, ending=ENDING)

    assert await stores.jobs.get(TENANT, "job1") is None
