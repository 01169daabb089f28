"""robots.txt of every host of a job, fetched through the crawler: the orchestrator never asks a site itself.

Laws (RFC 9309 section 2.3; tests/integration/test_robots_states.py):

1. 2xx: its rules hold. 4xx, more than five redirects or a loop of them: there are none, all is allowed. 5xx, no
   answer, or a redirect to where nobody answers: all is forbidden.
2. A file is read once a job, and again after `FRESH`; where the new one cannot be reached the old one holds on.
3. What its Content-Signal lines say is told; where the job obeys them, a refusal forbids every page of the host.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

from runnel.domain import events as e
from runnel.domain.frontier import Frontier
from runnel.domain.jobs import Job
from runnel.domain.payloads import CrawlRequest, CrawlResult, CrawlTarget, RobotsText
from runnel.domain.retries import may_pass
from runnel.domain.verdicts import ErrorCategory, FetchError
from runnel.errors import CallFailed
from runnel.fetching.canonical import host_key
from runnel.robots.rules import RobotsRules, read_robots
from runnel.usecases.load_headers import SourceHeaders
from runnel.usecases.long_work import in_steps
from runnel.usecases.recording import Recorder
from runnel.usecases.services import Services
from runnel.usecases.share_hosts import HostShares

#: RFC 9309 section 2.4: no copy is used for longer, while the file can be reached.
FRESH = timedelta(hours=24)
_TRIES = 3
_PAUSE = timedelta(seconds=1)

#: A crawl delay of which people are told in words: whoever looks must not think that the job hangs.
_LONG_DELAY_S = 30.0
#: The status of a file that redirects without end: there is none.
_NONE = 404
#: Failures below HTTP: they are the host's, and a page of it would fail with the same.
_NETWORK = frozenset(
    {
        ErrorCategory.DNS,
        ErrorCategory.CONNECT,
        ErrorCategory.TLS,
        ErrorCategory.TIMEOUT,
        ErrorCategory.BLOCKED_ADDRESS,
    }
)
#: What is sent along for judging redirects is bounded: larger files are read again where they are needed.
_SENT_CHARACTERS = 16_384


class RobotsLoader:
    """The rules of the hosts that a job meets."""

    def __init__(
        self, services: Services, job: Job, recorder: Recorder, shares: HostShares, term: int,
        *, may_fetch: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        """Load for *job*, each request in a place that *shares* gives.

        *term* makes the names of the calls unique; *may_fetch* is asked before each of them.
        """
        self._services = services
        self._job = job
        self._recorder = recorder
        self._shares = shares
        self._term = term
        self._may_fetch = may_fetch
        self._agent = job.options.user_agent or services.tuning.user_agent
        self._rules: dict[str, RobotsRules] = {}
        self._texts: dict[str, RobotsText] = {}
        self._unreachable: dict[str, str] = {}
        self._broken: dict[str, FetchError] = {}
        self._loading: dict[str, asyncio.Task[None]] = {}
        #: By host: when its file was read, on the monotonic clock.
        self._read_s: dict[str, float] = {}
        self._is_dropped = False
        #: Told when a file that was on its way has come.
        self.on_loaded: Callable[[], None] = lambda: None
        self.headers = SourceHeaders(services.secrets, job)
        #: The start URLs' own ports may be asked besides the usual ones.
        self.ports = tuple(sorted({port for source in job.sources if (port := _port(source.url))}))

    @property
    def is_busy(self) -> bool:
        """Whether a robots.txt is on the way."""
        return bool(self._loading)

    def texts(self) -> tuple[RobotsText, ...]:
        """What is known, for the crawler's judgement of redirects."""
        return tuple(text for text in self._texts.values() if len(text.text) <= _SENT_CHARACTERS)

    def judge(self, url: str) -> str | None:
        """The line that forbids the URL; None when none does, or when its host's file is not known (yet)."""
        host, options = host_key(url), self._job.options
        rules = self._rules.get(host)
        if rules is None or host in self._broken:
            return None
        decision = rules.allows(url, self._agent)
        if not decision.allowed and options.robots == "obey":
            return self._unreachable.get(host) or decision.line
        return rules.refusal(self._agent) if options.content_signal == "obey" else None

    def failure(self, url: str) -> FetchError | None:
        """Why the URL's host cannot be reached at all: that, not its robots.txt, is what keeps us out."""
        return self._broken.get(host_key(url)) if self._job.options.robots == "obey" else None

    def judge_later(self, url: str, frontier: Frontier) -> str | None:
        """As `judge`, for a URL that is about to start; "" when its host's file must come first."""
        host = host_key(url)
        if self._is_fresh(host):
            return self.judge(url)
        if host not in self._loading:
            frontier.host(host).is_closed = True
            self._loading[host] = asyncio.create_task(self._load_in_background(host, url, frontier))
        return ""

    def is_known(self, url: str, frontier: Frontier) -> bool:
        """Whether the file of the URL's host is known; else it is on its way from now on."""
        return self.judge_later(url, frontier) != ""

    async def load(self, host: str, url: str) -> bool:
        """Read the host's robots.txt, and say so once in the job's log; False when nothing may be fetched now."""
        if self._is_fresh(host):
            return True
        result = await self._fetch(host, url)
        if result is None:
            return False
        await self._keep(host, result)
        return True

    def _is_fresh(self, host: str) -> bool:
        read_s = self._read_s.get(host)
        return read_s is not None and self._services.clock.monotonic() - read_s < FRESH.total_seconds()

    def drop(self) -> None:
        """Ask no host any more: the job's time or money is over, and it waits for what is on the way."""
        self._is_dropped = True

    async def close(self) -> None:
        """End what is on the way."""
        tasks = list(self._loading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _load_in_background(self, host: str, url: str, frontier: Frontier) -> None:
        try:
            await self.load(host, url)
        finally:
            del self._loading[host]
            self.set_pace(host, frontier)
            self.on_loaded()

    def set_pace(self, host: str, frontier: Frontier) -> None:
        """Let the host's crawl delay rule its schedule, now that its file is known."""
        rules = self._rules.get(host)
        asked_s = rules.crawl_delay_s(self._agent) if rules and self._job.options.robots == "obey" else None
        state = frontier.host(host)
        state.is_closed, state.spacing_s = False, max(state.spacing_s, asked_s or 0.0)

    async def _fetch(self, host: str, url: str) -> CrawlResult | CallFailed | None:
        """The answer; None when a wish stands against asking (again)."""
        result: CrawlResult | CallFailed = CallFailed()
        for attempt in range(1, _TRIES + 1):
            if not await self._shares.enter(host, may_enter=lambda: self._may_fetch() and not self._is_dropped):
                return None
            try:
                response = await self._services.crawler.crawl(self._request(url))
            except CallFailed as error:
                result = error
            else:
                result = response.results[0]
                if not _may_pass(result):
                    return result
            finally:
                self._shares.exit(host)
            if attempt < _TRIES:
                await self._services.clock.sleep(_PAUSE)
        return result

    def _request(self, url: str) -> CrawlRequest:
        parts = urlsplit(url)
        return CrawlRequest(
            tenant=self._job.tenant,
            job_id=self._job.job_id,
            purpose="text",
            targets=(CrawlTarget(url=f"{parts.scheme}://{parts.netloc}/robots.txt"),),
            raw_name=f"{self._term}-robots",
            obey_robots=False,
            user_agent=self._agent,
            headers=self.headers.of(url),
            deadline_s=self._services.tuning.fetch_deadline.total_seconds(),
            ports=self.ports,
        )

    async def _keep(self, host: str, result: CrawlResult | CallFailed) -> None:
        status, text, problem = _reading(result)
        steps = read_robots(text.encode(), status=status or 503, agent=self._agent)
        rules = await in_steps(self._services.clock, steps)
        self._read_s[host] = self._services.clock.monotonic()
        if problem and host in self._rules:
            return  # the old copy holds on
        self._broken.pop(host, None)
        self._unreachable.pop(host, None)
        self._rules[host] = rules
        self._texts[host] = RobotsText(host=host, status=status, text=text)
        if problem:
            self._unreachable[host] = problem
        if isinstance(result, CrawlResult) and result.error is not None and result.error.category in _NETWORK:
            self._broken[host] = result.error
        if host not in self._recorder.fold.robots_hosts:
            self._tell(host, status, rules)

    def _tell(self, host: str, status: int | None, rules: RobotsRules) -> None:
        delay_s = rules.crawl_delay_s(self._agent)
        self._recorder.emit(
            e.RobotsLoaded,
            host=host,
            status=status,
            crawl_delay_s=delay_s,
            sitemaps=rules.sitemaps[:50],
            content_signal={
                use: "yes" if signal.is_allowed else "no" for use, signal in rules.content_signals(self._agent).items()
            },
        )
        if delay_s is not None and delay_s >= _LONG_DELAY_S and self._job.options.robots == "obey":
            message = f"The robots.txt of {host} asks for {delay_s:g} s between two requests; the crawl keeps to it."
            self._recorder.emit(e.Log, level="warning", message=message)


def _may_pass(result: CrawlResult) -> bool:
    """Whether asking again may help."""
    return result.outcome == "failed" and result.error is not None and may_pass(result.error, status=result.status)


def _reading(result: CrawlResult | CallFailed) -> tuple[int | None, str, str]:
    """Status, text, and what made the file unreachable, if anything did."""
    if isinstance(result, CallFailed):
        return None, "", f"robots.txt unreachable: {result.message}"
    if result.outcome == "fetched" and result.page is not None:
        return result.page.status, result.page.text or "", ""
    if result.status is not None and result.status < 500:
        return result.status, "", ""
    if result.error is not None and result.error.category is ErrorCategory.TOO_MANY_REDIRECTS:
        return _NONE, "", ""
    message = result.error.message if result.error else "no answer"
    return result.status, "", f"robots.txt unreachable: {message}"


def _port(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError:
        return None
