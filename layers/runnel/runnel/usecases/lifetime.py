"""How long a driver may work in its process, and how many drivers a job may have one after the other.

Laws:
1. A driver stops early enough before its process's deadline to drain, flush and find a successor; in a short life it
   keeps a third of it for that, so that every life does some work.
2. A job starts its own successor only as long as it has had at most three times the drivers that its time allows
   (the term counts them, also those that were killed). After that only the sweep starts one: a job that hands itself
   over again and again costs no more than a sweep does, and its own time still ends it.
"""

import math
from dataclasses import dataclass

from runnel.usecases.services import Tuning

#: What a driver works for in a life of 15 minutes, in seconds.
_TERM_S = 13 * 60
_TERMS_TOO_MANY = 3
#: Of a short life, what is kept for leaving; and of that, what the drain may take.
_LEAVING = 1 / 3
_DRAINING = 0.6
#: Of a short life, what a would-be driver may wait for a lease.
_WAITING = 1 / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """When a driver must begin to leave, on the monotonic clock, and how long it may then drain, in seconds."""

    leave_at_s: float
    drain_s: float

    @classmethod
    def until(cls, deadline_s: float | None, now_s: float, tuning: Tuning) -> "Lifetime":
        """The life of a driver that begins now in a process that ends at *deadline_s*; None = it need not."""
        drain_s = tuning.drain.total_seconds()
        if deadline_s is None:
            return cls(leave_at_s=math.inf, drain_s=drain_s)
        margin_s = min(tuning.deadline_margin.total_seconds(), max(0.0, deadline_s - now_s) * _LEAVING)
        return cls(leave_at_s=deadline_s - margin_s, drain_s=min(drain_s, margin_s * _DRAINING))

    def is_ending(self, now_s: float) -> bool:
        """Whether it is time to leave."""
        return now_s > self.leave_at_s


def patience_s(deadline_s: float | None, now_s: float, tuning: Tuning) -> float:
    """How many seconds a would-be driver may wait for a lease in a process that ends at *deadline_s*; None = never."""
    patience = tuning.lease_patience.total_seconds()
    return patience if deadline_s is None else min(patience, max(0.0, deadline_s - now_s) * _WAITING)


def most_terms(timeout_s: float) -> int:
    """How many drivers a job with this time budget may start by itself."""
    return math.ceil(_TERMS_TOO_MANY * timeout_s / _TERM_S)
