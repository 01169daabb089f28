"""No crawl begins while its library is deleted or repaired, and none waits for a deletion or a repair that is dead."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from runnel.domain.jobs import Job, JobOptions
from runnel.errors import LibraryBusy
from runnel.usecases.claim_library import Claim, Work, holding_library
from runnel.usecases.create_job import NewJob, create_job
from runnel.usecases.delete_library import delete_library
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage
from tests.support.killable_process import Process

SITE = {"/": ScriptedPage(text="home")}
LIBRARY = "docs.example.com"
TTL_S, BEAT_S = 12.0, 4.0


async def crawled() -> ScriptedHome:
    home = ScriptedHome(SITE)
    await home.crawl()
    return home


def claim_of(home: ScriptedHome) -> str | None:
    return home.state.libraries[TENANT, LIBRARY].active_job


def begin(home: ScriptedHome, **options: Any) -> asyncio.Task[Job]:
    return asyncio.create_task(home.create(**options))


def work(home: ScriptedHome, process: Process, work: Work, seconds: float) -> asyncio.Task[Claim]:
    """Work of so many seconds that holds the library."""

    async def hold() -> Claim:
        library = home.state.libraries[TENANT, LIBRARY]
        async with holding_library(process.services, library, work) as claim:
            await home.clock.sleep(timedelta(seconds=seconds))
        await process.services.libraries.free(TENANT, LIBRARY, claim.name)
        return claim

    task = asyncio.create_task(hold())
    process.tasks.append(task)
    return task


@pytest.mark.parametrize(("kind", "said"), [(Work.DELETION, "being deleted"), (Work.REPAIR, "being repaired")])
async def test_no_job_begins_while_the_work_is_alive(kind: Work, said: str) -> None:
    """It is refused within a beat, says why, and leaves nothing that the sweep would start."""
    home = await crawled()
    jobs = set(home.state.jobs)
    holding = work(home, home.process("user"), kind, 100)
    for wait_s in (0.0, 30.0):
        await home.clock.advance(wait_s)
        began_s = home.clock.monotonic()
        creating = begin(home)
        while not creating.done():
            assert set(home.state.jobs) == jobs
            await home.clock.advance(0.5)

        assert home.clock.monotonic() - began_s <= BEAT_S + 2
        with pytest.raises(LibraryBusy, match=said) as busy:
            creating.result()
        assert Work.of(busy.value.job_id) is kind
    await home.clock.advance(100)
    assert holding.done()
    assert claim_of(home) is None


async def test_what_died_is_known_by_its_silence_and_keeps_nobody_away() -> None:
    """The ttl of a lease is waited, on the watcher's own clock, and not a second less."""
    home = await crawled()
    process = home.process("user")
    holding = work(home, process, Work.REPAIR, 100)
    await home.clock.advance(20)
    process.kill()
    await asyncio.gather(holding, return_exceptions=True)
    claim = claim_of(home)
    creating = begin(home)
    await home.clock.advance(TTL_S - 1)

    assert Work.of(claim) is Work.REPAIR
    assert (creating.done(), claim_of(home)) == (False, claim)
    await home.clock.advance(2)
    assert claim_of(home) == creating.result().job_id


async def test_a_job_that_waits_to_know_begins_when_the_work_ends() -> None:
    """After a repair, and after a deletion, which leaves it a library to make anew."""
    home = await crawled()
    work(home, home.process("user"), Work.REPAIR, 2)
    await home.clock.advance(0)
    creating = begin(home)
    await home.clock.advance(4)
    job = creating.result()
    assert claim_of(home) == job.job_id

    await home.finish(home.drive(home.process("D1"), job))
    process = home.process("deletes")

    async def wait() -> None:
        await home.clock.sleep(timedelta(seconds=2))

    process.before["bus.append"] = wait
    deleting = asyncio.create_task(delete_library(process.services, TENANT, LIBRARY))
    await home.clock.advance(0)
    assert Work.of(claim_of(home)) is Work.DELETION
    again = begin(home)
    await home.clock.advance(10)

    assert deleting.done()
    assert claim_of(home) == again.result().job_id


async def test_a_holder_that_was_taken_for_dead_takes_nothing_back() -> None:
    """It was frozen; the job that has begun keeps the library."""
    home = await crawled()
    process = home.process("user")
    holding = work(home, process, Work.REPAIR, 40)

    async def stand_still() -> None:
        await home.clock.sleep(timedelta(seconds=20))

    process.before["libraries.renew"] = stand_still
    creating = begin(home)
    await home.clock.advance(50)

    assert holding.done()
    assert claim_of(home) == creating.result().job_id


async def test_what_needs_no_claim_waits_for_nobody() -> None:
    """A dry run stores nothing; a request that is repeated is answered with the job that it made."""
    home = await crawled()
    job = await create_job(home.outside.services, _keyed(home), invoke=False)
    await home.finish(home.drive(home.process("D1"), job))
    await home.outside.services.libraries.claim(TENANT, LIBRARY, "delete-gone-0")
    again = await create_job(home.outside.services, _keyed(home), invoke=False)
    dry = await home.create(dry_run=True)

    assert again.job_id == job.job_id
    assert dry.options.dry_run
    assert claim_of(home) == "delete-gone-0"


def _keyed(home: ScriptedHome) -> NewJob:
    return NewJob(tenant=TENANT, urls=(home.url("/"),), options=JobOptions(), idempotency_key="one")


async def test_work_that_begins_just_before_a_job_claims_keeps_its_claim() -> None:
    """A deletion is no job that has gone, though no job has its id."""
    home = await crawled()
    jobs = set(home.state.jobs)
    process = home.process("creates")

    async def overtake() -> None:
        work(home, home.process("user"), Work.DELETION, 20)
        await home.clock.settle()

    process.before["libraries.claim"] = overtake
    with pytest.raises(LibraryBusy, match="being deleted"):
        await create_job(process.services, _keyed(home), invoke=False)

    assert Work.of(claim_of(home)) is Work.DELETION
    assert set(home.state.jobs) == jobs
