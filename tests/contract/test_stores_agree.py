"""Whatever is asked of a home's stores, in whatever order: they do what the in-memory model does."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from runnel.domain import host_book as hosts
from runnel.domain.jobs import JobState, Lease, Sign, Wish
from runnel.domain.libraries import Batch, Pointer
from runnel.errors import RunnelError
from runnel.testing import MemoryStores
from tests.contract.bundle import Stores
from tests.contract.homes import HOMES
from tests.contract.makers import (
    ENDING,
    NOON,
    TENANT,
    do_nothing,
    invoke_nothing,
    make_flush,
    make_job,
    make_library,
    make_segment,
)

Ask = Callable[[Stores], Awaitable[Any]]
JOBS = st.sampled_from(("job1", "job2"))
STATES = st.none() | st.sampled_from(JobState)
WISHES = st.none() | st.sampled_from(Wish)
SPENT = st.none() | st.sampled_from((0.5, 7.25))
ANY = frozenset[JobState]()


class StoresAgree(RuleBasedStateMachine):
    """The same calls to a home's stores and to the model."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.model: Stores = MemoryStores()
        self.stores = self.run(self.stack.enter_async_context(HOMES[name](folder))).stores
        self.owners = 0
        self.leases: list[Lease] = []
        self.signs: list[Sign] = []
        self.batches: list[Batch] = []

    def run(self, work: Any) -> Any:
        async def wait() -> Any:
            return await work

        return self.runner.run(wait())

    def both(self, ask: Ask) -> Any:
        """What both answer; they fail alike, too."""
        model, stores = (self.run(_answer(ask, home)) for home in (self.model, self.stores))

        assert stores == model
        return model

    def teardown(self) -> None:
        try:
            self.look()
        finally:
            self.run(self.stack.aclose())
            self.runner.close()

    # ---- jobs

    @initialize()
    def begin(self) -> None:
        self.both(lambda s: s.jobs.create(make_job()))
        self.both(lambda s: s.libraries.ensure(make_library()))

    @rule(job_id=JOBS, minutes=st.integers(0, 3))
    def create(self, job_id: str, minutes: int) -> None:
        self.both(lambda s: s.jobs.create(make_job(job_id, minutes=minutes)))

    @rule(job_id=JOBS, is_late=st.booleans())
    def take_lease(self, job_id: str, *, is_late: bool) -> None:
        job = self.both(lambda s: s.jobs.get(TENANT, job_id))
        self.owners += 1
        owner = f"driver{self.owners}"
        seen = self.signs[-1] if is_late and self.signs else Sign.of(job or make_job())
        self.signs.append(seen)
        taken = self.both(lambda s: s.leases.take(TENANT, job_id, owner=owner, seen=seen))
        if taken is not None:
            self.leases.append(Lease(tenant=TENANT, job_id=job_id, owner=owner, term=taken.term, beat=taken.beat))

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(self.leases))
        renewed = self.both(lambda s: s.leases.renew(lease))
        if isinstance(renewed, Lease):
            self.leases[self.leases.index(lease)] = renewed

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), state=STATES, spent=SPENT, is_pause=st.booleans())
    def release(self, data: st.DataObject, state: JobState | None, spent: float | None, *, is_pause: bool) -> None:
        lease = data.draw(st.sampled_from(self.leases))
        ending = ENDING if state is JobState.COMPLETED else None
        self.both(lambda s: s.leases.release(lease, state=state, ending=ending, only_if_paused=is_pause, spent_s=spent))

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), state=STATES, mark=st.none() | st.booleans(), spent=SPENT, is_careful=st.booleans())
    def update(
        self, data: st.DataObject, state: JobState | None, spent: float | None, *, mark: bool | None, is_careful: bool
    ) -> None:
        lease = data.draw(st.sampled_from(self.leases))
        self.both(
            lambda s: s.leases.update(
                lease, state=state, publishing=mark, spent_usd=spent, only_without_wish=is_careful
            )
        )

    @rule(job_id=JOBS, wish=WISHES, late=st.sampled_from((0, 0, 1)))
    def wish(self, job_id: str, wish: Wish | None, late: int) -> None:
        job = self.both(lambda s: s.jobs.get(TENANT, job_id))
        seen = (job.wish_no if job else 0) - late
        self.both(lambda s: s.jobs.set_wish(TENANT, job_id, wish, seen=seen))

    @rule(job_id=JOBS)
    def repair(self, job_id: str) -> None:
        self.both(lambda s: s.leases.repair(TENANT, job_id, state=JobState.COMPLETED, ending=ENDING))

    @rule(job_id=JOBS)
    def delete(self, job_id: str) -> None:
        self.both(lambda s: s.jobs.delete(TENANT, job_id))

    # ---- flushes

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), count=st.integers(1, 3), back=st.sampled_from((0, 0, 0, 1, 2)))
    def commit(self, data: st.DataObject, count: int, back: int) -> None:
        lease = data.draw(st.sampled_from(self.leases))
        log = self.both(lambda s: s.log.read(TENANT, lease.job_id))
        firsts = [segment.first for segment in log] + [log[-1].last + 1 if log else 1]
        first = firsts[max(0, len(firsts) - 1 - back)]
        segment = make_segment(first, count=count, term=lease.term, owner=lease.owner)
        flush = make_flush(lease.job_id, segment=segment)
        self.both(lambda s: s.journal.commit(flush, committed=do_nothing, invoke=invoke_nothing))

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def redo(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(self.leases))
        log = self.both(lambda s: s.log.read(TENANT, lease.job_id))
        for segment in log[-1:]:
            effects = make_flush(lease.job_id, segment=segment).effects
            applied = lease.owner, lease.term, segment.last
            self.both(lambda s, e=effects, a=applied: s.journal.redo(TENANT, lease.job_id, e, applied=a))  # type: ignore[misc]  # bound here

    @rule(job_id=JOBS, after=st.integers(0, 12), limit=st.none() | st.integers(1, 3))
    def read_log(self, job_id: str, after: int, limit: int | None) -> None:
        self.both(lambda s: s.log.read(TENANT, job_id, after=after, limit=limit))

    # ---- batches

    @rule(job_id=JOBS)
    def watch_batches(self, job_id: str) -> None:
        found = self.both(lambda s: _in_order(s.batches.list_batches(TENANT, job_id)))
        self.batches += found

    @precondition(lambda self: self.batches)
    @rule(data=st.data(), job_id=JOBS, part=st.sampled_from("pq"), indexes=st.sampled_from(((0,), (1,), (0, 1))))
    def add_part(self, data: st.DataObject, job_id: str, part: str, indexes: tuple[int, ...]) -> None:
        seen = data.draw(st.sampled_from(self.batches))
        self.both(lambda s: s.batches.add_part(TENANT, job_id, seen.batch_id, part, indexes))

    @precondition(lambda self: self.batches)
    @rule(data=st.data(), job_id=JOBS, minutes=st.integers(0, 9))
    def count_try(self, data: st.DataObject, job_id: str, minutes: int) -> None:
        seen = data.draw(st.sampled_from(self.batches))
        now = NOON + timedelta(minutes=minutes)
        self.both(lambda s: s.batches.count_try(TENANT, job_id, seen.batch_id, seen=seen.tries, now=now))

    @precondition(lambda self: self.batches)
    @rule(data=st.data(), job_id=JOBS)
    def close_batch(self, data: st.DataObject, job_id: str) -> None:
        seen = data.draw(st.sampled_from(self.batches))
        known = self.both(lambda s: s.batches.get_many(TENANT, job_id, (seen.batch_id,))).get(seen.batch_id)
        # A batch only grows, so who has seen other parts than there are has seen fewer.
        if known is not None and seen.parts.items() <= known.parts.items():
            self.both(lambda s: s.batches.close(TENANT, job_id, seen.batch_id, seen=seen))

    # ---- libraries, hosts

    @rule(job_id=JOBS)
    def claim(self, job_id: str) -> None:
        self.both(lambda s: s.libraries.claim(TENANT, "docs", job_id))

    @rule(job_id=JOBS)
    def free(self, job_id: str) -> None:
        self.both(lambda s: s.libraries.free(TENANT, "docs", job_id))

    @rule(job_id=JOBS, late=st.sampled_from((0, 0, 1)))
    def publish(self, job_id: str, late: int) -> None:
        library = self.both(lambda s: s.libraries.get(TENANT, "docs"))
        number = library.pointer.generation
        base = replace(library, pointer=replace(library.pointer, generation=number - late))
        pointer = Pointer(generation=number + 1, path=f"p/{number}", published_by=job_id, pages=2, published_at=NOON)
        self.both(lambda s: s.libraries.move_pointer(base, pointer, job_id=job_id))

    @rule(taker=st.sampled_from("ABC"), now=st.integers(0, 20), most=st.integers(1, 4), spacing=st.sampled_from((0, 3)))
    def take(self, taker: str, now: int, most: int, spacing: int) -> None:
        ask = hosts.Ask(taker=taker, now_s=float(now), most=most, spacing_s=float(spacing))
        self.both(lambda s: s.hosts.take("a.example:443", ask))

    @rule(taker=st.sampled_from("ABC"))
    def leave(self, taker: str) -> None:
        self.both(lambda s: s.hosts.leave("a.example:443", taker))

    # ---- everything that can be seen

    @rule()
    def look(self) -> None:
        self.both(lambda s: s.jobs.list_jobs(TENANT, states=ANY, library_id=None, cursor=None, limit=9))
        self.both(lambda s: _in_order(s.jobs.active()))
        self.both(lambda s: s.libraries.list_libraries(TENANT))
        for job_id in ("job1", "job2"):
            self.both(lambda s, job_id=job_id: _see_job(s, job_id))  # type: ignore[misc]  # bound here


