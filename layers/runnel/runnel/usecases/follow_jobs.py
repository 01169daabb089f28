"""Following all jobs of a tenant at once: the views of single jobs (follow_job.py), merged as their parts come.

Laws (tests/unit/usecases/test_follow_jobs.py):
1. Each job's events come in order, each once, to its terminal event; the id of each tells the reader's place in all.
2. A view is asked for its next part when the one before was taken: a reader that stops reading holds one part a job.
3. A look that the store does not answer delays new jobs, and nothing else; a log that cannot be read ends no other.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from runnel.domain.events import EPHEMERAL_TYPES, TERMINAL_TYPES
from runnel.errors import RunnelError, StoreUnavailable
from runnel.streaming.sse import type_of
from runnel.usecases.find_orphans import DriverWatch
from runnel.usecases.follow_job import HEARTBEAT, Shown, follow_parts
from runnel.usecases.roster import Roster, Watched
from runnel.usecases.services import Services

#: So many jobs are followed at once; the others wait for one to end, and lose nothing.
MOST_JOBS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class JobShown:
    """One thing of one job, or a heartbeat; *event_id* is the reader's place after a durable event."""

    job_id: str
    shown: Shown
    event_id: str | None = None


_HEARTBEAT: Final = JobShown(job_id="", shown=HEARTBEAT)


async def follow_jobs(
    services: Services, roster: Roster, *, types: Collection[str] = (), watch: DriverWatch | None = None
) -> AsyncGenerator[list[JobShown], None]:
    """What the jobs of *roster* say, and those that come, until the window ends; an empty part now and then.

    *types*: only events of these types; *watch* starts drivers for jobs that have lost theirs.
    """
    merged = _Merged(services, roster, frozenset(types), watch)
    try:
        while not merged.is_over:
            yield merged.take()
            await merged.wait()
    finally:
        await merged.close()


class _Merged:
    def __init__(self, services: Services, roster: Roster, types: frozenset[str], watch: DriverWatch | None) -> None:
        self._services = services
        self._roster = roster
        self._types = types
        self._is_alive = not types or not types.isdisjoint(EPHEMERAL_TYPES)
        self._watch = watch
        self._views: dict[str, _View] = {}
        self._broken: set[str] = set()
        self._fresh = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        now_s = services.clock.monotonic()
        self._look_s = now_s + services.tuning.poll_idle.total_seconds()
        self._beat_s = now_s + services.tuning.heartbeat.total_seconds()
        self._notice_s = now_s
        window = services.tuning.follow_window
        self._end_s = now_s + window.total_seconds() if window else float("inf")

    @property
    def is_over(self) -> bool:
        return self._services.clock.monotonic() >= self._end_s

    def take(self) -> list[JobShown]:
        """All that there is to be shown now."""
        self._fresh.clear()
        self._look()
        self._open()
        shown = [item for view in list(self._views.values()) for item in self._take_from(view)]
        if self._services.clock.monotonic() >= self._beat_s:
            self._beat_s = self._services.clock.monotonic() + self._services.tuning.heartbeat.total_seconds()
            shown.append(_HEARTBEAT)
        return shown

    async def wait(self) -> None:
        """Until there is more."""
        now_s = self._services.clock.monotonic()
        at_most_s = max(0.005, min(self._look_s, self._beat_s, self._end_s) - now_s)
        await self._services.clock.wait(self._fresh, timedelta(seconds=at_most_s))

    async def close(self) -> None:
        """End every view."""
        tasks = [view.task for view in self._views.values()] + ([self._looking] if self._looking else [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for view in self._views.values():
            await view.parts.aclose()

    # ---- jobs that come

    def _look(self) -> None:
        now_s = self._services.clock.monotonic()
        if self._looking is not None and self._looking.done():
            looked, self._looking = self._looking, None
            looked.result()
        if self._looking is None and now_s >= self._look_s:
            self._look_s = now_s + self._services.tuning.poll_idle.total_seconds()
            self._looking = asyncio.create_task(self._look_once())
            self._looking.add_done_callback(self._wake)

    async def _look_once(self) -> None:
        with suppress(StoreUnavailable):
            await self._roster.look()
            await self._notice()

    async def _notice(self) -> None:
        """See that the jobs have drivers, as often as a driver gives a sign of life."""
        now_s = self._services.clock.monotonic()
        if self._watch is None or now_s < self._notice_s:
            return
        self._notice_s = now_s + self._services.tuning.lease_beat.total_seconds()
        for view in list(self._views.values()):
            job = await self._services.jobs.get(view.watched.job.tenant, view.watched.job.job_id)
            if job is not None:
                await self._watch.notice(job)

    def _open(self) -> None:
        for job_id, watched in self._roster.jobs.items():
            is_open = watched.seen is None or job_id in self._views or job_id in self._broken
            if not is_open and len(self._views) < MOST_JOBS:
                self._views[job_id] = _View(self._services, watched, self._wake, ephemeral=self._is_alive)

    def _wake(self, _: object = None) -> None:
        self._fresh.set()

    # ---- what they say

    def _take_from(self, view: "_View") -> list[JobShown]:
        if not view.task.done():
            return []
        try:
            part = view.task.result()
        except RunnelError as error:
            self._leave(view, error)
            return []
        if part is None:
            self._end(view)
            return []
        view.ask(self._wake)
        return [item for shown in part for item in self._show(view.watched, shown)]

    def _show(self, watched: Watched, shown: Shown) -> list[JobShown]:
        if shown.line is None:
            return []  # a heartbeat is the connection's own
        event_id, kind = None, type_of(shown.line)
        if shown.seq is not None:
            self._roster.move(watched, None if kind in TERMINAL_TYPES else shown.seq)
            event_id = self._roster.event_id()
        if self._types and kind not in self._types:
            return []
        return [JobShown(job_id=watched.job.job_id, shown=shown, event_id=event_id)]

    def _end(self, view: "_View") -> None:
        """The job is over, or was deleted: there is no more of it (a view's window ends with the connection's)."""
        del self._views[view.watched.job.job_id]
        self._roster.move(view.watched, None)

    def _leave(self, view: "_View", error: RunnelError) -> None:
        """Its log cannot be read: the others go on, and its place stays for the next connection."""
        job_id = view.watched.job.job_id
        del self._views[job_id]
        self._broken.add(job_id)
        self._services.telemetry.log("stream_job_unreadable", job_id=job_id, message=error.message)


class _View:
    """One job of the stream: the part that comes next."""

    def __init__(
        self, services: Services, watched: Watched, wake: Callable[[object], None], *, ephemeral: bool
    ) -> None:
        self.watched = watched
        self.parts = follow_parts(services, watched.job, after=watched.seen or 0, ephemeral=ephemeral)
        self.ask(wake)

    def ask(self, wake: Callable[[object], None]) -> None:
        """Ask for the next part; *wake* is called when it is there."""
        self.task = asyncio.ensure_future(_next(self.parts))
        self.task.add_done_callback(wake)


async def _next(parts: AsyncGenerator[list[Shown], None]) -> list[Shown] | None:
    return await anext(parts, None)
