"""What is stored and cannot be read: the job ends and says so, the others go on, and nothing is overwritten."""

from dataclasses import replace

from runnel.domain.jobs import EndedBecause, JobState
from runnel.errors import RunnelError, StateUnreadable
from runnel.usecases.run_crawl import Drive
from runnel.usecases.sweep_jobs import Sweep
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

_SITE = {"/": ScriptedPage(text="home", links=("/a",)), "/a": ScriptedPage(text="A")}


async def test_a_job_whose_log_is_damaged_fails_and_its_library_is_free() -> None:
    """No job may be left running that nobody can ever finish; its log stays as it was found."""
    for damage in (b"", b"no deflated bytes", b"x\x9cK\xca,\xa9L\x05\x00\x05\x8c\x01\xf5"):
        home = ScriptedHome(_SITE)
        job = await home.create()
        process = home.process("D1")
        task = home.drive(process, job)
        await home.until(lambda home=home: len(home.fetched) == 2)  # type: ignore[misc]
        process.kill()
        await home.finish(task)
        segments = home.state.segments[TENANT, job.job_id]
        segments[max(segments)] = damage
        before = dict(segments)
        ended = await home.finish(home.drive(home.process("D2"), job))
        meta = home.meta(job)

        assert ended is Drive.ENDED
        assert (meta.state, meta.owner) == (JobState.FAILED, None)
        assert meta.ending is not None
        assert meta.ending.ended_because is EndedBecause.ERROR
        assert "crawl again" in (meta.ending.error or "")
        assert segments == before
        assert home.state.libraries[TENANT, job.library_id].active_job is None


async def test_a_job_of_a_newer_runnel_is_left_alone_and_keeps_no_other_from_the_sweep() -> None:
    """After a roll-back of the program: refused, told once a sweep, and the neighbours get their drivers."""
    home = ScriptedHome(_SITE)
    theirs, ours = await home.create(library="theirs"), await home.create(library="ours")
    for job in (theirs, ours):
        home.state.jobs[TENANT, job.job_id] = replace(home.meta(job), state=JobState.RUNNING)
    process = home.process("sweeper")
    real = process.services.jobs.get

    async def get(tenant: str, job_id: str) -> object:
        if job_id == theirs.job_id:
            raise StateUnreadable("It was written by a newer Runnel.")
        return await real(tenant, job_id)

    process.services.jobs.get = get  # type: ignore[method-assign,assignment]
    told: list[tuple[str, RunnelError]] = []
    started = await Sweep(process.services, tell=lambda job_id, error: told.append((job_id, error))).run()

    assert started == 1
    assert home.orchestrators.started == [ours.job_id]
    assert [(job_id, error.code) for job_id, error in told] == [(theirs.job_id, "state_unreadable")]
    assert await Sweep(process.services).run() == 1
