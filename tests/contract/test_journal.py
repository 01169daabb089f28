"""What every journal promises (runnel/ports/journal.py), also when it is broken off at any step."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import pytest

from runnel.domain.jobs import Job
from runnel.domain.libraries import Batch
from runnel.domain.segments import Effects, Flush
from runnel.errors import SegmentTaken, StoreUnavailable
from tests.contract.bundle import Home, Stores
from tests.contract.makers import (
    NOON,
    TENANT,
    do_nothing,
    driven_job,
    invoke_nothing,
    make_effects,
    make_flush,
    make_segment,
    take,
)


async def commit(stores: Stores, flush: Flush) -> None:
    await stores.journal.commit(flush, committed=do_nothing, invoke=invoke_nothing)


async def get(stores: Stores, job_id: str = "job1") -> Job:
    job = await stores.jobs.get(TENANT, job_id)
    assert job is not None
    return job


async def counted_urls(stores: Stores, job_id: str = "job1") -> set[str]:
    """URLs whose segment is in the log: those that count [url_flush]."""
    places = {(segment.first, segment.term) for segment in await stores.log.read(TENANT, job_id)}
    return {url.url for url in await stores.queue.urls(TENANT, job_id) if (url.first, url.term) in places}


async def has_effects(stores: Stores, effects: Effects, job_id: str = "job1") -> bool:
    verdicts = {verdict.url: verdict for verdict in await stores.queue.verdicts(TENANT, job_id)}
    ruled_out = {url.url: url for url in await stores.queue.ruled_out(TENANT, job_id)}
    batches = {batch.batch_id: batch.pages for batch in await stores.batches.list_batches(TENANT, job_id)}
    return (
        all(verdicts.get(verdict.url) == verdict for verdict in effects.verdicts)
        and all(ruled_out.get(url.url) == url for url in effects.ruled_out)
        and all(batches.get(batch.batch_id) == batch.pages for batch in effects.batches)
    )


async def test_a_flush_is_all_there_when_it_is_done(stores: Stores) -> None:
    """Log, queue, verdicts, batches and what the driver has reached."""
    await driven_job(stores)
    flush = make_flush()
    await commit(stores, flush)

    assert await stores.log.read(TENANT, "job1") == [flush.segment]
    assert await counted_urls(stores) == {url.url for url in flush.new_urls}
    assert await has_effects(stores, flush.effects)
    assert (await get(stores)).applied_seq == flush.segment.last


async def test_publish_after_clients_hear_of_a_segment_only_when_it_is_in_the_log(stores: Stores) -> None:
    """An event that was shown and then lost would be a lie [publish_after]; its URLs are there by then [urls_first]."""
    await driven_job(stores)
    flush, seen = make_flush(), []
    await stores.journal.commit(flush, committed=lambda: seen.append("committed"), invoke=invoke_nothing)

    assert seen == ["committed"]
    assert await stores.log.read(TENANT, "job1") == [flush.segment]


async def test_batches_after_the_processor_is_invoked_for_each_batch_after_the_commit(stores: Stores) -> None:
    """A processor that starts before the commit would process pages that the log does not know [batches_after]."""
    await driven_job(stores)
    happened: list[str] = []

    async def invoke(batch_id: str) -> None:
        in_log = bool(await stores.log.read(TENANT, "job1"))
        batch = (await stores.batches.get_many(TENANT, "job1", (batch_id,))).get(batch_id)
        happened.append(f"invoke {batch_id} in_log={in_log} batch={batch}")

    flush = make_flush()
    await stores.journal.commit(flush, committed=lambda: happened.append("committed"), invoke=invoke)
    batch = Batch(batch_id="1-1", pages=2)

    assert happened == ["committed", f"invoke 1-1 in_log=True batch={batch}"]


async def test_nothing_comes_after_a_place_that_is_taken(stores: Stores) -> None:
    """A zombie's flush leaves no verdict, no batch, no invocation, and nothing that a client could see."""
    await driven_job(stores)
    there = make_segment(owner="successor", term=2)
    await stores.log.append(TENANT, "job1", there)
    before = await get(stores)
    flush, happened = make_flush(), []

    async def invoke(batch_id: str) -> None:
        happened.append(batch_id)

    with pytest.raises(SegmentTaken):
        await stores.journal.commit(flush, committed=lambda: happened.append("committed"), invoke=invoke)

    assert happened == []
    assert await stores.log.read(TENANT, "job1") == [there]
    assert await counted_urls(stores) == set()
    assert await stores.queue.verdicts(TENANT, "job1") == []
    assert await stores.queue.ruled_out(TENANT, "job1") == []
    assert await stores.batches.list_batches(TENANT, "job1") == []
    assert await get(stores) == before


