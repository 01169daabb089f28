"""The URLs of a job with their verdicts: the queue, the verdict items and the log's end joined."""

from collections.abc import Iterable
from dataclasses import dataclass

from runnel.domain.jobs import EndedBecause, Job
from runnel.domain.verdicts import AssetFacts, FetchError, QueuedUrl, RuledOut, SkipReason, UrlVerdict, Verdict
from runnel.fetching.canonical import url_hash
from runnel.usecases.read_log import is_whole
from runnel.usecases.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlRecord:
    """One URL that a job has seen; `verdict` is None while it waits."""

    url: str
    final_url: str | None = None
    verdict: Verdict | None = None
    reason: str | None = None
    rule: str | None = None
    status: int | None = None
    error: FetchError | None = None
    depth: int = 0
    parent: str | None = None
    attempts: int = 0
    duplicate_of: str | None = None
    page_id: str | None = None
    body_hash: str | None = None
    fetched_at: str | None = None
    #: Of a file that is no page, as far as its server tells; its size in bytes.
    content_type: str | None = None
    content_length: int | None = None


async def list_urls(services: Services, job: Job) -> list[UrlRecord]:
    """Every URL, in the order of depth and spelling."""
    queued = await _that_count(services, job)
    verdicts = {item.url: item for item in await services.queue.verdicts(job.tenant, job.job_id)}
    ruled_out = await services.queue.ruled_out(job.tenant, job.job_id)
    records = [_of_queue(item, verdicts.get(item.url), job) for item in queued.values()]
    # What was ruled out and came in after all, by a shorter path or a link that may be followed, is a queued URL.
    records += [_of_rule(item) for item in ruled_out if item.url not in queued]
    return sorted(records, key=lambda record: (record.depth, record.url))


async def _that_count(services: Services, job: Job) -> dict[str, QueuedUrl]:
    """Queue items whose segment is in the log [url_flush]; all of them when the log is past its retention."""
    segments = await services.log.read(job.tenant, job.job_id)
    items: Iterable[QueuedUrl] = await services.queue.urls(job.tenant, job.job_id)
    if not is_whole(job, segments):
        return {item.url: item for item in items}
    term_at = {segment.first: segment.term for segment in segments}
    return {item.url: item for item in items if term_at.get(item.first) == item.term}


def _of_queue(item: QueuedUrl, verdict: UrlVerdict | None, job: Job) -> UrlRecord:
    if verdict is None:
        by_rule, reason = _undecided(job)
        return UrlRecord(url=item.url, verdict=by_rule, reason=reason, depth=item.depth, parent=item.parent)
    has_page = verdict.verdict in (Verdict.FETCHED, Verdict.UNCHANGED)
    return UrlRecord(
        url=item.url,
        final_url=verdict.final_url,
        verdict=verdict.verdict,
        reason=verdict.reason,
        rule=verdict.rule,
        status=verdict.status,
        error=verdict.error,
        depth=item.depth,
        parent=item.parent,
        attempts=verdict.attempts,
        duplicate_of=verdict.duplicate_of,
        page_id=url_hash(verdict.final_url or item.url) if has_page else None,
        body_hash=verdict.body_hash,
        fetched_at=verdict.fetched_at,
        content_type=verdict.facts.content_type if verdict.facts else None,
        content_length=verdict.facts.size_bytes if verdict.facts else None,
    )


def _undecided(job: Job) -> tuple[Verdict | None, str | None]:
    """By rule, without a write: what a job's end makes of the URLs that it never decided."""
    if job.ending is None:
        return None, None
    if job.ending.ended_because is EndedBecause.LIMIT:
        return Verdict.SKIPPED, SkipReason.LIMIT.value
    return Verdict.CANCELLED, job.ending.ended_because.value


def _of_rule(item: RuledOut) -> UrlRecord:
    facts = item.facts or AssetFacts()
    return UrlRecord(
        url=item.url,
        verdict=Verdict.SKIPPED,
        reason=item.reason,
        rule=item.rule,
        status=facts.status,
        depth=item.depth,
        parent=item.parent,
        content_type=facts.content_type,
        content_length=facts.size_bytes,
    )
