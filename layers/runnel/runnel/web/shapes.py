"""The JSON shapes of the public interface; the command line shows the same.

No FastAPI here: these are plain functions from values to JSON objects.
"""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from runnel.domain.instants import format_time
from runnel.domain.jobs import Job, Source, job_links
from runnel.domain.libraries import Library, Pointer
from runnel.domain.payloads import StoredPage
from runnel.domain.verdicts import Counts
from runnel.usecases.list_urls import UrlRecord

if TYPE_CHECKING:  # it reads events, which takes a third of a second to load
    from runnel.domain.integrity import Verification
    from runnel.usecases.diff_library import PageChange
    from runnel.usecases.look_at_job import Look
    from runnel.usecases.map_site import SiteMap
    from runnel.usecases.publish import Published
    from runnel.usecases.read_reports import Report
    from runnel.usecases.why_url import Why


def look_to_json(look: "Look") -> dict[str, Any]:
    """A job as it is shown alone: with what its log tells, and the job that retries it."""
    job, retried_by = look.job, look.retried_by
    return {
        **job_to_json(job, counts=look.counts),
        "retried_by": retried_by,
        "cost_usd": round(look.cost_usd, 6),
        "links": job_links(job.job_id, retry_of=job.retry_of, retried_by=retried_by),
        "last_seq": look.last_seq,
        "activities": [json.loads(line) for line in look.activities],
    }


#: Findings that one answer shows of a verification, and pages that suffer from each.
_FINDINGS = 1_000
_SUFFERERS = 5
#: URLs that one answer shows of a map.
_MAPPED_URLS = 50_000


def job_to_json(job: Job, *, counts: Counts | None = None) -> dict[str, Any]:
    """A job as lists show it; *counts* are what its log tells, while it runs."""
    ending = job.ending
    known = ending.counts if ending else counts
    return {
        "job_id": job.job_id,
        "kind": job.kind,
        "library_id": job.library_id,
        "url": job.url,
        "state": job.state,
        "ok": ending.ok if ending else None,
        "ended_because": ending.ended_because if ending else None,
        "error": ending.error if ending else None,
        "counts": asdict(known) if known else None,
        "cost_usd": ending.cost_usd if ending else round(job.spent_usd, 6),
        "output": job.output,
        "created_at": format_time(job.created_at),
        "ended_at": format_time(ending.ended_at) if ending else None,
        "retry_of": job.retry_of,
        "links": job_links(job.job_id, retry_of=job.retry_of),
    }


def url_to_json(record: UrlRecord) -> dict[str, Any]:
    """A URL with its verdict."""
    shape = asdict(record)
    shape["error"] = record.error.model_dump(mode="json") if record.error else None
    return shape


def generation_to_json(pointer: Pointer) -> dict[str, Any]:
    """A generation as lists show it."""
    return {
        "generation": pointer.generation,
        "pages": pointer.pages,
        "published_at": format_time(pointer.published_at) if pointer.published_at else None,
        "published_by": pointer.published_by,
    }


def published_to_json(library_id: str, published: "Published") -> dict[str, Any]:
    """What a publication did."""
    names = ("generation", "added", "changed", "removed", "unchanged")
    return {"library_id": library_id, **{name: getattr(published, name) for name in names}}


def change_to_json(change: "PageChange") -> dict[str, Any]:
    """A page that differs between two generations."""
    return {
        "kind": change.kind,
        "generation": change.generation,
        "page_id": change.page.page_id,
        "url": change.page.url,
        "title": change.page.title,
        "content_hash": change.page.content_hash,
        **({"moved_from" if change.kind == "added" else "moved_to": change.moved} if change.moved else {}),
        **({"diff": "\n".join(change.diff)} if change.diff else {}),
    }


def report_to_json(report: "Report") -> dict[str, Any]:
    """A report as it was written, and where its files are."""
    own = f"/v1/reports/{report.job.job_id}"
    files = {name: f"{own}/files/{name}" for name in report.files}
    return {**report.head, "links": {"self": own, "job": f"/v1/jobs/{report.job.job_id}", "files": files}}


def why_to_json(why: "Why") -> dict[str, Any]:
    """What is known of a URL: its record, and what decided."""
    return {
        **url_to_json(why.record),
        "url": why.url,
        "job_id": why.job_id,
        "library_id": why.library_id,
        "judged": why.judged,
        "path": list(why.path),
        "explanation": why.explanation,
        "advice": why.advice,
    }


def source_to_json(source: Source) -> dict[str, Any]:
    """A source of a library."""
    return asdict(source)


def library_to_json(library: Library) -> dict[str, Any]:
    """A library as lists show it."""
    pointer = library.pointer
    return {
        "library_id": library.library_id,
        "title": library.title,
        "metadata": dict(library.metadata),
        "former_names": list(library.former_names),
        "revision": library.revision,
        "sources": [source_to_json(source) for source in library.sources],
        "generation": pointer.generation,
        "pages": pointer.pages,
        "published_at": format_time(pointer.published_at) if pointer.published_at else None,
        "active_job": library.active_job,
        "created_at": format_time(library.created_at),
    }


def verification_to_json(found: "Verification") -> dict[str, Any]:
    """What a verification has found; of the pages that suffer, the first addresses."""
    return {
        "library_id": found.library_id,
        "checked": found.checked,
        "well": found.is_well,
        "findings": [
            {
                "flaw": one.flaw,
                "kind": one.sort,
                "key": one.key,
                "fate": one.fate or None,
                "urls": [page.url for page in one.pages[:_SUFFERERS]],
            }
            for one in found.findings[:_FINDINGS]
        ],
        "found": len(found.findings),
        "lost": list(found.lost[:_FINDINGS]),
    }


def page_to_json(page: StoredPage, *, path: str | None = None) -> dict[str, Any]:
    """A page as lists show it; *path* is its file in the output folder."""
    return {
        "page_id": page.page_id,
        "url": page.url,
        "title": page.title,
        "words": page.words,
        "content_hash": page.content_hash,
        "fetched_at": page.fetched_at,
        "path": path,
        "metadata": page.metadata,
    }


def map_to_json(found: "SiteMap") -> dict[str, Any]:
    """A map: the first URLs of it (the job has all), and the estimate."""
    return {
        "job_id": found.job.job_id,
        "url": found.job.url,
        "estimate": asdict(found.estimate),
        "urls": [url_to_json(url) for url in found.urls[:_MAPPED_URLS]],
        "truncated": len(found.urls) > _MAPPED_URLS,
        "links": job_links(found.job.job_id),
    }
