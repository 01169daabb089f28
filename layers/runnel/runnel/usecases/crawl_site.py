"""The fetching half of a driver: what is due goes to the crawler, what comes back becomes events.

Laws (names are the rules of the commit model):
1. `url_started` is durable before the fetch is sent [started_first]; at most twice the concurrency is reserved ahead
   [reserve_cap].
2. Only `url_retry` counts towards the attempts [lost_no_attempt]; suspects run alone [suspects_alone, twice_fails].
3. The rule of a host is its own: a throttled host is slowed down, and nothing else.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from runnel.domain import events as e
from runnel.domain.frontier import Frontier
from runnel.domain.host_pace import Answer
from runnel.domain.jobs import Job
from runnel.domain.payloads import CrawlRequest, CrawlResponse, CrawlResult
from runnel.domain.retries import LEAST_S, decide_answer
from runnel.domain.verdicts import AssetFacts, ErrorCategory, FetchError, QueuedUrl, SkipReason
from runnel.errors import CallFailed
from runnel.fetching.canonical import Spelling
from runnel.usecases.crawl_sources import SourceTurns
from runnel.usecases.discover_urls import Discovery
from runnel.usecases.leasing import LeaseKeeper
from runnel.usecases.load_robots import RobotsLoader
from runnel.usecases.load_sitemaps import SitemapLoader
from runnel.usecases.measure_assets import AssetSizes
from runnel.usecases.page_turns import PageTurn, PageTurns
from runnel.usecases.recording import Recorder
from runnel.usecases.retry_urls import Retries
from runnel.usecases.services import Services
from runnel.usecases.share_hosts import HostShares
from runnel.usecases.tell_pages import PageVerdicts

_CRASHED: Final = FetchError(category=ErrorCategory.CRASHED, message="The crawler died twice at this page.")
#: While a commit is under way, a host answers about this part of what is asked of it at once.
_A_COMMIT: Final = 8


class SiteCrawl:
    """Frontier, calls in flight, and their results, of one driver."""

    def __init__(
        self, services: Services, job: Job, recorder: Recorder, keeper: LeaseKeeper,
        *, must_leave: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        """Crawl the sources of *job* under the lease that *keeper* keeps; ask nothing any more when *must_leave*."""
        self._services = services
        self._job = job
        self._recorder = recorder
        self._keeper = keeper
        self._must_leave = must_leave
        self.frontier = Frontier(
            concurrency=job.options.concurrency,
            delay_s=job.options.delay_s,
            pause_s=services.tuning.host_pause.total_seconds(),
            is_shared=True,
        )
        self.shares = HostShares(services, job, self.frontier, changed=self._go_on)
        self._turns = PageTurns(self.frontier, services.clock, left=self.dispatch)
        self._retries = Retries(services, job, recorder, self.frontier)
        self.robots = RobotsLoader(
            services, job, recorder, self.shares, keeper.lease.term, may_fetch=lambda: self.may_dispatch
        )
        spelling = Spelling(ignored=job.options.ignore_query, tracking=services.tuning.tracking_parameters)
        self.discovery = Discovery(job, recorder, self.robots, self.frontier, spelling=spelling)
        self.sitemaps = SitemapLoader(services, job, recorder, self.robots)
        self.sources = SourceTurns(job, recorder, self.robots, self.discovery, self.frontier, self.sitemaps)
        self.pages = PageVerdicts(services, job, recorder, self.discovery)
        self.sizes = AssetSizes(services, job, recorder, self.robots, self.frontier, self.shares)
        self._user_agent = job.options.user_agent or services.tuning.user_agent
        #: By host: what was announced, each with its event's sequence number.
        self._to_send: dict[str, deque[tuple[str, int]]] = {}
        self._inbox: deque[tuple[tuple[str, ...], CrawlResponse | CallFailed]] = deque()
        #: A sign of strain is among it, or a call that failed: nothing more is asked before it is taken.
        self._has_bad_news = False
        self._calls: set[asyncio.Task[None]] = set()
        self._call_count = 0
        self._slots = job.options.concurrency
        self.may_dispatch = True
        self.wake = asyncio.Event()
        self.robots.on_loaded = self.wake.set

    def recover(self, urls: tuple[QueuedUrl, ...]) -> None:
        """Rebuild the schedule from the URL queue and the log."""
        self.discovery.recover(urls)
        self._retries.recover()

    @property
    def has_results(self) -> bool:
        """Whether a result waits to be taken."""
        return bool(self._inbox) or self.sitemaps.has_results or self.sizes.has_results

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
        """Whether a fetch could start, now or by the end of a commit, were its `url_started` durable.

        Not while many pages have come and are to be read: those who read them have work, and a commit waits for more.
        """
        if self.frontier.away > self.frontier.concurrency // 2:
            return False
        return any(self._runs_dry(host, waiting) for host, waiting in self._to_send.items())

    def _runs_dry(self, host: str, waiting: deque[tuple[str, int]]) -> bool:
        """Whether less is durable of what is announced for a host than may be sent while a commit is under way."""
        state, committed = self.frontier.host(host), self._recorder.committed_seq
        if state.gap_s:
            return waiting[0][1] > committed and self.frontier.may_start_at(host, self._services.clock.monotonic())
        meanwhile = int(state.limit) // _A_COMMIT
        return waiting[min(meanwhile, len(waiting) - 1)][1] > committed

    @property
    def why_nothing(self) -> str | None:
        """What kept the start URLs from being fetched, when no fetch failed."""
        if not self._job.downloads:
            return "There was nothing to work on."
        starts = map(self.discovery.start_of, self._job.sources)
        return next((rule for url in starts if (rule := self.robots.judge(url))), None)

    # ---- reserve and dispatch

    def reserve(self, most: int) -> None:
        """Announce the next URLs, at most *most* pages kept or busy in all."""
        if self.frontier.has_only_apart and self.is_quiet and self.sitemaps.is_done:
            self._retries.begin_batch()
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
            self.pages.fail(url, broken)
            return True
        forbidden = self.robots.judge_later(url, self.frontier)
        if forbidden is not None:
            self.frontier.drop(url)
            if forbidden:
                self.pages.skip(url, SkipReason.ROBOTS, forbidden)
            else:
                self.frontier.put_back(url)  # its host's robots.txt is on the way
            return True
        if fold.crashes[url] >= 2:
            self.frontier.drop(url)
            self.pages.fail(url, _CRASHED)
            return True
        seq = self._recorder.emit(e.UrlStarted, url=url, depth=self.frontier.depth(url), attempt=fold.failures[url] + 1)
        self._to_send.setdefault(self.frontier.host_of(url), deque()).append((url, seq))
        return True

    def dispatch(self) -> None:
        """Send what is durable and may start; called by the driver's loop and whenever a call has ended.

        The first page is not kept waiting by a sitemap; after it, a sitemap does not stand behind a whole queue.
        """
        self.shares.keep()
        for host in self._turns.look():
            self.shares.want(host)
        if not (self.may_dispatch and self._keeper.may_dispatch) or self._must_leave():
            return
        if self._call_count:
            self.sitemaps.dispatch(self.frontier, self._ended)
        self._dispatch_pages()
        if self._call_count or self.frontier.is_idle:
            self.sitemaps.dispatch(self.frontier, self._ended)
            if self.sitemaps.next_host is not None:
                self.shares.want(self.sitemaps.next_host)
        self.sizes.dispatch(self.discovery.scope.rules, self._ended)

    def _dispatch_pages(self) -> None:
        for host, waiting in self._to_send.items():
            if waiting[0][1] <= self._recorder.committed_seq:
                self.shares.want(host)
        while self._to_send and len(self._calls) - self._turns.away < self._slots and not self._has_bad_news:
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
            is_alone = waiting[0][0] in self._retries.alone
            if urls and is_alone:
                break
            url = waiting.popleft()[0]
            self.frontier.start(url, now_s)
            urls.append(url)
            if is_alone:
                self._retries.alone.discard(url)
                break
        return tuple(urls)

    def _request(self, urls: tuple[str, ...], raw_name: str) -> CrawlRequest:
        return CrawlRequest(
            tenant=self._job.tenant,
            job_id=self._job.job_id,
            targets=tuple(self.pages.known.target(url, changed_at=self.discovery.lastmod(url)) for url in urls),
            raw_name=raw_name,
            scope=self.discovery.scope.rules,
            ignore_query=self._job.options.ignore_query,
            robots=self.robots.texts(),
            obey_robots=self._job.options.robots == "obey",
            obey_signals=self._job.options.content_signal == "obey",
            user_agent=self._user_agent,
            headers=self.robots.headers.of(urls[0]),
            deadline_s=self._services.tuning.fetch_deadline.total_seconds(),
            ports=self.robots.ports,
            keep=not self._job.options.dry_run,
            # Where there is a pause between two requests, a page is one of them.
            markdown_twins="off"
            if self.frontier.host(self.frontier.host_of(urls[0])).spacing_s
            else self._services.tuning.markdown_twins,
        )

    async def _call(self, urls: tuple[str, ...], request: CrawlRequest) -> None:
        outcome: CrawlResponse | CallFailed
        turn = self._turn_of(urls)
        try:
            outcome = await self._services.crawler.crawl(request, turn=turn)
        except CallFailed as error:
            outcome = error
        else:
            await self.pages.recall_links(outcome)
        self._inbox.append((urls, outcome))
        is_well = _is_well(outcome)
        self._has_bad_news = self._has_bad_news or not is_well
        if turn is not None:
            turn.end(is_well=is_well)

    def _turn_of(self, urls: tuple[str, ...]) -> PageTurn | None:
        """A place that may be left early; for calls of several pages nothing would be won."""
        return self._turns.take(urls[0]) if self._services.crawler.max_targets == 1 else None

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        self.wake.set()
        if not task.cancelled() and task.exception() is None:
            self.dispatch()

    def _go_on(self) -> None:
        self.wake.set()
        self.dispatch()

    def next_due_s(self, now_s: float) -> float | None:
        """When time alone lets something start."""
        those = (self.frontier, self.shares, self.sizes, self._turns)
        return min((time_s for one in those if (time_s := one.next_due_s(now_s)) is not None), default=None)

    def take_back(self) -> None:
        """What was announced but not sent waits again."""
        for host in list(self._to_send):
            self._take_back_at(host)

    def _take_back_at(self, host: str) -> None:
        for url, _ in self._to_send.pop(host, ()):
            self.frontier.drop(url)
            self.frontier.put_back(url)

    async def close(self) -> None:
        """End every call of this driver."""
        self.may_dispatch = False
        await self.robots.close()
        await self.sitemaps.close()
        await self.sizes.close()
        for task in self._calls:
            task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        await self.shares.close()

    # ---- results

    def take_results(self) -> None:
        """Turn what has come back into events."""
        self.sitemaps.take(self.discovery)
        self.sizes.take()
        while self._inbox:
            urls, outcome = self._inbox.popleft()
            if isinstance(outcome, CallFailed):
                self._take_failed_call(urls, outcome)
                continue
            for result in outcome.results:
                self._take(result)
        self._has_bad_news = False

    def _take_failed_call(self, urls: tuple[str, ...], error: CallFailed) -> None:
        now_s = self._services.clock.monotonic()
        failure = FetchError(category=ErrorCategory.CRASHED, message=error.message)
        for url in urls:
            self.frontier.finish(url, Answer.NONE, now_s=now_s)
            if error.throttled:
                self.frontier.put_back(url, due_s=now_s + LEAST_S)
        if error.throttled:
            self._slots = max(1, self._slots // 2)
            return
        self._retries.tell_failed_call(urls, failure)
        if len(urls) == 1:
            self._retry_or_fail(urls[0], failure, None, is_call=True)

    def _take(self, result: CrawlResult) -> None:
        host, now_s = self.frontier.host_of(result.url), self._services.clock.monotonic()
        answer = decide_answer(result)
        state = self.frontier.finish(result.url, answer, now_s=now_s, elapsed_ms=result.elapsed_ms)
        self._slots = min(self._job.options.concurrency, self._slots + 1)
        if answer is Answer.REFUSED:
            state.hold(now_s + (result.retry_after_s or result.refused_s or 0.0))
            self.shares.tell_hold(host, state.next_start_s)
        if result.outcome == "fetched" and result.page is not None:
            self.pages.fetched(result, result.page)
        elif result.outcome == "not_modified" and (known := self.pages.known.page_of(result.url)) is not None:
            self.pages.unchanged(result, known)
        elif result.outcome == "not_started":
            self.frontier.put_back(result.url)
        elif result.outcome == "skipped":
            self.pages.skip(result.url, SkipReason(result.reason or SkipReason.ROBOTS), result.rule or "")
        else:
            error = result.error or FetchError(category=ErrorCategory.PROTOCOL, message="The crawler gave no reason.")
            self._retry_or_fail(result.url, error, result.retry_after_s, status=result.status, facts=result.facts)
            if state.is_given_up and not state.is_set_aside:
                self._take_back_at(host)
                self._retries.give_up_host(host, error)

    def _retry_or_fail(
        self,
        url: str,
        error: FetchError,
        retry_after_s: float | None,
        *,
        status: int | None = None,
        facts: AssetFacts | None = None,
        is_call: bool = False,
    ) -> None:
        if not self._retries.try_again(url, error, retry_after_s, status=status, is_call=is_call):
            self.pages.fail(url, error, status=status, facts=facts)


def _is_well(outcome: CrawlResponse | CallFailed) -> bool:
    """Whether a call has told nothing but good of its host."""
    return isinstance(outcome, CrawlResponse) and all(
        decide_answer(result) is Answer.GOOD for result in outcome.results
    )
