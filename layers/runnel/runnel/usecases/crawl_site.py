"""The fetching half of a driver: what is due goes to the crawler, what comes back becomes events.

Laws (names are the rules of the commit model):
1. `url_started` is durable before the fetch is sent [started_first]; at most twice the concurrency is reserved ahead
   [reserve_cap].
2. Only `url_retry` counts towards the attempts [lost_no_attempt]; suspects run alone [suspects_alone, twice_fails].
3. The rule of a host is its own: a throttled host is slowed down, and nothing else.
"""

import asyncio
from collections import deque

from runnel.domain import events as e
from runnel.domain.effects import NO_NOTE, Note
from runnel.domain.frontier import Frontier
from runnel.domain.jobs import Job
from runnel.domain.payloads import CrawlRequest, CrawlResponse, CrawlResult, FetchedPage, StoredPage
from runnel.domain.same_page import Fetched
from runnel.domain.verdicts import TRANSIENT, ErrorCategory, FetchError, SkipReason, Verdict
from runnel.errors import CallFailed
from runnel.fetching.canonical import Spelling
from runnel.usecases.crawl_sources import SourceTurns
from runnel.usecases.discover_urls import Discovery
from runnel.usecases.known_pages import nothing_known
from runnel.usecases.leasing import LeaseKeeper
from runnel.usecases.load_robots import RobotsLoader
from runnel.usecases.load_sitemaps import SitemapLoader
from runnel.usecases.page_notes import EMPTY_PAGE, noindex_rule, page_note
from runnel.usecases.recording import Recorder
from runnel.usecases.services import Services

ATTEMPTS = 3
#: Backoff: full jitter between the least and a bound that doubles with each attempt.
_BACKOFF_LEAST_S, _BACKOFF_MOST_S = 1.0, 60.0
_TITLE_CHARACTERS = 300
_NOT_MODIFIED = 304
#: Answers by which a page has gone, and its links with it.
_GONE = frozenset({404, 410})


