"""One request budget per host, shared by all jobs and processes."""

from typing import Protocol

from runnel.domain.host_book import Ask, Share


class HostBudget(Protocol):
    """The book of each host (`domain/host_book.py`), kept where all drivers see it.

    Promises every adapter keeps (tests/contract/test_host_budget.py):

    * takings at a host happen one after another: each sees those before it, whatever process made them;
    * taking is one conditional write; a lost acknowledgement wastes turns, and never gives any twice.
    """

    async def take(self, host: str, ask: Ask) -> Share:
        """Take a share of *host* (`host:port`) for about a second; raises `StoreUnavailable`."""
        ...

    async def leave(self, host: str, taker: str) -> None:
        """Give the share of *taker* back, so that others need not wait until it ends; raises `StoreUnavailable`."""
        ...
