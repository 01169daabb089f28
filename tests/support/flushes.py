"""Flushes as a driver makes them, for tests of the journal: a job, its pages, and what each page leaves behind."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from runnel.domain.jobs import Job, JobOptions, Lease, Sign, Source
from runnel.domain.segments import BatchItem, Effects, Flush, Segment
from runnel.domain.verdicts import QueuedUrl, RuledOut, SkipReason, UrlVerdict, Verdict
from runnel.ports.job_store import JobStore, Leases

TENANT = "main"
JOB_ID = "01j8zq4k6v7m3n2p1r0s9t8w7x"
SITE = "https://docs.example.com/en/latest/guide"
CREATED = datetime(2030, 1, 1, tzinfo=UTC)


def make_job(job_id: str = JOB_ID, options: JobOptions | None = None) -> Job:
    """Make a queued job as a POST would."""
    return Job(
        tenant=TENANT,
        job_id=job_id,
        library_id="docs.example.com",
        sources=(Source(source_id="main", url=f"{SITE}/"),),
        created_at=CREATED,
        options=options or JobOptions(limit=500, exclude=("/en/latest/api/**",), concurrency=20),
        request_hash=hashlib.sha256(job_id.encode()).hexdigest(),
    )


async def take_lease(jobs: JobStore, leases: Leases, job: Job, owner: str = "driver-1") -> Lease:
    """Create the job and take it."""
    created = await jobs.create(job)
    taken = await leases.take(job.tenant, job.job_id, owner=owner, seen=Sign.of(created))
    assert taken is not None
    return Lease(tenant=job.tenant, job_id=job.job_id, owner=owner, term=taken.term, beat=taken.beat)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """How much each page of a simulated crawl brings."""

    pages: int = 5
    new_urls: int = 1
    ruled_out: int = 2
    links: int = 40


def make_flush(lease: Lease, number: int, first: int, site: Site | None = None) -> Flush:
    """Make the flush *number* of a crawl, its first event being *first*: pages crawled, URLs found, a batch sent."""
    site = site or Site()
    pages = range(number * site.pages, (number + 1) * site.pages)
    lines, notes = _make_lines(pages, first, number, lease, site)
    segment = Segment(first=first, term=lease.term, owner=lease.owner, lines=lines, notes=notes)
    return Flush(
        tenant=lease.tenant,
        job_id=lease.job_id,
        segment=segment,
        new_urls=tuple(
            QueuedUrl(url=_url(page, f"next-{n}"), depth=2, parent=_url(page), first=first, term=lease.term)
            for page in pages
            for n in range(site.new_urls)
        ),
        effects=Effects(
            verdicts=tuple(_make_verdict(page) for page in pages),
            ruled_out=tuple(one for page in pages for one in _make_ruled_out(page, site)),
            batches=(BatchItem(batch_id=f"{lease.term}-{number}", pages=site.pages),),
        ),
    )


def _make_lines(
    pages: range, first: int, number: int, lease: Lease, site: Site
) -> tuple[tuple[bytes, ...], dict[int, dict[str, object]]]:
    """Three events a page and one for the batch, with the notes that recovery needs."""
    lines: list[bytes] = []
    notes: dict[int, dict[str, object]] = {}

    def add(kind: str, note: dict[str, object] | None = None, **fields: object) -> None:
        seq = first + len(lines)
        head = {"seq": seq, "type": kind, "at": f"2030-01-01T00:00:{seq % 60:02}.123Z", "job_id": lease.job_id}
        lines.append(json.dumps(head | fields, separators=(",", ":")).encode())
        if note:
            notes[seq] = note

    for page in pages:
        raw = {"key": f"raw/{lease.job_id}/{lease.term}-{number}", "offset": page * 7_919, "length_bytes": 7_919}
        found = [_url(page, f"next-{n}") for n in range(site.new_urls)]
        add("url_started", url=_url(page), attempt=1, depth=2)
        add("url_crawled", {"raw": raw, "body_hash": _hash(page)}, **_make_facts(page, site))
        add("urls_discovered", source_url=_url(page), urls=found, depth=3, skipped={"out_of_scope": site.ruled_out})
    sent: dict[str, object] = {"pages": [[_url(page), page] for page in pages]}
    add("sent_to_processing", sent, batch=f"{lease.term}-{number}", pages=len(pages))
    return tuple(lines), notes


def _make_facts(page: int, site: Site) -> dict[str, object]:
    return {
        "url": _url(page),
        "final_url": _url(page),
        "status": 200,
        "outcome": "fetched",
        "title": f"Guide to chapter {page}",
        "content_length": 31_000 + page,
        "elapsed_ms": 100 + page % 97,
        "links": site.links,
        "body_hash": _hash(page),
    }


def _make_verdict(page: int) -> UrlVerdict:
    return UrlVerdict(
        url=_url(page),
        verdict=Verdict.FETCHED,
        final_url=_url(page),
        status=200,
        attempts=1,
        body_hash=_hash(page),
        fetched_at="2030-01-01T00:00:00.123Z",
    )


def _make_ruled_out(page: int, site: Site) -> list[RuledOut]:
    return [
        RuledOut(
            url=f"https://other.example.org/{page}/{n}",
            reason=SkipReason.OUT_OF_SCOPE,
            rule="scope",
            parent=_url(page),
            depth=3,
        )
        for n in range(site.ruled_out)
    ]


def _url(page: int, tail: str = "index") -> str:
    return f"{SITE}/chapter-{page}/{tail}.html"


def _hash(page: int) -> str:
    return hashlib.sha256(str(page).encode()).hexdigest()