class SiteCrawl:
    """Frontier, calls in flight, and their results, of one driver."""

    def __init__(self, services: Services, job: Job, recorder: Recorder, keeper: LeaseKeeper) -> None:
        """Crawl the sources of *job* under the lease that *keeper* keeps."""
        self._services = services
        self._job = job
        self._recorder = recorder
        self._keeper = keeper
        self.frontier = Frontier(concurrency=job.options.concurrency, delay_s=job.options.delay_s)
        self.robots = RobotsLoader(services, job, recorder, keeper.lease.term, may_fetch=lambda: self.may_dispatch)
        spelling = Spelling(ignored=job.options.ignore_query, tracking=services.tuning.tracking_parameters)
        self.discovery = Discovery(job, recorder, self.robots, self.frontier, spelling=spelling)
        self.sitemaps = SitemapLoader(services, job, recorder, self.robots)
        self.sources = SourceTurns(job, recorder, self.robots, self.discovery, self.frontier, self.sitemaps)
        self._user_agent = job.options.user_agent or services.tuning.user_agent
        #: By host: what was announced, each with its event's sequence number.
        self._to_send: dict[str, deque[tuple[str, int]]] = {}
        self._inbox: deque[tuple[tuple[str, ...], CrawlResponse | CallFailed]] = deque()
        self._calls: set[asyncio.Task[None]] = set()
        self._call_count = 0
        #: What the library has of the site; the driver of an incremental crawl sets it before the first page is asked.
        self.known = nothing_known(services, job.tenant)
        #: Stored links of pages that have just been asked for.
        self._recalled: dict[str, tuple[str, ...]] = {}
        self._slots = job.options.concurrency
        self.may_dispatch = True
        self.wake = asyncio.Event()
        self.robots.on_loaded = self.wake.set

    @property
    def has_results(self) -> bool:
        """Whether a result waits to be taken."""
        return bool(self._inbox) or self.sitemaps.has_results

    @property
    def is_quiet(self) -> bool:
        """Whether no page is in flight and none waits to be taken; a job that leaves waits for no sitemap."""
        return not self.frontier.in_flight and not self._inbox and not self.robots.is_busy

    @property
    def _is_through(self) -> bool:
        """Whether every URL of the sources that have begun has its verdict, and no sitemap can bring more."""
        return self.frontier.is_idle and self.is_quiet and self.sitemaps.is_done

    @property
    def is_done(self) -> bool:
        """Whether every source is through."""
        return self.sources.is_over and self._is_through

    @property
    def has_more(self) -> bool:
        """Whether URLs wait, or sources."""
        return bool(self.frontier.waiting) or self.sources.has_next

    def advance(self) -> None:
        """Go on to the next source when one is through."""
        self.sources.advance(is_through=self._is_through)

    @property
    def is_starving(self) -> bool:
        """Whether a fetch could start, were its `url_started` durable."""
        committed, now_s = self._recorder.committed_seq, self._services.clock.monotonic()
        return any(
            waiting[0][1] > committed and self.frontier.may_start_at(host, now_s)
            for host, waiting in self._to_send.items()
        )

    @property
    def why_nothing(self) -> str | None:
        """What kept the start URLs from being fetched, when no fetch failed."""
        starts = map(self.discovery.start_of, self._job.sources)
        return next((rule for url in starts if (rule := self.robots.judge(url))), None)

    # ---- reserve and dispatch

    def reserve(self, most: int) -> None:
        """Announce the next URLs, at most *most* pages kept or busy in all."""
        suspects = self._recorder.fold.suspects and self._recorder.fold.suspects & self._recorder.fold.undecided.keys()
        if not suspects:
            while self._recorder.fold.kept + self.frontier.busy < most:
                if not self._announce(self.frontier.reserve(self._services.clock.monotonic())):
                    return
            return
        waiting = {url for url in suspects if url not in self.frontier.reserved and url not in self.frontier.in_flight}
        if self.frontier.busy == 0:
            self._announce(self.frontier.reserve_only(waiting))

    def _announce(self, url: str | None) -> bool:
        if url is None:
            return False
        fold = self._recorder.fold
        broken = self.robots.failure(url)
        if broken is not None:
            self.frontier.drop(url)
            self._fail(url, broken)
            return True
        forbidden = self.robots.judge_later(url, self.frontier)
        if forbidden is not None:
            self.frontier.drop(url)
            if forbidden:
                self._skip(url, SkipReason.ROBOTS, forbidden)
            else:
                self.frontier.put_back(url)  # its host's robots.txt is on the way
            return True
        if fold.crashes[url] >= 2:
            self.frontier.drop(url)
            self._fail(url, FetchError(category=ErrorCategory.CRASHED, message="The crawler died twice at this page."))
            return True
        seq = self._recorder.emit(e.UrlStarted, url=url, depth=self.frontier.depth(url), attempt=fold.failures[url] + 1)
        self._to_send.setdefault(self.frontier.host_of(url), deque()).append((url, seq))
        return True

    def dispatch(self) -> None:
        """Send what is durable and may start; called by the driver's loop and whenever a call has ended.

        The first page is not kept waiting by a sitemap; after it, a sitemap does not stand behind a whole queue.
        """
        if not (self.may_dispatch and self._keeper.may_dispatch):
            return
        if self._call_count:
            self.sitemaps.dispatch(self.frontier, self._ended)
        self._dispatch_pages()
        if self._call_count or self.frontier.is_idle:
            self.sitemaps.dispatch(self.frontier, self._ended)

    def _dispatch_pages(self) -> None:
        while self._to_send and len(self._calls) < self._slots:
            urls = self._next_call()
            if not urls:
                return
            self._call_count += 1
            request = self._request(urls, f"{self._keeper.lease.term}-{self._call_count}")
            task = asyncio.create_task(self._call(urls, request))
            self._calls.add(task)
            task.add_done_callback(self._ended)

    def _next_call(self) -> tuple[str, ...]:
        """URLs of one host for one call; empty when none may start."""
        now_s = self._services.clock.monotonic()
        for host, waiting in self._to_send.items():
            urls = self._take_announced(host, waiting, now_s)
            if urls:
                if not waiting:
                    del self._to_send[host]
                return urls
        return ()

    def _take_announced(self, host: str, waiting: deque[tuple[str, int]], now_s: float) -> tuple[str, ...]:
        urls: list[str] = []
        most = self._services.crawler.max_targets
        if most > 1 and not self.frontier.host(host).is_fast:
            most = 1
        committed = self._recorder.committed_seq
        while waiting and len(urls) < most and waiting[0][1] <= committed and self.frontier.may_start_at(host, now_s):
            url = waiting.popleft()[0]
            self.frontier.start(url, now_s)
            urls.append(url)
        return tuple(urls)

    def _request(self, urls: tuple[str, ...], raw_name: str) -> CrawlRequest:
        return CrawlRequest(
            tenant=self._job.tenant,
            job_id=self._job.job_id,
            targets=tuple(self.known.target(url, changed_at=self.discovery.lastmod(url)) for url in urls),
            raw_name=raw_name,
            scope=self.discovery.rules,
            ignore_query=self._job.options.ignore_query,
            robots=self.robots.texts(),
            obey_robots=self._job.options.robots == "obey",
            user_agent=self._user_agent,
            headers=self.robots.headers.of(urls[0]),
            deadline_s=self._services.tuning.fetch_deadline.total_seconds(),
            ports=self.robots.ports,
            keep=not self._job.options.dry_run,
        )

    async def _call(self, urls: tuple[str, ...], request: CrawlRequest) -> None:
        outcome: CrawlResponse | CallFailed
        try:
            outcome = await self._services.crawler.crawl(request)
        except CallFailed as error:
            outcome = error
        else:
            await self._recall_links(outcome)
        self._inbox.append((urls, outcome))

    async def _recall_links(self, outcome: CrawlResponse) -> None:
        """Read the stored links of pages that brought none: they have not changed, or failed."""
        for result in outcome.results:
            if result.outcome in {"not_modified", "failed"}:
                self._recalled[result.url] = await self.known.links_of(result.url)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        self.wake.set()
        if not task.cancelled() and task.exception() is None:
            self.dispatch()

    def take_back(self) -> None:
        """What was announced but not sent waits again."""
        for waiting in self._to_send.values():
            for url, _ in waiting:
                self.frontier.drop(url)
                self.frontier.put_back(url)
        self._to_send.clear()

    async def close(self) -> None:
        """End every call of this driver."""
        await self.robots.close()
        await self.sitemaps.close()
        for task in self._calls:
            task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    # ---- results

    def take_results(self) -> None:
        """Turn what has come back into events."""
        self.sitemaps.take(self.discovery)
        while self._inbox:
            urls, outcome = self._inbox.popleft()
            if isinstance(outcome, CallFailed):
                self._take_failed_call(urls, outcome)
                continue
            for result in outcome.results:
                self._take(result)

    def _take_failed_call(self, urls: tuple[str, ...], error: CallFailed) -> None:
        if error.throttled:
            self._slots = max(1, self._slots // 2)
        for url in urls:
            self.frontier.finish(url, elapsed_ms=0, is_throttled=error.throttled)
            if error.throttled:
                self.frontier.put_back(url, due_s=self._services.clock.monotonic() + _BACKOFF_LEAST_S)
            else:
                self._retry_or_fail(url, FetchError(category=ErrorCategory.PROTOCOL, message=error.message), None)

    def _take(self, result: CrawlResult) -> None:
        is_throttled = result.status in (429, 503)
        self.frontier.finish(result.url, elapsed_ms=result.elapsed_ms, is_throttled=is_throttled)
        self._slots = min(self._job.options.concurrency, self._slots + 1)
        if result.outcome == "fetched" and result.page is not None:
            self._take_page(result, result.page)
        elif result.outcome == "not_modified" and (known := self.known.page_of(result.url)) is not None:
            self._unchanged(result, known)
        elif result.outcome == "not_started":
            self.frontier.put_back(result.url)
        elif result.outcome == "skipped":
            self._skip(result.url, SkipReason(result.reason or SkipReason.ROBOTS), result.rule or "")
        else:
            error = result.error or FetchError(category=ErrorCategory.PROTOCOL, message="The crawler gave no reason.")
            if is_throttled and result.retry_after_s:
                host = self.frontier.host_of(result.url)
                self.frontier.hold_host(host, self._services.clock.monotonic() + result.retry_after_s)
            self._retry_or_fail(result.url, error, result.retry_after_s, status=result.status)

    def _take_page(self, result: CrawlResult, page: FetchedPage) -> None:
        links: Note = NO_NOTE
        if self._job.options.sitemap != "only":
            self.discovery.discover(result.url, page)
            links = NO_NOTE if page.nofollow else self._paths(page.links)
        if page.noindex:
            self._skip(result.url, SkipReason.ROBOTS, noindex_rule(page), note=links)
        elif page.is_empty:
            self._fail(result.url, EMPTY_PAGE, status=page.status, note=links)
        else:
            self._crawled(result, page, links)

    def _paths(self, links: tuple[str, ...]) -> Note:
        """What a later driver needs to know of a page's links."""
        paths = self.discovery.paths_from(links)
        return {"links": paths} if paths else NO_NOTE

    def _crawled(self, result: CrawlResult, page: FetchedPage, links: Note) -> None:
        fold, spell = self._recorder.fold, self.discovery.spell
        final_url, canonical = spell(page.final_url), spell(page.canonical) if page.canonical else None
        first = fold.same.first_of(Fetched(result.url, final_url, page.body_hash, canonical))
        note = page_note(page, canonical, fold.starts[result.url], self.discovery.source_of(result.url))
        self._recorder.emit(
            e.UrlCrawled,
            note={**note, **links, **({"words": page.words} if self._job.options.dry_run else {})},
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

    def _unchanged(self, result: CrawlResult, known: StoredPage) -> None:
        """The library has the page; its links are those that it had."""
        links = self._discover_recalled(result.url)
        final_url = self.discovery.spell(result.final_url or known.url)
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
        self.discovery.discover_known(url, links)
        return self._paths(links)

    def _retry_or_fail(
        self, url: str, error: FetchError, retry_after_s: float | None, *, status: int | None = None
    ) -> None:
        attempt = self._recorder.fold.failures[url] + 1
        if error.category not in TRANSIENT or attempt >= ATTEMPTS:
            self._fail(url, error, status=status)
            return
        bound_s = min(_BACKOFF_MOST_S, _BACKOFF_LEAST_S * 2**attempt)
        jitter_s = self._services.ids.jitter() * (bound_s - _BACKOFF_LEAST_S)
        retry_in_s = max(_BACKOFF_LEAST_S + jitter_s, retry_after_s or 0.0)
        self._recorder.emit(e.UrlRetry, url=url, attempt=attempt, retry_in_s=round(retry_in_s, 3), error=error)
        self.frontier.put_back(url, due_s=self._services.clock.monotonic() + retry_in_s)

    def _fail(self, url: str, error: FetchError, *, status: int | None = None, note: Note = NO_NOTE) -> None:
        attempts = self._recorder.fold.failures[url] + 1
        note = {**note, "status": status} if status else note
        if status not in _GONE:
            note = {**note, **self._discover_recalled(url)}
        self._recorder.emit(e.UrlFailed, note=note, url=url, attempts=attempts, error=error)

    def _skip(self, url: str, reason: SkipReason, rule: str, *, note: Note = NO_NOTE) -> None:
        parent = self.discovery.parent(url)
        self._recorder.emit(e.UrlSkipped, note=note, url=url, reason=reason, rule=rule, parent=parent)
