"""The driver: takes a job's lease and brings the job to its end, or hands it on.

The story: take the lease, write the barrier, read the state, crawl until nothing is left or somebody wishes otherwise,
publish, say the end. Laws (names are the rules of the commit model):
1. Every end but `job_cancelled` first marks META, conditional on no wish [mark_every_end, mark_no_wish].
2. How the job is given back, and its laws: `leave_job.py`.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from runnel.domain import events as e
from runnel.domain.jobs import EndedBecause, Job, JobState, Wish
from runnel.domain.segments import FLUSH_BYTES
from runnel.errors import CallFailed, LeaseLost, StateUnreadable
from runnel.usecases.crawl_site import SiteCrawl
from runnel.usecases.driver_news import DriverNews
from runnel.usecases.end_job import CANCELLED, End, broken_down, decide_end
from runnel.usecases.idle_batches import batches_of
from runnel.usecases.known_pages import recall_library
from runnel.usecases.leasing import LeaseKeeper, Taken, take_lease
from runnel.usecases.leave_job import JobExit
from runnel.usecases.lifetime import Lifetime, most_terms
from runnel.usecases.patience import sure
from runnel.usecases.private_leave import note_leave, rest_without_leave
from runnel.usecases.publication import Publication
from runnel.usecases.recording import AlreadyOver, Recorder
from runnel.usecases.services import Services
from runnel.usecases.site_profiles import SourceProfiles, recall_profiles
from runnel.usecases.stored_responses import take_up
from runnel.usecases.tell_bus import tell_batch_started
from runnel.usecases.tell_operators import DriverReport
from runnel.usecases.tidy_up import tidy_up

_TOO_MANY_TERMS = (
    "The job has had {term} drivers, three times as many as its time allows: it goes on with the next sweep only."
)


class Drive(StrEnum):
    """How a run of a driver ended."""

    NO_LEASE = "no_lease"
    ENDED = "ended"
    PAUSED = "paused"
    HANDED_OVER = "handed_over"
    LEASE_LOST = "lease_lost"


@dataclass(slots=True)
class Leaving:
    """A request to this driver, from its own process, to hand the job on."""

    reason: str | None = None
    #: Whether somebody else is to be asked to go on at once.
    invoke_successor: bool = True


async def run_crawl(
    services: Services, tenant: str, job_id: str, *, deadline_s: float | None = None, leaving: Leaving | None = None
) -> Drive:
    """Drive the job until it ends, pauses, or must be handed on.

    Args:
        services: The ports.
        tenant: Whose job it is.
        job_id: The job.
        deadline_s: When this process must have ended, on the monotonic clock.
        leaving: Set its `reason` to make the driver hand the job on soon.

    Returns:
        How this run ended; the job itself may go on elsewhere.
    """
    leaving = leaving or Leaving()
    warning = await rest_without_leave(services, tenant, job_id)
    taken = await take_lease(services, tenant, job_id, deadline_s=deadline_s, is_wanted=lambda: leaving.reason is None)
    if taken is None:
        return Drive.NO_LEASE
    if warning is not None:
        leaving.reason, leaving.invoke_successor = "no_leave", False
    note_leave(services, taken.job)
    driver = _Driver(services, taken, deadline_s=deadline_s, leaving=leaving, warning=warning)
    how: Drive | None = None
    try:
        how = await driver.run()
    except LeaseLost:
        how = Drive.LEASE_LOST
    finally:
        await driver.close(how)
        services.locks.release(job_id)
    if how is Drive.ENDED:
        services.leave.forget(job_id)
    if how is Drive.ENDED and not taken.job.options.dry_run:
        await tidy_up(services, taken.job, deadline_s=deadline_s)
    return how


class _Driver:
    def __init__(
        self, services: Services, taken: Taken,
        *, deadline_s: float | None, leaving: Leaving, warning: str | None = None,
    ) -> None:  # fmt: skip
        self._services = services
        #: What is to be said first of all.
        self._warning = warning
        self._taken = taken
        self._job: Job = taken.job
        self._lifetime = Lifetime.until(deadline_s, services.clock.monotonic(), services.tuning)
        self._leaving = leaving
        self._keeper = LeaseKeeper(services, taken)
        batches = batches_of(taken.job)
        self._batches = batches(services, taken.job, taken.lease.term)
        invoke = self._batches.invoke
        self._recorder = Recorder(services, taken.job, taken.lease, invoke=invoke, read=taken.read)
        self._batches.recorder = self._recorder
        self._batches.profiles = SourceProfiles(services, taken.job, self._recorder.fold)
        self._site = SiteCrawl(services, taken.job, self._recorder, self._keeper, must_leave=self._must_hand_over)
        self._publication = Publication(services, taken.job, self._recorder)
        self._exit = JobExit(services, taken.job, self._recorder, self._keeper)
        self._news = DriverNews(services, taken.job, self._keeper, wake=self._site.wake)
        self._drain_until_s: float | None = None
        self._stop: EndedBecause | None = None
        self._is_running = False
        self._report = DriverReport(services, taken)
        self._tasks: list[asyncio.Task[None]] = []

    # ---- the story

    async def run(self) -> Drive:
        self._tasks.append(asyncio.create_task(self._keeper.run()))
        try:
            await self._recorder.write_barrier(self._taken.reason)
            await tell_batch_started(self._services, self._job)
            recovered = await self._recorder.read_state()
        except AlreadyOver as over:
            await self._exit.repair(over.event)
            return Drive.ENDED
        except StateUnreadable as problem:
            await self._exit.give_up(problem)
            return Drive.ENDED
        if self._warning is not None:
            self._recorder.emit(e.Log, level="warning", message=self._warning)
        self._site.recover(recovered.urls)
        await self._news.look()
        looking = self._news.keep_looking(before_each=self._report_if_due, changed=self._heed_wish)
        self._tasks.append(asyncio.create_task(looking))
        self._tasks.append(asyncio.create_task(self._news.keep_listening(self._batches.look_soon)))
        try:
            return await self._crawl()
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001  # the driver's edge: whatever a step raises, the job ends and says so
            return await self._break_down(error)

    async def close(self, how: Drive | None) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._site.close()
        if how in (Drive.ENDED, Drive.PAUSED):  # who hands over leaves the shares of hosts to its successor
            await self._site.shares.leave()
        self._report.ended(how or "died", self._recorder, self._site.frontier)

    async def _start_running(self) -> None:
        """Begin to work: at once, or when a pause that came first was taken back."""
        job = await sure(
            self._services, lambda: self._services.leases.update(self._keeper.lease, state=JobState.RUNNING)
        )
        if job is None:
            raise LeaseLost
        if self._recorder.fold.paused:
            self._recorder.emit(e.JobResumed, state=JobState.RUNNING, by="user")
        await sure(self._services, self._site.robots.headers.load)
        if not self._job.downloads:
            await take_up(self._services, self._job, self._recorder)
        elif self._job.options.mode == "incremental":
            self._site.pages.known = await recall_library(self._services, self._job, self._recorder)
        self._batches.profiles.known = await recall_profiles(self._services, self._job, self._recorder.fold)
        await self._publication.prepare()
        await self._batches.invoke_open()
        if self._job.downloads:
            await self._site.sources.prepare(self._services)
        self._is_running = True

    async def _crawl(self) -> Drive:
        while True:
            self._check_lease()
            self._site.take_results()
            if self._news.wish is Wish.CANCEL:
                return await self._cancel()
            left = await self._leave_if_asked()
            if left is not None:
                return left
            if not self._is_running and self._drain_until_s is None:
                await self._start_running()
                continue
            self._plan()
            if self._batches.should_look():
                await self._batches.look()
            if self._is_flush_due():
                await self._flush()
            self._site.dispatch()
            if self._is_finished() and await self._complete():
                return Drive.ENDED
            await self._rest()

    async def _flush(self) -> None:
        """Make durable what was said; a source that waited for that may begin."""
        await self._recorder.flush()
        if self._site.sources.is_between:
            self._plan()

    def _plan(self) -> None:
        """Announce what is to be fetched next, and send on what was fetched."""
        if self._drain_until_s is not None:
            return
        self._stop = self._stop or self._spent()
        if self._stop is not None:
            self._site.sitemaps.drop()
        else:
            self._site.advance()
        if self._stop is None and self._batches.backlog < self._services.tuning.backlog_pages:
            self._site.reserve(self._job.options.limit)
        if self._is_fetched:
            self._batches.choose_last()
            self._site.sizes.begin(self._exit.left_s(self._stop))
        self._batches.send(is_last=self._is_fetched)

    def _spent(self) -> EndedBecause | None:
        """Which of the job's bounds is reached, if any."""
        spent = self._exit.spent()
        if spent is not None:
            self._site.take_back()
            self._site.robots.drop()
            return spent
        is_full = self._recorder.fold.kept >= self._job.options.limit
        return EndedBecause.LIMIT if is_full and self._site.has_more else None

    @property
    def _is_fetched(self) -> bool:
        return self._site.is_done or (self._stop is not None and self._site.is_quiet)

    def _is_finished(self) -> bool:
        is_told = self._recorder.first_pending_s is None and self._site.sizes.is_done
        return self._is_fetched and self._batches.is_done and is_told and self._drain_until_s is None

    def _is_flush_due(self) -> bool:
        since_s = self._recorder.first_pending_s
        if since_s is None:
            return False
        waited_s = self._services.clock.monotonic() - since_s
        return (
            waited_s >= self._services.tuning.flush.total_seconds()
            or self._recorder.pending_bytes >= FLUSH_BYTES
            or self._site.is_starving
            or self._site.is_done
            or self._site.sources.is_between
        )

    async def _rest(self) -> None:
        """Wait for a result, a ring, or the next thing that time brings."""
        now_s = self._services.clock.monotonic()
        waits_s = [self._services.tuning.look.total_seconds()]
        if self._recorder.first_pending_s is not None:
            waits_s.append(self._recorder.first_pending_s + self._services.tuning.flush.total_seconds() - now_s)
        due_s = self._site.next_due_s(now_s)
        if due_s is not None:
            waits_s.append(due_s - now_s)
        self._site.wake.clear()
        if not (self._news.is_there or self._site.has_results):
            await self._services.clock.wait(self._site.wake, timedelta(seconds=max(0.001, min(waits_s))))
        self._news.is_there = False  # what is heard from here on ends the next rest

    # ---- what comes from outside

    def _check_lease(self) -> None:
        if self._keeper.is_lost:
            raise LeaseLost

    def _heed_wish(self) -> None:
        self._site.may_dispatch = self._news.wish is None

    def _report_if_due(self) -> None:
        self._report.tell_if_due(self._recorder, self._site.frontier)

    # ---- leaving before the end

    async def _leave_if_asked(self) -> Drive | None:
        """Drain and go when a pause, a deadline or this process asks for it; None while there is work here."""
        is_paused = self._news.wish is Wish.PAUSE
        if not is_paused and not self._must_hand_over():
            self._drain_until_s = None
            self._site.may_dispatch = True
            return None
        now_s = self._services.clock.monotonic()
        if self._drain_until_s is None:
            self._drain_until_s = now_s + self._drain_s
            self._site.may_dispatch = False
            self._site.take_back()
        self._drain_until_s = min(self._drain_until_s, now_s + self._drain_s)  # a pause may come meanwhile
        if not self._site.is_quiet and now_s < self._drain_until_s:
            return None
        return await (self._pause() if is_paused else self._hand_over())

    def _must_hand_over(self) -> bool:
        return self._leaving.reason is not None or self._lifetime.is_ending(self._services.clock.monotonic())

    @property
    def _drain_s(self) -> float:
        """How long what is in flight may take to come in: not long where somebody waits for the driver to leave."""
        if self._leaving.reason is None and self._news.wish is None:
            return self._lifetime.drain_s
        return min(self._services.tuning.leave_drain.total_seconds(), self._lifetime.drain_s)

    async def _pause(self) -> Drive | None:
        if not self._recorder.fold.paused:
            self._recorder.emit(e.JobPaused, state=JobState.PAUSED, by="user")
        await self._recorder.flush()
        if await self._exit.release(state=JobState.PAUSED, only_if_paused=True):
            return Drive.PAUSED
        await self._news.look()
        if self._news.wish is None:
            self._recorder.emit(e.JobResumed, state=JobState.RUNNING, by="user")
        return None

    async def _hand_over(self) -> Drive:
        term = self._keeper.lease.term
        may_invoke = self._leaving.invoke_successor and term < most_terms(self._job.options.timeout_s)
        if self._leaving.invoke_successor and not may_invoke:
            self._recorder.emit(e.Log, level="warning", message=_TOO_MANY_TERMS.format(term=term))
        await self._recorder.flush()
        if may_invoke:
            with suppress(CallFailed):  # the sweep finds a job without a driver
                await self._services.orchestrators.start(self._job.tenant, self._job.job_id, hop=term)
        await self._exit.release()
        return Drive.HANDED_OVER

    # ---- the end

    async def _complete(self) -> bool:
        """Publish, index and end; False when a wish came first, or this process's end."""
        because = self._stop or EndedBecause.DONE
        self._site.sources.complete()
        await self._recorder.flush()
        if not await self._mark():
            return False
        if (fold := self._recorder.fold).kept and not fold.held and self._job.publishes:
            await self._publication.publish(because, run=str(self._keeper.lease.term))
        if not await self._publication.index(has_time=lambda: not (self._must_hand_over() or self._keeper.is_lost)):
            return False
        end = decide_end(self._job, self._recorder.fold, because, why_nothing=self._site.why_nothing)
        report_id = await self._publication.report(end, seen=self._site.discovery.seen)
        await self._end(end, report_id=report_id)
        return True

    async def _mark(self) -> bool:
        marked = await sure(
            self._services,
            lambda: self._services.leases.update(
                self._keeper.lease, state=JobState.COMPLETING, publishing=True, only_without_wish=True
            ),
        )
        if marked is None:
            await self._news.look()
            job = await sure(self._services, lambda: self._services.jobs.get(self._job.tenant, self._job.job_id))
            if job is None or job.owner != self._keeper.lease.owner or job.term != self._keeper.lease.term:
                raise LeaseLost
            return job.publishing and job.wish is None  # our own mark, whose acknowledgement was lost
        return True

    async def _cancel(self) -> Drive:
        self._site.may_dispatch = False
        if not self._recorder.fold.cancelling:
            self._recorder.emit(e.JobCancelling, state=JobState.RUNNING, by="user")
            await self._recorder.flush()
        drain_until_s = self._services.clock.monotonic() + self._drain_s
        self._site.take_back()
        while not self._site.is_quiet and self._services.clock.monotonic() < drain_until_s:
            await self._rest()
            self._site.take_results()
        await self._end(CANCELLED)
        return Drive.ENDED

    async def _break_down(self, error: Exception) -> Drive:
        """A step has raised: everything emitted is delivered, then the job ends with the message."""
        self._recorder.emit(e.Log, level="error", message=f"{type(error).__name__}: {error}"[:2_000])
        await self._mark()
        await self._end(broken_down(str(error)[:2_000] or type(error).__name__))
        return Drive.ENDED

    async def _end(self, end: End, *, report_id: str | None = None) -> None:
        await self._exit.end(end, seen=self._site.discovery.seen, report_id=report_id)
