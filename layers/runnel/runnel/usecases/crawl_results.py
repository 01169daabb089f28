"""What the crawler answers for a URL that is no page to be stored: unchanged, failed, ruled out, or a file."""

from datetime import datetime

from runnel.domain.payloads import CrawlResult, CrawlTarget
from runnel.domain.verdicts import AssetFacts, ErrorCategory, FetchError
from runnel.errors import FetchFailed
from runnel.fetching.answers import retry_after_s, told_size
from runnel.usecases.follow_redirects import Arrived, RuledOut

_MOST_TYPE_CHARACTERS = 80


def unchanged(target: CrawlTarget, arrived: Arrived) -> CrawlResult:
    """Say that the caller has the page already."""
    response = arrived.response
    return CrawlResult(
        url=target.url,
        outcome="not_modified",
        status=response.status,
        final_url=response.url,
        elapsed_ms=arrived.elapsed_ms,
    )


def ruled_out(target: CrawlTarget, to: RuledOut) -> CrawlResult:
    """Say where a redirect led that the crawl may not go."""
    return CrawlResult(
        url=target.url,
        outcome="skipped",
        status=to.status,
        reason=to.reason,
        rule=to.rule,
        elapsed_ms=to.elapsed_ms,
    )


def told(target: CrawlTarget, arrived: Arrived) -> CrawlResult:
    """Say what a server tells of a file, asked by HEAD."""
    response = arrived.response
    facts = AssetFacts(
        status=response.status,
        content_type=response.content_type[:_MOST_TYPE_CHARACTERS] or None,
        size_bytes=told_size(response.headers),
    )
    return CrawlResult(
        url=target.url, outcome="fetched", status=response.status, facts=facts, elapsed_ms=arrived.elapsed_ms
    )


def failed(
    target: CrawlTarget, failure: FetchFailed, arrived: Arrived | None, *, now: datetime, elapsed_ms: int
) -> CrawlResult:
    """Say what went wrong, and when the site wants to be asked again."""
    headers = arrived.response.headers if arrived is not None else {}
    status, kind, size_bytes = failure.told or (None, None, None)
    return CrawlResult(
        url=target.url,
        outcome="failed",
        error=FetchError(category=ErrorCategory(failure.category), message=failure.message),
        status=arrived.response.status if arrived is not None else failure.status,
        facts=None if kind is None else AssetFacts(status=status, content_type=kind, size_bytes=size_bytes),
        retry_after_s=retry_after_s(headers.get("retry-after", ""), now=now),
        elapsed_ms=arrived.elapsed_ms if arrived is not None else elapsed_ms,
    )
