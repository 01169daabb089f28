"""The report of a crawl: what it did to the library, in sums, and page by page for each source.

Laws (tests/unit/domain/test_reports.py):
1. A report is a function of the job's log and of two generations: whoever makes it makes the same.
2. Its shape is a promise (tests/data/golden): a change of it is a change of `version`, or a field more.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from runnel.domain.changes import Changes, find_moves
from runnel.domain.events import EventCounts, Instant
from runnel.domain.fold import Failure, JobFold
from runnel.domain.jobs import DEFAULT_SOURCE, EndedBecause, Job, JobState, Source
from runnel.domain.payloads import Hidden, StoredPage

#: The file that holds the report itself; the others are the maps.
HEAD: Final = "report.json"

Change = Literal["added", "changed", "unchanged", "removed"]
_UNREADABLE: Final = "The processor could not make a page of it."


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True)


class Sums(_Told):
    """Pages by what became of them; `moved` counts those of the removed that stand under another address."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    moved: int = 0
    failed: int = 0


class Hygiene(_Told):
    """What was noticed about the pages: text hidden from readers, more taken than is marked, little in it."""

    #: Pages that hide text from their readers, and the pieces; the map has the beginnings for added and changed pages.
    pages_with_hidden_text: int = 0
    hidden_pieces: int = 0
    #: Pages of which more was taken than they mark as their main part.
    wide: int = 0
    low_quality: int = 0


class HeldBack(_Told):
    """Why the result was not published: the sums are what it would have done."""

    reason: str
    limits: Mapping[str, float]


class SourceReport(_Told):
    """What one source has brought."""

    source_id: str
    url: str
    sums: Sums
    #: URLs by verdict, those skipped by reason, those failed by category.
    counts: EventCounts
    skipped: Mapping[str, int]
    failed: Mapping[str, int]
    hygiene: Hygiene
    #: The file that tells of each page.
    map: str


class CrawlReport(_Told):
    """The report: `report.json`."""

    version: Literal[1] = 1
    report_id: str
    job_id: str
    library_id: str
    mode: str
    state: JobState
    ok: bool
    ended_because: EndedBecause
    started_at: Instant
    finished_at: Instant
    #: The generation that shows the result, and the one that it was compared with; null when nothing was published.
    generation: int | None
    held: HeldBack | None
    sums: Sums
    counts: EventCounts
    skipped: Mapping[str, int]
    failed: Mapping[str, int]
    hygiene: Hygiene
    pages: int
    words: int
    sources: tuple[SourceReport, ...]
    files: tuple[str, ...]


class MappedPage(_Told):
    """A page of a source, and what became of it."""

    url: str
    page_id: str
    title: str
    words: int
    change: Change
    content_hash: str
    #: Of a page that has changed: what it was before.
    previous_content_hash: str | None = None
    #: Of a page that has moved: the address that it had, or that it has now.
    moved_from: str | None = None
    moved_to: str | None = None
    #: Of a page that was added or changed: what it hides from its readers and its Markdown has not, each beginning.
    hidden: tuple[Hidden, ...] = ()
    hidden_pieces: int = 0
    extraction: Literal["", "wide"] = ""
    low_quality: bool = False


class MappedFailure(_Told):
    """A URL of a source that could not be had."""

    url: str
    #: Null: it was fetched, and the processor could not read it.
    category: str | None
    status: int | None
    message: str


class SourceMap(_Told):
    """The pages of a source by URL, those that have gone included, and what failed: `map-<source_id>.json`."""

    version: Literal[1] = 1
    report_id: str
    source_id: str
    url: str
    pages: tuple[MappedPage, ...] = ()
    failed: tuple[MappedFailure, ...] = Field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How the job ends, as its terminal event will say."""

    state: JobState
    because: EndedBecause
    ok: bool
    counts: EventCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the job made of the library."""

    changes: Changes
    pages: tuple[StoredPage, ...]
    #: By URL: what pages that were added or changed hide from their readers.
    hidden: Mapping[str, tuple[Hidden, ...]]


def make_report(job: Job, fold: JobFold, ended: Ended, result: Result) -> tuple[CrawlReport, tuple[SourceMap, ...]]:
    """The report of *job*, and the map of each source."""
    mapped = _by_source(job, result)
    maps = tuple(_map(job, source, fold, mapped[source.source_id]) for source in job.sources)
    sources = tuple(_source(one, fold) for one in maps)
    began = fold.started_at or job.created_at
    report = CrawlReport(
        report_id=job.job_id,
        job_id=job.job_id,
        library_id=job.library_id,
        mode=job.options.mode,
        state=ended.state,
        ok=ended.ok,
        ended_because=ended.because,
        started_at=began,
        finished_at=fold.told_at or began,
        generation=fold.published,
        held=HeldBack(reason=fold.hold.reason, limits=fold.hold.limits) if fold.hold else None,
        sums=_add(source.sums for source in sources),
        counts=ended.counts,
        skipped=_whole(fold.skipped, ended.counts.skipped),
        failed=_tally(failure for one in maps for failure in one.failed),
        hygiene=_hygiene(page for one in maps for page in one.pages),
        pages=fold.totals.pages,
        words=fold.totals.words,
        sources=sources,
        files=(HEAD, *(source.map for source in sources)),
    )
    return report, maps


