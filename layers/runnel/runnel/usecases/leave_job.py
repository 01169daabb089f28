"""A driver's last writes: the job is given back, to go on elsewhere or because it has ended.

Laws (names are the rules of the commit model):
1. The terminal event is a flush of its own, after everything before it is applied [terminal_alone].
2. "Paused, no owner" is one write of META, conditional on the wish still being a pause [pause_conditional].
3. The library is free before META leaves the active jobs [active_first].
"""

from datetime import datetime

from runnel.domain import events as e
from runnel.domain.jobs import EndedBecause, Ending, Job, JobState, Wish
from runnel.domain.verdicts import Counts
from runnel.errors import StateUnreadable, StoreUnavailable
from runnel.usecases.end_job import End, count_urls, summarize
from runnel.usecases.leasing import LeaseKeeper
from runnel.usecases.patience import STORE_PAUSE, sure
from runnel.usecases.recording import Recorder
from runnel.usecases.services import Services
from runnel.usecases.tell_bus import tell_batch_ended


class JobExit:
    """Ends or gives back one job for one driver, and says what that driver has spent."""

    def __init__(self, services: Services, job: Job, recorder: Recorder, keeper: LeaseKeeper) -> None:
        """Count time and money from now on."""
        self._services = services
        self._job = job
        self._recorder = recorder
        self._keeper = keeper
        self._began_s = services.clock.monotonic()
        self._usd_before = services.meter.usd()
        recorder.usd = self.usd

    async def end(self, end: End, *, seen: int, report_id: str | None = None) -> None:
        """Say the end, with *seen* URLs in its counts and the report that there is, and give the job back."""
        await self._recorder.flush()
        fold = self._recorder.fold
        counts = count_urls(fold, end, seen=seen)
        summary = summarize(self._job, fold, end, counts, now=self._services.clock.now(), usd=self.usd())
        self._recorder.emit(end.kind, **summary, report_id=report_id)
        await self._recorder.flush()
        await self._close(end.state, end.because, counts, ok=summary["ok"], error=end.error, at=summary["finished_at"])

    async def repair(self, event: e.TerminalEvent) -> None:
        """The log tells the end already: META is repaired from it [terminal_truth]."""
        counts = Counts(**event.counts.model_dump())
        await self._close(
            event.state, event.ended_because, counts, ok=event.ok, error=event.error, at=event.finished_at
        )

    async def give_up(self, problem: StateUnreadable) -> None:
        """End a job in META alone: its log cannot be read, so nothing is written behind it."""
        now = self._services.clock.now()
        await self._close(JobState.FAILED, EndedBecause.ERROR, Counts(), ok=False, error=problem.message, at=now)

    async def release(self, *, state: JobState | None = None, ending: Ending | None = None, **only: bool) -> bool:
        """Whether the job is ours no more: a release that was refused or not answered is read back [release_reread]."""
        while True:
            try:
                released = await self._services.leases.release(
                    self._keeper.lease,
                    state=state,
                    ending=ending,
                    spent_s=self._noted_s(),
                    spent_usd=self.usd(),
                    **only,
                )
            except StoreUnavailable:
                released = False
                await self._services.clock.sleep(STORE_PAUSE)
            if released:
                return True
            job = await sure(self._services, lambda: self._services.jobs.get(self._job.tenant, self._job.job_id))
            if job is None or (job.owner, job.term) != (self._keeper.lease.owner, self._keeper.lease.term):
                return True
            if only and job.wish is not Wish.PAUSE:
                return False

    def elapsed_s(self) -> float:
        """Seconds that the job has been driven, by this driver and those before it.

        META has the time of the drivers that gave the job back, the log that of those that were lost.
        """
        return self._noted_s() + self._recorder.fold.lost_s

    def spent(self) -> EndedBecause | None:
        """Which of the job's budgets is spent, time or money."""
        options = self._job.options
        if self.elapsed_s() >= options.timeout_s:
            return EndedBecause.DEADLINE
        return EndedBecause.BUDGET if options.max_usd is not None and self.usd() >= options.max_usd else None

    def left_s(self, stop: EndedBecause | None) -> float:
        """Seconds that may go into what is no page; none when the job was stopped for its time or its money."""
        is_stopped = stop not in (None, EndedBecause.LIMIT)
        return 0.0 if is_stopped else self._job.options.timeout_s - self.elapsed_s()

    def usd(self) -> float:
        """Dollars that the job has cost so far: by earlier drivers, as META or the log knows, and by this one."""
        before = max(self._job.spent_usd, self._recorder.spent_usd)
        return before + self._services.meter.usd() - self._usd_before

    def _noted_s(self) -> float:
        """What META shall say of the time: that of this driver and of those that gave the job back."""
        return self._job.spent_s + self._services.clock.monotonic() - self._began_s

    async def _close(
        self,
        state: JobState,
        because: EndedBecause,
        counts: Counts,
        *,
        ok: bool,
        error: str | None,
        at: datetime,
    ) -> None:
        ending = Ending(
            ended_because=because,
            ok=ok,
            ended_at=self._services.clock.now(),
            counts=counts,
            error=error,
            cost_usd=round(self.usd(), 6),
        )
        job = self._job
        await tell_batch_ended(self._services, job, state=state, error=error, at=at)
        await sure(self._services, lambda: self._services.libraries.free(job.tenant, job.library_id, job.job_id))
        await self.release(state=state, ending=ending)
        self._services.bell.ring(job.job_id)
