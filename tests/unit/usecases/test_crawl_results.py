"""What the crawler answers for files that are no pages, through real HTTP on loopback."""

from collections.abc import AsyncIterator

import pytest

from runnel.domain.verdicts import AssetFacts
from tests.support.crawler_calls import Crawl, crawler_and_site


@pytest.fixture
async def crawl() -> AsyncIterator[Crawl]:
    """A site, and a crawler that may reach it."""
    async with crawler_and_site() as crawl:
        yield crawl


async def test_a_head_call_tells_type_and_size_and_brings_no_body(crawl: Crawl) -> None:
    """Files that are no pages: each asked once by HEAD, five in a call, redirects judged, nothing stored."""
    crawl.site.add("/docs/m.pdf", b"%PDF" * 25, "application/pdf")
    crawl.site.add("/docs/untold", b"", "")
    crawl.site.redirect("/docs/latest.pdf", "/docs/m.pdf")
    crawl.site.redirect("/docs/out.pdf", "/elsewhere/m.pdf")
    crawl.site.redirect("/docs/hidden.pdf", "/docs/secret/m.pdf")
    paths = ("/docs/m.pdf", "/docs/latest.pdf", "/docs/out.pdf", "/docs/hidden.pdf", "/docs/gone.pdf")
    answer = await crawl.call(*paths, purpose="head", scope=crawl.scope, keep=False)
    pdf, latest, out, hidden, gone = answer.results
    seen = {(request.method, request.path) for request in crawl.site.requests}

    assert pdf.facts == latest.facts == AssetFacts(status=200, content_type="application/pdf", size_bytes=100)
    assert (out.outcome, out.reason, hidden.outcome, hidden.reason) == ("skipped", "out_of_scope", "skipped", "robots")
    assert (gone.outcome, gone.status, gone.facts) == ("failed", 404, None)
    assert seen == {("HEAD", path) for path in paths} | {("GET", "/robots.txt")}
    assert answer.puts == 0
    assert [result.page for result in answer.results] == [None] * 5


async def test_a_file_behind_a_page_s_name_is_told_with_type_and_size(crawl: Crawl) -> None:
    """What the headers say is kept; where they say no type, the body is looked at."""
    crawl.site.add("/docs/manual", b"%PDF" * 25, "application/pdf")
    crawl.site.add("/docs/unnamed", b"%PDF" * 5, "")
    named, unnamed = (await crawl.call("/docs/manual", "/docs/unnamed")).results

    assert named.facts == AssetFacts(status=200, content_type="application/pdf", size_bytes=100)
    assert unnamed.facts == AssetFacts(status=200, content_type="application/octet-stream", size_bytes=20)