def map_name(source_id: str) -> str:
    """The name of the file that holds the map of a source."""
    return f"map-{source_id}.json"


def _by_source(job: Job, result: Result) -> Mapping[str, Sequence[MappedPage]]:
    by_source: dict[str, list[MappedPage]] = {source.source_id: [] for source in job.sources}
    for page, mapped in _each(result):
        if page.source_id in by_source:
            by_source[page.source_id].append(mapped)
    return {name: sorted(of, key=lambda one: one.url) for name, of in by_source.items()}


def _each(result: Result) -> Iterator[tuple[StoredPage, MappedPage]]:
    changes = result.changes
    went_to = find_moves(changes)
    came_from = {new: old for old, new in reversed(went_to.items())}
    before = {new.url: old.content_hash for old, new in changes.changed}
    added = {page.url for page in changes.added}
    for page in result.pages:
        change: Change = "changed" if page.url in before else "added" if page.url in added else "unchanged"
        previous, moved_from = before.get(page.url), came_from.get(page.url)
        hidden = result.hidden.get(page.url, ())
        yield page, _page(page, change, previous_content_hash=previous, moved_from=moved_from, hidden=hidden)
    for page in changes.removed:
        yield page, _page(page, "removed", moved_to=went_to.get(page.url))


def _page(page: StoredPage, change: Change, **more: Any) -> MappedPage:
    return MappedPage(
        url=page.url,
        page_id=page.page_id,
        title=page.title,
        words=page.words,
        change=change,
        content_hash=page.content_hash,
        hidden_pieces=page.hidden_pieces,
        extraction=page.extraction,
        low_quality=page.low_quality,
        **more,
    )


def _map(job: Job, source: Source, fold: JobFold, pages: Sequence[MappedPage]) -> SourceMap:
    failed = [
        MappedFailure(url=url, category=failure.category.value, status=failure.status, message=failure.message)
        for url, failure in fold.failed.items()
        if _owner(job, failure) == source.source_id
    ]
    failed += [
        MappedFailure(url=url, category=None, status=None, message=_UNREADABLE)
        for url in fold.dropped
        if fold.crawled[url].note.get("source", DEFAULT_SOURCE) == source.source_id
    ]
    return SourceMap(
        report_id=job.job_id,
        source_id=source.source_id,
        url=source.url,
        pages=tuple(pages),
        failed=tuple(sorted(failed, key=lambda one: one.url)),
    )


def _owner(job: Job, failure: Failure) -> str:
    """The source of a failure; of one before any source began, the first."""
    known = {source.source_id for source in job.sources}
    return failure.source_id if failure.source_id in known else job.sources[0].source_id


def _source(one: SourceMap, fold: JobFold) -> SourceReport:
    sums = fold.by_source.get(one.source_id)
    changes = Counter(page.change for page in one.pages)
    return SourceReport(
        source_id=one.source_id,
        url=one.url,
        sums=Sums(
            added=changes["added"],
            changed=changes["changed"],
            removed=changes["removed"],
            unchanged=changes["unchanged"],
            moved=sum(page.moved_to is not None for page in one.pages),
            failed=len(one.failed),
        ),
        counts=sums.counts if sums else EventCounts(),
        skipped=dict(sorted(sums.skipped.items())) if sums else {},
        failed=_tally(one.failed),
        hygiene=_hygiene(one.pages),
        map=map_name(one.source_id),
    )


def _add(parts: Iterable[Sums]) -> Sums:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part.model_dump())
    return Sums(**total)


def _tally(failed: Iterable[MappedFailure]) -> dict[str, int]:
    return dict(sorted(Counter(failure.category or "unreadable" for failure in failed).items()))


def _hygiene(pages: Iterable[MappedPage]) -> Hygiene:
    """Of the pages that are there; those that have gone took theirs with them."""
    there = [page for page in pages if page.change != "removed"]
    return Hygiene(
        pages_with_hidden_text=sum(page.hidden_pieces > 0 for page in there),
        hidden_pieces=sum(page.hidden_pieces for page in there),
        wide=sum(page.extraction == "wide" for page in there),
        low_quality=sum(page.low_quality for page in there),
    )


def _whole(skipped: Mapping[str, int], total: int) -> dict[str, int]:
    """By reason; those that a limit left without a verdict have no event of their own."""
    told = {reason: count for reason, count in sorted(skipped.items()) if count > 0}
    rest = total - sum(told.values())
    return told | {"limit": told.get("limit", 0) + rest} if rest > 0 else told
