"""Deleting: gone at once, removed soon after, whatever comes between; the library stays."""

import asyncio

import pytest

from runnel.domain.jobs import Job
from runnel.errors import JobConflict, JobNotFound, StoreUnavailable
from runnel.usecases.control_job import cancel_job, get_job
from runnel.usecases.create_job import NewJob, create_job
from runnel.usecases.delete_jobs import delete_job, finish_deletions
from runnel.usecases.retry_job import retry_job
from runnel.usecases.sweep_jobs import Sweep
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage
from tests.support.killable_process import Killed

_SITE = {
    "/": ScriptedPage(text="home", links=("/a", "/b")),
    "/a": ScriptedPage(text="a"),
    "/b": ScriptedPage(status=404),
}


def _left_of(home: ScriptedHome, job: Job) -> list[str]:
    """What there is of a job in any store, without what its library shows."""
    state, key = home.state, (job.tenant, job.job_id)
    tables = ("jobs", "segments", "urls", "verdicts", "ruled_out", "batches")
    left = [table for table in tables if getattr(state, table).get(key)]
    needed = ("generations/", "batches/") if state.libraries[TENANT, job.library_id].published else ()
    return left + [name for _, name in state.objects if job.job_id in name and not name.startswith(needed)]


async def test_a_deleted_job_is_gone_at_once_and_removed_by_the_sweep() -> None:
    """Nobody waits for a hundred thousand items; its user sees none of it any more."""
    home = ScriptedHome(_SITE)
    job, services = await home.crawl(), home.outside.services
    before = _left_of(home, job)
    deleted = await delete_job(services, TENANT, job.job_id)
    with pytest.raises(JobNotFound):
        await get_job(services, TENANT, job.job_id)
    with pytest.raises(JobNotFound):
        await delete_job(services, TENANT, job.job_id)
    await Sweep(services).run()

    assert deleted == job
    assert {name.split("/")[0] for name in before} >= {"jobs", "segments", "urls", "verdicts", "batches", "raw"}
    assert _left_of(home, job) == []
    assert sorted(await home.library(job)) == ["/", "/a"]


async def test_results_that_no_generation_needs_go_with_their_job() -> None:
    """A job that was cancelled has published nothing: what the processor made of it is of no use."""
    home = ScriptedHome({**_SITE, "/": ScriptedPage(text="home", links=("/a",)), "/a": ScriptedPage(links=("/b",))})
    home.held["/b"] = home.hold("/b")
    job, services = await home.create(), home.outside.services
    task = home.drive(home.process("D1"), job)
    await home.until(lambda: any(name.startswith("batches/") for _, name in home.state.objects))
    await cancel_job(services, TENANT, job.job_id)
    home.held["/b"].set()
    await home.finish(task)
    await delete_job(services, TENANT, job.job_id)
    await finish_deletions(services)

    assert _left_of(home, job) == []
    assert not any(name.startswith(("batches/", "raw/")) for _, name in home.state.objects)


async def test_only_a_job_that_has_ended_can_be_deleted() -> None:
    """Its driver would go on without it."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    with pytest.raises(JobConflict) as refused:
        await delete_job(home.outside.services, TENANT, job.job_id)

    assert refused.value.code == "active"
    assert home.meta(job) == job


async def test_a_removal_that_is_stopped_anywhere_is_finished_by_the_next_sweep() -> None:
    """Killed between any two steps, nothing stays behind that nobody would find."""
    steps, at = 1_000, 1
    while at < steps:
        home = ScriptedHome(_SITE)
        job = await home.crawl()
        await delete_job(home.outside.services, TENANT, job.job_id)
        process = home.process("sweeper")
        process.kill_at = at
        try:
            await finish_deletions(process.services)
        except Killed:
            assert [left.job_id for left in await home.outside.services.jobs.deleted()] == [job.job_id]
        else:
            steps = len(process.steps)
        await finish_deletions(home.outside.services)
        assert _left_of(home, job) == []
        at += 1

    assert steps > 5


async def test_a_store_that_does_not_answer_keeps_the_rest_for_later() -> None:
    """A fault of the store ends a sweep, not the deletion."""
    home = ScriptedHome(_SITE)
    job, services = await home.crawl(), home.outside.services
    await delete_job(services, TENANT, job.job_id)
    home.outside.refuse("raw.delete_job", 1)
    with pytest.raises(StoreUnavailable):
        await finish_deletions(services)
    assert _left_of(home, job)
    await finish_deletions(services)

    assert _left_of(home, job) == []


async def test_a_job_that_is_being_retried_stays_until_its_retry_has_ended() -> None:
    """The retry reads there what has been seen."""
    home = ScriptedHome(_SITE)
    job, services = await home.crawl(), home.outside.services
    retry = await retry_job(services, TENANT, job.job_id)
    with pytest.raises(JobConflict) as refused:
        await delete_job(services, TENANT, job.job_id)
    await cancel_job(services, TENANT, retry.job_id)
    await home.finish(home.drive(home.process("R"), retry))

    assert refused.value.code == "retrying"
    assert await delete_job(services, TENANT, job.job_id) == job


async def test_a_key_whose_job_is_being_deleted_can_be_used_when_it_is_removed() -> None:
    """Neither the dying job nor half of it may come back."""
    home = ScriptedHome(_SITE)
    services, new = home.outside.services, NewJob(tenant=TENANT, urls=(home.url("/"),), idempotency_key="k")
    job = await create_job(services, new, invoke=False)
    await home.finish(home.drive(home.process("D1"), job))
    await delete_job(services, TENANT, job.job_id)
    with pytest.raises(JobConflict) as refused:
        await create_job(services, new)
    await finish_deletions(services)
    again = await create_job(services, new)

    assert refused.value.code == "deleting"
    assert (again.job_id, again.term) == (job.job_id, 0)


async def test_of_two_deletions_at_once_one_finds_the_job() -> None:
    """The other learns that it is not there any more."""
    home = ScriptedHome(_SITE)
    job, services = await home.crawl(), home.outside.services
    answers = await asyncio.gather(
        *(delete_job(services, TENANT, job.job_id) for _ in range(2)), return_exceptions=True
    )

    assert [type(answer) for answer in answers if answer != job] == [JobNotFound]
    assert answers.count(job) == 1
