"""Why is this page missing: a URL's verdict, the way to it, and the rule, robots line or error that decided.

Laws (tests/unit/usecases/test_why_url.py): the answer comes from the newest job that saw the URL; one that none has
seen is judged by the latest job's options, and that is said; nobody is asked but the host's robots.txt, and that only
for a URL in scope.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from runnel.domain.advice import ADVICE
from runnel.domain.jobs import Job
from runnel.domain.payloads import CrawlRequest, CrawlTarget, ScopeRules
from runnel.domain.scope import Scope, has_moved
from runnel.domain.verdicts import SkipReason, Verdict
from runnel.errors import CallFailed, InputInvalid, JobNotFound
from runnel.fetching.assets import asset_kind
from runnel.fetching.canonical import canonicalize
from runnel.robots.rules import read_robots
from runnel.usecases.list_urls import UrlRecord, list_urls
from runnel.usecases.long_work import in_steps
from runnel.usecases.services import Services

#: Jobs that are looked through, from the newest: each costs the reading of all its URLs.
MOST_JOBS: Final = 10
_MOST_STEPS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """What is known of a URL."""

    url: str
    job_id: str
    library_id: str
    #: Whether the job never saw it: then this is how its options judge it.
    judged: bool
    record: UrlRecord
    #: From a start URL to the page that links to it.
    path: tuple[str, ...]
    #: One sentence, and what to change to get the page ("" when it is there).
    explanation: str
    advice: str


async def why_url(services: Services, tenant: str, url: str, *, library_id: str | None = None) -> Why:
    """Ask the newest job (of *library_id*) that saw the URL; raises `InputInvalid`, `JobNotFound`."""
    wanted = _read(url)
    latest: Job | None = None
    async for job in _newest(services, tenant, library_id):
        latest = latest or job
        found = await _seen(services, job, wanted)
        if found is not None:
            return found
    if latest is None:
        raise JobNotFound("There is no job that could know; crawl first.")
    return await _judged(services, latest, wanted)


async def why_in_job(services: Services, job: Job, url: str) -> Why:
    """Ask one job; raises `InputInvalid`."""
    wanted = _read(url)
    return await _seen(services, job, wanted) or await _judged(services, job, wanted)


def _read(url: str) -> str:
    wanted = canonicalize(url if "://" in url else f"https://{url}")
    if wanted is None:
        raise InputInvalid(f"{url!r} is no http or https URL; give one like https://docs.example.com/guide/.")
    return wanted


async def _newest(services: Services, tenant: str, library_id: str | None) -> AsyncIterator[Job]:
    jobs, _ = await services.jobs.list_jobs(
        tenant, states=frozenset(), library_id=library_id, cursor=None, limit=MOST_JOBS
    )
    for job in jobs:
        yield job


# ---- seen


async def _seen(services: Services, job: Job, url: str) -> Why | None:
    """The verdict, if the job saw the URL or another spelling that people take for the same."""
    records = {record.url: record for record in await list_urls(services, job)}
    record = next((records[spelling] for spelling in _spellings(url) if spelling in records), None)
    if record is None:
        return None
    return Why(
        url=url,
        job_id=job.job_id,
        library_id=job.library_id,
        judged=False,
        record=record,
        path=_way_to(record, records),
        explanation=_explain(record) + ("" if record.url == url else f" (It was seen as {record.url}.)"),
        advice=_advise(record, job),
    )


def _spellings(url: str) -> Iterator[str]:
    """The URL itself, then its other scheme, and each with or without the last slash."""
    scheme, _, rest = url.partition("://")
    other = {"http": "https", "https": "http"}[scheme]
    for spelling in (url, f"{other}://{rest}"):
        yield spelling
        yield spelling[:-1] if spelling.endswith("/") else f"{spelling}/"


def _way_to(record: UrlRecord, records: dict[str, UrlRecord]) -> tuple[str, ...]:
    way: list[str] = []
    parent = record.parent
    while parent is not None and parent not in way and len(way) < _MOST_STEPS:
        way.append(parent)
        parent = records[parent].parent if parent in records else None
    return tuple(reversed(way))


def _explain(record: UrlRecord) -> str:
    """One sentence of what became of it."""
    status = f", status {record.status}" if record.status else ""
    if record.error is not None:
        return f"It failed after {record.attempts} attempts ({record.error.category}{status}): {record.error.message}"
    if record.verdict is Verdict.SKIPPED:
        return f"It was skipped ({record.reason}): {record.rule or 'no rule is kept'}{_told(record)}"
    if record.verdict is Verdict.DUPLICATE:
        return f"It has the same content as {record.duplicate_of}, which is kept instead."
    if record.verdict is Verdict.CANCELLED:
        return f"The job ended before its turn came ({record.reason})."
    if record.verdict is None:
        return "It waits: the job has not come to it yet."
    arrived = f", arriving at {record.final_url}" if record.final_url not in (None, record.url) else ""
    return f"It is there: {record.verdict}{status}{arrived}."


def _told(record: UrlRecord) -> str:
    """What a file is, as far as its server tells."""
    size = f"{record.content_length:,} bytes" if record.content_length is not None else ""
    told = ", ".join(filter(None, (record.content_type, size)))
    return f" ({told})" if told else ""


def _advise(record: UrlRecord, job: Job) -> str:
    key = record.error.category.value if record.error is not None else record.reason or ""
    return ADVICE.get(key, "").replace("JOB", job.job_id)


# ---- never seen


async def _judged(services: Services, job: Job, url: str) -> Why:
    reason, rule = await _judge(services, job, url)
    is_in = reason == "not_linked"
    record = UrlRecord(url=url, verdict=None if is_in else Verdict.SKIPPED, reason=reason, rule=rule)
    return Why(
        url=url,
        job_id=job.job_id,
        library_id=job.library_id,
        judged=True,
        record=record,
        path=(),
        explanation=f"No job has seen it; by the options of job {job.job_id} it would be "
        + ("fetched, but nothing led to it." if is_in else f"skipped ({reason}): {rule}"),
        advice=_advise(record, job),
    )


async def _judge(services: Services, job: Job, url: str) -> tuple[str, str]:
    """Reason and rule, as the crawl would find them; what it would fetch is `not_linked`."""
    options = job.options
    rules = ScopeRules(
        start_urls=tuple(canonicalize(source.url) or source.url for source in job.sources),
        include=options.include,
        exclude=options.exclude,
        scope=options.scope,
        allow_domains=options.allow_domains,
    )
    moved = {"start_urls": (*rules.start_urls, *await _moved(services, job, rules.start_urls))}
    ruling = Scope.of(rules.model_copy(update=moved)).judge(url)
    if ruling is not None:
        return ruling.reason.value, ruling.rule
    kind = asset_kind(url)
    if kind is not None:
        return SkipReason.ASSET.value, kind
    is_asked = options.robots == "obey" or options.content_signal == "obey"
    line = await _robots_line(services, job, url) if is_asked else None
    return (SkipReason.ROBOTS.value, line) if line is not None else ("not_linked", "no page or sitemap leads to it")


async def _moved(services: Services, job: Job, starts: tuple[str, ...]) -> list[str]:
    """Where start URLs have moved to on their sites, and the crawl with them."""
    records = [record for record in await list_urls(services, job) if record.url in starts and record.final_url]
    return [record.final_url for record in records if record.final_url and has_moved(record.url, record.final_url)]


async def _robots_line(services: Services, job: Job, url: str) -> str | None:
    """The line of the host's robots.txt, as it is now, that forbids the URL; None also when the file does not come."""
    parts = urlsplit(url)
    agent = job.options.user_agent or services.tuning.user_agent
    request = CrawlRequest(
        tenant=job.tenant,
        job_id=job.job_id,
        purpose="text",
        targets=(CrawlTarget(url=f"{parts.scheme}://{parts.netloc}/robots.txt"),),
        raw_name="why",
        obey_robots=False,
        user_agent=agent,
        ports=tuple(sorted({port for source in job.sources if (port := urlsplit(source.url).port)})),
    )
    try:
        result = (await services.crawler.crawl(request)).results[0]
    except CallFailed:
        return None
    if result.page is None:
        return None
    text = (result.page.text or "").encode()
    rules = await in_steps(services.clock, read_robots(text, status=result.page.status, agent=agent))
    decision = rules.allows(url, agent)
    if not decision.allowed and job.options.robots == "obey":
        return decision.line
    return rules.refusal(agent) if job.options.content_signal == "obey" else None
