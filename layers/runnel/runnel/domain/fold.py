"""A job's state as a fold of its log: what a new driver knows after reading it, and what the running one goes by.

Laws (names are the rules of the commit model):
1. Only `url_retry` counts towards the attempts [lost_no_attempt].
2. After a lost driver the started-but-undecided URLs are suspects; only a crash while alone counts against a page
   [suspects_alone, only_alone_counts]; what a driver left when it released the lease is neither [release_no_crash].
3. The first URL of a page, in the order of the log, is `fetched`; the others are its duplicates (`same_page.py`).
4. A sitemap counts as read when its event stands in the log, behind everything that it has brought.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from runnel.domain import events as e
from runnel.domain.assets import Assets
from runnel.domain.effects import NO_NOTE, Note
from runnel.domain.jobs import DEFAULT_SOURCE
from runnel.domain.payloads import StoredPage
from runnel.domain.same_page import Fetched, SamePages
from runnel.domain.verdicts import Counts, ErrorCategory, SkipReason, Verdict


@dataclass(frozen=True, slots=True)
class Crawled:
    """A crawled page as the log tells it."""

    outcome: Verdict
    final_url: str
    body_hash: str
    #: Raw place, charset, validators: what the processor needs.
    note: Mapping[str, Any]

    def fetched(self, url: str) -> Fetched:
        """What tells this page, crawled under *url*, from others."""
        return Fetched(url, self.final_url, self.body_hash, self.note.get("canonical"))


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a URL was given up: the category, and the status of its last answer, if there was one."""

    category: ErrorCategory
    status: int | None
    message: str
    #: The source that was being crawled.
    source_id: str = DEFAULT_SOURCE


@dataclass(slots=True)
class Totals:
    """Sums over the log."""

    discovered: int = 0
    ruled_out: int = 0
    pages: int = 0
    words: int = 0
    chunks: int = 0
    vectors: int = 0
    bytes: int = 0
    sources: int = 0


@dataclass(frozen=True, slots=True)
class SourceSums:
    """What a source has brought: URLs by verdict, and those skipped by reason."""

    counts: e.EventCounts
    skipped: Mapping[str, int]


