"""The crawler: URLs of one host in, one result for each out, raw bodies to the store. It knows no job's state.

Laws (tests/unit/usecases/test_crawl_pages.py):

1. Every target gets exactly one result, in the order asked; only a store or a reader that is out of order raises.
2. All fetches begin at once; none begins later than a second after the call: such a target is `not_started`.
3. Redirects are followed here, each hop judged as a link would be (form, scope, robots.txt; the fetcher judges
   addresses), at most ten and no loop, all within the one deadline of the page. A page that leads on by itself within
   `MAX_REFRESH_S` is a redirect.
4. What the user sends along (headers, perhaps secrets) goes to the target's own host only.
5. The answer stays under `MAX_ANSWER_BYTES`: links are cut and that is said. All bodies of a call are one object.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Protocol
from uuid import NAMESPACE_URL, uuid5

from runnel.domain.markdown_twins import is_markdown_name
from runnel.domain.payloads import (
    MAX_ANSWER_BYTES,
    MAX_SITEMAPS,
    MAX_TARGETS,
    CrawlRequest,
    CrawlResponse,
    CrawlResult,
    CrawlTarget,
    FetchedPage,
    MarkdownTwin,
)
from runnel.domain.verdicts import RawRef
from runnel.domain.warc import RECORD_END, record_head
from runnel.errors import FetchFailed, PageUnreadable
from runnel.extraction.refreshes import refresh_of
from runnel.fetching.answers import (
    HTML_TYPES,
    MAX_REFRESH_S,
    PAGE_TYPES,
    check_page_type,
    failure_of_status,
    robots_wishes,
    sniff_type,
)
from runnel.fetching.canonical import canonicalize
from runnel.fetching.llms import LLMS_TXT, parse_llms
from runnel.fetching.sitemaps import Sitemap, SitemapUrl, parse_sitemap
from runnel.ports.clock import Clock
from runnel.ports.content_store import RawStore
from runnel.ports.crawler import Turn
from runnel.ports.fetcher import Fetcher, FetchResponse
from runnel.ports.page_reader import PageKeeper, PageReader, RawPlace
from runnel.usecases.answer_room import cut_links, cut_text
from runnel.usecases.ask_twins import MARKDOWN_TYPES, ask_twin
from runnel.usecases.crawl_results import failed, ruled_out, told, unchanged
from runnel.usecases.follow_redirects import Arrived, Hops, RuledOut

if TYPE_CHECKING:
    from runnel.extraction.page import PageReading


_LATEST_START_S: Final = 1.0
#: Room in an answer for what is not links or text: titles, URLs, names.
_RESERVED_BYTES: Final = 256 * 1024
_MAX_TITLE_LENGTH: Final = 300
#: Links that are not to be followed are only reported: so many at most.
MAX_NOFOLLOW_LINKS: Final = 1_000
#: A time of a sitemap's entry, with quotes and comma.
_A_TIME_BYTES: Final = 23


class RenderedPages(Protocol):
    """Where a crawler that shares a process with the processor leaves what it has rendered already."""

    def keep(self, raw: RawRef, reading: "PageReading") -> None:
        """Keep the reading, Markdown included, of the response stored at *raw*."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlerPorts:
    """What the crawler needs from outside."""

    fetcher: Fetcher
    reader: PageReader
    raw: RawStore
    clock: Clock
    #: None: the processor runs elsewhere and renders for itself.
    rendered: RenderedPages | None = None
    #: None: pages are read by `reader` and kept by `raw`.
    keeper: PageKeeper | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """An answer that is a page, read but not yet stored."""

    response: FetchResponse
    content_type: str
    reading: "PageReading | None"
    fetched_at: str
    sitemap: Sitemap | None = None
    #: Where it lies, if it was kept when it was read.
    raw: RawRef | None = None
    #: The site's own Markdown of it.
    twin: FetchResponse | None = None
    #: Whether its links are followed.
    leads_on: bool = True

    @property
    def is_empty(self) -> bool:
        """Whether there is no text to keep."""
        return self.reading.is_empty if self.reading is not None else not self.response.body.strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """A target's result; for a page its parts, since its place in the store is not known yet."""

    result: CrawlResult
    page: _Page | None = field(default=None)


