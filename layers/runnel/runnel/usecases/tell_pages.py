"""The verdicts of pages as events: what the crawler brought, and what a later driver and the processor need of it."""

from dataclasses import asdict

from runnel.domain import events as e
from runnel.domain.effects import NO_NOTE, Note
from runnel.domain.jobs import Job
from runnel.domain.payloads import CrawlResponse, CrawlResult, FetchedPage, StoredPage
from runnel.domain.same_page import Fetched
from runnel.domain.verdicts import AssetFacts, FetchError, SkipReason, Verdict
from runnel.usecases.discover_urls import Discovery
from runnel.usecases.known_pages import nothing_known
from runnel.usecases.page_notes import EMPTY_PAGE, SHELL, noindex_rule, page_note
from runnel.usecases.recording import Recorder
from runnel.usecases.services import Services

_TITLE_CHARACTERS = 300
_NOT_MODIFIED = 304
#: Answers by which a page has gone, and its links with it.
_GONE = frozenset({404, 410})


class PageVerdicts:
    """Tells how pages ended; what is found on them goes to the discovery first."""

    def __init__(self, services: Services, job: Job, recorder: Recorder, discovery: Discovery) -> None:
        """Tell in the log of *job*."""
        self._job = job
        self._recorder = recorder
        self._discovery = discovery
        #: What the library has of the site; the driver of an incremental crawl sets it before the first page is asked.
        self.known = nothing_known(services, job.tenant)
        #: Stored links of pages that have just been asked for.
        self._recalled: dict[str, tuple[str, ...]] = {}

    async def recall_links(self, outcome: CrawlResponse) -> None:
        """Read the stored links of pages that brought none: they have not changed, or failed."""
        for result in outcome.results:
            if result.outcome in {"not_modified", "failed"}:
                self._recalled[result.url] = await self.known.links_of(result.url)

    def fetched(self, result: CrawlResult, page: FetchedPage) -> None:
        """A page has come."""
        links: Note = NO_NOTE
        self._discovery.arrive(result.url, page.final_url)
        if self._job.options.sitemap != "only":
            self._discovery.discover(result.url, page)
            links = NO_NOTE if page.nofollow else self._paths(page.links)
        first = self._discovery.first_links(result.url, page.links)
        if first is not None:
            links = {**links, "first_links": first}
        if page.noindex:
            self.skip(result.url, SkipReason.ROBOTS, noindex_rule(page), note=links)
        elif page.is_empty:
            self.fail(result.url, SHELL if page.is_shell else EMPTY_PAGE, status=page.status, note=links)
        else:
            self._crawled(result, page, links)

    def _paths(self, links: tuple[str, ...]) -> Note:
        """What a later driver needs to know of a page's links."""
        paths = self._discovery.paths_from(links)
        return {"links": paths} if paths else NO_NOTE

    def _crawled(self, result: CrawlResult, page: FetchedPage, links: Note) -> None:
        fold, spell = self._recorder.fold, self._discovery.spell
        final_url, canonical = spell(page.final_url), spell(page.canonical) if page.canonical else None
        first = fold.same.first_of(Fetched(result.url, final_url, page.body_hash, canonical))
        note = page_note(page, canonical, fold.starts[result.url], self._discovery.source_of(result.url))
        self._recorder.emit(
            e.UrlCrawled,
            note={**note, **links, **(self._facts(page) if self._job.options.dry_run else {})},
            url=result.url,
            final_url=final_url,
            status=page.status,
            outcome=(Verdict.DUPLICATE if first else Verdict.FETCHED).value,
            duplicate_of=first,
            title=page.title[:_TITLE_CHARACTERS],
            content_length=page.content_length,
            body_hash=page.body_hash,
            elapsed_ms=result.elapsed_ms,
        )

    def _facts(self, page: FetchedPage) -> Note:
        """What a dry run tells of a page that nobody processes."""
        return {"words": page.words, "quality": [page.quality_score, page.quality_reason]}

    def unchanged(self, result: CrawlResult, known: StoredPage) -> None:
        """The library has the page; its links are those that it had."""
        self._discovery.arrive(result.url, result.final_url or known.url)
        links = self._discover_recalled(result.url)
        final_url = self._discovery.spell(result.final_url or known.url)
        first = self._recorder.fold.same.first_of(Fetched(result.url, final_url, known.body_hash, known.canonical))
        self._recorder.emit(
            e.UrlCrawled,
            note={"canonical": known.canonical, **links} if known.canonical else links,
            url=result.url,
            final_url=final_url,
            status=result.status or _NOT_MODIFIED,
            outcome=(Verdict.DUPLICATE if first else Verdict.UNCHANGED).value,
            duplicate_of=first,
            title=known.title[:_TITLE_CHARACTERS],
            content_length=0,
            body_hash=known.body_hash,
            elapsed_ms=result.elapsed_ms,
        )

    def _discover_recalled(self, url: str) -> Note:
        links = self._recalled.pop(url, ())
        if not links or self._job.options.sitemap == "only":
            return NO_NOTE
        self._discovery.discover_known(url, links)
        return self._paths(links)

    def fail(
        self, url: str, error: FetchError,
        *, status: int | None = None, facts: AssetFacts | None = None, note: Note = NO_NOTE,
    ) -> None:  # fmt: skip
        """A URL is given up; *facts* are those of a file that is no page."""
        attempts = self._recorder.fold.failures[url] + 1
        note = {**note, "status": status} if status else note
        note = {**note, "facts": asdict(facts)} if facts else note
        if status not in _GONE:
            known = self.known.page_of(url)
            self._discovery.arrive(url, known.url if known is not None else url)
            note = {**note, **self._discover_recalled(url)}
        self._recorder.emit(e.UrlFailed, note=note, url=url, attempts=attempts, error=error)

    def skip(self, url: str, reason: SkipReason, rule: str, *, note: Note = NO_NOTE) -> None:
        """A URL of the queue will not be kept after all."""
        parent = self._discovery.parent(url)
        self._recorder.emit(e.UrlSkipped, note=note, url=url, reason=reason, rule=rule, parent=parent)
