"""Creating a job: META, the library's claim, `job_created`, and somebody to drive it.

Laws:
1. Of many equal requests one creates; all get the same job (Idempotency-Key: UUIDv5 of tenant and key).
2. The same key with another body is refused.
3. One active crawl per library: a second create raises `LibraryBusy` naming the first.
4. A start URL that the library knows is its source; a new one becomes a source of its own, once the job has claimed the
   library: no crawl replaces the pages of another source.
5. A job without a download works on what another one has stored; where there is nothing, it is refused.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from runnel.domain.addressing import has_scheme
from runnel.domain.created import created_segment
from runnel.domain.jobs import EndedBecause, Ending, Job, JobOptions, JobState, Source
from runnel.domain.libraries import Library
from runnel.domain.paths import library_name_from
from runnel.domain.sources import check_library_name, name_sources
from runnel.domain.verdicts import Counts
from runnel.errors import (
    CallFailed,
    IdempotencyConflict,
    InputInvalid,
    JobConflict,
    LibraryBusy,
    LibraryNotFound,
    SegmentTaken,
    SourceExists,
    UrlInvalid,
)
from runnel.fetching.canonical import canonicalize
from runnel.usecases.claim_library import Work, busy_with, wait_for_work
from runnel.usecases.edit_library import add_sources
from runnel.usecases.load_headers import resolve_headers
from runnel.usecases.services import Services
from runnel.usecases.stored_responses import find_download
from runnel.usecases.tell_bus import catch_up

_ALL_STEPS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """What a caller asks for: start URLs, or a library alone for its own sources."""

    tenant: str
    urls: tuple[str, ...] = ()
    library: str | None = None
    options: JobOptions = field(default_factory=JobOptions)
    start: Literal["now", "on_connect"] = "now"
    idempotency_key: str | None = None
    output: str | None = None


async def create_job(services: Services, new: NewJob, *, invoke: bool = True) -> Job:
    """Create the job and ask for a driver (unless *invoke* is off: the caller drives it itself).

    Raises:
        InputInvalid: the steps make no sense together; there is no source of that id.
        SecretMissing: a header names a secret that cannot be read.
        UrlInvalid: a start URL is no http or https address.
        LibraryNotFound: a library alone was named, and there is none.
        JobConflict: there is nothing to process (`nothing_to_process`) or to index (`nothing_to_index`).
        LibraryBusy: another job crawls the library, or it is being deleted or repaired.
        IdempotencyConflict: the key was used with another body.
    """
    check_steps(new.options)
    await resolve_headers(services.secrets, new.options.headers)  # what is missing is told now, not by a failed job
    urls = tuple(parse_start_url(url) for url in new.urls)
    library_id = check_library_name(new.library) if new.library else _name(urls)
    library = await services.libraries.get(new.tenant, library_id)
    sources = name_sources(urls, library.sources if library else ()) if urls else _sources_of(library, library_id)
    sources = _chosen(sources, new.options.source_id, library_id)
    if "download" not in new.options.steps:
        sources = await _sources_to_work_on(services, new, library_id)
    job = _job(services, new, library_id, sources)
    return await store_job(services, _with_fields(job, library), invoke=invoke)


async def store_job(services: Services, wanted: Job, *, invoke: bool) -> Job:
    """Make the job exist that is *wanted*, claim its library, tell it, start it; what is stored under its id.

    Raises:
        LibraryBusy: another job crawls the library, or it is being deleted or repaired.
        IdempotencyConflict: another job has the id.
        JobConflict: the job that has the id is being deleted (`deleting`), or the library's sources have just changed
            (`sources_changed`).
    """
    if not wanted.options.dry_run and await services.jobs.get(wanted.tenant, wanted.job_id) is None:
        await wait_for_work(services, wanted.tenant, wanted.library_id)  # with nothing in the queue as yet
    job = await services.jobs.create(wanted)
    if job.deleted:
        raise JobConflict("The job of this key is being deleted; try again in a moment.", code="deleting")
    if job.request_hash != wanted.request_hash:
        raise IdempotencyConflict
    await _claim(services, job)
    await _append_created(services, job)
    if invoke and job.start == "now" and job.state is JobState.QUEUED:
        await _start(services, job)
    return job


def check_steps(options: JobOptions) -> None:
    """Raise `InputInvalid` for steps that make no sense together."""
    steps = frozenset(options.steps)
    if not steps:
        raise InputInvalid("steps: name at least one of download, process, index.")
    if steps == {"download", "index"}:
        raise InputInvalid("steps: what is downloaded must be processed before it is indexed; add process.")
    if options.dry_run and len(steps) < _ALL_STEPS:
        raise InputInvalid("steps: a dry run stores nothing for a later step; leave steps out.")


async def _sources_to_work_on(services: Services, new: NewJob, library_id: str) -> tuple[Source, ...]:
    """The sources whose pages a job without a download is about.

    Raises:
        LibraryNotFound: there is no such library.
        JobConflict: there is nothing to process, or nothing to index.
    """
    library = await services.libraries.get(new.tenant, library_id)
    if library is None:
        raise LibraryNotFound(f"There is no library {library_id!r}; begin with: runnel crawl URL --steps download")
    if "process" in new.options.steps:
        return (await find_download(services, new.tenant, library_id)).sources
    if not library.pointer.path:
        message = f"The library {library_id!r} has no pages to index; process what was downloaded first"
        raise JobConflict(f"{message}: runnel crawl --library {library_id} --steps process", code="nothing_to_index")
    return ()


def parse_start_url(text: str) -> str:
    """The canonical start URL; `docs.example.com` without a scheme is taken as https. Raises `UrlInvalid`."""
    text = text.strip()
    if not has_scheme(text):
        text = f"https://{text}"
    scheme = text.partition("://")[0].lower()
    if scheme not in ("http", "https"):
        raise UrlInvalid(f"{text!r} is no http or https address; Runnel crawls websites only.")
    url = canonicalize(text)
    host = urlsplit(url).hostname if url else None
    if url is None or not host or not _is_host_like(host):
        raise UrlInvalid(f"{text!r} is not a URL that can be crawled; give one like https://docs.example.com/guide/.")
    return url


def _is_host_like(host: str) -> bool:
    return "." in host or ":" in host or host == "localhost"


def _name(urls: Sequence[str]) -> str:
    if not urls:
        raise InputInvalid("A job needs a URL, or the name of a library that has sources.")
    return library_name_from(urls[0])


def _sources_of(library: Library | None, library_id: str) -> tuple[Source, ...]:
    if library is None:
        raise LibraryNotFound(f"There is no library {library_id!r}; give a URL to crawl into it.")
    return library.sources


def _chosen(sources: tuple[Source, ...], source_id: str | None, library_id: str) -> tuple[Source, ...]:
    """The sources to crawl; raises `InputInvalid` when the one that is named is not among them."""
    if source_id is None:
        return sources
    chosen = tuple(source for source in sources if source.source_id == source_id)
    if not chosen:
        known = ", ".join(source.source_id for source in sources) or "none"
        raise InputInvalid(f"source_id: the library {library_id!r} has no source {source_id!r}; it has: {known}.")
    return chosen


def _job(services: Services, new: NewJob, library_id: str, sources: tuple[Source, ...]) -> Job:
    body = json.dumps(
        [[source.url for source in sources], library_id, new.options.model_dump(mode="json"), new.start],
        sort_keys=True,
    )
    key = new.idempotency_key
    return Job(
        tenant=new.tenant,
        job_id=uuid5(NAMESPACE_URL, f"{new.tenant}\n{key}").hex if key else services.ids.job_id(),
        library_id=library_id,
        sources=sources,
        created_at=services.clock.now(),
        options=_bounded(new.options, services.tuning.max_usd),
        start=new.start,
        request_hash=hashlib.sha256(body.encode()).hexdigest()[:32],
        output=None if new.options.dry_run else new.output,
    )


def _with_fields(job: Job, library: Library | None) -> Job:
    """The job with the fields that its library gives every page; its own win."""
    if library is None or not library.metadata:
        return job
    fields = {**library.metadata, **job.options.metadata}
    return replace(job, options=job.options.model_copy(update={"metadata": fields}))


def _bounded(options: JobOptions, max_usd: float | None) -> JobOptions:
    """The options with the home's bound for the cost, where they name none: it is told with the job."""
    if options.max_usd is not None or max_usd is None:
        return options
    return options.model_copy(update={"max_usd": max_usd})


