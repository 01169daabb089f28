"""What this process has asked of S3, for the cost of a job: requests by price class."""

from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """Totals at one moment; S3 prices puts and lists alike, gets and heads alike, and gives deletes away."""

    puts: int = 0
    gets: int = 0
    lists: int = 0


#: The price class of each operation we use.
_CLASSES = {"put_object": "puts", "get_object": "gets", "head_object": "gets", "list_objects_v2": "lists"}


class Usage:
    """Counts from many threads; totals only grow. A refused or lost request counts too: it may be billed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts = {"puts": 0, "gets": 0, "lists": 0}

    @property
    def used(self) -> Used:
        """The totals so far."""
        with self._lock:
            return Used(**self._counts)

    def count(self, operation: str) -> None:
        """Add one request."""
        if operation in _CLASSES:
            with self._lock:
                self._counts[_CLASSES[operation]] += 1