@dataclass(slots=True)
class JobFold:
    """The state of a job; `apply` takes each durable event once, in order."""

    last_seq: int = 0
    created_at: datetime | None = None
    started_at: datetime | None = None
    ending: e.TerminalEvent | None = None
    #: Seconds that drivers worked which were lost, each by its own clock: they could not note it in META.
    lost_s: float = 0.0
    driving_since: datetime | None = None
    last_time: datetime | None = None
    totals: Totals = field(default_factory=Totals)
    # --- URLs
    decided: dict[str, Verdict] = field(default_factory=dict)
    crawled: dict[str, Crawled] = field(default_factory=dict)
    first_of_body: dict[str, str] = field(default_factory=dict)
    same: SamePages = field(default_factory=SamePages, compare=False)
    #: Pages kept so far: fetched and unchanged.
    kept: int = 0
    #: By page: where it leads, of jobs that have a depth to keep.
    links: dict[str, list[str]] = field(default_factory=dict)
    undecided: dict[str, None] = field(default_factory=dict)
    started_here: set[str] = field(default_factory=set)
    suspects: set[str] = field(default_factory=set)
    ruled_out: set[str] = field(default_factory=set)
    #: Of those, with the reason: what another link or a shorter path may bring in after all.
    second_looks: dict[str, str] = field(default_factory=dict)
    #: URLs that were not fetched, or not kept, by reason.
    skipped: Counter[str] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    starts: Counter[str] = field(default_factory=Counter)
    failed: dict[str, Failure] = field(default_factory=dict)
    last_error: str | None = None
    assets: Assets = field(default_factory=Assets)
    # --- batches
    batch_of: dict[str, str] = field(default_factory=dict)
    loose: dict[str, None] = field(default_factory=dict)
    open_batches: dict[str, tuple[str, ...]] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    #: Pages that were read and are not worth keeping.
    low_quality: set[str] = field(default_factory=set)
    #: URLs that their site once failed to give, or whose calls failed until only the last try was left.
    faltered: set[str] = field(default_factory=set)
    #: By start URL: the first links on it that are to be fetched.
    first_links: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: By source: the URLs that its profile is learned from.
    samples: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: By start URL: where on its site it has moved to.
    moved: dict[str, str] = field(default_factory=dict)
    # --- the job
    sources_started: set[str] = field(default_factory=set)
    sources_completed: set[str] = field(default_factory=set)
    #: Sources of which no page could be fetched.
    sources_barren: set[str] = field(default_factory=set)
    #: The source that began last.
    source_id: str = DEFAULT_SOURCE
    #: Verdicts, and skipped URLs by reason, before the source that is being crawled began.
    before_source: Counter[Verdict] = field(default_factory=Counter)
    skipped_before: Counter[str] = field(default_factory=Counter)
    #: What each source has brought, once it is completed.
    by_source: dict[str, SourceSums] = field(default_factory=dict)
    has_warned: bool = False
    robots_hosts: set[str] = field(default_factory=set)
    #: By host: the sitemaps that its robots.txt names, as written there.
    named_sitemaps: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: Sitemaps that need no reading any more, each with those that it names itself.
    sitemaps: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sitemaps_unread: set[str] = field(default_factory=set)
    #: Addresses that sitemaps have listed, in all.
    listed: int = 0
    paused: bool = False
    cancelling: bool = False
    published: int | None = None
    held: bool = False
    #: Why it is held, as it was told.
    hold: e.LibraryHeld | None = None
    #: When the crawl was through and what became of its result was told: the end of what a report tells.
    told_at: datetime | None = None
    #: The generation (its path) that an incremental crawl compares with; "" when it knows none.
    base: str | None = None
    #: The job whose downloads this one processes.
    origin: str | None = None
    #: What this job works on was told by another log, or by a generation; it has fetched nothing itself.
    is_borrowed: bool = False
    #: Of that it is not known what has gone: whoever downloaded it did not come to the end.
    is_cut_short: bool = False
    #: The pages that are made anew from their responses, as they were.
    replayed: Mapping[str, StoredPage] = field(default_factory=dict)

    def apply(self, event: e.DurableEvent, note: Note = NO_NOTE) -> None:
        """Take the next event of the log."""
        self.last_seq = event.seq
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event, note)
        self.last_time = event.time

    def counts(self, *, seen: int, rest: Verdict) -> Counts:
        """URLs by verdict when *seen* distinct URLs were seen; those without one count as *rest*."""
        by = self.verdicts()
        by[rest] += seen - by.total()
        return Counts(seen=seen, **{verdict.value: by[verdict] for verdict in Verdict})

    def verdicts(self) -> Counter[Verdict]:
        """URLs by verdict, as far as they have one."""
        by = Counter(self.decided.values())
        by[Verdict.SKIPPED] += self.totals.ruled_out
        return by

    def rule_out(self, url: str, reason: str) -> None:
        """A URL is decided without a fetch."""
        self.ruled_out.add(url)
        if reason in _SECOND_LOOKS:
            self.second_looks[url] = reason

    def reconsider(self, url: str) -> None:
        """A URL that was ruled out is in after all; a driver says it twice, when it finds it and with its event."""
        if url in self.ruled_out:
            self.ruled_out.discard(url)
            self.skipped[self.second_looks.pop(url, SkipReason.OUT_OF_SCOPE.value)] -= 1

    @property
    def sitemaps_read(self) -> set[str]:
        """The sitemaps whose addresses the job has seen."""
        return self.sitemaps.keys() - self.sitemaps_unread


#: What rules a URL out only as far as it was found until then.
_SECOND_LOOKS = frozenset({SkipReason.NOFOLLOW.value, SkipReason.DEPTH.value})


def _created(fold: JobFold, event: e.JobCreated, _: Note) -> None:
    fold.created_at = event.time


