"""Writing the report of a crawl, before its terminal event names it.

Laws (tests/unit/usecases/test_report_crawl.py):
1. A job that was cancelled, that failed, that ran dry or had no sources has no report.
2. Whoever writes it, and however often, writes the same; the head goes last, so a report that can be seen is whole.
3. A report lives under its job's id, and as long as its job.
"""

import zlib
from dataclasses import asdict
from typing import Final

from pydantic import BaseModel

from runnel.domain import events as e
from runnel.domain.changes import Changes
from runnel.domain.fold import JobFold
from runnel.domain.jobs import Job, JobState
from runnel.domain.payloads import Hidden
from runnel.domain.reports import HEAD, Ended, Result, make_report, map_name
from runnel.usecases.end_job import End, count_urls, is_ok
from runnel.usecases.manifests import load_details
from runnel.usecases.patience import sure
from runnel.usecases.publish import Published
from runnel.usecases.services import Services

_GZIP: Final = 31
#: Pages whose details are in memory at a time.
_PAGES_AT_ONCE: Final = 500


def is_reported(job: Job, end: End) -> bool:
    """Whether a job that ends so has a report."""
    has_ended_well = end.state in (JobState.COMPLETED, JobState.TIMEOUT)
    return has_ended_well and bool(job.sources) and not job.options.dry_run and job.publishes


async def write_report(
    services: Services, job: Job, fold: JobFold, end: End, published: Published, *, seen: int
) -> str:
    """Write the files of the report; its id."""
    counts = count_urls(fold, end, seen=seen)
    ended = Ended(
        state=end.state,
        because=end.because,
        ok=is_ok(fold, end, counts),
        counts=e.EventCounts(**asdict(counts)),
    )
    hidden = await _hidden_texts(services, job, published.changes)
    result = Result(changes=published.changes, pages=published.result, hidden=hidden)
    report, maps = make_report(job, fold, ended, result)
    for one in maps:
        await _put(services, job, map_name(one.source_id), one)
    await _put(services, job, HEAD, report)
    return report.report_id


async def _hidden_texts(services: Services, job: Job, changes: Changes) -> dict[str, tuple[Hidden, ...]]:
    """What new texts hide, by URL; read with the pages' details, a few objects at a time, and only that is kept."""
    new = (*changes.added, *(page for _, page in changes.changed))
    asked = sorted((page for page in new if page.hidden_pieces), key=lambda page: (page.details or ("", 0), page.url))
    found: dict[str, tuple[Hidden, ...]] = {}
    for start in range(0, len(asked), _PAGES_AT_ONCE):
        whole = await load_details(services, job.tenant, asked[start : start + _PAGES_AT_ONCE])
        found |= {url: page.hidden for url, page in whole.items()}
    return found


async def _put(services: Services, job: Job, name: str, told: BaseModel) -> None:
    body = zlib.compress((told.model_dump_json(indent=1) + "\n").encode("utf-8", "replace"), 6, _GZIP)
    key = report_key(job.job_id, name)
    await sure(services, lambda: services.content.put(job.tenant, key, body))


def report_key(report_id: str, name: str) -> str:
    """Where a file of a report lies."""
    return f"reports/{report_id}/{name}.gz"
