"""How a job ends: which terminal event, and what it says. A function of the log's fold, so that it is the truth."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from runnel.domain import events as e
from runnel.domain.fold import JobFold
from runnel.domain.jobs import EndedBecause, Job, JobState
from runnel.domain.verdicts import Counts, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Which end it is."""

    kind: type[Any]
    state: JobState
    because: EndedBecause
    error: str | None = None


CANCELLED = End(kind=e.JobCancelled, state=JobState.CANCELLED, because=EndedBecause.USER)


def broken_down(message: str) -> End:
    """The end of a job one of whose steps has raised."""
    return End(kind=e.JobFailed, state=JobState.FAILED, because=EndedBecause.ERROR, error=message)


def decide_end(job: Job, fold: JobFold, because: EndedBecause, *, why_nothing: str | None) -> End:
    """The end of a job that has done what it could; without one good page it has failed."""
    if because is EndedBecause.DEADLINE:
        return End(kind=e.JobTimeout, state=JobState.TIMEOUT, because=because, error="The job's time was over.")
    if job.sources and not fold.kept:
        return broken_down(fold.last_error or why_nothing or "No page could be fetched.")
    return End(kind=e.JobCompleted, state=JobState.COMPLETED, because=because)


def count_urls(fold: JobFold, end: End, *, seen: int) -> Counts:
    """URLs by verdict; those that were never decided count by rule; a job that fetches nothing has seen none."""
    if fold.is_borrowed:
        return Counts()
    rest = Verdict.SKIPPED if end.because is EndedBecause.LIMIT else Verdict.CANCELLED
    return fold.counts(seen=seen, rest=rest)


def is_ok(fold: JobFold, end: End, counts: Counts) -> bool:
    """Whether the job is complete, no page of it failed and no source gave nothing."""
    is_whole = not (counts.failed or fold.dropped or (fold.sources_barren and not fold.is_borrowed))
    return end.state is JobState.COMPLETED and is_whole


def summarize(job: Job, fold: JobFold, end: End, counts: Counts, *, now: datetime, usd: float) -> dict[str, Any]:
    """The fields of the terminal event."""
    options, began = job.options, fold.created_at or job.created_at
    return {
        "state": end.state,
        "ok": is_ok(fold, end, counts),
        "error": end.error,
        "ended_because": end.because,
        "library_id": job.library_id,
        "mode": options.mode,
        "scope": options.scope,
        "dry_run": options.dry_run,
        "sources_processed": fold.totals.sources,
        "counts": e.EventCounts(**asdict(counts)),
        "total_processed": len(fold.decided),
        "total_discovered": fold.totals.discovered,
        "pages": fold.totals.pages,
        "low_quality": len(fold.low_quality),
        "words": fold.totals.words,
        "chunks": fold.totals.chunks,
        "vectors": fold.totals.vectors,
        "bytes": fold.totals.bytes,
        "elapsed_ms": max(0, int((now - began).total_seconds() * 1000)),
        "started_at": fold.started_at or began,
        "finished_at": now,
        "cost_usd": round(usd, 6),
    }