async def test_the_same_flush_again_changes_nothing_but_is_told_again(stores: Stores) -> None:
    """Whoever got no answer sends the same bytes again [same_bytes]; clients are told then, and processors asked."""
    await driven_job(stores)
    flush, happened = make_flush(), []

    async def invoke(batch_id: str) -> None:
        happened.append(batch_id)

    for _ in range(2):
        await stores.journal.commit(flush, committed=lambda: happened.append("committed"), invoke=invoke)

    assert happened == ["committed", "1-1"] * 2
    assert await stores.log.read(TENANT, "job1") == [flush.segment]
    assert len(await stores.queue.urls(TENANT, "job1")) == len(flush.new_urls)
    assert len(await stores.queue.verdicts(TENANT, "job1")) == len(flush.effects.verdicts)
    assert len(await stores.queue.ruled_out(TENANT, "job1")) == len(flush.effects.ruled_out)


async def test_batch_insert_a_batch_is_inserted_once_whatever_became_of_it(stores: Stores) -> None:
    """A repetition must not forget results that have come meanwhile [batch_insert]."""
    lease = await driven_job(stores)
    flush = make_flush()
    await commit(stores, flush)
    await stores.batches.add_part(TENANT, "job1", "1-1", "part", (0,))
    await stores.batches.count_try(TENANT, "job1", "1-1", seen=0, now=NOON)
    await commit(stores, flush)
    await stores.journal.redo(TENANT, "job1", flush.effects, applied=(lease.owner, lease.term, 2))

    assert await stores.batches.list_batches(TENANT, "job1") == [
        Batch(batch_id="1-1", pages=2, parts={"part": (0,)}, tries=1, invoked_at=NOON)
    ]


async def test_meta_fenced_a_driver_that_was_replaced_does_not_move_what_was_applied(stores: Stores) -> None:
    """Its segment may have come just in time; its successor's redo must not be skipped [applied_last, meta_fenced]."""
    await driven_job(stores)
    await take(stores, owner="successor")
    flush = make_flush()
    await commit(stores, flush)
    await stores.journal.redo(TENANT, "job1", flush.effects, applied=("driver", 1, 2))

    assert await stores.log.read(TENANT, "job1") == [flush.segment]
    assert (await get(stores)).applied_seq == 0


async def test_redo_puts_what_committed_events_stand_for(stores: Stores) -> None:
    """A successor finds a segment without its verdicts and batches [redo_verdicts, redo_batches]."""
    lease = await driven_job(stores)
    effects = make_effects()
    for _ in range(2):
        await stores.journal.redo(TENANT, "job1", effects, applied=(lease.owner, lease.term, 2))

    assert await has_effects(stores, effects)
    assert len(await stores.queue.ruled_out(TENANT, "job1")) == len(effects.ruled_out)
    assert (await get(stores)).applied_seq == 2


async def test_redo_of_several_flushes_together_doubles_nothing(stores: Stores) -> None:
    """A successor redoes everything after applied_seq at once, some of which is there already."""
    lease = await driven_job(stores)
    flushes = [make_flush(), make_flush(segment=make_segment(3))]
    await commit(stores, flushes[0])
    both = Effects(
        verdicts=flushes[0].effects.verdicts + flushes[1].effects.verdicts,
        ruled_out=flushes[0].effects.ruled_out + flushes[1].effects.ruled_out[:1],
        batches=flushes[0].effects.batches + flushes[1].effects.batches,
    )
    await stores.journal.redo(TENANT, "job1", both, applied=(lease.owner, lease.term, 4))

    assert await has_effects(stores, both)
    assert len(await stores.queue.verdicts(TENANT, "job1")) == len(both.verdicts)
    assert len(await stores.queue.ruled_out(TENANT, "job1")) == len(both.ruled_out)