async def _claim(services: Services, job: Job) -> None:
    if job.is_over or job.options.dry_run:  # which stores no page, and so may run beside another
        return
    library = await services.libraries.ensure(
        Library(tenant=job.tenant, library_id=job.library_id, sources=job.sources, created_at=job.created_at)
    )
    await catch_up(services, library)
    while True:
        try:
            await services.libraries.claim(job.tenant, job.library_id, job.job_id)
        except LibraryBusy as busy:
            if not await _is_stale(services, job, busy):
                await _withdraw(services, job)
                raise busy_with(job.library_id, busy.job_id) from busy
        else:
            await _adopt(services, job)
            return


async def _adopt(services: Services, job: Job) -> None:
    """Let the library have the sources of the job that has claimed it, each under its id."""
    try:
        await add_sources(services, job)
    except SourceExists as clash:  # somebody has given the id to another start since we looked
        await services.libraries.free(job.tenant, job.library_id, job.job_id)
        await _withdraw(services, job)
        raise JobConflict(f"{clash.message} Try again.", code="sources_changed") from clash


async def _is_stale(services: Services, job: Job, busy: LibraryBusy) -> bool:
    """Whether the holder is a job that has ended without clearing its claim; then the claim is cleared."""
    if Work.of(busy.job_id) is not None:
        return False
    holder = await services.jobs.get(job.tenant, busy.job_id)
    if holder is not None and not holder.is_over:
        return False
    await services.libraries.free(job.tenant, job.library_id, busy.job_id)
    return True


async def _withdraw(services: Services, job: Job) -> None:
    """A job that may not begin leaves nothing behind."""
    ending = Ending(ended_because=EndedBecause.ERROR, ok=False, ended_at=services.clock.now(), counts=Counts())
    await services.leases.repair(job.tenant, job.job_id, state=JobState.FAILED, ending=ending)
    await services.jobs.delete(job.tenant, job.job_id)


async def _append_created(services: Services, job: Job) -> None:
    try:
        await services.log.append(job.tenant, job.job_id, created_segment(job))
    except SegmentTaken:
        return  # somebody found the log empty and wrote the same


async def _start(services: Services, job: Job) -> None:
    try:
        await services.orchestrators.start(job.tenant, job.job_id)
    except CallFailed:
        return  # the sweep starts a queued job whose start was lost