def _started(fold: JobFold, event: e.JobStarted, _: Note) -> None:
    fold.started_at = fold.driving_since = event.time


def _handover(fold: JobFold, event: e.Handover, _: Note) -> None:
    lost = event.reason == "lease_lost"
    if lost and fold.driving_since and fold.last_time:
        fold.lost_s += max(0.0, (fold.last_time - fold.driving_since).total_seconds())
    fold.driving_since = event.time
    if lost:
        fold.crashes.update(fold.suspects & fold.undecided.keys() & fold.started_here)
    fold.suspects = set(fold.undecided) if lost else fold.suspects & fold.undecided.keys()
    fold.started_here = set()


def _source_started(fold: JobFold, event: e.SourceStarted, _: Note) -> None:
    fold.sources_started.add(event.source_id)
    fold.source_id = event.source_id
    fold.before_source = fold.verdicts()
    fold.skipped_before = fold.skipped.copy()
    fold.totals.discovered += event.count
    fold.totals.sources += 1


def _source_completed(fold: JobFold, event: e.SourceCompleted, note: Note) -> None:
    fold.sources_completed.add(event.source_id)
    fold.by_source[event.source_id] = SourceSums(event.counts, fold.skipped - fold.skipped_before)
    fold.told_at = event.time
    if note.get("barren"):
        fold.sources_barren.add(event.source_id)


def _robots(fold: JobFold, event: e.RobotsLoaded, _: Note) -> None:
    fold.robots_hosts.add(event.host)
    fold.named_sitemaps[event.host] = event.sitemaps


def _sitemap(fold: JobFold, event: e.SitemapLoaded, note: Note) -> None:
    fold.sitemaps[event.url] = tuple(note.get("sitemaps", ()))
    fold.listed += event.urls


def _log(fold: JobFold, event: e.Log, note: Note) -> None:
    fold.has_warned = fold.has_warned or event.level == "warning"
    if "unread_sitemap" in note:
        fold.sitemaps[note["unread_sitemap"]] = ()
        fold.sitemaps_unread.add(note["unread_sitemap"])
    fold.assets.hear(note)
    fold.moved.update(note.get("moved", {}))
    fold.base = note.get("base", fold.base)
    fold.origin = note.get("origin", fold.origin)


def _url_started(fold: JobFold, event: e.UrlStarted, _: Note) -> None:
    fold.starts[event.url] += 1
    fold.undecided[event.url] = None
    fold.started_here.add(event.url)


def _decide(fold: JobFold, url: str, verdict: Verdict, note: Note) -> None:
    fold.decided[url] = verdict
    if "links" in note:
        fold.links[url] = note["links"]
    if "first_links" in note:
        fold.first_links[url] = tuple(note["first_links"])
    fold.undecided.pop(url, None)


def _crawled(fold: JobFold, event: e.UrlCrawled, note: Note) -> None:
    verdict = Verdict(event.outcome)
    _decide(fold, event.url, verdict, note)
    fold.crawled[event.url] = crawled = Crawled(verdict, event.final_url, event.body_hash, note)
    fold.same.add(crawled.fetched(event.url))
    fold.totals.bytes += event.content_length
    if verdict is not Verdict.DUPLICATE:
        fold.kept += 1
    if verdict is Verdict.FETCHED:
        fold.loose[event.url] = None
    fold.first_of_body.setdefault(event.body_hash, event.url)


def _discovered(fold: JobFold, event: e.UrlsDiscovered, note: Note) -> None:
    fold.totals.discovered += event.count
    for url in note.get("second", ()):
        fold.reconsider(url)
    for url, reason, _ in note.get("ruled_out", ()):
        fold.rule_out(url, reason)
    fold.assets.find(event, note)
    fold.totals.ruled_out += sum(event.skipped.values()) - event.reconsidered
    fold.skipped.update(event.skipped)