async def test_flushes_without_urls_or_effects_are_only_events(stores: Stores) -> None:
    """Most flushes of a slow site are one event."""
    await driven_job(stores)
    flush = Flush(tenant=TENANT, job_id="job1", segment=make_segment(count=1))
    await commit(stores, flush)

    assert await stores.log.read(TENANT, "job1") == [flush.segment]
    assert await stores.queue.urls(TENANT, "job1") == []
    assert (await get(stores)).applied_seq == 1


async def test_a_failing_invocation_undoes_nothing(stores: Stores) -> None:
    """The commit stands; the batch is there for whoever asks again [invoke_again]."""
    await driven_job(stores)
    flush = make_flush()

    async def invoke(_batch_id: str) -> None:
        raise StoreUnavailable("the processor's own trouble")

    with pytest.raises(StoreUnavailable):
        await stores.journal.commit(flush, committed=do_nothing, invoke=invoke)

    assert await has_effects(stores, flush.effects)


Recover = Callable[[Stores, Flush, str], Awaitable[None]]


async def as_the_same_driver(stores: Stores, flush: Flush, _job_id: str) -> None:
    """No answer: the same flush again."""
    await commit(stores, flush)


async def as_a_successor(stores: Stores, flush: Flush, job_id: str) -> None:
    """The driver is dead: read the log, and redo what it stands for; the work is done again if it is not there."""
    lease = await take(stores, job_id, owner="successor")
    if await stores.log.read(TENANT, job_id):
        await stores.journal.redo(TENANT, job_id, flush.effects, applied=(lease.owner, lease.term, flush.segment.last))
        return
    segment = replace(flush.segment, owner=lease.owner, term=lease.term)
    urls = tuple(replace(url, term=lease.term) for url in flush.new_urls)
    await commit(stores, replace(flush, segment=segment, new_urls=urls))


@pytest.mark.parametrize("recover", [as_the_same_driver, as_a_successor])
async def test_urls_first_publish_after_applied_last_whatever_step_a_flush_breaks_off_at(
    home: Home, recover: Recover
) -> None:
    """Kill anything at any step: what clients have seen is in the log, and recovery leads to the same state."""
    stores, steps, was_done = home.stores, 0, False
    while not was_done:
        job_id = f"job{steps}"
        await driven_job(stores, job_id)
        flush = make_flush(job_id)
        told: list[int] = []
        home.break_after(steps)
        try:
            await stores.journal.commit(flush, committed=partial(told.append, 1), invoke=invoke_nothing)
            was_done = True
        except StoreUnavailable:
            pass
        finally:
            home.calm()
        in_log = bool(await stores.log.read(TENANT, job_id))

        assert in_log or not told
        assert in_log or not await has_any_effect(stores, job_id)
        is_applied = (await get(stores, job_id)).applied_seq == flush.segment.last
        assert not is_applied or await has_effects(stores, flush.effects, job_id), "a successor would not redo this"

        await recover(stores, flush, job_id)

        assert [segment.lines for segment in await stores.log.read(TENANT, job_id)] == [flush.segment.lines]
        assert await counted_urls(stores, job_id) == {url.url for url in flush.new_urls}
        assert await has_effects(stores, flush.effects, job_id)
        assert (await get(stores, job_id)).applied_seq == flush.segment.last
        steps += home.stride

    assert steps > home.stride * 3


async def has_any_effect(stores: Stores, job_id: str) -> bool:
    return bool(
        await stores.queue.verdicts(TENANT, job_id)
        or await stores.queue.ruled_out(TENANT, job_id)
        or await stores.batches.list_batches(TENANT, job_id)
        or (await get(stores, job_id)).applied_seq
    )