async def _answer(ask: Ask, stores: Stores) -> Any:
    try:
        return await ask(stores)
    except RunnelError as error:
        return type(error)


async def _in_order(answer: Awaitable[list[Any]]) -> list[Any]:
    return sorted(await answer, key=repr)


async def _see_job(stores: Stores, job_id: str) -> Any:
    """All of a job; of the queued URLs, those that count: their segment is in the log [url_flush]."""
    log = await stores.log.read(TENANT, job_id)
    places = {(segment.first, segment.term) for segment in log}
    urls = await stores.queue.urls(TENANT, job_id)
    return (
        await stores.jobs.get(TENANT, job_id),
        log,
        sorted((url for url in urls if (url.first, url.term) in places), key=repr),
        await _in_order(stores.queue.verdicts(TENANT, job_id)),
        await _in_order(stores.queue.ruled_out(TENANT, job_id)),
        await _in_order(stores.batches.list_batches(TENANT, job_id)),
    )


@pytest.mark.parametrize(("name", "examples"), [("sqlite", 25), ("dynamodb", 4)])
def test_a_home_does_what_the_model_does(name: str, examples: int, tmp_path: Path) -> None:
    """The use cases are tested on the model; this is why that says something about the homes."""
    folders = (tmp_path / str(number) for number in itertools.count())
    # In proportion to the profile: `make soak` asks for a hundred times as many.
    scale = max(1, hypothesis.settings().max_examples // hypothesis.settings.get_profile("ci").max_examples)
    machine: Any = lambda: StoresAgree(name, next(folders))  # noqa: E731 - hypothesis calls it as it would a class

    run_state_machine_as_test(machine, settings=hypothesis.settings(max_examples=examples * scale))