async def crawl_pages(ports: CrawlerPorts, request: CrawlRequest, turn: Turn | None = None) -> CrawlResponse:
    """Fetch the targets of *request*, the *turn* of one left while it is read; raises `StoreUnavailable`."""
    call = _Call(ports, request, turn)
    targets = request.targets[:MAX_TARGETS]
    if len(targets) == 1:  # the usual call needs no task of its own
        return await call.answer([await call.crawl(targets[0])])
    return await call.answer(await asyncio.gather(*(call.crawl(target) for target in targets)))


class _Call:
    """One call of the crawler."""

    def __init__(self, ports: CrawlerPorts, request: CrawlRequest, turn: Turn | None) -> None:
        self._ports = ports
        self._request = request
        self._begun_s = ports.clock.monotonic()
        types = PAGE_TYPES if request.purpose == "pages" else frozenset[str]()
        self._hops = Hops(ports.fetcher, ports.clock, request, types=types, turn=turn)

    async def crawl(self, target: CrawlTarget) -> _Outcome:
        """Fetch and read one target."""
        if self._ports.clock.monotonic() - self._begun_s > _LATEST_START_S:
            return _Outcome(result=CrawlResult(url=target.url, outcome="not_started"))
        arrived: Arrived | RuledOut | None = None
        try:
            arrived = await self._hops.follow(target)
            while isinstance(arrived, Arrived):
                outcome = await self._arrived(target, arrived)
                goal = self._refresh_of(arrived, outcome)
                if goal is None:
                    return await self._with_twin(target, arrived, outcome)
                arrived = await self._hops.follow_refresh(target, arrived, goal)
        except FetchFailed as failure:
            return self._failed(target, failure, arrived)
        return _Outcome(result=ruled_out(target, arrived))

    def _refresh_of(self, arrived: Arrived, outcome: _Outcome) -> str | None:
        """Tell where a page sends its reader at once; None when it is one to stay at."""
        if self._request.purpose != "pages" or outcome.page is None:
            return None
        found, reading = refresh_of(arrived.response.headers.get("refresh", "")), outcome.page.reading
        if found is None and reading is not None and reading.refresh is not None:
            found = reading.refresh_s, reading.refresh
        if found is None or found[0] > MAX_REFRESH_S:
            return None
        return None if canonicalize(found[1], base=arrived.response.url) in (None, arrived.response.url) else found[1]

    async def _with_twin(self, target: CrawlTarget, arrived: Arrived, outcome: _Outcome) -> _Outcome:
        """Ask for the site's own Markdown of a page that will be kept."""
        page, how = outcome.page, self._request.markdown_twins
        if how == "off" or page is None or page.reading is None or page.content_type not in HTML_TYPES:
            return outcome
        if not self._is_kept(page):
            return outcome
        answer = await ask_twin(self._hops, self._ports.clock, target, arrived, reading=page.reading, how=how)
        if answer.refused_s is not None:
            return replace(outcome, result=outcome.result.model_copy(update={"refused_s": answer.refused_s}))
        return outcome if answer.response is None else replace(outcome, page=replace(page, twin=answer.response))

    async def _arrived(self, target: CrawlTarget, arrived: Arrived) -> _Outcome:
        """Read the last answer of the hops; raises `FetchFailed` when it is none to keep."""
        response, elapsed_ms = arrived.response, arrived.elapsed_ms
        if response.status == 304 and (target.etag or target.last_modified or target.body_hash):
            return _Outcome(result=unchanged(target, arrived))
        failure = failure_of_status(response.status)
        if failure is not None:
            raise failure
        if self._request.purpose == "head":
            return _Outcome(result=told(target, arrived))
        if self._is_known(target, response):
            return _Outcome(result=unchanged(target, arrived))
        self._hops.rest()
        page = await self._read(response)
        if page.content_type in MARKDOWN_TYPES and not self._is_start(target):
            page = replace(page, leads_on=False)
        result = CrawlResult(url=target.url, outcome="fetched", status=response.status, elapsed_ms=elapsed_ms)
        return _Outcome(result=result, page=page)

    def _is_start(self, target: CrawlTarget) -> bool:
        """Tell whether a crawl begins here: links of other Markdown lead to where the pages themselves do."""
        return self._request.scope is not None and target.url in self._request.scope.start_urls

    def _is_known(self, target: CrawlTarget, response: FetchResponse) -> bool:
        """Tell whether the body is the one that the caller has, from where he has it."""
        if target.body_hash is None or response.url not in (target.url, target.known_url):
            return False
        return sha256(response.body).hexdigest() == target.body_hash

    async def _read(self, response: FetchResponse) -> _Page:
        """Read what the page says; raises `FetchFailed` (unsupported_type, decode, too_large)."""
        fetched_at = self._ports.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        content_type = _type_of(response)
        reading = raw = sitemap = None
        if self._request.purpose == "sitemap":
            sitemap = self._read_listing(response)
        if self._request.purpose == "pages":
            check_page_type(response.body, content_type, response.charset)
            if content_type in HTML_TYPES:
                reading, raw = await self._read_html(response, fetched_at)
            elif content_type in MARKDOWN_TYPES:
                reading = await _read_markdown(response)
        return _Page(
            response=response,
            content_type=content_type,
            reading=reading,
            fetched_at=fetched_at,
            sitemap=sitemap,
            raw=raw,
        )

    def _read_listing(self, response: FetchResponse) -> Sitemap:
        """Read a sitemap, or what a site lists for language models; raises `FetchFailed`."""
        if not response.url.endswith(f"/{LLMS_TXT}"):
            return parse_sitemap(response.body, url=response.url, most=self._request.max_links)
        links, is_cut = parse_llms(response.body, url=response.url, most=self._request.max_links)
        return Sitemap(urls=tuple(SitemapUrl(url=link) for link in links), truncated=is_cut)

    async def _read_html(self, response: FetchResponse, fetched_at: str) -> "tuple[PageReading, RawRef | None]":
        """Read links and facts, and the Markdown too where it can be handed on."""
        body, url, charset = response.body, response.url, response.charset
        keeper = self._ports.keeper if self._request.keep else None
        render = self._request.keep and self._ports.rendered is not None
        try:
            if keeper is None:
                return await self._ports.reader.read(body, url=url, charset=charset, render=render), None
            request, head = self._request, self._record_head(response, fetched_at)
            place = RawPlace(request.tenant, request.job_id, request.raw_name, head)
            return await keeper.read_and_keep(body, url=url, charset=charset, place=place)
        except PageUnreadable as error:
            raise FetchFailed(error.category, error.message) from error

    def _failed(self, target: CrawlTarget, failure: FetchFailed, last: Arrived | RuledOut | None) -> _Outcome:
        """Say what went wrong, and when the site wants to be asked again."""
        arrived, now = last if isinstance(last, Arrived) else None, self._ports.clock.now()
        return _Outcome(result=failed(target, failure, arrived, now=now, elapsed_ms=self._elapsed_ms()))

    def _elapsed_ms(self) -> int:
        return round((self._ports.clock.monotonic() - self._begun_s) * 1000)

    async def answer(self, outcomes: list[_Outcome]) -> CrawlResponse:
        """Store the bodies as one object and put the results together."""
        kept = [outcome.page for outcome in outcomes if outcome.page is not None and self._is_kept(outcome.page)]
        places = await self._store(kept)
        budget_bytes = (MAX_ANSWER_BYTES - _RESERVED_BYTES) // max(1, len(outcomes))
        results = tuple(
            outcome.result
            if outcome.page is None
            else outcome.result.model_copy(update={"page": self._to_payload(outcome.page, places, budget_bytes)})
            for outcome in outcomes
        )
        return CrawlResponse(results=results, puts=int(bool(kept)))

    def _is_kept(self, page: _Page) -> bool:
        """Tell whether anybody will want the body again."""
        return self._request.keep and self._request.purpose == "pages" and not page.is_empty

    async def _store(self, pages: list[_Page]) -> dict[int, RawRef]:
        """Store the answers that were not kept yet, and hand on what was rendered; where each lies, by its id."""
        request, places = self._request, {id(page.response): page.raw for page in pages if page.raw is not None}
        loose = [
            (response, page.fetched_at)
            for page in pages
            for response in (page.response, page.twin)
            if response is not None and id(response) not in places
        ]
        if loose:
            records = tuple(self._record(response, fetched_at) for response, fetched_at in loose)
            refs = await self._ports.raw.put(request.tenant, request.job_id, request.raw_name, records)
            places |= {id(response): ref for (response, _), ref in zip(loose, refs, strict=True)}
        if self._ports.rendered is not None:
            for page in pages:
                if page.reading is not None:
                    self._ports.rendered.keep(places[id(page.response)], page.reading)
        return places

    def _record(self, response: FetchResponse, fetched_at: str) -> bytes:
        """Give the WARC record of an answer."""
        return b"".join((self._record_head(response, fetched_at), response.body, RECORD_END))

    def _record_head(self, response: FetchResponse, fetched_at: str) -> bytes:
        """Give what stands before a page's body; the record's id says which call of which job wrote it."""
        request = self._request
        return record_head(
            url=response.url,
            status=response.status,
            headers=response.headers,
            body_bytes=len(response.body),
            fetched_at=fetched_at,
            record_id=str(uuid5(NAMESPACE_URL, f"{request.tenant}/{request.job_id}/{request.raw_name}/{response.url}")),
        )

    def _to_payload(self, page: _Page, places: Mapping[int, RawRef], budget_bytes: int) -> FetchedPage:
        """Tell what the driver needs of a page, within its share of the answer."""
        response, reading = page.response, page.reading
        noindex, nofollow = robots_wishes(response.headers.get("x-robots-tag", ""))
        links, is_cut = _links_of(page)
        if page.sitemap is not None:
            budget_bytes -= _A_TIME_BYTES * len(links)
        links, links_truncated = cut_links(links, self._request.max_links, budget_bytes)
        shunned = reading.nofollow_links[: self._request.max_links - len(links)] if reading is not None else ()
        return FetchedPage(
            final_url=response.url,
            status=response.status,
            content_type=page.content_type,
            charset=response.charset,
            raw=places.get(id(response)),
            body_hash=reading.body_hash if reading is not None else sha256(response.body).hexdigest(),
            content_length=len(response.body),
            title=reading.title[:_MAX_TITLE_LENGTH] if reading is not None else "",
            links=links,
            links_truncated=links_truncated or is_cut,
            nofollow_links=() if links_truncated else cut_links(shunned, MAX_NOFOLLOW_LINKS, _RESERVED_BYTES // 8)[0],
            robots_tag=noindex or nofollow,
            sitemaps=page.sitemap.sitemaps[:MAX_SITEMAPS] if page.sitemap is not None else (),
            lastmods=_lastmods_of(page.sitemap, len(links)) if page.sitemap is not None else (),
            nofollow=nofollow or (reading is not None and reading.nofollow),
            noindex=noindex or (reading is not None and reading.noindex),
            canonical=reading.canonical if reading is not None else None,
            is_empty=page.is_empty,
            is_shell=reading is not None and reading.is_shell,
            words=reading.words if reading is not None else len(response.body.split()),
            quality_score=reading.quality if reading is not None else 100,
            quality_reason=reading.quality_reason if reading is not None else "",
            text_hash=reading.text_hash if reading is not None else "",
            etag=response.headers.get("etag"),
            last_modified=response.headers.get("last-modified"),
            fetched_at=page.fetched_at,
            twin=_twin_of(page, places),
            text=cut_text(response.body, budget_bytes) if self._request.purpose == "text" else None,
        )


def _type_of(response: FetchResponse) -> str:
    """Give what an answer is; many servers know no type for Markdown."""
    told = response.content_type or sniff_type(response.body)
    return "text/markdown" if told == "text/plain" and is_markdown_name(response.url) else told


async def _read_markdown(response: FetchResponse) -> "PageReading":
    """Read a page that is Markdown itself, for its links and its title; a long one takes a tenth of a second."""
    from runnel.extraction.plain import read_plain

    url, charset = response.url, response.charset
    return await asyncio.to_thread(read_plain, response.body, url=url, content_type="text/markdown", charset=charset)


def _twin_of(page: _Page, places: Mapping[int, RawRef]) -> MarkdownTwin | None:
    """Tell where the site's own Markdown of a page lies."""
    twin = page.twin
    return None if twin is None else MarkdownTwin(url=twin.url, raw=places[id(twin)], charset=twin.charset)


def _links_of(page: _Page) -> tuple[tuple[str, ...], bool]:
    """Give the addresses that a page or sitemap names, where it leads by itself first, and whether some are missing."""
    if page.sitemap is not None:
        return tuple(entry.url for entry in page.sitemap.urls), page.sitemap.truncated
    reading = page.reading
    if reading is None or not page.leads_on:
        return (), False
    leads_away = reading.refresh not in (None, page.response.url)
    links = (reading.refresh, *reading.links) if reading.refresh is not None and leads_away else reading.links
    return links, reading.links_truncated


def _lastmods_of(sitemap: Sitemap, count: int) -> tuple[str | None, ...]:
    """Give the times of the first *count* entries; nothing when none is told."""
    times = tuple(entry.lastmod for entry in sitemap.urls[:count])
    return times if any(times) else ()
