"""What a crawl would fetch: a dry run of a few pages, the URLs it has found, and an estimate of the whole.

Laws (tests/unit/usecases/test_map_site.py):

1. A map stores nothing but its job; it looks at so many pages at most, for so long at most.
2. A URL that was found and not looked at has no verdict: a crawl would fetch it.
3. The estimate is exact when every page was looked at (`is_complete`), else a lower bound for the pages: what lies
   behind those that were not looked at is unknown.
"""

from dataclasses import dataclass, replace
from typing import Final

from runnel.domain import events as e
from runnel.domain.jobs import Job
from runnel.domain.verdicts import SkipReason, Verdict
from runnel.errors import InputInvalid, JobNotFound
from runnel.usecases.create_job import NewJob
from runnel.usecases.list_urls import UrlRecord, list_urls
from runnel.usecases.services import Services

#: Pages that a map looks at, and seconds that it may take, when nobody says otherwise.
MAP_PAGES: Final = 100
MOST_MAP_PAGES: Final = 1_000
MAP_S: Final = 60.0
#: What a page costs on AWS: 3.5 write units, 1.3 PUTs, a fifth of a second of the crawler, and its processing.
PAGE_USD: Final = 13e-6

_KEPT = frozenset({Verdict.FETCHED, Verdict.UNCHANGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a crawl would take."""

    #: Pages that it would keep, and URLs that it would ask for.
    pages: int
    requests: int
    #: Seconds, at the pace that was seen; None when there was too little to see.
    time_s: float | None
    #: US dollars: in the home that was asked, and on AWS.
    usd: float
    usd_on_aws: float
    #: Every page was looked at; else there may be more behind those that were not.
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteMap:
    """The URLs of a site, as far as they are found, and the estimate."""

    job: Job
    urls: tuple[UrlRecord, ...]
    estimate: Estimate


def map_job(new: NewJob, *, pages: int = MAP_PAGES) -> NewJob:
    """The job that maps what *new* would crawl; raises `InputInvalid`."""
    if not 1 <= pages <= MOST_MAP_PAGES:
        raise InputInvalid(f"pages: a map looks at 1 to {MOST_MAP_PAGES} pages.")
    options = new.options
    update = {"dry_run": True, "limit": min(pages, options.limit), "timeout_s": min(options.timeout_s, MAP_S)}
    return replace(new, options=options.model_copy(update=update), output=None)


async def read_map(services: Services, tenant: str, job_id: str, *, limit: int) -> SiteMap:
    """The map that a job has made; *limit* is that of the crawl which is to be estimated.

    Raises:
        JobNotFound: there is no such job.
    """
    job = await services.jobs.get(tenant, job_id)
    if job is None:
        raise JobNotFound
    urls = tuple(map(_as_found, await list_urls(services, job)))
    return SiteMap(job=job, urls=urls, estimate=estimate(job, urls, await _span_s(services, job), limit=limit))


def estimate(job: Job, urls: tuple[UrlRecord, ...], span_s: float, *, limit: int) -> Estimate:
    """What a crawl would take that found *urls*, of which those with a verdict took *span_s* in all."""
    asked = [url for url in urls if url.attempts]
    kept = sum(url.verdict in _KEPT for url in asked)
    waiting = sum(url.verdict is None for url in urls)
    share = kept / len(asked) if asked else 1.0
    pages = min(limit, kept + round(waiting * share))
    requests = len(asked) + (waiting if pages < limit else round((pages - kept) / max(share, 0.01)))
    usd = round(pages * PAGE_USD, 6)
    costs = job.ending is not None and job.ending.cost_usd > 0
    return Estimate(
        pages=pages,
        requests=requests,
        time_s=round(span_s / len(asked) * requests, 1) if asked and span_s else None,
        usd=usd if costs else 0.0,
        usd_on_aws=usd,
        is_complete=waiting == 0,
    )


def _as_found(url: UrlRecord) -> UrlRecord:
    """A URL that the map's own bounds left out is one that a crawl would fetch."""
    is_left = url.verdict is Verdict.CANCELLED or (url.verdict, url.reason) == (Verdict.SKIPPED, SkipReason.LIMIT)
    return replace(url, verdict=None, reason=None) if is_left else url


async def _span_s(services: Services, job: Job) -> float:
    """Seconds from the first page that was asked for to the last that came."""
    times = []
    for segment in await services.log.read(job.tenant, job.job_id):
        events = map(e.decode_event, segment.lines)
        times += [one.time for one in events if isinstance(one, e.UrlStarted | e.UrlCrawled | e.UrlFailed)]
    return (times[-1] - times[0]).total_seconds() if times else 0.0
