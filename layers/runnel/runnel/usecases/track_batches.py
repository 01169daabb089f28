"""The processing half of a driver: fetched pages go to the processor in batches, results are seen and told.

Laws (names are the rules of the commit model):
1. A batch is sent once, after its commit; an overdue one is asked for again, one page a call, at most three times.
2. A batch is done when its results together cover every page [page_results]; giving it up is one conditional write,
   when its last try was undone for the time-out on our own clock [close_batch, patience].
3. Nobody waits for the processor: a batch that fails costs its pages, never the job. A processor of this process
   that says so has failed at once, without the wait.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from runnel.domain import events as e
from runnel.domain.effects import NO_NOTE, Note
from runnel.domain.fold import Crawled
from runnel.domain.jobs import DEFAULT_SOURCE, Job
from runnel.domain.libraries import Batch
from runnel.domain.payloads import PageOutcome, ProcessPage, ProcessRequest
from runnel.domain.results import decode_summary
from runnel.domain.same_page import choose
from runnel.domain.verdicts import ErrorCategory, FetchError, RawRef, Verdict
from runnel.errors import CallFailed
from runnel.usecases.page_notes import twin_of
from runnel.usecases.patience import sure
from runnel.usecases.recording import Recorder
from runnel.usecases.services import Services
from runnel.usecases.site_profiles import SourceProfiles, source_of

MOST_TRIES = 3
_TOO_LATE = FetchError(category=ErrorCategory.TIMEOUT, message="The processor did not answer in time.")


@dataclass(slots=True)
class _Watch:
    tries: int
    since_s: float


@dataclass(slots=True)
class _Failures:
    """What the processor of this process could not do of the present try of a batch."""

    message: str = ""
    places: set[int] = field(default_factory=set)


class BatchTracker:
    """The processor batches of one driver."""

    def __init__(self, services: Services, job: Job, term: int) -> None:
        """Track the batches of *job*; *term* makes their ids unique [batch_term]."""
        self._services = services
        self._job = job
        self._term = term
        self._count = 0
        self._watches: dict[str, _Watch] = {}
        self._failures: dict[str, _Failures] = {}
        self._waiting_since_s: float | None = None
        self._looked_s = float("-inf")
        self.profiles: SourceProfiles
        #: Sources whose pages wait for their sample.
        self._unsettled = {source.source_id for source in job.sources}
        #: So many pages were there when the last choice was made.
        self._chosen_of = 0
        self.recorder: Recorder

    @property
    def backlog(self) -> int:
        """Fetched pages that wait for the processor or are with it, but for those that wait for their site's sample."""
        return len(self._ready()) + sum(len(urls) for urls in self.recorder.fold.open_batches.values())

    @property
    def is_done(self) -> bool:
        """Whether no page waits for the processor."""
        return not self.recorder.fold.loose and not self.recorder.fold.open_batches

    def _ready(self, *, is_last: bool = False) -> Collection[str]:
        """Fetched pages that stand in no batch and whose site is known as well as it will be."""
        fold = self.recorder.fold
        self._unsettled = {one for one in self._unsettled if not self.profiles.is_settled(one)}
        if is_last or not self._unsettled:
            return fold.loose
        return [url for url in fold.loose if source_of(fold.crawled[url]) not in self._unsettled]

    # ---- sending

    def choose_last(self) -> None:
        """All is fetched: a page that the library will show under another URL than came first is processed as such."""
        fold = self.recorder.fold
        if self._chosen_of == len(fold.crawled):
            return
        self._chosen_of = len(fold.crawled)
        for shown in choose(crawled.fetched(url) for url, crawled in fold.crawled.items()):
            if shown.source not in fold.batch_of and "raw" in fold.crawled[shown.source].note:
                fold.loose[shown.source] = None

    def send(self, *, is_last: bool) -> None:
        """Make batches of the pages that stand in none: full ones, and what has waited long enough or is the last."""
        tuning = self._services.tuning
        while len(ready := self._ready(is_last=is_last)) >= tuning.batch_pages:
            self._send_batch(tuple(ready)[: tuning.batch_pages])
        if not ready:
            self._waiting_since_s = None
            return
        now_s = self._services.clock.monotonic()
        if self._waiting_since_s is None:
            self._waiting_since_s = now_s
        if is_last or now_s - self._waiting_since_s >= tuning.batch_wait.total_seconds():
            self._send_batch(tuple(ready))

    def _send_batch(self, urls: tuple[str, ...]) -> None:
        samples = self.profiles.compose(urls)
        self._tell_sent(urls, {"samples": samples} if samples else NO_NOTE)

    def _tell_sent(self, urls: tuple[str, ...], note: Note) -> None:
        self._count += 1
        self._waiting_since_s = None
        note = {"urls": list(urls), **note}
        self.recorder.emit(e.SentToProcessing, note=note, batch_id=self._last_id, urls=urls, pages=len(urls))

    @property
    def _last_id(self) -> str:
        """The id of the batch that was told last."""
        return f"{self._term}-{self._count}"

    async def invoke(self, batch_id: str) -> None:
        """Ask the processor for a whole batch; a call that fails is overdue later."""
        urls = self.recorder.fold.open_batches.get(batch_id, ())
        await self._submit(batch_id, "all", enumerate(urls), len(urls))

    async def invoke_open(self) -> None:
        """Ask again for every batch that an earlier driver left open [invoke_again]."""
        for batch_id in list(self.recorder.fold.open_batches):
            await self.invoke(batch_id)

    async def _submit(self, batch_id: str, part: str, places: Iterable[tuple[int, str]], total: int) -> None:
        pages = tuple(page_to_process(index, url, self.recorder.fold.crawled[url]) for index, url in places)
        request = ProcessRequest(
            tenant=self._job.tenant,
            job_id=self._job.job_id,
            library_id=self._job.library_id,
            batch_id=batch_id,
            part=part,
            batch_pages=total,
            pages=pages,
            metadata=self._job.options.metadata,
            profiles=self.profiles.of_sources(page.source_id for page in pages),
            low_quality_below=self._services.tuning.low_quality_below,
        )
        failed = partial(self._failed, batch_id, frozenset(page.index for page in pages))
        try:
            await self._services.processor.submit(request, failed=failed)
        except CallFailed:
            return  # nobody waits for it: the batch is overdue later and asked for again

    def _failed(self, batch_id: str, places: frozenset[int], message: str) -> None:
        """The processor of this process will not do these pages: nobody need wait for them."""
        failures = self._failures.setdefault(batch_id, _Failures())
        failures.places |= places
        failures.message = message
        self._services.batch_bell.ring(self._job.job_id)

    # ---- watching

    def should_look(self) -> bool:
        """Whether the open batches are due for a look."""
        if not self.recorder.fold.open_batches:
            return False
        now_s = self._services.clock.monotonic()
        return now_s - self._looked_s >= self._services.tuning.batch_poll.total_seconds()

    def look_soon(self) -> None:
        """Something was heard of a batch: look at the next chance."""
        self._looked_s = float("-inf")

    async def look(self) -> None:
        """See which open batches are done or overdue, and tell."""
        self._looked_s = self._services.clock.monotonic()
        open_ids = tuple(self.recorder.fold.open_batches)
        found = await sure(
            self._services, lambda: self._services.batches.get_many(self._job.tenant, self._job.job_id, open_ids)
        )
        for batch_id in open_ids:
            batch = found.get(batch_id)
            if batch is None:
                continue  # its flush is not applied yet
            if batch.is_done:
                await self._done(batch)
            else:
                await self._overdue(batch)

    async def _done(self, batch: Batch) -> None:
        outcomes: dict[int, PageOutcome] = {}
        for part in batch.parts:
            key = result_key(self._job.job_id, batch.batch_id, part)
            body = await sure(self._services, partial(self._services.content.get, self._job.tenant, key))
            for outcome in decode_summary(body).outcomes if body else ():
                outcomes.setdefault(outcome.index, outcome)
        self._watches.pop(batch.batch_id, None)
        self._failures.pop(batch.batch_id, None)
        dropped = [outcome.url for outcome in outcomes.values() if outcome.page is None]
        again = self._count_again(batch.batch_id, dropped)
        self.recorder.emit(
            e.BatchProcessed,
            note={"dropped": dropped, "again": again} if again else {"dropped": dropped},
            batch_id=batch.batch_id,
            **_sums(outcomes.values()),
        )

    def _count_again(self, batch_id: str, dropped: Collection[str]) -> int:
        """Pages of a batch that make none more: duplicates whose URL the library shows."""
        fold = self.recorder.fold
        urls = set(fold.open_batches[batch_id]).difference(dropped)
        return sum(fold.decided.get(url) is Verdict.DUPLICATE for url in urls)

    async def _overdue(self, batch: Batch) -> None:
        clock = self._services.clock
        watch = self._watches.get(batch.batch_id)
        if watch is None or watch.tries != batch.tries:
            watch = self._watches[batch.batch_id] = _Watch(batch.tries, clock.monotonic())
        is_overdue = clock.monotonic() - watch.since_s >= self._services.tuning.batch_overdue.total_seconds()
        if not is_overdue and not self._has_failed(batch):
            return
        if batch.tries < MOST_TRIES:
            await self._try_again(batch)
        else:
            await self._give_up(batch)

    def _has_failed(self, batch: Batch) -> bool:
        """Whether every page that lacks its result is known to have failed in this try."""
        failures = self._failures.get(batch.batch_id)
        return failures is not None and failures.places >= set(batch.missing)

    async def _try_again(self, batch: Batch) -> None:
        again = await sure(
            self._services,
            lambda: self._services.batches.count_try(
                self._job.tenant, self._job.job_id, batch.batch_id, seen=batch.tries, now=self._services.clock.now()
            ),
        )
        if again is None:
            return
        urls = self.recorder.fold.open_batches[batch.batch_id]
        self._tell_failure(batch, will_retry=True)
        self._failures.pop(batch.batch_id, None)
        for index in batch.missing:
            await self._submit(batch.batch_id, f"{again.tries}-{index}", [(index, urls[index])], batch.pages)

    async def _give_up(self, batch: Batch) -> None:
        is_closed = await sure(
            self._services,
            lambda: self._services.batches.close(self._job.tenant, self._job.job_id, batch.batch_id, seen=batch),
        )
        if is_closed:
            self._tell_failure(batch, will_retry=False)

    def _tell_failure(self, batch: Batch, *, will_retry: bool) -> None:
        urls = self.recorder.fold.open_batches[batch.batch_id]
        missing = tuple(urls[index] for index in batch.missing)
        failures = self._failures.get(batch.batch_id)
        error = _TOO_LATE
        if failures is not None and self._has_failed(batch):
            error = FetchError(category=ErrorCategory.CRASHED, message=failures.message)
        self.recorder.emit(
            e.BatchFailed,
            note={"dropped": list(missing)},
            batch_id=batch.batch_id,
            urls=missing,
            attempt=batch.tries + 1,
            error=error,
            will_retry=will_retry,
        )


