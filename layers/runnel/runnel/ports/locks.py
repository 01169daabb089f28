"""A sign of life besides the lease, where the home has one."""

from typing import Protocol


class JobLocks(Protocol):
    """Locks that die with their process.

    Promises: a lock that was acquired is held by nobody else alive on this machine, so the driver before is dead and
    its lease need not be watched; a home without such locks never acquires one.
    """

    def acquire(self, job_id: str) -> bool:
        """Take the lock; False when it is held, or when there are no such locks."""
        ...

    def release(self, job_id: str) -> None:
        """Give the lock back; harmless when it is not ours."""
        ...
