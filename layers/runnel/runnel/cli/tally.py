"""What a job's events add up to, for whoever watches: a fold without a clock and without a terminal.

Both kinds of events may come; what only the ephemeral ones tell (rates, estimates) is theirs to tell.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, Final

from runnel.cli.backend import OUTPUT_BEHIND, TERMINAL_TYPES, Json

#: The rate is that of so many seconds.
_RATE_SECONDS: Final = 10

#: Slow pages that a summary names.
SLOWEST: Final = 3


@dataclass(slots=True)
class Tally:
    """The state of the display; `apply` takes each event in order."""

    job_id: str = ""
    library_id: str = ""
    url: str = ""
    started: bool = False
    found: int = 0
    done: int = 0
    failed: int = 0
    size_bytes: int = 0
    elapsed_s: int = 0
    remaining_ms: int | None = None
    percent: float = 0.0
    current: tuple[str, ...] = ()
    #: The last warnings and errors of the log, for the summary.
    warnings: list[str] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    last_error: str = ""
    skips: Counter[str] = field(default_factory=Counter)
    #: The slowest pages so far: milliseconds and URL, the slowest first.
    slowest: list[tuple[int, str]] = field(default_factory=list)
    #: By host: what its Content-Signal says of the use of its pages.
    signals: dict[str, dict[str, str]] = field(default_factory=dict)
    held: str | None = None
    #: What the job is to do: `crawl` or `replay`; its steps, none named = all.
    kind: str = "crawl"
    steps: tuple[str, ...] = ()
    #: Whether the folder of Markdown lacks pages that the library has.
    output_behind: bool = False
    paused: bool = False
    ending: Json | None = None
    _samples: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=_RATE_SECONDS + 1))

    @property
    def pages_per_s(self) -> float:
        """Pages a second, of the last seconds."""
        if len(self._samples) < 2:
            return 0.0
        (begun, before), (now, after) = self._samples[0], self._samples[-1]
        return (after - before) / max(1, now - begun)

    def apply(self, event: Json) -> None:
        """Take the next event."""
        handler = _HANDLERS.get(event["type"])
        if handler is not None:
            handler(self, event)
        elif event["type"] in TERMINAL_TYPES:
            self.ending = event
            self.done = event["counts"]["fetched"] + event["counts"]["unchanged"]
            self.failed = event["counts"]["failed"]

    # --- one event each ---------------------------------------------------------------------------------------------

    def _created(self, event: Json) -> None:
        self.job_id, self.library_id = event["job_id"], event["library_id"]
        self.url = event["sources"][0]["url"] if event["sources"] else ""
        self.kind, self.steps = event.get("kind", "crawl"), tuple(event.get("options", {}).get("steps", ()))

    def _crawled(self, event: Json) -> None:
        self.done += event["outcome"] != "duplicate"
        self.size_bytes += event["content_length"]
        self.slowest = sorted([*self.slowest, (event.get("elapsed_ms") or 0, event.get("url") or "")], reverse=True)[
            :SLOWEST
        ]

    def _failed(self, event: Json) -> None:
        self.failed += 1
        self.failures[event["error"]["category"]] += 1
        self.last_error = event["error"]["message"]

    def _skipped(self, event: Json) -> None:
        self.skips[event["reason"]] += 1

    def _discovered(self, event: Json) -> None:
        self.skips.update(event["skipped"])
        self.found = max(self.found, event["total_discovered"])

    def _logged(self, event: Json) -> None:
        if event["level"] in ("warning", "error"):
            self.warnings.append(event["message"])
            self.output_behind |= event["message"].startswith(OUTPUT_BEHIND)

    def _robots(self, event: Json) -> None:
        if event.get("content_signal"):
            self.signals[event["host"]] = event["content_signal"]

    def _held(self, event: Json) -> None:
        self.held = event["reason"]

    def _paused(self, _event: Json) -> None:
        self.paused = True

    def _resumed(self, _event: Json) -> None:
        self.paused = False

    def _time(self, event: Json) -> None:
        self.elapsed_s = event["elapsed"]
        self.found = event["total_discovered"]
        self._samples.append((event["elapsed"], event["total_processed"]))

    def _pipeline(self, event: Json) -> None:
        self.remaining_ms = event["timing"]["estimated_remaining_ms"]
        self.percent = event["overall_progress_percent"]
        workers: list[dict[str, Any]] = event["worker_pool"]["workers"]
        self.current = tuple(worker["current_url"] for worker in workers if worker["current_url"])


_HANDLERS: Final = {
    "robots_loaded": Tally._robots,  # noqa: SLF001
    "job_created": Tally._created,  # noqa: SLF001  # the table of this class's own steps
    "url_crawled": Tally._crawled,  # noqa: SLF001
    "url_failed": Tally._failed,  # noqa: SLF001
    "url_skipped": Tally._skipped,  # noqa: SLF001
    "urls_discovered": Tally._discovered,  # noqa: SLF001
    "log": Tally._logged,  # noqa: SLF001
    "library_held": Tally._held,  # noqa: SLF001
    "job_paused": Tally._paused,  # noqa: SLF001
    "job_resumed": Tally._resumed,  # noqa: SLF001
    "time_update": Tally._time,  # noqa: SLF001
    "pipeline_progress": Tally._pipeline,  # noqa: SLF001
}
