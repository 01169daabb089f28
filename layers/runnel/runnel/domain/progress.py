"""What a watcher is shown between the durable events: a fold of the log, the same for every connection.

Laws (tests/unit/domain/test_progress.py):
1. Driver and followers, in whatever process, fold the same segments and know the same, whenever each of them looks.
2. Nothing here is stored, and nothing here reads a clock: instants come as arguments, or with the events.
3. `percent` never falls, and is 100 only after success.
4. A stage's time runs from its first work to its last, also when that is one event.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from runnel.domain import events as e
from runnel.domain.jobs import TERMINAL, JobState

#: An estimate needs so much to go by.
_LEAST_SHARE, _LEAST_PAGES = 0.02, 5
#: What fetching is of the whole; the rest is processing, which follows it closely.
_FETCHING = 0.8

StageName = Literal["discover", "fetch", "process", "chunk", "embed", "index"]
STAGES: tuple[StageName, ...] = ("discover", "fetch", "process", "chunk", "embed", "index")


@dataclass(slots=True)
class StageTime:
    """When a stage did its first and its last work, as the log tells."""

    began_at: datetime | None = None
    moved_at: datetime | None = None


@dataclass(slots=True)
class ProgressFold:
    """Counters of one job."""

    job_id: str
    state: JobState = JobState.QUEUED
    last_seq: int = 0
    library_id: str = ""
    concurrency: int = 10
    created_at: datetime | None = None
    first_fetch_at: datetime | None = None
    last_at: datetime | None = None
    discovered: int = 0
    ruled_out: int = 0
    decided: int = 0
    #: Pages that count as good: fetched and unchanged.
    good: int = 0
    #: Pages that the processor is to have.
    fetched: int = 0
    failed: int = 0
    bytes: int = 0
    sent: int = 0
    #: Pages whose batch has come back, good or not.
    processed: int = 0
    chunks: int = 0
    vectors: int = 0
    words: int = 0
    published: int = 0
    #: Pages of each batch that is out.
    batches: dict[str, int] = field(default_factory=dict)
    #: The worker, from 1, that has each URL which is being fetched.
    pending: dict[str, int] = field(default_factory=dict)
    times: dict[StageName, StageTime] = field(default_factory=lambda: {name: StageTime() for name in STAGES})
    #: Why the job failed, and the stage that it failed in.
    error: str | None = None
    failed_stage: StageName | None = None
    cost_usd: float = 0.0
    percent: float = 0.0
    _paused_at: datetime | None = None
    _paused: timedelta = timedelta()

    @property
    def wanted(self) -> int:
        """URLs that are or were in the queue."""
        return self.discovered - self.ruled_out

    @property
    def queued(self) -> int:
        """URLs that wait in the queue."""
        return max(0, self.wanted - self.decided - len(self.pending))

    @property
    def is_over(self) -> bool:
        """Whether the terminal event was seen."""
        return self.state in TERMINAL

    def apply(self, event: e.DurableEvent) -> None:
        """Take the next durable event."""
        handler = _HANDLERS.get(event.type)
        if handler is not None:
            handler(self, event)
        self.last_seq, self.last_at = event.seq, event.time
        self._raise_percent()

    def spend(self, usd: float) -> None:
        """The next segment tells that the job has cost *usd* so far; a driver that knows less takes nothing back."""
        self.cost_usd = max(self.cost_usd, usd)

    def elapsed(self, now: datetime) -> timedelta:
        """How long the job has lasted, or did last."""
        end = self.last_at if self.is_over else now
        return max(timedelta(), end - self.created_at) if self.created_at and end else timedelta()

    def remaining_ms(self, now: datetime) -> int | None:
        """How long the rest may take, in milliseconds; None while that cannot be said."""
        if self.is_over:
            return 0
        if self.first_fetch_at is None or self.state is not JobState.RUNNING:
            return None
        if self.decided < max(_LEAST_PAGES, self.wanted * _LEAST_SHARE):
            return None
        so_far = now - self.first_fetch_at - self._paused
        return max(0, int(so_far.total_seconds() * 1000 / self.decided * (self.wanted - self.decided)))

    def began(self, event: e.DurableEvent, *stages: StageName) -> None:
        """These stages begin with *event*, unless they have begun."""
        for name in stages:
            time = self.times[name]
            time.began_at = time.began_at or event.time

    def moved(self, event: e.DurableEvent, *stages: StageName) -> None:
        """These stages have done something; one that never said that it began did so with the event before."""
        for name in stages:
            time = self.times[name]
            time.began_at = time.began_at or self.last_at or event.time
            time.moved_at = event.time

    def end_pause(self, event: e.DurableEvent) -> None:
        """The job goes on, if it stood still."""
        if self._paused_at is not None:
            self._paused += event.time - self._paused_at
            self._paused_at = None

    def begin_pause(self, event: e.DurableEvent) -> None:
        """The job stands still from now on."""
        self._paused_at = self._paused_at or event.time

    def _raise_percent(self) -> None:
        if self.state is JobState.COMPLETED:
            self.percent = 100.0
            return
        share = _FETCHING * self.decided / max(1, self.wanted)
        share += (1 - _FETCHING) * (self.processed / self.sent if self.sent else 0.0)
        self.percent = max(self.percent, min(99.0, round(share * 100, 1)))


def _created(fold: ProgressFold, event: e.JobCreated) -> None:
    fold.created_at = event.time
    fold.library_id = event.library_id
    fold.concurrency = event.options.get("concurrency", 10)


def _running(fold: ProgressFold, event: e.DurableEvent) -> None:
    fold.end_pause(event)
    fold.state = JobState.RUNNING


def _source(fold: ProgressFold, event: e.SourceStarted) -> None:
    fold.discovered += event.count
    fold.moved(event, "discover")


def _started(fold: ProgressFold, event: e.UrlStarted) -> None:
    fold.first_fetch_at = fold.first_fetch_at or event.time
    taken = set(fold.pending.values())
    fold.pending[event.url] = next(worker for worker in range(1, len(taken) + 2) if worker not in taken)
    fold.began(event, "fetch")


def _handover(fold: ProgressFold, event: e.Handover) -> None:
    fold.pending.clear()
    _running(fold, event)


def _decide(fold: ProgressFold, event: e.UrlCrawled | e.UrlFailed | e.UrlSkipped) -> None:
    fold.pending.pop(event.url, None)
    fold.decided += 1
    fold.moved(event, "fetch")


def _crawled(fold: ProgressFold, event: e.UrlCrawled) -> None:
    _decide(fold, event)
    fold.good += event.outcome != "duplicate"
    fold.fetched += event.outcome == "fetched"
    fold.bytes += event.content_length


def _retry(fold: ProgressFold, event: e.UrlRetry) -> None:
    fold.pending.pop(event.url, None)


def _failed(fold: ProgressFold, event: e.UrlFailed) -> None:
    _decide(fold, event)
    fold.failed += 1


def _discovered(fold: ProgressFold, event: e.UrlsDiscovered) -> None:
    fold.discovered += event.count
    fold.ruled_out += sum(event.skipped.values()) - event.reconsidered
    fold.moved(event, "discover")


def _sent(fold: ProgressFold, event: e.SentToProcessing) -> None:
    fold.sent += event.pages
    fold.batches[event.batch_id] = event.pages
    fold.began(event, "process", "chunk")


def _processed(fold: ProgressFold, event: e.BatchProcessed) -> None:
    fold.batches.pop(event.batch_id, None)
    fold.processed += event.pages + event.failed
    fold.chunks += event.chunks
    fold.vectors += event.vectors
    fold.words += event.words
    fold.moved(event, "process", "chunk")
    if event.vectors:
        fold.moved(event, "embed")


def _batch_failed(fold: ProgressFold, event: e.BatchFailed) -> None:
    if event.batch_id is not None and not event.will_retry:
        fold.processed += fold.batches.pop(event.batch_id, 0)
        fold.moved(event, "process")


def _published(fold: ProgressFold, event: e.LibraryPublished) -> None:
    fold.published = event.added + event.changed + event.unchanged
    fold.moved(event, "index")


def _paused(fold: ProgressFold, event: e.JobPaused) -> None:
    fold.pending.clear()
    fold.state = JobState.PAUSED
    fold.begin_pause(event)


def _ended(fold: ProgressFold, event: e.TerminalEvent) -> None:
    fold.end_pause(event)
    fold.state = event.state
    fold.error = event.error
    fold.cost_usd = event.cost_usd
    fold.pending.clear()
    if event.state is JobState.FAILED:
        fold.failed_stage = "fetch" if not fold.good else "process" if fold.processed < fold.sent else "index"
        fold.moved(event, fold.failed_stage)


_HANDLERS: Mapping[str, Any] = {
    "job_created": _created,
    "job_started": _running,
    "source_started": _source,
    "url_started": _started,
    "handover": _handover,
    "url_crawled": _crawled,
    "url_retry": _retry,
    "url_failed": _failed,
    "url_skipped": _decide,
    "urls_discovered": _discovered,
    "sent_to_processing": _sent,
    "batch_processed": _processed,
    "batch_failed": _batch_failed,
    "library_published": _published,
    "job_paused": _paused,
    "job_resumed": _running,
    "job_completed": _ended,
    "job_failed": _ended,
    "job_timeout": _ended,
    "job_cancelled": _ended,
}
