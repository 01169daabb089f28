"""Sitemaps of a job's start hosts: those that robots.txt names, else `/sitemap.xml`, and what their indexes name.

Laws (tests/unit/usecases/test_load_sitemaps.py):
1. A file is asked for through the crawler, one at a time, within the host's limits, and never before the first page;
   robots.txt rules here too.
2. What a file brings is taken by the driver's loop in portions; its `sitemap_loaded` comes behind all of it, so a later
   driver reads again what was not told to its end, and nothing else.
3. At most `MAX_SITEMAPS` files and `MAX_LISTED` addresses in all, indexes `_MOST_DEPTH` deep; files on hosts of the
   start hosts' domains only.
4. No sitemap fails a job: one that somebody has named gets a warning, the one that was only guessed is passed over.
5. Where the host has no sitemap that of the start's directory is asked for, once, then the site's `llms.txt`, whose
   links are taken as a sitemap's are.
6. A file that is named and not read is said, once for each reason.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urljoin, urlsplit

from runnel.domain import events as e
from runnel.domain.frontier import Frontier
from runnel.domain.jobs import Job
from runnel.domain.payloads import MAX_SITEMAPS, CrawlRequest, CrawlResult, CrawlTarget, FetchedPage
from runnel.domain.retries import may_pass
from runnel.domain.scope import registrable_domain
from runnel.errors import CallFailed
from runnel.fetching.canonical import canonicalize, host_key
from runnel.fetching.llms import LLMS_TXT
from runnel.fetching.sitemaps import MAX_SITEMAP_URLS
from runnel.usecases.discover_urls import Discovery
from runnel.usecases.load_robots import RobotsLoader
from runnel.usecases.recording import Recorder
from runnel.usecases.services import Services

_MOST_DEPTH = 2
_TRIES = 3
_PAUSE = timedelta(seconds=1)
#: So many URLs are judged in one turn of the driver's loop.
_PORTION = 1_000
#: Addresses that all files of a job may list together: what a frontier holds.
MAX_LISTED = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A sitemap to be read."""

    url: str
    #: Indexes on the way to it.
    depth: int = 0
    #: Nobody has named it.
    is_guess: bool = False
    attempt: int = 1
    due_s: float = 0.0


@dataclass(slots=True, kw_only=True)
class _Reading:
    """A file that has come, and how far it is taken."""

    file: _File
    page: FetchedPage
    taken: int = 0
    skipped: int = 0


