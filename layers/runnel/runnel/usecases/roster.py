"""The jobs that a stream of all jobs shows, and how far its reader is in each (ADR 0025).

Laws (tests/unit/usecases/test_roster.py):
1. A reader without a place sees every job that is active when it comes, from its beginning, and every later one.
2. A reader with a place sees the rest of each job that it names and every job made since, also one that has begun and
   ended while nobody looked.
3. "Since" is a quarter of an hour before the last look: clocks that differ by less, and a job that stands in the lists
   late, cost no event. So long the jobs whose end was shown are named too, and are not shown again.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from runnel.domain.jobs import Job
from runnel.streaming.places import Places, encode_places, place_of, tag_of
from runnel.usecases.read_log import check_whole
from runnel.usecases.services import Services

#: How much the clocks of those who make jobs may differ, and how late a job may come into the lists.
SLACK_S: Final = 900
_PAGE: Final = 50


@dataclass(slots=True)
class Watched:
    """One job, and how much of it the reader has."""

    job: Job
    tag: str
    #: The last sequence number; None = the reader has its end.
    seen: int | None
    #: Its part of an id.
    place: str = ""

    def __post_init__(self) -> None:
        """Write its part of an id."""
        self.move(self.seen)

    def move(self, seen: int | None) -> None:
        """The reader has come to *seen*."""
        self.seen = seen
        self.place = place_of(self.tag, seen)


@dataclass(slots=True)
class Roster:
    """The jobs of one reader; `begin` comes first, `look` finds those that came since."""

    services: Services
    tenant: str
    #: Only jobs of these libraries; empty = of all. Who comes back with a place must name the same.
    libraries: frozenset[str] = frozenset()
    jobs: dict[str, Watched] = field(default_factory=dict)
    _since_s: int = 0
    _oldest_s: int = 0

    async def begin(self, places: Places | None) -> None:
        """Find the jobs of a reader who stands at *places* (None = who has seen nothing); raises `EventsExpired`."""
        if places is None:
            await self._begin_anew()
        else:
            await self._go_on(places)

    async def look(self) -> None:
        """Find the jobs that were made since the last look."""
        now_s = self._now_s()
        found = [job async for job in self._made_since(self._since_s) if job.job_id not in self.jobs]
        for job in reversed(found):
            self._watch(job, 0)
        self._looked(now_s)

    def move(self, watched: Watched, seen: int | None) -> None:
        """The reader has come to *seen* in one job."""
        watched.move(seen)
        if seen is None:
            self._renew()

    def event_id(self) -> str:
        """Where the reader stands now, as the id of an event."""
        return encode_places(self._since_s, self._oldest_s, [watched.place for watched in self.jobs.values()])

    async def _begin_anew(self) -> None:
        now_s = self._now_s()
        self._since_s = now_s - SLACK_S
        found = {job.job_id: job async for job in self._made_since(self._since_s)}
        for tenant, job_id in await self.services.jobs.active():
            if tenant == self.tenant and job_id not in found:
                job = await self.services.jobs.get(tenant, job_id)
                found |= {job_id: job} if job is not None and self._is_wanted(job) else {}
        for job in sorted(found.values(), key=lambda job: (job.created_at, job.job_id)):
            self._watch(job, None if job.is_over else 0)
        self._looked(now_s)

    async def _go_on(self, places: Places) -> None:
        now_s = self._now_s()
        self._since_s = places.since_s
        found = [job async for job in self._made_since(min(places.since_s, places.oldest_s))]
        for job in reversed(found):
            tag = tag_of(job.job_id)
            if tag in places.seen:
                self._watch(job, places.seen[tag])
                if job.is_over and places.seen[tag] is not None:
                    await check_whole(self.services, job)
            elif _made_s(job) >= places.since_s:
                self._watch(job, 0)
        self._looked(now_s)

    async def _made_since(self, since_s: int) -> AsyncIterator[Job]:
        """The wanted jobs made at *since_s* or later, newest first."""
        cursor: str | None = None
        while True:
            jobs, cursor = await self.services.jobs.list_jobs(
                self.tenant, states=frozenset(), library_id=None, cursor=cursor, limit=_PAGE
            )
            for job in jobs:
                if _made_s(job) < since_s:
                    return
                if self._is_wanted(job):
                    yield job
            if cursor is None:
                return

    def _is_wanted(self, job: Job) -> bool:
        return not self.libraries or job.library_id in self.libraries

    def _watch(self, job: Job, seen: int | None) -> None:
        self.jobs[job.job_id] = Watched(job=job, tag=tag_of(job.job_id), seen=seen)

    def _looked(self, now_s: int) -> None:
        """Everything that was in the lists at *now_s* is known: "since" may come nearer, and never goes back."""
        self._since_s = max(self._since_s, now_s - SLACK_S)
        for watched in list(self.jobs.values()):
            if watched.seen is None and _made_s(watched.job) < self._since_s:
                del self.jobs[watched.job.job_id]
        self._renew()

    def _renew(self) -> None:
        unfinished = [_made_s(watched.job) for watched in self.jobs.values() if watched.seen is not None]
        self._oldest_s = min(unfinished, default=self._since_s)

    def _now_s(self) -> int:
        return int(self.services.clock.now().timestamp())


def _made_s(job: Job) -> int:
    return int(job.created_at.timestamp())
