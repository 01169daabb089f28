"""One request budget per host, shared by all jobs and processes."""

from datetime import timedelta
from typing import Protocol


class HostBudget(Protocol):
    """Turns at a host, handed out in blocks.

    Promises every adapter keeps (tests/contract/test_host_budget.py):

    * two blocks never overlap: the turns of all takers together are at least `spacing` apart;
    * a block is one conditional write; a lost acknowledgement wastes turns, never doubles them.
    """

    async def reserve(self, host: str, *, now_s: float, spacing: timedelta, turns: int) -> float:
        """Reserve *turns* turns; the time of the first in seconds since the epoch, not before *now_s*."""
        ...
