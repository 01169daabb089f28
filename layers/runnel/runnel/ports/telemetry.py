"""What operators see of the work: lines and numbers. Never a page's content, a secret, a token or a query string."""

from collections.abc import Mapping, Sequence
from typing import Protocol

#: A number, or several of one kind since the last time (latencies).
Measured = float | Sequence[float]


class Telemetry(Protocol):
    """Tells a log and a store of metrics; a home without them says nothing.

    Promises: no call raises or waits; a line carries the job's id as its correlation id, as the functions' own do.
    """

    def log(self, event: str, *, job_id: str | None = None, **fields: object) -> None:
        """One line: an event name in snake_case, and what explains it."""
        ...

    def count(self, name: str) -> None:
        """One more of *name*, told with the next measures of this process."""
        ...

    def measure(self, measures: Mapping[str, Measured], *, job_id: str | None = None) -> None:
        """Numbers of this moment, or since the last time, by name."""
        ...


class Silence:
    """Says nothing."""

    def log(self, event: str, *, job_id: str | None = None, **fields: object) -> None:
        """Say nothing."""

    def count(self, name: str) -> None:
        """Count nothing."""

    def measure(self, measures: Mapping[str, Measured], *, job_id: str | None = None) -> None:
        """Measure nothing."""
