"""A job's progress as one connection is shown it: the fold, the clock, and what the connection was shown before.

Laws (tests/unit/domain/test_progress.py):
1. A metric's delta is what it has grown by since this connection's last snapshot.
2. A snapshot is at most `MAX_SNAPSHOT_BYTES` long, whatever its pages are called.
"""

from datetime import datetime

from runnel.domain import events as e
from runnel.domain.jobs import JobState
from runnel.domain.progress import STAGES, ProgressFold, StageName

MAX_SNAPSHOT_BYTES = 4 * 1024
_SHOWN_WORKERS = 10
_SHOWN_CHARACTERS = 120
_METRICS = ("pages_total", "chunks_total", "vector_writes", "store_writes", "bytes_total", "cost_usd")


class Snapshots:
    """What one connection is shown of a fold."""

    def __init__(self, fold: ProgressFold) -> None:
        """Show *fold*."""
        self._fold = fold
        self._metrics: dict[str, float] = {}

    def time_update(self, now: datetime) -> e.TimeUpdate:
        """The clock and the queue."""
        fold, elapsed = self._fold, int(self._fold.elapsed(now).total_seconds())
        return e.TimeUpdate(
            job_id=fold.job_id,
            time=now,
            elapsed=elapsed,
            formatted=f"{elapsed // 60}:{elapsed % 60:02}",
            total_processed=fold.decided,
            total_discovered=fold.discovered,
            queue_size=fold.queued,
            pending_count=len(fold.pending),
        )

    def progress(self, now: datetime) -> e.Progress:
        """The queue alone."""
        fold = self._fold
        return e.Progress(
            job_id=fold.job_id,
            time=now,
            processed=fold.decided,
            discovered=fold.discovered,
            queued=fold.queued,
            pending=len(fold.pending),
        )

    def pipeline(self, now: datetime) -> e.PipelineProgress:
        """The whole pipeline; each call is a snapshot that the next one's deltas begin at."""
        fold = self._fold
        whole = e.PipelineProgress(
            job_id=fold.job_id,
            time=now,
            name=fold.library_id,
            total_pages=fold.good,
            total_chunks=fold.chunks,
            stages=tuple(_stage(fold, name, now) for name in STAGES),
            worker_pool=_workers(fold, _SHOWN_CHARACTERS),
            metrics=self._take_metrics(),
            timing=e.Timing(
                started_at=fold.created_at,
                elapsed_ms=int(fold.elapsed(now).total_seconds() * 1000),
                estimated_remaining_ms=fold.remaining_ms(now),
            ),
            overall_progress_percent=fold.percent,
        )
        characters = _SHOWN_CHARACTERS
        while len(e.encode_event(whole)) > MAX_SNAPSHOT_BYTES and characters:
            characters //= 2
            whole = whole.model_copy(update={"worker_pool": _workers(fold, characters)})
        return whole

    def _take_metrics(self) -> e.Metrics:
        fold = self._fold
        values: dict[str, float] = {
            "pages_total": fold.good,
            "chunks_total": fold.chunks,
            "vector_writes": fold.vectors,
            "store_writes": fold.processed,
            "bytes_total": fold.bytes,
            "cost_usd": fold.cost_usd,
        }
        deltas = {f"{name}_delta": round(values[name] - self._metrics.get(name, 0), 6) for name in _METRICS}
        self._metrics = values
        return e.Metrics.model_validate({**values, **deltas})


def _stage(fold: ProgressFold, name: StageName, now: datetime) -> e.Stage:
    processed, total, in_flight = _work(fold, name)
    is_complete = fold.state is JobState.COMPLETED or (
        fold.is_over and name != fold.failed_stage and processed >= total > 0
    )
    has_failed = name == fold.failed_stage
    is_moving = bool(processed or in_flight or fold.times[name].began_at)
    status: e.StageStatus = (
        "error" if has_failed else "completed" if is_complete else "in_progress" if is_moving else "pending"
    )
    return e.Stage(
        name=name,
        status=status,
        processed=processed,
        total=total,
        in_flight=in_flight,
        progress_percent=100.0 if is_complete else min(100.0, round(100 * processed / total, 1)) if total else 0.0,
        duration_ms=_duration_ms(fold, name, now),
        is_complete=is_complete,
        error=(fold.error or "")[:_SHOWN_CHARACTERS] if has_failed else None,
    )


def _work(fold: ProgressFold, name: StageName) -> tuple[int, int, int]:
    """What the stage has done, what there is to do in all, and what it is doing."""
    kept = fold.published or (fold.good if fold.times["index"].began_at else 0)
    work: dict[StageName, tuple[int, int, int]] = {
        "discover": (fold.discovered, fold.discovered, 0),
        "fetch": (fold.decided, max(fold.wanted, fold.decided), len(fold.pending)),
        "process": (fold.processed, max(fold.fetched, fold.processed), max(0, fold.sent - fold.processed)),
        "chunk": (fold.chunks, fold.chunks, 0),
        "embed": (fold.vectors, fold.vectors, 0),
        "index": (fold.published, kept, 0),
    }
    return work[name]


def _duration_ms(fold: ProgressFold, name: StageName, now: datetime) -> int:
    """From the stage's first work to its last; while it may go on, to now."""
    time = fold.times[name]
    if time.began_at is None:
        return 0
    end = (time.moved_at or fold.last_at or time.began_at) if fold.is_over or name == "index" else now
    return max(0, int((end - time.began_at).total_seconds() * 1000))


def _workers(fold: ProgressFold, characters: int) -> e.WorkerPool:
    """The first places; the busy ones with the page that they have."""
    busy = {worker: url for url, worker in fold.pending.items()}
    return e.WorkerPool(
        active=min(len(fold.pending), fold.concurrency),
        max=fold.concurrency,
        queue_depth=fold.queued,
        workers=tuple(
            _worker(worker, busy.get(worker), characters)
            for worker in range(1, min(fold.concurrency, _SHOWN_WORKERS) + 1)
        ),
    )


def _worker(worker: int, url: str | None, characters: int) -> e.Worker:
    shown = None if url is None else url[:characters]
    return e.Worker(id=worker, status="processing" if url else "idle", current_url=shown, progress_percent=0.0)
