"""What this process has asked of DynamoDB, for the cost of a job.

Units are those that DynamoDB says it charged (`ReturnConsumedCapacity`). A refused condition is charged but not told:
it counts as one write unit, which is exact for items under 1 KB.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

#: Operations whose capacity is written capacity; all others read.
WRITES = frozenset({"put_item", "update_item", "delete_item", "batch_write_item"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """Totals at one moment."""

    write_units: float = 0.0
    read_units: float = 0.0
    requests: int = 0


class Usage:
    """Counts from many threads; totals only grow."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._used = Used()

    @property
    def used(self) -> Used:
        """The totals so far."""
        return self._used

    def count(self, operation: str, answer: Mapping[str, Any]) -> None:
        """Add one answered request."""
        self._add(operation, _units(answer.get("ConsumedCapacity")))

    def count_refused(self, operation: str) -> None:
        """Add one request whose condition was not met."""
        self._add(operation, 1.0)

    def _add(self, operation: str, units: float) -> None:
        written, read = (units, 0.0) if operation in WRITES else (0.0, units)
        with self._lock:
            self._used = Used(
                write_units=self._used.write_units + written,
                read_units=self._used.read_units + read,
                requests=self._used.requests + 1,
            )


def _units(consumed: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None) -> float:
    """Capacity of one answer: one table's for a single item, a list of tables' for a batch."""
    if not consumed:
        return 0.0
    tables = [consumed] if isinstance(consumed, Mapping) else consumed
    return sum(float(table.get("CapacityUnits", 0.0)) for table in tables)
