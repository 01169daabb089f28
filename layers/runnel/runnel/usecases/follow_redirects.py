"""From a target to the answer it leads to, hop by hop.

Laws: each hop is judged before it is asked; ten hops at most, no URL twice; one deadline for all of them; validators go
to the URL that they came from only, and the caller's headers to the target's own host only. A page that sends its
reader on by itself (`Refresh`, `<meta http-equiv=refresh>`) is a hop like any other. A redirect without an
address, or with one that cannot be asked, is an answer like any other: what it says will not pass.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from runnel.domain.payloads import CrawlRequest, CrawlTarget
from runnel.domain.scope import Ruling, Scope, has_moved, is_one_site
from runnel.domain.verdicts import ErrorCategory, SkipReason
from runnel.errors import FetchFailed
from runnel.fetching.answers import REDIRECTS
from runnel.fetching.canonical import canonicalize, host_key, may_share_secrets
from runnel.ports.clock import Clock
from runnel.ports.crawler import Turn
from runnel.ports.fetcher import Fetcher, FetchRequest, FetchResponse
from runnel.robots.rules import ALLOW_ALL, MAX_ROBOTS_BYTES, RobotsRules, read_robots
from runnel.usecases.long_work import in_steps

MAX_REDIRECTS: Final = 10
#: What is asked of a page's Markdown twin; HTML is never asked for, for the page has come.
ACCEPT_MARKDOWN: Final = "text/markdown,text/plain;q=0.5"
#: RFC 9309 section 2.3.1.2: after five, there is no robots.txt.
MAX_ROBOTS_REDIRECTS: Final = 5
#: An address of some other kind than the web's.
_FOREIGN: Final = re.compile(r"\s*(?!https?:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """The last answer of a chain of redirects; its URL is the final one."""

    response: FetchResponse
    elapsed_ms: int
    #: Every URL asked, the first and the last among them, and when the first was.
    trail: tuple[str, ...]
    begun_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RuledOut:
    """A redirect led where the crawl may not go."""

    reason: str
    rule: str
    status: int
    elapsed_ms: int


class Hops:
    """Follows the redirects of one crawler call's targets."""

    def __init__(
        self, fetcher: Fetcher, clock: Clock, request: CrawlRequest, *, types: frozenset[str], turn: Turn | None = None
    ) -> None:
        """Judge by the scope and the robots.txt that *request* brings along; *types* are worth a body.

        Requests are made in the place that *turn* has at the target's host.
        """
        self._fetcher = fetcher
        self._turn = turn
        #: For a turn: that is no time of the site's.
        self._waited_s = 0.0
        self._clock = clock
        self._request = request
        self._types = types
        #: Made when the first redirect asks for it: most calls meet none.
        self._scope: Scope | None = None
        self._rules: dict[str, RobotsRules] = {}

    def rest(self) -> None:
        """Nothing is asked for now."""
        if self._turn is not None:
            self._turn.leave()

    async def follow(self, target: CrawlTarget) -> Arrived | RuledOut:
        """Ask for the target and follow; raises `FetchFailed`."""
        return await self._go(target, [target.url], self._clock.monotonic())

    async def follow_refresh(self, target: CrawlTarget, arrived: Arrived, address: str) -> Arrived | RuledOut:
        """Go on from a page that leads to *address* by itself; raises `FetchFailed`."""
        trail = list(arrived.trail)
        ruled_out = await self._advance(target, trail, address, arrived.begun_s, arrived.response.status)
        return ruled_out or await self._go(target, trail, arrived.begun_s)

    async def ask_beside(
        self, target: CrawlTarget, arrived: Arrived, address: str, *, types: frozenset[str], most_bytes: int
    ) -> FetchResponse | None:
        """Ask for another form of a page that has come, as Markdown; None where the crawl may not go.

        Args:
            target: what was asked for.
            arrived: how it came; what is left of its deadline is all there is.
            address: canonical; the page's own address asks the site to choose by `Accept`.
            types: content types that are worth a body.
            most_bytes: where the body may be cut.

        Raises:
            FetchFailed: as the fetcher does.
        """
        page_url, request = arrived.response.url, self._request
        if address.partition("://")[0] != page_url.partition("://")[0] or host_key(address) != host_key(page_url):
            return None
        if address != page_url and await self._is_closed(address, arrived.begun_s):
            return None
        headers = request.headers if may_share_secrets(target.url, address) else {}
        theirs = {name: value for name, value in headers.items() if name.lower() != "accept"}
        return await self._fetch(
            FetchRequest(
                url=address,
                user_agent=request.user_agent,
                headers={**theirs, "Accept": ACCEPT_MARKDOWN},
                deadline_s=self._left_s(arrived.begun_s),
                ports=frozenset(request.ports),
                types=types,
                cut_bytes=most_bytes,
            )
        )

    async def _is_closed(self, address: str, begun_s: float) -> bool:
        """Whether scope or robots.txt keep the crawl from an address that is no page of its own.

        What is to be included are pages, and its page is.
        """
        ruling = self._scope_ruling(address)
        if ruling is not None and ruling.reason is not SkipReason.NOT_INCLUDED:
            return True
        if not self._request.obey_robots:
            return False
        return not (await self._robots(address, begun_s)).allows(address, self._request.user_agent).allowed

    async def _go(self, target: CrawlTarget, trail: list[str], begun_s: float) -> Arrived | RuledOut:
        """Ask for the last URL of *trail*, and follow where its answer leads."""
        while True:
            response = await self._ask_hop(target, trail, begun_s)
            location = _leads_to(response)
            if not location:
                self._check_start(target, trail[-1])
                elapsed_ms = self._elapsed_ms(begun_s)
                return Arrived(response=response, elapsed_ms=elapsed_ms, trail=tuple(trail), begun_s=begun_s)
            ruled_out = await self._advance(target, trail, location, begun_s, response.status)
            if ruled_out is not None:
                return ruled_out

    async def _advance(
        self, target: CrawlTarget, trail: list[str], location: str, begun_s: float, status: int
    ) -> RuledOut | None:
        """Put the next hop at the end of *trail*, or tell why it may not be asked."""
        most = MAX_REDIRECTS if self._request.purpose != "text" else MAX_ROBOTS_REDIRECTS
        goal = None if _FOREIGN.match(location) else _next_hop(trail, location, most=most, status=status)
        elapsed_ms = self._elapsed_ms(begun_s)
        if goal is None:
            rule = f"redirects to '{location[:200]}': only http and https are crawled"
            reason, rule = self._beyond(target, SkipReason.OUT_OF_SCOPE, rule)
            return RuledOut(reason=reason, rule=rule, status=status, elapsed_ms=elapsed_ms)
        ruling = await self._judge(target, goal, begun_s)
        if ruling is not None:
            reason, rule = ruling
            return RuledOut(reason=reason, rule=rule, status=status, elapsed_ms=elapsed_ms)
        trail.append(goal)
        return None

    def _elapsed_ms(self, begun_s: float) -> int:
        return round((self._clock.monotonic() - begun_s - self._waited_s) * 1000)

    async def _ask_hop(self, target: CrawlTarget, trail: list[str], begun_s: float) -> FetchResponse:
        """Ask for the last URL of *trail*; what a robots.txt leads to is no word about the host itself."""
        try:
            return await self._ask(target, trail[-1], begun_s)
        except FetchFailed as failure:
            if self._request.purpose != "text" or len(trail) == 1:
                raise
            raise FetchFailed(ErrorCategory.ROBOTS, f"it leads to {trail[-1]}: {failure.message}") from failure

    async def _fetch(self, request: FetchRequest) -> FetchResponse:
        if self._turn is not None:
            began_s = self._clock.monotonic()
            await self._turn.come_back()
            self._waited_s += self._clock.monotonic() - began_s
        return await self._fetcher.fetch(request)

    async def _ask(self, target: CrawlTarget, url: str, begun_s: float) -> FetchResponse:
        """Ask one hop within what is left of the deadline."""
        request, is_known = self._request, url == (target.known_url or target.url)
        return await self._fetch(
            FetchRequest(
                url=url,
                user_agent=request.user_agent,
                method="HEAD" if request.purpose == "head" else "GET",
                headers=request.headers if may_share_secrets(target.url, url) else {},
                deadline_s=self._left_s(begun_s),
                etag=target.etag if is_known else None,
                last_modified=target.last_modified if is_known else None,
                ports=frozenset(request.ports),
                cut_bytes=MAX_ROBOTS_BYTES if request.purpose == "text" else None,
                types=self._types,
            )
        )

    def _left_s(self, begun_s: float) -> float:
        """Give what is left of the deadline; raises `FetchFailed` (timeout) when nothing is."""
        left_s = self._request.deadline_s - (self._clock.monotonic() - begun_s - self._waited_s)
        if left_s <= 0:
            raise FetchFailed(ErrorCategory.TIMEOUT, "the redirects took longer than the page may")
        return left_s

    async def _judge(self, target: CrawlTarget, goal: str, begun_s: float) -> tuple[str, str] | None:
        """Tell why the crawl may not go to *goal*; raises `FetchFailed` when a start URL leads out of scope."""
        ruled_out = self._judge_scope(target, goal)
        if ruled_out is not None:
            return ruled_out
        if not (self._request.obey_robots or self._request.obey_signals):
            return None
        line = self._line_against(await self._robots(goal, begun_s), goal)
        return None if line is None else (SkipReason.ROBOTS, f"redirects to {goal}: {line}")

    def _line_against(self, rules: RobotsRules, goal: str) -> str | None:
        """Give the line of its host's robots.txt that keeps the crawl from *goal*."""
        request = self._request
        decision = rules.allows(goal, request.user_agent)
        if not decision.allowed and request.obey_robots:
            return decision.line
        return rules.refusal(request.user_agent) if request.obey_signals else None

    def _judge_scope(self, target: CrawlTarget, goal: str) -> tuple[str, str] | None:
        """Tell why *goal* is out of scope; raises `FetchFailed` when a start URL leads there."""
        ruling = self._scope_ruling(goal)
        if ruling is None or self._may_lie_at(target, goal):
            return None
        return self._beyond(target, ruling.reason, f"redirects to {goal}: {ruling.rule}")

    def _beyond(self, target: CrawlTarget, reason: SkipReason, rule: str) -> tuple[str, str]:
        """Skip what leads out of the crawl; raises `FetchFailed` when a start URL does, for then there is no crawl."""
        scope = self._request.scope
        if scope is not None and reason is SkipReason.OUT_OF_SCOPE and target.url in scope.start_urls:
            raise FetchFailed(ErrorCategory.REDIRECT_OUT_OF_SCOPE, f"the start URL {rule}")
        return reason, rule

    def _may_lie_at(self, target: CrawlTarget, url: str) -> bool:
        """Whether *url* is on the site of a start URL, which may have moved there, or by that way."""
        scope = self._request.scope
        if scope is None or scope.scope != "subpages" or target.url not in scope.start_urls:
            return False
        moved = scope.model_copy(update={"start_urls": (*scope.start_urls, url)})
        return is_one_site(target.url, url) and Scope.of(moved).judge(url) is None

    def _check_start(self, target: CrawlTarget, url: str) -> None:
        """See where a start URL has ended; raises `FetchFailed` when the crawl does not go there with it."""
        ruling = self._scope_ruling(url)
        if ruling is not None and self._may_lie_at(target, url) and not has_moved(target.url, url):
            raise FetchFailed(ErrorCategory.REDIRECT_OUT_OF_SCOPE, f"the start URL redirects to {url}: {ruling.rule}")

    def _scope_ruling(self, url: str) -> Ruling | None:
        """Give the scope's word about *url*; None when it belongs to the crawl."""
        if self._request.scope is None:
            return None
        self._scope = self._scope or Scope.of(self._request.scope)
        return self._scope.judge(url)

    async def _robots(self, url: str, begun_s: float) -> RobotsRules:
        """Give the rules of the URL's host: those that came along, else read now."""
        host = host_key(url)
        if host not in self._rules:
            known = (text for text in self._request.robots if text.host == host and text.status is not None)
            text = next(known, None)  # a host that gave no answer is asked again: why it gives none is the reason
            if text is not None:
                self._rules[host] = await self._read(text.text.encode(), text.status or 0)
            else:
                self._rules[host] = await self._read_robots(url, begun_s)
        return self._rules[host]

    async def _read_robots(self, url: str, begun_s: float) -> RobotsRules:
        """Ask a host for its robots.txt; raises `FetchFailed` when there is no answer: the page would get none either.

        Redirects that lead nowhere mean that there is none (RFC 9309 section 2.3.1.2).
        """
        parts = urlsplit(url)
        trail = [f"{parts.scheme}://{parts.netloc}/robots.txt"]
        try:
            while True:
                response = await self._fetch(
                    FetchRequest(
                        url=trail[-1],
                        user_agent=self._request.user_agent,
                        deadline_s=self._left_s(begun_s),
                        ports=frozenset(self._request.ports),
                        cut_bytes=MAX_ROBOTS_BYTES,
                    )
                )
                location = _leads_to(response)
                if not location:
                    return await self._read(response.body, response.status)
                trail.append(_next_hop(trail, location, most=MAX_ROBOTS_REDIRECTS, status=response.status))
        except FetchFailed as failure:
            if failure.category != ErrorCategory.TOO_MANY_REDIRECTS and failure.status is None:
                raise
            return ALLOW_ALL

    async def _read(self, body: bytes, status: int) -> RobotsRules:
        return await in_steps(self._clock, read_robots(body, status=status, agent=self._request.user_agent))


def _leads_to(response: FetchResponse) -> str:
    """Give where an answer redirects; empty when it does not, or does not say."""
    return response.headers.get("location", "").strip() if response.status in REDIRECTS else ""


def _next_hop(trail: list[str], location: str, *, most: int, status: int) -> str:
    """Give the canonical URL that a redirect leads to; raises `FetchFailed` for a bad one, a loop, and one too many."""
    goal = canonicalize(location, base=trail[-1])
    if goal is None:
        message = f"redirects to '{location[:200]}', which is no address that can be crawled"
        raise FetchFailed(ErrorCategory.PROTOCOL, message, status=status)
    if goal in trail:
        loop = " → ".join([*trail[trail.index(goal) :], goal])
        raise FetchFailed(ErrorCategory.TOO_MANY_REDIRECTS, f"the redirects go round: {loop[:500]}")
    if len(trail) > most:
        raise FetchFailed(ErrorCategory.TOO_MANY_REDIRECTS, f"over {most} redirects, the last to {goal[:300]}")
    return goal
