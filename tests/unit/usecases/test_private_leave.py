"""A job that was begun with leave to ask a private address, in a process that has not been given it."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import Job, JobState
from runnel.errors import JobConflict
from runnel.usecases.control_job import cancel_job, resume_job
from runnel.usecases.run_crawl import Drive
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage
from tests.support.killable_process import Process

_PAGES = {f"/{number}": ScriptedPage(text=str(number)) for number in range(6)}
_SITE = {"/": ScriptedPage(text="home", links=tuple(_PAGES)), **_PAGES}


@dataclass
class _Leave:
    """What was noted, and whether this process lacks it."""

    noted: dict[str, Collection[tuple[str, int]]]
    is_given: bool
    told: list[str] = field(default_factory=list)

    def note(self, job_id: str, hosts: Collection[tuple[str, int]]) -> None:
        if self.is_given:
            self.noted[job_id] = hosts

    def lacking(self, job_id: str) -> tuple[str, ...]:
        return () if self.is_given or job_id not in self.noted else ("docs.example.com:443",)

    def forget(self, job_id: str) -> None:
        self.noted.pop(job_id, None)

    def tell(self, job_id: str, sentence: str) -> None:  # noqa: ARG002
        self.told.append(sentence)


def _process(home: ScriptedHome, name: str, leave: _Leave) -> Process:
    process = home.process(name)
    process.services = replace(process.services, leave=leave)
    return process


async def _killed() -> tuple[ScriptedHome, Job, _Leave]:
    home = ScriptedHome(_SITE)
    home.latency_s = 1.0
    job = await home.create(concurrency=1)
    theirs = _Leave({}, is_given=True)
    process = _process(home, "D1", theirs)
    task = home.drive(process, job)
    await home.until(lambda: "/1" in home.fetched)
    process.kill()
    await home.finish(task)
    await home.clock.advance(15)
    return home, job, theirs


async def test_whoever_lacks_the_leave_pauses_the_job_and_asks_the_site_for_nothing() -> None:
    """It says who can go on; whoever can ends it as if nothing had been."""
    home, job, theirs = await _killed()
    assert theirs.noted == {job.job_id: {("docs.example.com", 443)}}
    ours = _Leave(theirs.noted, is_given=False)
    asked = len(home.fetched)

    assert await home.finish(home.drive(_process(home, "D2", ours), job)) is Drive.PAUSED
    assert (home.meta(job).state, len(home.fetched)) == (JobState.PAUSED, asked)
    (warning,) = [event.message for event in home.of_type(job, e.Log) if event.level == "warning"]
    assert f"runnel resume {job.job_id} --allow-private docs.example.com:443" in warning
    assert ours.told == [warning]
    with pytest.raises(JobConflict, match="--allow-private"):
        await resume_job(_process(home, "C", ours).services, TENANT, job.job_id)

    await resume_job(home.outside.services, TENANT, job.job_id)
    await home.finish(home.drive(_process(home, "D3", theirs), job))
    assert home.meta(job).state is JobState.COMPLETED
    assert sorted(await home.library(home.meta(job))) == sorted(_SITE)
    assert theirs.noted == {}


async def test_a_resume_that_comes_between_gives_no_leave() -> None:
    """The pause may be taken back before it has come true: then the job is handed on, and nothing is fetched."""
    home, job, theirs = await _killed()
    process = _process(home, "D2", _Leave(theirs.noted, is_given=False))
    asked = len(home.fetched)

    async def resume() -> None:
        await resume_job(home.outside.services, TENANT, job.job_id)

    process.before["leases.release"] = resume
    await home.finish(home.drive(process, job))

    assert len(home.fetched) == asked


async def test_a_cancel_needs_no_leave() -> None:
    """It asks the site for nothing."""
    home, job, theirs = await _killed()
    await cancel_job(home.outside.services, TENANT, job.job_id)
    ours = _Leave(theirs.noted, is_given=False)

    assert await home.finish(home.drive(_process(home, "D2", ours), job)) is Drive.ENDED
    assert home.meta(job).state is JobState.CANCELLED
    assert ours.told == []
