"""Jobs: META, who may drive them, and what users wish."""

from datetime import datetime
from typing import Protocol

from runnel.domain.jobs import Ending, Job, JobState, Lease, Sign, Wish


class JobStore(Protocol):
    """One record per job.

    Promises every adapter keeps (tests/contract/test_job_store.py):

    * `create` is one conditional write: of many equal calls one creates, all get the stored job, `deleted` or not;
    * `get` is strongly consistent;
    * a wish is written only over the number that was read [wish_number];
    * `list_jobs` shows one tenant's jobs, newest first; a cursor is opaque and goes on exactly where it stopped;
    * `active` names every job of every tenant whose state is not terminal, perhaps some that have just ended;
    * `ended` names jobs by the time of their end, unless the store lets them go by itself when their time has come;
    * a job that is marked deleted is not there for `get` and `list_jobs`; `deleted` names it until `delete` is through.
    """

    async def create(self, job: Job) -> Job:
        """Insert *job* unless its id exists; return what is stored under the id afterwards."""
        ...

    async def get(self, tenant: str, job_id: str) -> Job | None:
        """The job, or None."""
        ...

    async def list_jobs(
        self, tenant: str, *, states: frozenset[JobState], library_id: str | None, cursor: str | None, limit: int
    ) -> tuple[list[Job], str | None]:
        """Jobs newest first, filtered (empty *states* = all), and the next cursor if there are more."""
        ...

    async def active(self) -> list[tuple[str, str]]:
        """(tenant, job id) of every job that has not ended."""
        ...

    async def ended(self, *, before: datetime) -> list[tuple[str, str]]:
        """(tenant, job id) of every job that has ended before that moment and is still there to be deleted."""
        ...

    async def set_wish(self, tenant: str, job_id: str, wish: Wish | None, *, seen: int) -> Job | None:
        """Write *wish* over wish number *seen*; None when the number has changed or the job publishes or is over.

        Taking a pause back (None) also sets a paused job running, in the same write.
        """
        ...

    async def mark_deleted(self, tenant: str, job_id: str) -> Job | None:
        """Let an ended job be deleted, in one conditional write; None when it has not ended, or is not there (now)."""
        ...

    async def deleted(self) -> list[Job]:
        """Every job, of every tenant, that is marked deleted and not removed yet."""
        ...

    async def delete(self, tenant: str, job_id: str) -> None:
        """Remove everything that belongs to the job: META, queue, verdicts, log, batches. Repeating it is harmless."""
        ...


class Leases(Protocol):
    """One driver per job.

    Promises every adapter keeps (tests/contract/test_leases.py):

    * taking is one write, conditional on owner, term and beat as last seen [take_conditional]; it raises `term` by one;
    * renewing, releasing and every other write of a driver are conditional on owner and term [meta_fenced];
    * no clock is read here: watching a beat for its ttl is the taker's part (usecases/leasing.py).
    """

    async def take(self, tenant: str, job_id: str, *, owner: str, seen: Sign) -> Job | None:
        """Become the driver when META still shows *seen*; None when it shows anything else."""
        ...

    async def renew(self, lease: Lease) -> Lease:
        """Raise the beat; raises `LeaseLost` when owner or term is another."""
        ...

    async def release(
        self, lease: Lease, *, state: JobState | None = None, ending: Ending | None = None,
        only_if_paused: bool = False, spent_s: float | None = None, spent_usd: float | None = None,
    ) -> bool:  # fmt: skip
        """Give the job up, with its new *state* in the same write; False when it was not ours or the wish has changed.

        *only_if_paused*: only while the wish is still a pause [pause_conditional].
        """
        ...

    async def update(
        self, lease: Lease, *, state: JobState | None = None, publishing: bool | None = None,
        only_without_wish: bool = False, spent_s: float | None = None, spent_usd: float | None = None,
    ) -> Job | None:  # fmt: skip
        """One fenced write of META; None when owner or term is another, or (*only_without_wish*) there is a wish."""
        ...

    async def repair(self, tenant: str, job_id: str, *, state: JobState, ending: Ending) -> None:
        """Set META to the end that the log tells [terminal_truth]; the truth is the log, so this needs no lease."""
        ...
