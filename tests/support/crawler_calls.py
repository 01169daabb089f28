"""The crawler without a driver: calls of `crawl_pages` against a site on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from runnel.adapters.http.fetcher import HttpFetcher
from runnel.adapters.system.thread_reader import ThreadPageReader
from runnel.domain.payloads import CrawlRequest, CrawlResponse, CrawlResult, CrawlTarget, ScopeRules
from runnel.domain.verdicts import RawRef
from runnel.extraction.page import PageReading
from runnel.ports.crawler import Turn
from runnel.testing.clock import MovedClock
from runnel.testing.content import MemoryRawStore
from runnel.testing.state import MemoryState
from runnel.usecases.crawl_pages import CrawlerPorts, crawl_pages
from tests.site.server import SiteServer

PAGE = "<html><title>Hello</title><body><main><p>Some words here.</p><a href='/docs/b#x'>b</a></main></body></html>"


@dataclass
class Shelf:
    """Where rendered pages are left."""

    readings: dict[RawRef, PageReading] = field(default_factory=dict)

    def keep(self, raw: RawRef, reading: PageReading) -> None:
        """Note it."""
        self.readings[raw] = reading


@dataclass
class Crawl:
    """A site, and the crawler that may read it."""

    site: SiteServer
    fetcher: HttpFetcher
    clock: MovedClock
    raw: MemoryRawStore
    shelf: Shelf
    reader: ThreadPageReader = field(default_factory=ThreadPageReader)

    async def call(self, *paths: str, renders: bool = False, turn: Turn | None = None, **options: Any) -> CrawlResponse:
        """Crawl these paths in one call."""
        ports = CrawlerPorts(
            fetcher=self.fetcher,
            reader=self.reader,
            raw=self.raw,
            clock=self.clock,
            rendered=self.shelf if renders else None,
        )
        return await crawl_pages(ports, self.request(*paths, **options), turn)

    async def one(self, path: str, **options: Any) -> CrawlResult:
        """Crawl one path."""
        return (await self.call(path, **options)).results[0]

    def request(self, *paths: str, **options: Any) -> CrawlRequest:
        """A request for these paths."""
        targets = tuple(CrawlTarget(url=self.site.url(path)) for path in paths)
        given = {"targets": targets, "tenant": "t", "job_id": "j", "raw_name": "1-1", "user_agent": "runnel", **options}
        return CrawlRequest.model_validate(given)

    @property
    def scope(self) -> ScopeRules:
        """The site's `/docs/`."""
        return ScopeRules(start_urls=(self.site.url("/docs/"),))


@asynccontextmanager
async def crawler_and_site() -> AsyncIterator[Crawl]:
    """A site with `/docs/a`, and a crawler that may reach it under two names."""
    async with SiteServer() as site:
        port = int(site.address.rpartition(":")[2])
        fetcher = HttpFetcher(allow_private=frozenset({("127.0.0.1", port), ("localhost", port)}))
        site.add("/docs/a", PAGE)
        site.add("/robots.txt", "User-agent: *\nDisallow: /docs/secret", "text/plain")
        yield Crawl(site, fetcher, MovedClock(), MemoryRawStore(MemoryState()), Shelf())
        await fetcher.close()
