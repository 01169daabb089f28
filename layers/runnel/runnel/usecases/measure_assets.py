"""Type and size of files that are no pages: one HEAD request each, when the pages are through (docs/adr/0031).

Laws (tests/unit/usecases/test_measure_assets.py):

1. No page waits for it, no limit of pages counts it, and nothing of it is in a library.
2. At most `Tuning.asset_sizes` files of a job are asked about, no more than the job may keep pages, and for at most
   `_MOST`; what was left out is counted in the log.
3. A request keeps what one for a page keeps: robots.txt, the scope at each redirect, the host's share and pace.
4. A host that refuses HEAD, asks for fewer requests, or does not answer is asked no further, and nothing fails by it.
5. What was heard stands in the log, `_TOLD` files an event: a later driver asks about the others.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from runnel.domain import events as e
from runnel.domain.assets import MOST_ASSETS
from runnel.domain.effects import asset_note
from runnel.domain.frontier import Frontier
from runnel.domain.host_pace import next_start_s
from runnel.domain.jobs import Job
from runnel.domain.payloads import CrawlRequest, CrawlResult, CrawlTarget, ScopeRules
from runnel.domain.retries import REFUSALS
from runnel.domain.verdicts import AssetFacts, RuledOut
from runnel.errors import CallFailed
from runnel.fetching.canonical import host_key
from runnel.usecases.load_robots import RobotsLoader
from runnel.usecases.recording import Recorder
from runnel.usecases.services import Services
from runnel.usecases.share_hosts import HostShares

#: All of it ends after this time, and so long before the job's own time is over.
_MOST: Final = timedelta(seconds=60)
_MARGIN: Final = timedelta(seconds=15)
_DEADLINE: Final = timedelta(seconds=10)
#: Files to an event.
_TOLD: Final = 50
#: A host that has refused HEAD, or has not answered, so often in a row is asked no further.
_IN_VAIN: Final = 3
#: The server knows no HEAD, or not there.
_NO_HEAD: Final = frozenset({405, 501})


class AssetSizes:
    """What is to be asked about, what is on the way, and what was heard."""

    def __init__(
        self, services: Services, job: Job, recorder: Recorder, robots: RobotsLoader, frontier: Frontier,
        shares: HostShares,
    ) -> None:  # fmt: skip
        """Ask for *job*, in places that *frontier* and *shares* give, as *robots* allow."""
        self._services = services
        self._job = job
        self._recorder = recorder
        self._robots = robots
        self._frontier = frontier
        self._shares = shares
        self._has_begun = False
        self._until_s = 0.0
        self._total = 0
        self._left_out = 0
        #: By host, in the order of their finding.
        self._waiting: dict[str, deque[RuledOut]] = {}
        self._calls: set[asyncio.Task[None]] = set()
        #: What is to be told.
        self._heard: list[RuledOut] = []
        self._in_vain: Counter[str] = Counter()

    @property
    def has_results(self) -> bool:
        """Whether an event is to be told."""
        return len(self._heard) >= _TOLD or bool(self._heard and not (self._waiting or self._calls))

    @property
    def is_done(self) -> bool:
        """Whether everything that could be asked was, and is told."""
        return self._has_begun and not (self._waiting or self._calls or self._heard)

    def begin(self, left_s: float) -> None:
        """The pages are through: ask, once, while the job has *left_s* seconds left."""
        if self._has_begun:
            return
        self._has_begun = True
        assets, unknown = self._recorder.fold.assets, self._recorder.fold.assets.unknown
        most = min(self._services.tuning.asset_sizes, self._job.options.limit, MOST_ASSETS) - len(assets.measured)
        seconds = min(_MOST.total_seconds(), left_s - _MARGIN.total_seconds())
        asked = unknown[: max(0, most)] if self._job.downloads and seconds > 0 else []
        self._until_s = self._services.clock.monotonic() + seconds
        self._total, self._left_out = len(assets.measured) + len(asked), len(unknown) - len(asked)
        for asset in asked:
            self._waiting.setdefault(host_key(asset.url), deque()).append(asset)

    def dispatch(self, rules: ScopeRules, ended: Callable[[asyncio.Task[None]], None]) -> None:
        """Ask about what may be asked about now, where *rules* judge redirects; *ended* is told of each call's end."""
        now_s = self._services.clock.monotonic()
        for host in list(self._waiting):
            if now_s >= self._until_s or self._frontier.host(host).is_down:
                self._leave_out(host)
            while assets := self._next_call(host, now_s):
                task = asyncio.create_task(self._ask(host, assets, rules))
                self._calls.add(task)
                task.add_done_callback(self._calls.discard)
                task.add_done_callback(ended)
            if host in self._waiting:
                self._shares.want(host)

    def next_due_s(self, now_s: float) -> float | None:
        """When time alone lets a request start."""
        return next_start_s(map(self._frontier.host, self._waiting), now_s)

    def take(self) -> None:
        """Turn what was heard into events."""
        while self.has_results:
            self._tell()

    async def close(self) -> None:
        """End what is on the way."""
        for task in self._calls:
            task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    # ---- asking

    def _next_call(self, host: str, now_s: float) -> tuple[RuledOut, ...]:
        """Files of one host for one call; empty when none may be asked about now."""
        found: list[RuledOut] = []
        waiting = self._waiting.get(host, ())
        while waiting and len(found) < self._services.crawler.max_targets:
            why_not = self._why_not(waiting[0].url)
            if why_not == "" or not (why_not or self._frontier.may_start_at(host, now_s)):
                break
            asset = waiting.popleft()
            if why_not:
                self._heard.append(_unknown(asset, why_not))
                continue
            self._frontier.start_beside(host, now_s)
            found.append(asset)
        if not waiting:
            self._waiting.pop(host, None)
        return tuple(found)

    def _why_not(self, url: str) -> str | None:
        """Why the file is not to be asked about; None when it is, "" when its host's robots.txt must come first."""
        broken = self._robots.failure(url)
        if broken is not None:
            return broken.message
        forbidden = self._robots.judge_later(url, self._frontier)
        return f"robots.txt forbids to ask ({forbidden})" if forbidden else forbidden

    async def _ask(self, host: str, assets: tuple[RuledOut, ...], rules: ScopeRules) -> None:
        try:
            results = (await self._services.crawler.crawl(self._request(assets, rules))).results
        except CallFailed:
            self._left_out += len(assets)
        else:
            for asset, result in zip(assets, results, strict=True):
                self._hear(asset, result)
        finally:
            for _ in assets:
                self._frontier.finish_beside(host)

    def _request(self, assets: tuple[RuledOut, ...], rules: ScopeRules) -> CrawlRequest:
        options, tuning = self._job.options, self._services.tuning
        return CrawlRequest(
            tenant=self._job.tenant,
            job_id=self._job.job_id,
            purpose="head",
            targets=tuple(CrawlTarget(url=asset.url) for asset in assets),
            raw_name="head",
            scope=rules,
            ignore_query=options.ignore_query,
            robots=self._robots.texts(),
            obey_robots=options.robots == "obey",
            obey_signals=options.content_signal == "obey",
            user_agent=options.user_agent or tuning.user_agent,
            headers=self._robots.headers.of(assets[0].url),
            deadline_s=min(tuning.fetch_deadline, _DEADLINE).total_seconds(),
            ports=self._robots.ports,
            keep=False,
        )

    # ---- hearing

    def _hear(self, asset: RuledOut, result: CrawlResult) -> None:
        host, now_s = host_key(asset.url), self._services.clock.monotonic()
        if result.status is not None and result.status not in _NO_HEAD | REFUSALS:
            self._in_vain[host] = 0
        else:
            self._in_vain[host] += 1
        if result.status in REFUSALS:
            until_s = now_s + (result.retry_after_s or self._services.tuning.host_pause.total_seconds())
            self._frontier.hold_host(host, until_s)
            self._shares.tell_hold(host, until_s)
        if result.status in REFUSALS or self._in_vain[host] >= _IN_VAIN:
            self._leave_out(host)
        if result.outcome == "not_started":
            self._left_out += 1
        elif result.facts is not None and result.outcome == "fetched":
            self._heard.append(replace(asset, facts=result.facts))
        else:
            self._heard.append(_unknown(asset, _reason(result), status=result.status))

    def _leave_out(self, host: str) -> None:
        """Ask this host no further."""
        self._left_out += len(self._waiting.pop(host, ()))

    def _tell(self) -> None:
        told, self._heard = self._heard[:_TOLD], self._heard[_TOLD:]
        sizes = [one.facts.size_bytes for one in told if one.facts and one.facts.size_bytes is not None]
        message = f"Files that are no pages: {len(sizes)} of {len(told)} told their size, {sum(sizes):,} bytes in all"
        is_last = not (self._waiting or self._calls or self._heard)
        if is_last and self._left_out:
            message += f"; {self._left_out} more were not asked about"
        item = min(self._total, len(self._recorder.fold.assets.measured) + len(told))
        self._recorder.emit(e.Log, note=asset_note(told), level="info", message=message, item=item, total=self._total)


def _unknown(asset: RuledOut, why: str, *, status: int | None = None) -> RuledOut:
    """A file whose size is not known, and why."""
    return replace(asset, rule=f"{asset.rule}; size unknown: {why}"[:500], facts=AssetFacts(status=status))


def _reason(result: CrawlResult) -> str:
    if result.status in _NO_HEAD:
        return f"the server does not answer HEAD ({result.status})"
    return result.error.message if result.error is not None else result.rule or result.outcome
