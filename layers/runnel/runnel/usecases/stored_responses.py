"""What a job works on that downloads nothing: responses that another job has stored, or those of a library's pages.

Laws (tests/unit/usecases/test_steps.py, tests/unit/usecases/test_replay_library.py):
1. What is worked on is chosen once, by the first driver, and stands in the log: all drivers of the job, and whoever
   publishes its result later, work on the same.
2. A job that processes what another one downloaded ends with the library that one job would have made of both steps.
3. A replay adds no page and takes none away: what has no response any more, or gives no text now, stays as it was.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from runnel.domain import events as e
from runnel.domain.effects import events_of
from runnel.domain.fold import Crawled, Failure, JobFold
from runnel.domain.jobs import EndedBecause, Job, JobKind
from runnel.domain.payloads import StoredPage
from runnel.domain.verdicts import Verdict
from runnel.errors import EventsExpired, JobConflict, JobNotFound
from runnel.usecases.manifests import load_details, load_final_urls, load_manifest
from runnel.usecases.page_notes import EMPTY_PAGE
from runnel.usecases.patience import sure
from runnel.usecases.read_library import get_library, newest_jobs
from runnel.usecases.read_log import read_whole
from runnel.usecases.recording import Recorder
from runnel.usecases.services import Services

#: Jobs of a library that are looked at for a download, newest first.
_LOOKED_AT: Final = 50


async def fold_log(services: Services, job: Job) -> JobFold:
    """The state that the job's log tells, with what the job works on; raises `EventsExpired`."""
    fold = await _read(services, job)
    await borrow(services, job, fold)
    return fold


async def find_download(services: Services, tenant: str, library_id: str) -> Job:
    """The newest job of the library that has downloaded pages which no job has processed.

    Raises:
        LibraryNotFound: there is no such library.
        JobConflict: there is none (`nothing_to_process`).
    """
    for job in await newest_jobs(services, await get_library(services, tenant, library_id), _LOOKED_AT):
        if not job.is_over or job.options.dry_run or job.kind is not JobKind.CRAWL or job.ending is None:
            continue
        if "process" in job.options.steps and "download" in job.options.steps:
            break  # a whole crawl came after every download
        try:
            fold = await _read(services, job)
        except EventsExpired:
            continue
        if "process" in job.options.steps and (fold.published is not None or fold.held):
            break
        if "download" in job.options.steps and fold.kept:
            return job
    message = f"The library {library_id!r} has no downloaded pages that wait to be processed"
    raise JobConflict(f"{message}; begin with: runnel crawl URL --steps download", code="nothing_to_process")


async def take_up(services: Services, job: Job, recorder: Recorder) -> None:
    """Choose what the job works on, unless an earlier driver has, and know it."""
    fold = recorder.fold
    if job.kind is JobKind.REPLAY and fold.base is None:
        library = await sure(services, partial(get_library, services, job.tenant, job.library_id))
        await borrow_pages(services, job, fold, library.pointer.path)
        kept = len(fold.replayed)
        lost = library.pointer.pages - kept
        message = f"Replaying {kept} pages of generation {library.pointer.generation} from their responses."
        if lost:
            message += f" Of {lost} there is no response any more: they stay as they are."
        level = "warning" if lost else "info"
        recorder.emit(e.Log, note={"base": library.pointer.path}, level=level, message=message)
        return
    if job.kind is JobKind.CRAWL and "process" in job.options.steps and fold.origin is None:
        origin = await sure(services, partial(find_download, services, job.tenant, job.library_id))
        message = f"Processing what job {origin.job_id} has downloaded."
        recorder.emit(e.Log, note={"origin": origin.job_id}, level="info", message=message)
    await borrow(services, job, fold)


async def borrow(services: Services, job: Job, fold: JobFold) -> None:
    """Let *fold* know what its log says the job works on.

    Raises:
        JobNotFound: the job that downloaded it has been deleted.
    """
    if job.kind is JobKind.REPLAY and fold.base is not None:
        await borrow_pages(services, job, fold, fold.base)
    if fold.origin is None:
        return
    origin = await sure(services, partial(services.jobs.get, job.tenant, fold.origin))
    if origin is None:
        raise JobNotFound(f"The job {fold.origin} that downloaded the pages has been deleted.")
    first = await _read(services, origin)
    fold.is_borrowed = True
    fold.is_cut_short = first.ending is None or first.ending.ended_because is not EndedBecause.DONE
    for name in _BORROWED:
        setattr(fold, name, getattr(first, name))
    fold.base = first.base
    fold.loose = {url: None for url in first.loose if url not in fold.batch_of}


#: What the result of a crawl is told from, besides what its batches are.
_BORROWED: Final = (
    "decided", "crawled", "first_of_body", "same", "kept", "failed", "ruled_out", "links",
    "sources_started", "sources_completed", "sources_barren", "sitemaps", "sitemaps_unread", "first_links", "faltered",
)  # fmt: skip


async def borrow_pages(services: Services, job: Job, fold: JobFold, path: str) -> None:
    """Let *fold* know the pages of the generation at *path* as if they had just come; raises `ManifestDamaged`."""
    pages = (await load_manifest(services, job.tenant, path)).pages
    whole = await load_details(services, job.tenant, pages.values())
    fold.replayed = {url: pages[url] for url, page in whole.items() if page.raw is not None}
    fold.is_borrowed = fold.is_cut_short = True
    finals = await load_final_urls(services, job.tenant, fold.replayed.values())
    fold.crawled = {url: _crawled(whole[url], finals.get(url, url)) for url in fold.replayed}
    fold.decided = dict.fromkeys(fold.replayed, Verdict.FETCHED)
    fold.kept = len(fold.replayed)
    fold.loose = {url: None for url in fold.replayed if url not in fold.batch_of}


def as_before(fold: JobFold, pages: Mapping[str, StoredPage]) -> dict[str, StoredPage]:
    """The pages of a replay under the addresses that they had, with the user's own fields.

    One without a word counts as empty, and is left as it was.
    """
    chosen: dict[str, StoredPage] = {}
    for url, old in fold.replayed.items():
        page = pages.get(url)
        if page is not None and page.words:
            same = {"url": url, "page_id": old.page_id, "aliases": old.aliases, "nofollow": old.nofollow}
            chosen[url] = page.model_copy(update={**same, "metadata": old.metadata})
        elif page is not None:
            fold.failed[url] = Failure(EMPTY_PAGE.category, None, EMPTY_PAGE.message)
            fold.decided[url] = Verdict.FAILED
    return chosen


def _crawled(page: StoredPage, final_url: str) -> Crawled:
    assert page.raw is not None  # noqa: S101  # the others are left out
    note: dict[str, Any] = {
        "raw": [page.raw.key, page.raw.offset, page.raw.length_bytes],
        "type": page.content_type,
        "charset": page.charset,
        "etag": page.etag,
        "modified": page.last_modified,
        "at": page.fetched_at,
        "source": page.source_id,
    }
    return Crawled(Verdict.FETCHED, final_url, page.body_hash, note)


async def _read(services: Services, job: Job) -> JobFold:
    """What the job's log tells; raises `EventsExpired`."""
    fold = JobFold()
    for segment in await read_whole(services, job):
        for event, note in events_of(segment):
            fold.apply(event, note)
    return fold
