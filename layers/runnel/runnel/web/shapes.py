"""The JSON shapes of the public interface; the command line shows the same.

No FastAPI here: these are plain functions from values to JSON objects.
"""

from dataclasses import asdict
from typing import Any

from runnel.domain.instants import format_time
from runnel.domain.jobs import Job, job_links
from runnel.domain.libraries import Library
from runnel.domain.payloads import StoredPage
from runnel.domain.verdicts import Counts
from runnel.usecases.list_urls import UrlRecord


def job_to_json(job: Job, *, counts: Counts | None = None, last_seq: int | None = None) -> dict[str, Any]:
    """A job as lists show it; *counts* and *last_seq* are what its log tells, while it runs."""
    ending = job.ending
    known = ending.counts if ending else counts
    shape: dict[str, Any] = {
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
        "links": job_links(job.job_id),
    }
    if last_seq is not None:
        shape["last_seq"] = last_seq
    return shape


def url_to_json(record: UrlRecord) -> dict[str, Any]:
    """A URL with its verdict."""
    shape = asdict(record)
    shape["error"] = record.error.model_dump(mode="json") if record.error else None
    return shape


def library_to_json(library: Library) -> dict[str, Any]:
    """A library as lists show it."""
    pointer = library.pointer
    return {
        "library_id": library.library_id,
        "sources": [asdict(source) for source in library.sources],
        "generation": pointer.generation,
        "pages": pointer.pages,
        "published_at": format_time(pointer.published_at) if pointer.published_at else None,
        "active_job": library.active_job,
        "created_at": format_time(library.created_at),
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
