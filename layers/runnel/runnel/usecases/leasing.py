"""Taking a job's lease, and keeping it.

Laws (names are the rules of the commit model):
1. A lease is taken when it was released, or when the taker saw the same beat for the whole ttl on its own clock,
   counted from when the first read of it came back [same_beat, seen_from_answer].
2. Dispatch stops when the ttl, counted from before sending the last acknowledged renewal, has run out
   [ttl_from_acked, local_ttl].
3. Nobody waits for a lease until the process is old: who took it then would have to hand it on at once, and might not
   live to do it.
4. Of a driver that is silent for half the ttl the log is read ahead: what stands in it does not change, so that its
   successor has only the rest to read when it takes over.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from runnel.domain.jobs import Job, JobState, Lease, Sign
from runnel.domain.segments import Segment
from runnel.errors import JobNotFound, LeaseLost, StateUnreadable, StoreUnavailable
from runnel.usecases.lifetime import patience_s
from runnel.usecases.services import Services

_ASK_AGAIN = timedelta(seconds=1)
#: A pause is never shorter: a clock may round.
_LEAST_PAUSE_S = 0.001

Reason = Literal["deadline", "lease_lost", "sigterm", "started"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A lease that was taken: META as it was written, why it was free, and when the taking was sent."""

    job: Job
    lease: Lease
    reason: Reason
    sent_s: float
    #: What was read of the log while its driver was watched.
    read: tuple[Segment, ...] = ()


async def take_lease(
    services: Services,
    tenant: str,
    job_id: str,
    *,
    deadline_s: float | None = None,
    is_wanted: Callable[[], bool] = lambda: True,
) -> Taken | None:
    """Become the job's driver; None when the job wants none, or another held it until our patience ended.

    *deadline_s* is when this process must have ended, on the monotonic clock: the shorter its life, the less patience.
    *is_wanted* is asked before each try: a process that is about to leave takes nothing more.
    """
    owner = services.ids.owner()
    is_dead = services.locks.acquire(job_id)
    try:
        give_up_s = services.clock.monotonic() + patience_s(deadline_s, services.clock.monotonic(), services.tuning)
        taken = await _watch(
            services, tenant, job_id, owner, is_dead=is_dead,
            is_wanted=lambda: is_wanted() and services.clock.monotonic() < give_up_s,
        )  # fmt: skip
    except JobNotFound:
        taken = None
    if taken is None:
        services.locks.release(job_id)
    else:
        services.locks.acquire(job_id)  # who held it a moment ago may have let go: a driver without it looks dead
    return taken


async def _watch(
    services: Services, tenant: str, job_id: str, owner: str, *, is_dead: bool, is_wanted: Callable[[], bool]
) -> Taken | None:
    clock, ttl_s = services.clock, services.tuning.lease_ttl.total_seconds()
    seen: Sign | None = None
    due_s = sent_s = 0.0
    before: Job | None = None
    read: tuple[Segment, ...] = ()
    while is_wanted():
        job = await _read(services, tenant, job_id)
        if job is not None:
            if job.owner == owner:  # our own taking, whose acknowledgement was lost [lost_take]
                return _taken(job, before, sent_s, read)
            if not job.wants_driver:
                return None
            if seen != Sign.of(job):
                seen, due_s, before = Sign.of(job), clock.monotonic() + ttl_s, job
            if job.owner is None or is_dead or clock.monotonic() >= due_s:
                sent_s = clock.monotonic()
                mine = await _take(services, tenant, job_id, owner, seen)
                if mine is not None:
                    return _taken(mine, before, sent_s, read)
                continue
            read = await _read_ahead(services, job, read, is_silent=clock.monotonic() >= due_s - ttl_s / 2)
        await clock.sleep(_until_next_look(due_s - clock.monotonic()))
    return None


def _until_next_look(left_s: float) -> timedelta:
    """A second, or less when the beat that is watched will have stood still for the whole ttl by then."""
    return min(_ASK_AGAIN, timedelta(seconds=max(_LEAST_PAUSE_S, left_s))) if left_s > 0 else _ASK_AGAIN


async def _read_ahead(
    services: Services, job: Job, read: tuple[Segment, ...], *, is_silent: bool
) -> tuple[Segment, ...]:
    """What was *read* of the log, or what there is of it now if its driver seems to be dead."""
    if read or not is_silent:
        return read
    try:
        return tuple(await services.log.read(job.tenant, job.job_id))
    except (StoreUnavailable, StateUnreadable):  # whoever takes the job will hear of it again, and knows what to do
        return ()


async def _read(services: Services, tenant: str, job_id: str) -> Job | None:
    """None when the store does not answer; raises `JobNotFound` when it says that there is no such job."""
    try:
        job = await services.jobs.get(tenant, job_id)
    except StoreUnavailable:
        return None
    if job is None:
        raise JobNotFound(f"There is no job {job_id!r}.")
    return job


async def _take(services: Services, tenant: str, job_id: str, owner: str, seen: Sign) -> Job | None:
    try:
        return await services.leases.take(tenant, job_id, owner=owner, seen=seen)
    except StoreUnavailable:
        await services.clock.sleep(_ASK_AGAIN)
        return None


def _taken(job: Job, before: Job | None, sent_s: float, read: tuple[Segment, ...]) -> Taken:
    lease = Lease(tenant=job.tenant, job_id=job.job_id, owner=job.owner or "", term=job.term, beat=job.beat)
    return Taken(job=job, lease=lease, reason=_why_free(before), sent_s=sent_s, read=read)


def _why_free(before: Job | None) -> Reason:
    if before is None or before.term == 0 or before.state is JobState.PAUSED:
        return "started"
    return "lease_lost" if before.owner is not None else "deadline"


class LeaseKeeper:
    """Renews a lease until it is lost or given up; `run` is a task of the driver."""

    def __init__(self, services: Services, taken: Taken) -> None:
        """Keep *taken*."""
        self._services = services
        self.lease = taken.lease
        self._valid_until_s = taken.sent_s + services.tuning.lease_ttl.total_seconds()
        self.is_lost = False

    @property
    def may_dispatch(self) -> bool:
        """Whether work may still be sent out under this lease."""
        return not self.is_lost and self._services.clock.monotonic() < self._valid_until_s

    async def run(self) -> None:
        """Renew every beat; ends when the lease is lost."""
        clock, tuning = self._services.clock, self._services.tuning
        while not self.is_lost:
            await clock.sleep(tuning.lease_beat)
            sent_s = clock.monotonic()
            # A frozen process that held the job's lock when we took the lease may have let go; without it we look dead.
            self._services.locks.acquire(self.lease.job_id)
            try:
                self.lease = await self._services.leases.renew(self.lease)
            except LeaseLost:
                self.is_lost = True
            except StoreUnavailable:
                continue  # the next beat tries again; until then the old time counts
            else:
                self._valid_until_s = sent_s + tuning.lease_ttl.total_seconds()
