"""What the work has cost so far."""

from typing import Protocol


class Meter(Protocol):
    """Counts requests, capacity and GB-seconds of this process.

    Promises: `usd` only grows; it is an estimate by list prices; a home without a bill answers 0.
    """

    def usd(self) -> float:
        """US dollars spent by this process since it began."""
        ...