def result_key(job_id: str, batch_id: str, part: str) -> str:
    """Where the result object of one processor invocation lies."""
    return f"batches/{job_id}/{batch_id}/{part}.jsonl.gz"


def page_to_process(index: int, url: str, crawled: Crawled) -> ProcessPage:
    """What the processor is asked for: the page that was crawled under *url*, at this place of its batch."""
    note = crawled.note
    key, offset, length = note["raw"]
    return ProcessPage.model_construct(
        index=index,
        url=url,
        final_url=crawled.final_url,
        raw=RawRef(key=key, offset=offset, length_bytes=length),
        content_type=note.get("type", "text/html"),
        charset=note.get("charset"),
        body_hash=crawled.body_hash,
        etag=note.get("etag"),
        last_modified=note.get("modified"),
        fetched_at=note["at"],
        source_id=note.get("source", DEFAULT_SOURCE),
        twin=twin_of(note),
    )


def _sums(outcomes: Collection[PageOutcome]) -> dict[str, Any]:
    """The fields of `batch_processed`."""
    kept = [outcome for outcome in outcomes if outcome.page is not None]
    results = tuple(
        e.PageProcessed(
            url=outcome.url,
            page_id=page.page_id,
            word_count=page.words,
            chunks=page.chunks,
            quality=e.Quality(score=page.quality_score, reason=page.quality_reason),
            low_quality=page.low_quality,
        )
        for outcome in kept
        if (page := outcome.page)
    )
    return {
        "pages": len(kept),
        "words": sum(result.word_count for result in results),
        "chunks": sum(result.chunks for result in results),
        "vectors": 0,
        "low_quality": sum(result.low_quality for result in results),
        "failed": len(outcomes) - len(kept),
        "results": results,
    }
