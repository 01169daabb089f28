"""The sources of a job, one after another.

Laws (tests/unit/usecases/test_sources.py):

1. A source begins when the one before it is through and all that it brought stands in the log.
2. A source that gave no page is said and skipped; a job without sources says so, once.
"""

from runnel.domain import events as e
from runnel.domain.effects import NO_NOTE
from runnel.domain.frontier import Frontier
from runnel.domain.jobs import Job, Source
from runnel.domain.scope import can_match
from runnel.domain.verdicts import Verdict
from runnel.usecases.discover_urls import Discovery
from runnel.usecases.load_robots import RobotsLoader
from runnel.usecases.load_sitemaps import SitemapLoader
from runnel.usecases.recording import Recorder
from runnel.usecases.retry_job import read_previous
from runnel.usecases.services import Services

#: What a job says that has nothing to crawl.
NO_SOURCES = "The library has no sources, so there is nothing to crawl; give a URL, or add a source to the library."
#: What a job says of a pattern that is none.
NO_MATCH = (
    "The pattern {pattern} can match no page: a path begins with a slash, and * stays between two of them;"
    " write /docs/** or **/*.html, or a whole URL with its ://."
)
_FOUND = (Verdict.FETCHED, Verdict.UNCHANGED, Verdict.DUPLICATE)


class SourceTurns:
    """Which source of a job is being crawled, and which come after it."""

    def __init__(
        self,
        job: Job,
        recorder: Recorder,
        robots: RobotsLoader,
        discovery: Discovery,
        frontier: Frontier,
        sitemaps: SitemapLoader,
    ) -> None:  # fmt: skip
        """Take turns among the sources of *job*."""
        self._job = job
        self._recorder = recorder
        self._robots = robots
        self._discovery = discovery
        self._frontier = frontier
        self._sitemaps = sitemaps
        self._current: Source | None = None

    @property
    def has_next(self) -> bool:
        """Whether a source has not begun here."""
        if not self._job.downloads:
            return False
        begun = len(self._recorder.fold.sources_completed) + (self._current is not None)
        return begun < len(self._job.sources)

    @property
    def is_between(self) -> bool:
        """Whether one source is through and another to come."""
        return self._current is None and self.has_next

    @property
    def is_over(self) -> bool:
        """Whether every source is completed."""
        return self._current is None and not self.has_next

    async def prepare(self, services: Services) -> None:
        """Learn what a retry is to fetch again, and say when there is nothing to crawl at all."""
        if self._job.retry_of is not None:
            self._discovery.begin_retry(await read_previous(services, self._job))
        if not self._job.sources and not self._recorder.fold.has_warned:
            self._recorder.emit(e.Log, level="warning", message=NO_SOURCES)
        self._warn_of_patterns()

    def _warn_of_patterns(self) -> None:
        """Say, once a job, which patterns can match nothing: a slip of the pen leaves out a whole site."""
        if self._recorder.fold.sources_started:
            return
        for pattern in (*self._job.options.include, *self._job.options.exclude):
            if not can_match(pattern):
                self._recorder.emit(e.Log, level="warning", message=NO_MATCH.format(pattern=pattern[:200]))

    def advance(self, *, is_through: bool) -> None:
        """Complete the source that is being crawled, if it *is_through*, and begin the next one."""
        if self._current is not None and is_through:
            self.complete()
        if self._current is None:
            self._begin_next()

    def complete(self) -> None:
        """Say what the source that was being crawled has brought."""
        source, self._current = self._current, None
        if source is None:
            return
        fold = self._recorder.fold
        counts = fold.verdicts() - fold.before_source
        is_tried = self._discovery.start_of(source) in fold.decided and len(self._job.sources) > 1
        is_barren = is_tried and not any(counts[verdict] for verdict in _FOUND)
        if is_barren:
            message = f"The source {source.source_id} ({source.url}) gave no page and is skipped: {self._why(source)}"
            self._recorder.emit(e.Log, level="warning", message=message[:2_000])
        self._recorder.emit(
            e.SourceCompleted,
            note={"barren": True} if is_barren else NO_NOTE,
            source_id=source.source_id,
            url=source.url,
            counts=e.EventCounts(seen=counts.total(), **{verdict.value: counts[verdict] for verdict in Verdict}),
        )

    def _begin_next(self) -> None:
        """Begin the next source, once all before it is told and its host's robots.txt is known."""
        if not self._job.downloads:
            return
        fold = self._recorder.fold
        source = next((one for one in self._job.sources if one.source_id not in fold.sources_completed), None)
        if source is None or (fold.sources_completed and self._recorder.first_pending_s is not None):
            return
        url = self._discovery.start_of(source)
        if not self._robots.is_known(url, self._frontier):
            return
        self._current = source
        if source.source_id not in fold.sources_started:
            self._tell_started(source, url)
        self._discovery.release(source)
        if self._job.retry_of is None:
            self._discovery.add_start(source)
            self._sitemaps.begin(url)

    def _tell_started(self, source: Source, url: str) -> None:
        is_new = self._job.retry_of is None and url not in self._frontier
        self._recorder.emit_with_urls(
            e.SourceStarted,
            [(url, 0, None)] if is_new else [],
            source_id=source.source_id,
            url=source.url,
            count=int(is_new),
        )

    def _why(self, source: Source) -> str:
        """Why a source gave nothing."""
        url = self._discovery.start_of(source)
        failure = self._recorder.fold.failed.get(url)
        return self._robots.judge(url) or (failure.message if failure else "no page of it could be kept")
