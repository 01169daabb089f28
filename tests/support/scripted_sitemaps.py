"""The sitemaps of a made-up site, read as the crawler reads them."""

import asyncio
from dataclasses import dataclass, field

from runnel.domain.payloads import CrawlRequest, CrawlResponse, CrawlResult, FetchedPage
from runnel.domain.verdicts import ErrorCategory, FetchError
from runnel.errors import FetchFailed
from runnel.fetching.llms import parse_llms
from runnel.fetching.sitemaps import Sitemap, SitemapUrl, parse_sitemap


@dataclass(slots=True)
class ScriptedSitemaps:
    """By URL: the file, or why there is none; every other is a 404."""

    files: dict[str, str | ErrorCategory] = field(default_factory=dict)
    #: What was asked for, in order.
    requests: list[str] = field(default_factory=list)
    #: The same, of `llms.txt`.
    llms_requests: list[str] = field(default_factory=list)
    #: URLs that answer only when their event is set.
    held: dict[str, asyncio.Event] = field(default_factory=dict)

    async def answer(self, request: CrawlRequest) -> CrawlResponse:
        """One result for the one target."""
        url = request.targets[0].url
        (self.llms_requests if url.endswith("/llms.txt") else self.requests).append(url)
        if url in self.held:
            await self.held[url].wait()
        try:
            page = _page(url, self.files.get(url, ErrorCategory.HTTP_4XX), request.max_links)
        except FetchFailed as failure:
            error = FetchError(category=ErrorCategory(failure.category), message=failure.message)
            return CrawlResponse(results=(CrawlResult(url=url, outcome="failed", error=error),))
        return CrawlResponse(results=(CrawlResult(url=url, outcome="fetched", status=200, page=page),))


def _page(url: str, found: str | ErrorCategory, most: int) -> FetchedPage:
    if isinstance(found, ErrorCategory):
        raise FetchFailed(found, f"answered {found}")
    if url.endswith("/llms.txt"):
        links, is_cut = parse_llms(found.encode(), url=url, most=most)
        sitemap = Sitemap(urls=tuple(SitemapUrl(url=link) for link in links), truncated=is_cut)
    else:
        sitemap = parse_sitemap(found.encode(), url=url, most=most)
    return FetchedPage(
        final_url=url,
        status=200,
        content_type="text/xml",
        charset=None,
        raw=None,
        body_hash="",
        content_length=len(found),
        links=tuple(entry.url for entry in sitemap.urls),
        links_truncated=sitemap.truncated,
        lastmods=tuple(entry.lastmod for entry in sitemap.urls),
        sitemaps=sitemap.sitemaps,
        fetched_at="",
    )
