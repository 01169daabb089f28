"""Which private addresses the jobs of this home are begun with leave to ask."""

from collections.abc import Collection
from typing import Protocol


class PrivateLeave(Protocol):
    """Notes of what drivers had leave to ask; no grant, for a process may ask what itself was given, and nothing else.

    Promises (tests/unit/adapters/test_private_leave.py): what is noted outlives its process, until it is forgotten; a
    home in which all drivers have the same leave notes nothing and lacks nothing.
    """

    def note(self, job_id: str, hosts: Collection[tuple[str, int]]) -> None:
        """A driver of this process works on the job, whose own *hosts* are these."""
        ...

    def lacking(self, job_id: str) -> tuple[str, ...]:
        """What an earlier driver of the job had leave for and this process has not, as `host:port`."""
        ...

    def forget(self, job_id: str) -> None:
        """The job has ended; harmless when nothing was noted."""
        ...

    def tell(self, job_id: str, sentence: str) -> None:
        """Tell whoever runs this process that it leaves a job alone, and what to do."""
        ...


class SameLeave:
    """A home in which all drivers have the same leave."""

    def note(self, job_id: str, hosts: Collection[tuple[str, int]]) -> None:
        """Nothing is noted."""

    def lacking(self, job_id: str) -> tuple[str, ...]:  # noqa: ARG002
        """Nothing is lacking."""
        return ()

    def forget(self, job_id: str) -> None:
        """There is nothing to forget."""

    def tell(self, job_id: str, sentence: str) -> None:
        """There is nothing to tell."""
