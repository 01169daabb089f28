"""A dry run: the same events as a real one, and nothing stored but them.

Laws (tests/unit/usecases/test_dry_run.py):

1. No response, no page, no batch and no generation is written, and no library is made or claimed for it.
2. Its batches are told from what the crawler has counted; `library_published` tells what would have been added, changed
   and removed, and the generation that the library goes on showing.
"""

from collections.abc import Collection, Iterable

from runnel.domain import events as e
from runnel.domain.changes import compare
from runnel.domain.fold import JobFold
from runnel.domain.jobs import DEFAULT_SOURCE, EndedBecause, Job
from runnel.domain.payloads import StoredPage
from runnel.domain.publish_safety import decide_hold
from runnel.domain.same_page import Shown, choose
from runnel.domain.verdicts import Verdict
from runnel.fetching.canonical import url_hash
from runnel.usecases.manifests import Manifest
from runnel.usecases.merge_pages import merge_pages
from runnel.usecases.patience import sure
from runnel.usecases.publish import Published, read_base
from runnel.usecases.services import Services
from runnel.usecases.track_batches import BatchTracker


class DryBatches(BatchTracker):
    """Batches that nobody processes: each is told as sent and, at once, as processed."""

    async def invoke_open(self) -> None:
        """Tell the rest of the batches that an earlier driver has told as sent."""
        for batch_id, urls in list(self.recorder.fold.open_batches.items()):
            self._tell_processed(batch_id, urls)

    def should_look(self) -> bool:
        """There is nothing to look at."""
        return False

    def choose_last(self) -> None:
        """There is nothing to be shown."""

    def _ready(self, *, is_last: bool = False) -> Collection[str]:  # noqa: ARG002  # no page waits for a sample
        return self.recorder.fold.loose

    def _send_batch(self, urls: tuple[str, ...]) -> None:
        self._tell_sent(urls, {"dry": True})
        self._tell_processed(self._last_id, urls)

    def _tell_processed(self, batch_id: str, urls: Iterable[str]) -> None:
        below = self._services.tuning.low_quality_below
        results = tuple(_processed(url, self.recorder.fold, low_quality_below=below) for url in urls)
        self.recorder.emit(
            e.BatchProcessed,
            batch_id=batch_id,
            pages=len(results),
            words=sum(result.word_count for result in results),
            chunks=0,
            vectors=0,
            low_quality=sum(result.low_quality for result in results),
            failed=0,
            results=results,
        )


async def preview(services: Services, job: Job, fold: JobFold, *, because: EndedBecause) -> Published:
    """What publishing the job's result would do."""
    library = await sure(services, lambda: services.libraries.get(job.tenant, job.library_id))
    base, _, warning = await read_base(services, library) if library is not None else (Manifest(), "", None)
    generation = library.pointer.generation if library is not None else 0
    found = choose(crawled.fetched(url) for url, crawled in fold.crawled.items())
    fresh = {shown.url: _page(shown, fold, base) for shown in found}
    merged = await merge_pages(services, base, fresh, job, fold, because)
    hold = None if job.retry_of else decide_hold(merged.toll)
    if hold is not None:
        return Published(generation=generation, hold=hold, warning=warning)
    would = compare(base.pages, merged.manifest.pages)
    return Published(
        generation=generation,
        added=len(would.added),
        changed=len(would.changed),
        removed=len(would.removed),
        unchanged=would.unchanged,
        warning=warning,
    )


def _processed(url: str, fold: JobFold, *, low_quality_below: int) -> e.PageProcessed:
    crawled = fold.crawled[url]
    words = crawled.note.get("words", 0)
    score, reason = crawled.note.get("quality", (100, ""))
    return e.PageProcessed(
        url=url,
        page_id=url_hash(crawled.final_url),
        word_count=words,
        chunks=0,
        quality=e.Quality(score=score, reason=reason),
        low_quality=score < low_quality_below,
    )


def _page(shown: Shown, fold: JobFold, base: Manifest) -> StoredPage:
    """The page as far as it is known without its text: an equal body has an equal text."""
    crawled, before = fold.crawled[shown.source], base.pages.get(shown.url)
    is_same = before is not None and (crawled.outcome is Verdict.UNCHANGED or before.body_hash == crawled.body_hash)
    if before is not None and is_same:
        return before
    return StoredPage(
        page_id=url_hash(shown.url),
        url=shown.url,
        aliases=shown.others,
        source_id=crawled.note.get("source", DEFAULT_SOURCE),
        title="",
        words=crawled.note.get("words", 0),
        content_hash=crawled.body_hash,
        body_hash=crawled.body_hash,
        fetched_at=crawled.note.get("at", ""),
    )