def _skipped(fold: JobFold, event: e.UrlSkipped, note: Note) -> None:
    _decide(fold, event.url, Verdict.SKIPPED, note)
    fold.skipped[event.reason.value] += 1


def _retry(fold: JobFold, event: e.UrlRetry, _: Note) -> None:
    fold.failures[event.url] += 1
    if event.retry_in_s is None or event.error.category is not ErrorCategory.CRASHED:
        fold.faltered.add(event.url)
    fold.undecided.pop(event.url, None)


def _failed(fold: JobFold, event: e.UrlFailed, note: Note) -> None:
    _decide(fold, event.url, Verdict.FAILED, note)
    error = event.error
    fold.failed[event.url] = Failure(error.category, note.get("status"), error.message, fold.source_id)
    fold.last_error = f"{event.url}: {event.error.message}"


def _sent(fold: JobFold, event: e.SentToProcessing, note: Note) -> None:
    fold.samples.update({source_id: tuple(urls) for source_id, urls in note.get("samples", {}).items()})
    urls = tuple(note.get("urls", event.urls))
    fold.open_batches[event.batch_id] = urls
    for url in urls:
        fold.batch_of[url] = event.batch_id
        fold.loose.pop(url, None)


def _processed(fold: JobFold, event: e.BatchProcessed, note: Note) -> None:
    urls = fold.open_batches.pop(event.batch_id, ())
    # A duplicate is processed when the library shows its URL: that makes no page more. Whoever processes what another
    # job has stored finds the verdicts in the log of that one, and notes the number in its own.
    again = sum(fold.decided.get(url) is Verdict.DUPLICATE and url not in note.get("dropped", ()) for url in urls)
    fold.totals.pages += event.pages - note.get("again", again)
    fold.totals.words += event.words
    fold.totals.chunks += event.chunks
    fold.totals.vectors += event.vectors
    fold.low_quality.update(result.url for result in event.results if result.low_quality)
    fold.dropped.update(note.get("dropped", ()))


def _batch_failed(fold: JobFold, event: e.BatchFailed, note: Note) -> None:
    if event.batch_id is None or event.will_retry:
        return
    urls = fold.open_batches.pop(event.batch_id, ())
    fold.dropped.update(note.get("dropped", urls))
    fold.last_error = event.error.message


def _controlled(fold: JobFold, event: e.JobPaused | e.JobResumed, _: Note) -> None:
    fold.paused = isinstance(event, e.JobPaused)


def _cancelling(fold: JobFold, _: e.JobCancelling, __: Note) -> None:
    fold.cancelling = True


def _published(fold: JobFold, event: e.LibraryPublished, _: Note) -> None:
    fold.published = event.generation
    fold.told_at = event.time


def _held(fold: JobFold, event: e.LibraryHeld, _: Note) -> None:
    fold.held = True
    fold.hold = event
    fold.told_at = event.time


def _ended(fold: JobFold, event: e.TerminalEvent, _: Note) -> None:
    fold.ending = event


_HANDLERS: Mapping[type[Any], Any] = {
    e.JobCreated: _created,
    e.JobStarted: _started,
    e.Handover: _handover,
    e.SourceStarted: _source_started,
    e.SourceCompleted: _source_completed,
    e.RobotsLoaded: _robots,
    e.SitemapLoaded: _sitemap,
    e.Log: _log,
    e.UrlStarted: _url_started,
    e.UrlCrawled: _crawled,
    e.UrlsDiscovered: _discovered,
    e.UrlSkipped: _skipped,
    e.UrlRetry: _retry,
    e.UrlFailed: _failed,
    e.SentToProcessing: _sent,
    e.BatchProcessed: _processed,
    e.BatchFailed: _batch_failed,
    e.JobPaused: _controlled,
    e.JobResumed: _controlled,
    e.JobCancelling: _cancelling,
    e.LibraryPublished: _published,
    e.LibraryHeld: _held,
    **dict.fromkeys((e.JobCompleted, e.JobFailed, e.JobTimeout, e.JobCancelled), _ended),
}
