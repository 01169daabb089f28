"""Every control call in any order, at any moment, over a laptop's real home: SQLite, real fetches, real drivers."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from runnel.adapters.system.thread_reader import ThreadPageReader
from runnel.domain.effects import events_of
from runnel.domain.events import TERMINAL_TYPES, DurableEvent
from runnel.domain.jobs import Job, JobOptions, JobState
from runnel.errors import JobConflict, JobNotFound, LibraryBusy
from runnel.settings import Settings
from runnel.usecases.control_job import cancel_job, pause_job, resume_job
from runnel.usecases.create_job import NewJob, create_job
from runnel.usecases.delete_jobs import delete_job, finish_deletions
from runnel.usecases.drive_jobs import Drivers
from runnel.usecases.retry_job import retry_job
from runnel.usecases.services import Services, Tuning
from runnel.usecases.sweep_jobs import Sweep
from runnel.wiring.local import TENANT, LocalServices, open_services
from tests.site.faults import Status
from tests.site.server import EVERY, SiteServer

Control = Callable[[Services, str, str], Awaitable[Job]]

_START = "/docs/tutorials/"
_BROKEN = "/docs/tutorials/rain-barrel.html"
_QUICK = Tuning(
    flush=timedelta(milliseconds=20),
    look=timedelta(milliseconds=30),
    batch_poll=timedelta(milliseconds=30),
    batch_wait=timedelta(milliseconds=30),
    drain=timedelta(seconds=5),
    lease_patience=timedelta(seconds=2),
)
_CONTROLS: dict[str, Control] = {
    "pause": pause_job, "resume": resume_job, "cancel": cancel_job, "retry": retry_job, "delete": delete_job,
}  # fmt: skip
#: Everything that a control call may be refused with.
_CODES = {"active", "terminal", "publishing", "cancelling", "nothing_to_retry", "retrying", "library_busy", "deleting"}


class ControlMachine(RuleBasedStateMachine):
    """A job, its retry, and users who press every button."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.jobs: list[str] = []
        self.cancelled: set[str] = set()
        self.deleted: set[str] = set()
        self.codes: set[str] = set()

    # ---- the home

    @initialize()
    def open(self) -> None:
        """A home, a site with one broken page, a job."""
        self.runner.run(self._open())

    async def _open(self) -> None:
        folder = Path(self.stack.enter_context(TemporaryDirectory()))
        self.site = await self.stack.enter_async_context(SiteServer())
        self.site.delay(EVERY, 0.03)
        self.site.fail(_BROKEN, Status(code=404))
        host, _, port = self.site.address.rpartition(":")
        settings = Settings(home=folder, allow_private=frozenset({(host, int(port))}))
        self.local: LocalServices = await self.stack.enter_async_context(
            open_services(settings, reader=ThreadPageReader())
        )
        self.services = replace(self.local.services, tuning=_QUICK)
        self.sweep = Sweep(self.services)
        self._connect()
        new = NewJob(tenant=TENANT, urls=(self.site.url(_START),), options=JobOptions(sitemap="skip", concurrency=2))
        self.jobs.append((await create_job(self.services, new)).job_id)

    def _connect(self) -> None:
        self.drivers = Drivers(self.services)
        self.local.orchestrators.connect(self.drivers.drive)

    # ---- what users do

    @rule(name=st.sampled_from(["pause", "resume", "retry", "delete"]), times=st.integers(1, 2), newest=st.booleans())
    def control(self, name: str, times: int, newest: bool) -> None:  # noqa: FBT001
        """Once or twice; the second call right after the first is answered as the first was, or refused by its code."""
        self.runner.run(self._control(name, times, self.jobs[-1 if newest else 0]))

    async def _control(self, name: str, times: int, job_id: str) -> None:
        for _ in range(times):
            await self._press(name, job_id)

    @rule(times=st.integers(1, 2))
    def cancel_the_newest(self, times: int) -> None:
        """A rule of its own, or most examples would be over before anything happens."""
        self.runner.run(self._control("cancel", times, self.jobs[-1]))

    @rule(names=st.lists(st.sampled_from(["pause", "resume", "retry", "delete", "cancel"]), min_size=2, max_size=4))
    def several_at_once(self, names: list[str]) -> None:
        """Several users at once: each gets an answer."""

        async def press_all() -> None:
            await asyncio.gather(*(self._press(name, self.jobs[-1], alone=False) for name in names))

        self.runner.run(press_all())

    async def _press(self, name: str, job_id: str, *, alone: bool = True) -> None:
        try:
            job = await _CONTROLS[name](self.services, TENANT, job_id)
        except JobNotFound:
            assert not alone or job_id in self.deleted
        except (JobConflict, LibraryBusy) as refused:
            self.codes.add(refused.code)
            assert not alone or job_id not in self.deleted
        else:
            assert not alone or job_id not in self.deleted
            self._note(name, job_id, job, alone=alone)

    def _note(self, name: str, job_id: str, job: Job, *, alone: bool) -> None:
        if name == "retry":
            assert job.retry_of == job_id
            if job.job_id not in self.jobs:
                self.jobs.append(job.job_id)
        elif name == "cancel":
            assert not job.is_over
            self.cancelled.add(job_id)
        elif name == "delete":
            assert job.is_over
            self.deleted.add(job_id)
        else:
            assert not job.is_over
            assert not alone or job_id not in self.cancelled

    # ---- what happens to processes, and time

    @rule(milliseconds=st.integers(1, 120))
    def wait(self, milliseconds: int) -> None:
        """Work goes on."""
        self.runner.run(self.services.clock.sleep(timedelta(milliseconds=milliseconds)))

    @rule()
    def finish(self) -> None:
        """Let the newest job come to its end, if nobody stands in its way."""
        self.runner.run(self._finish(self.jobs[-1]))

    async def _finish(self, job_id: str) -> None:
        job = await self.services.jobs.get(TENANT, job_id)
        if job is not None and job.wish is None and job_id not in self.deleted:
            await self._end(job_id)

    @rule()
    def hand_over(self) -> None:
        """The process is ended as by SIGTERM; the next one looks for jobs."""
        self.runner.run(self._change_process(self.drivers.leave("sigterm")))

    @rule()
    def crash(self) -> None:
        """The process dies; its lock with it."""
        self.runner.run(self._change_process(self.drivers.close()))

    async def _change_process(self, end: Awaitable[None]) -> None:
        await end
        self._connect()
        await self.sweep.run()

    # ---- what must be true in the end

    def teardown(self) -> None:
        """Every job that nobody deleted ends, and tells the truth."""
        try:
            if self.jobs:
                self.runner.run(self._end_all())
        finally:
            self.runner.run(self._close())
            self.runner.close()

    async def _end_all(self) -> None:
        for job_id in self.jobs:
            if job_id not in self.deleted:
                await self._check(await self._end(job_id))
        assert self.codes <= _CODES
        await finish_deletions(self.services)
        for job_id in self.deleted & set(self.jobs):
            assert await self.services.log.read(TENANT, job_id) == []

    async def _end(self, job_id: str) -> Job:
        """The job when it has ended: a paused one is resumed, as its user would."""
        async with asyncio.timeout(30):
            while True:
                job = await self.services.jobs.get(TENANT, job_id)
                assert job is not None
                if job.is_over:
                    return job
                if job.wish is not None:
                    await self._press("resume", job_id)
                if job.state is JobState.QUEUED:  # its driver died before it had begun: somebody opens the stream
                    self.drivers.drive(TENANT, job_id)
                await self.sweep.run()
                await self.services.clock.sleep(timedelta(milliseconds=30))

    async def _check(self, job: Job) -> None:
        events = await self._log(job)
        ends = [event for event in events if event.type in TERMINAL_TYPES]
        library = await self.services.libraries.get(TENANT, job.library_id)

        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert ends == [events[-1]]
        assert job.ending is not None
        counts = job.ending.counts
        assert counts.seen == sum(
            (counts.fetched, counts.unchanged, counts.duplicate, counts.skipped, counts.failed, counts.cancelled)
        )
        assert library is not None
        is_published = job.job_id in library.published or job.job_id == library.pointer.published_by
        if job.job_id in self.cancelled:
            assert job.state is JobState.CANCELLED
        assert is_published is (job.state is JobState.COMPLETED)

    async def _log(self, job: Job) -> list[DurableEvent]:
        segments = await self.services.log.read(TENANT, job.job_id)
        return [event for segment in segments for event, _ in events_of(segment)]

    async def _close(self) -> None:
        await self.drivers.close()
        await self.stack.aclose()


# A few here; `make soak` presses the buttons for many minutes. Nothing is shrunk: each example takes a second.
_PROFILE = hypothesis.settings()
ControlMachine.TestCase.settings = hypothesis.settings(
    phases=[hypothesis.Phase.generate],
    max_examples=_PROFILE.max_examples // 6,
    stateful_step_count=_PROFILE.stateful_step_count // 2,
)
TestControl = ControlMachine.TestCase
