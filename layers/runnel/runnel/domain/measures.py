"""The numbers of a stretch of a job's log, for operators: a fold that is emptied when it is told.

Law: what is told grows with the time that passes, never with the pages: one set of numbers for however many events.
"""

from collections import Counter
from dataclasses import dataclass, field

from runnel.domain import events as e

#: So many latencies are told at once; what comes beyond them is left out of that set.
_MOST_LATENCIES = 100


@dataclass(slots=True)
class Measures:
    """Counts by metric name, and latencies, since they were last taken."""

    counts: Counter[str] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)

    def add(self, event: e.DurableEvent) -> None:
        """Take the next event."""
        match event:
            case e.UrlCrawled():
                self.counts[f"pages_{event.outcome}"] += 1
                if len(self.latencies_ms) < _MOST_LATENCIES:
                    self.latencies_ms.append(event.elapsed_ms)
            case e.UrlSkipped():
                self.counts["pages_skipped"] += 1
            case e.UrlFailed():
                self.counts["pages_failed"] += 1
                self.counts[f"errors_{event.error.category}"] += 1
            case e.UrlRetry() | e.BatchFailed():
                self.counts[f"errors_{event.error.category}"] += 1
            case _:
                return

    def take(self) -> dict[str, float | list[float]]:
        """What was counted; empty afterwards."""
        told: dict[str, float | list[float]] = dict(self.counts)
        if self.latencies_ms:
            told["fetch_latency_ms"] = self.latencies_ms
        self.counts, self.latencies_ms = Counter(), []
        return told
