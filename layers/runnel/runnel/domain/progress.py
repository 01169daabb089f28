"""What a watcher is shown between the durable events: a fold of the log and the clock, the same for every connection.

Laws:
1. Driver and followers, in whatever process, fold the same lines and show the same.
2. Nothing here is stored, and nothing here reads a clock: instants come as arguments.
3. `overall_progress_percent` never falls, and is 100 only after success.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from runnel.domain import events as e
from runnel.domain.jobs import JobState

_SHOWN_WORKERS = 10
_SHOWN_CHARACTERS = 120
_METRICS = ("pages_total", "chunks_total", "vector_writes", "store_writes", "bytes_total", "cost_usd")
#: An estimate needs so much to go by.
_LEAST_SHARE, _LEAST_PAGES = 0.02, 5


@dataclass(slots=True)
class ProgressFold:
    """Counters of one job as one connection sees them."""

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
    good: int = 0
    failed: int = 0
    bytes: int = 0
    sent: int = 0
    processed: int = 0
    chunks: int = 0
    words: int = 0
    pending: dict[str, datetime] = field(default_factory=dict)
    error: str | None = None
    cost_usd: float = 0.0
    _percent: float = 0.0
    _metrics: dict[str, float] = field(default_factory=dict)

    @property
    def queued(self) -> int:
        """URLs that wait in the queue."""
        return max(0, self.discovered - self.ruled_out - self.decided - len(self.pending))

    @property
    def is_over(self) -> bool:
        """Whether the terminal event was seen."""
        return self.state in (JobState.COMPLETED, JobState.FAILED, JobState.TIMEOUT, JobState.CANCELLED)

    def apply(self, event: e.DurableEvent) -> None:
        """Take the next durable event."""
        self.last_seq, self.last_at = event.seq, event.time
        handler = _HANDLERS.get(event.type)
        if handler is not None:
            handler(self, event)

    # ---- what is shown

    def time_update(self, now: datetime) -> e.TimeUpdate:
        """The clock and the queue."""
        elapsed = self._elapsed_s(now)
        return e.TimeUpdate(
            job_id=self.job_id,
            time=now,
            elapsed=elapsed,
            formatted=f"{elapsed // 60}:{elapsed % 60:02}",
            total_processed=self.decided,
            total_discovered=self.discovered,
            queue_size=self.queued,
            pending_count=len(self.pending),
        )

    def progress(self, now: datetime) -> e.Progress:
        """The queue alone."""
        return e.Progress(
            job_id=self.job_id,
            time=now,
            processed=self.decided,
            discovered=self.discovered,
            queued=self.queued,
            pending=len(self.pending),
        )

    def pipeline(self, now: datetime) -> e.PipelineProgress:
        """The whole pipeline."""
        return e.PipelineProgress(
            job_id=self.job_id,
            time=now,
            name=self.library_id,
            total_pages=self.good,
            total_chunks=self.chunks,
            stages=self._stages(now),
            worker_pool=self._workers(),
            metrics=self._take_metrics(),
            timing=e.Timing(
                started_at=self.created_at,
                elapsed_ms=self._elapsed_s(now) * 1000,
                estimated_remaining_ms=self.remaining_ms(now),
            ),
            overall_progress_percent=self._overall(),
        )

    def remaining_ms(self, now: datetime) -> int | None:
        """How long the rest may take, in milliseconds; None while that cannot be said."""
        wanted = self.discovered - self.ruled_out
        if self.is_over:
            return 0
        if self.first_fetch_at is None or self.decided < max(_LEAST_PAGES, wanted * _LEAST_SHARE):
            return None
        so_far_ms = (now - self.first_fetch_at).total_seconds() * 1000
        return int(so_far_ms / self.decided * max(0, wanted - self.decided))

    def _elapsed_s(self, now: datetime) -> int:
        end = self.last_at if self.is_over else now
        return max(0, int((end - self.created_at).total_seconds())) if self.created_at and end else 0

    def _overall(self) -> float:
        wanted = max(1, self.discovered - self.ruled_out)
        share = 0.8 * self.decided / wanted + 0.2 * (self.processed / self.sent if self.sent else 0.0)
        if self.state is JobState.COMPLETED:
            self._percent = 100.0
        else:
            self._percent = max(self._percent, min(99.0, round(share * 100, 1)))
        return self._percent

    def _stages(self, now: datetime) -> tuple[e.Stage, ...]:
        wanted = self.discovered - self.ruled_out
        fetched = self.decided
        return (
            self._stage("discover", fetched, wanted, 0, now),
            self._stage("fetch", fetched, wanted, len(self.pending), now),
            self._stage("process", self.processed, self.good, max(0, self.sent - self.processed), now),
            self._stage("chunk", self.chunks, self.chunks, 0, now),
            self._stage("embed", 0, 0, 0, now),
            self._stage("index", 0, 0, 0, now),
        )

    def _stage(self, name: Any, processed: int, total: int, in_flight: int, now: datetime) -> e.Stage:
        is_complete = self.state is JobState.COMPLETED or (self.is_over and processed >= total)
        status: e.StageStatus = "completed" if is_complete else "in_progress" if processed or in_flight else "pending"
        if self.state is JobState.FAILED:
            status = "error"
        return e.Stage(
            name=name,
            status=status,
            processed=processed,
            total=total,
            in_flight=in_flight,
            progress_percent=100.0 if is_complete else round(100 * processed / total, 1) if total else 0.0,
            duration_ms=self._elapsed_s(now) * 1000 if processed else 0,
            is_complete=is_complete,
            error=self.error if status == "error" else None,
        )

    def _workers(self) -> e.WorkerPool:
        busy = list(self.pending)[:_SHOWN_WORKERS]
        workers = tuple(
            e.Worker(id=place, status="processing", current_url=url[:_SHOWN_CHARACTERS], progress_percent=0.0)
            for place, url in enumerate(busy, 1)
        )
        return e.WorkerPool(
            active=min(len(self.pending), self.concurrency),
            max=self.concurrency,
            queue_depth=self.queued,
            workers=workers,
        )

    def _take_metrics(self) -> e.Metrics:
        values: dict[str, float] = {
            "pages_total": self.good,
            "chunks_total": self.chunks,
            "vector_writes": 0,
            "store_writes": self.processed,
            "bytes_total": self.bytes,
            "cost_usd": self.cost_usd,
        }
        deltas = {f"{name}_delta": values[name] - self._metrics.get(name, 0) for name in _METRICS}
        self._metrics = values
        return e.Metrics.model_validate({**values, **deltas})


def _created(fold: ProgressFold, event: e.JobCreated) -> None:
    fold.created_at = event.time
    fold.library_id = event.library_id
    fold.concurrency = event.options.get("concurrency", 10)


def _running(fold: ProgressFold, _: e.DurableEvent) -> None:
    fold.state = JobState.RUNNING


def _source(fold: ProgressFold, event: e.SourceStarted) -> None:
    fold.discovered += event.count


def _started(fold: ProgressFold, event: e.UrlStarted) -> None:
    fold.first_fetch_at = fold.first_fetch_at or event.time
    fold.pending[event.url] = event.time


def _handover(fold: ProgressFold, _: e.Handover) -> None:
    fold.pending.clear()
    fold.state = JobState.RUNNING


def _crawled(fold: ProgressFold, event: e.UrlCrawled) -> None:
    fold.pending.pop(event.url, None)
    fold.decided += 1
    fold.good += event.outcome != "duplicate"
    fold.bytes += event.content_length


def _retry(fold: ProgressFold, event: e.UrlRetry) -> None:
    fold.pending.pop(event.url, None)


def _failed(fold: ProgressFold, event: e.UrlFailed) -> None:
    fold.pending.pop(event.url, None)
    fold.decided += 1
    fold.failed += 1


def _skipped(fold: ProgressFold, event: e.UrlSkipped) -> None:
    fold.pending.pop(event.url, None)
    fold.decided += 1


def _discovered(fold: ProgressFold, event: e.UrlsDiscovered) -> None:
    fold.discovered += event.count
    fold.ruled_out += sum(event.skipped.values()) - event.reconsidered


def _sent(fold: ProgressFold, event: e.SentToProcessing) -> None:
    fold.sent += event.pages


def _processed(fold: ProgressFold, event: e.BatchProcessed) -> None:
    fold.processed += event.pages + event.failed
    fold.chunks += event.chunks
    fold.words += event.words


def _paused(fold: ProgressFold, _: e.JobPaused) -> None:
    fold.pending.clear()
    fold.state = JobState.PAUSED


def _ended(fold: ProgressFold, event: e.TerminalEvent) -> None:
    fold.state = event.state
    fold.error = event.error
    fold.cost_usd = event.cost_usd
    fold.pending.clear()


_HANDLERS: Mapping[str, Any] = {
    "job_created": _created,
    "job_started": _running,
    "source_started": _source,
    "url_started": _started,
    "handover": _handover,
    "url_crawled": _crawled,
    "url_retry": _retry,
    "url_failed": _failed,
    "url_skipped": _skipped,
    "urls_discovered": _discovered,
    "sent_to_processing": _sent,
    "batch_processed": _processed,
    "job_paused": _paused,
    "job_resumed": _running,
    "job_completed": _ended,
    "job_failed": _ended,
    "job_timeout": _ended,
    "job_cancelled": _ended,
}
