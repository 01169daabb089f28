"""Values for the contract suite."""

from datetime import UTC, datetime, timedelta
from typing import Any

from runnel.domain.jobs import EndedBecause, Ending, Job, Lease, Sign, Source
from runnel.domain.libraries import Library
from runnel.domain.segments import BatchItem, Effects, Flush, Segment
from runnel.domain.verdicts import (
    Counts,
    ErrorCategory,
    FetchError,
    QueuedUrl,
    RuledOut,
    SkipReason,
    UrlVerdict,
    Verdict,
)
from tests.contract.bundle import Stores

TENANT = "acme"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ENDING = Ending(
    ended_because=EndedBecause.DONE,
    ok=True,
    ended_at=NOON + timedelta(hours=1, milliseconds=7),
    counts=Counts(seen=3, fetched=2, failed=1),
    error="one page failed",
    cost_usd=0.125,
)


def make_job(job_id: str = "job1", *, minutes: int = 0, tenant: str = TENANT, **fields: Any) -> Job:
    """A queued job, created *minutes* after noon."""
    return Job(
        tenant=tenant,
        job_id=job_id,
        library_id=fields.pop("library_id", "docs"),
        sources=(Source(source_id="main", url="https://docs.example.com/"),),
        created_at=NOON + timedelta(minutes=minutes),
        **fields,
    )


def make_library(library_id: str = "docs", *, tenant: str = TENANT) -> Library:
    """A library without pages."""
    source = Source(source_id="main", url="https://docs.example.com/")
    return Library(tenant=tenant, library_id=library_id, sources=(source,), created_at=NOON)


def make_segment(first: int = 1, *, count: int = 2, term: int = 1, owner: str = "driver", text: str = "") -> Segment:
    """A segment of *count* lines, with a note."""
    lines = tuple(b'{"seq":%d,"text":"%s"}' % (seq, text.encode()) for seq in range(first, first + count))
    return Segment(first=first, term=term, owner=owner, lines=lines, notes={first: {"raw": ["key", 0, 5]}})


def make_flush(job_id: str = "job1", *, segment: Segment | None = None, tenant: str = TENANT) -> Flush:
    """A flush with something for every step; what it holds is named after its segment."""
    segment = segment or make_segment()
    place = f"{segment.term}-{segment.first}"
    return Flush(
        tenant=tenant,
        job_id=job_id,
        segment=segment,
        new_urls=tuple(
            QueuedUrl(
                url=f"https://docs.example.com/{place}/{name}",
                depth=depth,
                parent="https://docs.example.com/" if depth else None,
                first=segment.first,
                term=segment.term,
            )
            for depth, name in enumerate(("a", "ä", "c?x=1&y=%20"))
        ),
        effects=make_effects(place),
    )


def make_effects(place: str = "1-1") -> Effects:
    """Verdicts good and bad, URLs ruled out, and a batch of two pages."""
    base = f"https://docs.example.com/{place}"
    return Effects(
        verdicts=(
            UrlVerdict(
                url=f"{base}/a", verdict=Verdict.FETCHED, final_url=f"{base}/a/", status=200, attempts=2,
                body_hash="a" * 64, fetched_at="2026-01-31T12:00:00.000Z",
            ),
            UrlVerdict(
                url=f"{base}/ä", verdict=Verdict.FAILED, reason="timeout", attempts=3,
                error=FetchError(category=ErrorCategory.TIMEOUT, message="No answer within 30 s."),
            ),
            UrlVerdict(url=f"{base}/x", verdict=Verdict.SKIPPED, reason="limit", rule="limit"),
        ),
        ruled_out=(
            RuledOut(url=f"{base}/img.png", reason=SkipReason.ASSET, rule="asset", parent=f"{base}/a", depth=2),
            RuledOut(url="https://else.example/", reason=SkipReason.OUT_OF_SCOPE, rule="scope", parent=None, depth=1),
        ),
        batches=(BatchItem(batch_id=place, pages=2),),
    )  # fmt: skip


async def take(stores: Stores, job_id: str = "job1", *, owner: str = "driver", tenant: str = TENANT) -> Lease:
    """Make *owner* the driver of a job, whoever holds it."""
    job = await stores.jobs.get(tenant, job_id)
    assert job is not None
    taken = await stores.leases.take(tenant, job_id, owner=owner, seen=Sign.of(job))
    assert taken is not None
    return Lease(tenant=tenant, job_id=job_id, owner=owner, term=taken.term, beat=taken.beat)


async def driven_job(stores: Stores, job_id: str = "job1", *, owner: str = "driver") -> Lease:
    """A new job with a driver of term 1."""
    await stores.jobs.create(make_job(job_id))
    return await take(stores, job_id, owner=owner)


def do_nothing() -> None:
    """Nobody waits for the commit."""


async def invoke_nothing(_batch_id: str) -> None:
    """Nobody processes."""