class SitemapLoader:
    """Which sitemaps are to be read, the one on the way, and the one being taken."""

    def __init__(self, services: Services, job: Job, recorder: Recorder, robots: RobotsLoader) -> None:
        """Read for *job*, as far as *robots* allow it."""
        self._services = services
        self._job = job
        self._recorder = recorder
        self._robots = robots
        self._known: set[str] = set()
        self._waiting: deque[_File] = deque()
        self._call: asyncio.Task[None] | None = None
        self._answer: tuple[_File, CrawlResult | CallFailed] | None = None
        self._reading: _Reading | None = None
        self._domains = {_domain(source.url) for source in job.sources}
        #: By a host's own sitemap, where nobody names one: what is asked for when it is not there.
        self._near: dict[str, str] = {}
        #: Reasons for which files were left out, each told once.
        self._left_out: set[str] = set()

    def begin(self, start: str) -> None:
        """See what is to be read for a start URL whose host's robots.txt is known; the log tells what has been."""
        if self._job.options.sitemap == "skip":
            return
        named = self._recorder.fold.named_sitemaps.get(host_key(start), ())
        robots = _at_root(start, "robots.txt")
        for address in named:
            self._add(canonicalize(address, base=robots), depth=0)
        if not named:
            guess = _at_root(start, "sitemap.xml")
            self._near[guess] = urljoin(start, "sitemap.xml")
            self._add(guess, depth=0, is_guess=True)
            if guess in self._recorder.fold.sitemaps_unread:
                self._add_next_guess(guess)

    @property
    def has_results(self) -> bool:
        """Whether something waits to be taken."""
        return self._answer is not None or self._reading is not None

    @property
    def is_done(self) -> bool:
        """Whether every sitemap is read."""
        return not (self._waiting or self._call or self.has_results)

    @property
    def next_host(self) -> str | None:
        """The host of the file that is to be asked for next; None while there is none, or one is on the way."""
        is_free = self._waiting and self._call is None and not self.has_results
        return host_key(self._waiting[0].url) if is_free else None

    def dispatch(self, frontier: Frontier, ended: Callable[[asyncio.Task[None]], None]) -> None:
        """Ask for the next file when it may be asked for; *ended* is told when the call is over."""
        while self._waiting and self._call is None and not self.has_results:
            file, now_s = self._waiting[0], self._services.clock.monotonic()
            why_not = self._why_not(file.url, frontier)
            host = host_key(file.url)
            if why_not == "" or file.due_s > now_s or not frontier.may_start_at(host, now_s):
                return
            self._waiting.popleft()
            if why_not:
                self._give_up(file, why_not)
                continue
            frontier.start_beside(host, now_s)
            self._call = asyncio.create_task(self._ask(file, frontier))
            self._call.add_done_callback(ended)

    def drop(self) -> None:
        """Ask for no further file: the job has enough."""
        self._waiting.clear()

    def take(self, discovery: Discovery) -> None:
        """Turn what has come into events, a portion of it."""
        if self._answer is not None:
            (file, result), self._answer = self._answer, None
            self._take_answer(file, result)
        if self._reading is not None:
            self._take_portion(self._reading, discovery)

    async def close(self) -> None:
        """End what is on the way."""
        if self._call is not None:
            self._call.cancel()
            await asyncio.gather(self._call, return_exceptions=True)

    # ---- asking

    def _why_not(self, url: str, frontier: Frontier) -> str | None:
        """Why the file is not to be asked for; None when it is, "" when its host's robots.txt must come first."""
        broken = self._robots.failure(url)
        if broken is not None:
            return broken.message
        forbidden = self._robots.judge_later(url, frontier)
        return f"robots.txt forbids it ({forbidden})" if forbidden else forbidden

    async def _ask(self, file: _File, frontier: Frontier) -> None:
        outcome: CrawlResult | CallFailed
        try:
            outcome = (await self._services.crawler.crawl(self._request(file.url))).results[0]
        except CallFailed as error:
            outcome = error
        finally:
            frontier.finish_beside(host_key(file.url))
            self._call = None
        self._answer = (file, outcome)

    def _request(self, url: str) -> CrawlRequest:
        return CrawlRequest(
            tenant=self._job.tenant,
            job_id=self._job.job_id,
            purpose="sitemap",
            targets=(CrawlTarget(url=url),),
            raw_name="sitemap",
            robots=self._robots.texts(),
            obey_robots=self._job.options.robots == "obey",
            obey_signals=self._job.options.content_signal == "obey",
            user_agent=self._job.options.user_agent or self._services.tuning.user_agent,
            headers=self._robots.headers.of(url),
            deadline_s=self._services.tuning.fetch_deadline.total_seconds(),
            ports=self._robots.ports,
            max_links=MAX_SITEMAP_URLS,
        )

    # ---- taking

    def _take_answer(self, file: _File, result: CrawlResult | CallFailed) -> None:
        if isinstance(result, CrawlResult) and result.page is not None:
            self._reading = _Reading(file=file, page=result.page)
        elif _may_pass(result) and file.attempt < _TRIES and not file.is_guess:
            due_s = self._services.clock.monotonic() + _PAUSE.total_seconds()
            self._waiting.appendleft(replace(file, attempt=file.attempt + 1, due_s=due_s))
        else:
            self._give_up(file, _reason(result))

    def _take_portion(self, reading: _Reading, discovery: Discovery) -> None:
        room = max(0, MAX_LISTED - self._recorder.fold.listed)
        links = reading.page.links[:room]
        portion = slice(reading.taken, reading.taken + _PORTION)
        reading.skipped += discovery.discover_listed(reading.file.url, links[portion], reading.page.lastmods[portion])
        reading.taken += _PORTION
        if reading.taken < len(links):
            return
        self._reading = None
        if len(links) < len(reading.page.links):
            self._warn(f"The sitemaps list more than {MAX_LISTED} addresses; the others are left out.")
            self._waiting.clear()
        elif reading.page.links_truncated:
            self._warn(f"The sitemap {reading.file.url} is longer than what could be read of it.")
        self._told(reading)

    def _told(self, reading: _Reading) -> None:
        file, page = reading.file, reading.page
        self._recorder.emit(
            e.SitemapLoaded,
            note={"sitemaps": list(page.sitemaps)} if page.sitemaps else {},
            url=file.url,
            urls=len(page.links),
            skipped=reading.skipped,
        )
        self._add_named(file.url, file.depth)

    def _add_named(self, index: str, depth: int) -> None:
        for address in self._recorder.fold.sitemaps[index]:
            self._add(address, depth=depth + 1)

    def _add(self, url: str | None, *, depth: int, is_guess: bool = False) -> None:
        """Let a file wait to be read; when the log tells of it already, go on with those that it names."""
        if url is None or url in self._known:
            return
        why_not = self._why_left_out(url, depth)
        if why_not:
            self._tell_left_out(url, why_not)
            return
        self._known.add(url)
        if url in self._recorder.fold.sitemaps:
            self._add_named(url, depth)
        else:
            self._waiting.append(_File(url=url, depth=depth, is_guess=is_guess))

    def _why_left_out(self, url: str, depth: int) -> str:
        """Why a file that somebody has named is not to be read; "" when it is."""
        if _domain(url) not in self._domains:
            return f"is on another domain than {', '.join(sorted(self._domains))}"
        if depth > _MOST_DEPTH:
            return f"lies more than {_MOST_DEPTH} indexes deep"
        return f"is one too many: {MAX_SITEMAPS} are read" if len(self._known) >= MAX_SITEMAPS else ""

    def _tell_left_out(self, url: str, why: str) -> None:
        """Say it of the first file that is left out for a reason; the next crawl must not take its pages for gone."""
        if why not in self._left_out:
            self._left_out.add(why)
            self._warn(f"The sitemap {url} is not read, nor are others like it: it {why}.")

    def _give_up(self, file: _File, reason: str) -> None:
        if not file.is_guess:
            self._warn(f"The sitemap {file.url} could not be read: {reason}", unread=file.url)
        elif not file.url.endswith(f"/{LLMS_TXT}"):
            if self._job.options.sitemap == "only":
                self._warn(f"There is no sitemap at {file.url}: {reason}", unread=file.url)
            self._add_next_guess(file.url)

    def _add_next_guess(self, guess: str) -> None:
        """After the host's own sitemap, that of the start's directory: many sites share a host; then the llms.txt."""
        near = self._near.pop(guess, None)
        is_new = near is not None and near not in self._known
        self._add(near if is_new else _at_root(guess, LLMS_TXT), depth=0, is_guess=True)

    def _warn(self, message: str, *, unread: str | None = None) -> None:
        note = {"unread_sitemap": unread} if unread else {}
        self._recorder.emit(e.Log, note=note, level="warning", message=message)


def _at_root(url: str, name: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/{name}"


def _domain(url: str) -> str:
    return registrable_domain(urlsplit(url).hostname or "")


def _may_pass(result: CrawlResult | CallFailed) -> bool:
    """Whether asking again may help."""
    if isinstance(result, CallFailed):
        return True
    is_transient = result.error is not None and may_pass(result.error, status=result.status)
    return is_transient or result.outcome == "not_started"


def _reason(result: CrawlResult | CallFailed) -> str:
    """Why there is nothing to read."""
    if isinstance(result, CallFailed):
        return result.message
    if result.error is not None:
        return result.error.message
    return result.rule or result.outcome
