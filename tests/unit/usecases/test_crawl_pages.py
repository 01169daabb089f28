"""The crawler, through real HTTP on loopback: one result for each target, every hop judged."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from hashlib import sha256

import pytest

from runnel.adapters.system.thread_reader import ThreadPageReader
from runnel.domain.payloads import (
    MAX_ANSWER_BYTES,
    MAX_SITEMAPS,
    CrawlTarget,
)
from runnel.domain.warc import body_of
from runnel.errors import PageUnreadable
from runnel.extraction.page import PageReading
from runnel.testing.clock import MovedClock
from tests.support.crawler_calls import PAGE, Crawl, crawler_and_site


@pytest.fixture
async def crawl() -> AsyncIterator[Crawl]:
    """A site with `/docs/a`, and a crawler that may reach it under two names."""
    async with crawler_and_site() as crawl:
        yield crawl


async def test_a_page_comes_back_with_what_the_driver_needs(crawl: Crawl) -> None:
    """The driver never sees the body: it goes to the store."""
    crawl.site.add("/docs/a", PAGE, headers={"ETag": '"v1"', "Last-Modified": "yesterday"})
    answer = await crawl.call("/docs/a")
    page = answer.results[0].page

    assert page is not None
    assert (answer.results[0].outcome, page.title, page.links) == ("fetched", "Hello", (crawl.site.url("/docs/b"),))
    assert (page.etag, page.last_modified, page.content_length) == ('"v1"', "yesterday", len(PAGE))
    assert page.fetched_at == "2026-01-01T00:00:00.000Z"
    assert page.raw is not None
    assert body_of(await crawl.raw.get("t", page.raw) or b"") == PAGE.encode()


async def test_five_targets_are_asked_at_once_and_stored_as_one_object(crawl: Crawl) -> None:
    """A slow page must not hold up its neighbours' start, and each object stored costs money."""
    paths = [f"/docs/{number}" for number in range(5)]
    for path in paths:
        crawl.site.add(path, PAGE + path)
        crawl.site.hold(path)
    call = asyncio.create_task(crawl.call(*paths))
    await crawl.site.wait_in_flight(5)
    for path in reversed(paths):
        crawl.site.release(path)
    answer = await call

    assert [result.url for result in answer.results] == [crawl.site.url(path) for path in paths]
    assert answer.puts == 1
    assert {result.page.raw.key for result in answer.results if result.page and result.page.raw} == {"raw/j/1-1"}


async def test_one_bad_target_does_not_spoil_the_others(crawl: Crawl) -> None:
    """Five URLs share a call, not a fate."""
    answer = await crawl.call("/docs/a", "/docs/missing")

    assert [(result.outcome, result.status) for result in answer.results] == [("fetched", 200), ("failed", 404)]
    assert answer.results[1].error is not None
    assert answer.results[1].error.category == "http_4xx"


async def test_nothing_starts_when_the_call_was_frozen(crawl: Crawl) -> None:
    """A function that is thawed a minute later must not surprise the host: the driver has given the URL away."""

    class FrozenClock(MovedClock):
        def monotonic(self) -> float:
            self._monotonic += 1.5
            return self._monotonic

    crawl.clock = FrozenClock()
    result = await crawl.one("/docs/a")

    assert result.outcome == "not_started"
    assert crawl.site.requests == []


@pytest.mark.parametrize(("status", "category"), [(429, "rate_limited"), (503, "http_5xx")])
async def test_a_site_that_asks_for_patience_is_heard(crawl: Crawl, status: int, category: str) -> None:
    """Retry-After rules when the URL is asked again."""
    crawl.site.add("/docs/busy", "", status=status, headers={"Retry-After": "7"})
    result = await crawl.one("/docs/busy")

    assert result.error is not None
    assert (result.error.category, result.status, result.retry_after_s) == (category, status, 7.0)


async def test_an_unchanged_page_is_not_sent_again(crawl: Crawl) -> None:
    """Validators make a second crawl cheap; they go with the first request only."""
    crawl.site.add("/docs/a", "", status=304)
    target = CrawlTarget(url=crawl.site.url("/docs/a"), etag='"v1"', last_modified="yesterday")
    result = await crawl.one("", targets=(target,))
    asked = crawl.site.requests[0].headers

    assert (result.outcome, result.status) == ("not_modified", 304)
    assert (asked["If-None-Match"], asked["If-Modified-Since"]) == ('"v1"', "yesterday")


async def test_validators_go_to_the_address_that_they_came_from(crawl: Crawl) -> None:
    """An ETag is worth nothing at another address: a redirect is followed, and its goal is asked with it."""
    crawl.site.redirect("/docs/old", "/docs/a")
    crawl.site.add("/docs/a", "", status=304)
    goal = crawl.site.url("/docs/a")
    target = CrawlTarget(url=crawl.site.url("/docs/old"), etag='"v1"', known_url=goal)
    result = await crawl.one("", targets=(target,))
    first, *_, second = crawl.site.requests

    assert (result.outcome, result.final_url) == ("not_modified", goal)
    assert "If-None-Match" not in first.headers
    assert second.headers["If-None-Match"] == '"v1"'


@pytest.mark.parametrize(
    ("redirects_to", "known", "outcome"),
    [
        (None, None, "not_modified"),
        ("/docs/b", "/docs/b", "not_modified"),
        ("/docs/b", "/docs/c", "fetched"),
        ("/docs/b", None, "fetched"),
    ],
)
async def test_a_body_that_the_caller_has_is_not_stored_again(
    crawl: Crawl, redirects_to: str | None, known: str | None, outcome: str
) -> None:
    """A server without validators costs its own time, not ours; at a new address the same body is another page."""
    crawl.site.add(redirects_to or "/docs/a", PAGE)
    if redirects_to:
        crawl.site.redirect("/docs/a", redirects_to)
    target = CrawlTarget(
        url=crawl.site.url("/docs/a"),
        known_url=crawl.site.url(known) if known else None,
        body_hash=sha256(PAGE.encode()).hexdigest(),
    )
    result = await crawl.one("", targets=(target,))

    assert result.outcome == outcome
    assert (result.page is None) == (outcome == "not_modified")


@pytest.mark.parametrize("kind", ["application/pdf", "image/png", "application/json", ""])
async def test_what_is_no_page_is_refused(crawl: Crawl, kind: str) -> None:
    """There is no Markdown in it, whether the server names it or not."""
    crawl.site.add("/docs/x", b"%PDF\0", kind)
    result = await crawl.one("/docs/x")

    assert result.error is not None
    assert result.error.category == "unsupported_type"


@pytest.mark.parametrize("kind", ["text/html", "text/plain"])
async def test_a_file_that_is_sent_as_a_page_is_refused(crawl: Crawl, kind: str) -> None:
    """Its bytes would be the page's text."""
    crawl.site.add("/docs/x", b"%PDF-1.7\n", kind)
    result = await crawl.one("/docs/x")

    assert result.error is not None
    assert result.error.category == "unsupported_type"
    assert result.error.message == f"PDF, sent as {kind}, is no page"


async def test_a_304_that_nobody_asked_for_is_a_failure_with_a_reason(crawl: Crawl) -> None:
    """There is no earlier copy that it could mean."""
    crawl.site.add("/docs/x", "", status=304)
    result = await crawl.one("/docs/x")

    assert result.error is not None
    assert result.error.category == "protocol"
    assert "304" in result.error.message


@pytest.mark.parametrize(
    ("name", "sent", "read"),
    [("x.txt", "text/plain", "text/plain"), ("x", "text/markdown; charset=utf-8", "text/markdown"),
     ("x.md", "text/plain", "text/markdown")],
)  # fmt: skip
async def test_plain_text_and_markdown_are_pages(crawl: Crawl, name: str, sent: str, read: str) -> None:
    """Some manuals are written so; servers that know no Markdown send it as text."""
    crawl.site.add(f"/docs/{name}", "# Title\n\nText", sent)
    result = await crawl.one(f"/docs/{name}")

    assert result.page is not None
    assert result.page.content_type == read
    assert result.page.raw is not None
    assert not result.page.is_empty


async def test_a_page_that_cannot_be_read_fails_alone(crawl: Crawl) -> None:
    """A parser that gives up must not take its neighbours with it."""

    class NarrowReader(ThreadPageReader):
        async def read(
            self, body: bytes, *, url: str, charset: str | None, render: bool, blocks: tuple[str, ...] = ()
        ) -> PageReading:
            if b"bad" in body:
                raise PageUnreadable("too deep", category="too_large")
            return await super().read(body, url=url, charset=charset, render=render, blocks=blocks)

    crawl.site.add("/docs/bad", "<p>bad")
    crawl.reader = NarrowReader()
    answer = await crawl.call("/docs/bad", "/docs/a")

    assert answer.results[0].error is not None
    assert (answer.results[0].error.category, answer.results[0].error.message) == ("too_large", "too deep")
    assert answer.results[1].outcome == "fetched"


async def test_an_empty_page_is_said_to_be_empty_and_not_stored(crawl: Crawl) -> None:
    """The driver decides what that means."""
    crawl.site.add("/docs/empty", "<html><body><script>app()</script></body></html>")
    answer = await crawl.call("/docs/empty")
    page = answer.results[0].page

    assert page is not None
    assert page.is_empty
    assert (page.raw, answer.puts) == (None, 0)


async def test_wishes_to_robots_are_read_from_header_and_page(crawl: Crawl) -> None:
    """Either place counts."""
    crawl.site.add("/docs/h", PAGE, headers={"X-Robots-Tag": "noindex"})
    crawl.site.add("/docs/m", f"<meta name=robots content=nofollow>{PAGE}")
    by_header, by_meta = await crawl.one("/docs/h"), await crawl.one("/docs/m")

    assert by_header.page is not None
    assert (by_header.page.noindex, by_header.page.nofollow) == (True, False)
    assert by_meta.page is not None
    assert (by_meta.page.noindex, by_meta.page.nofollow) == (False, True)


@pytest.mark.parametrize(
    ("meta", "header"),
    [("0; url=/docs/a", ""), ("", "0; url=/docs/a"), ("", "5;URL='a'"), ("7; url=/docs/a#part", "")],
)
async def test_a_page_that_leads_elsewhere_by_itself_is_a_redirect(crawl: Crawl, meta: str, header: str) -> None:
    """Old documentation moves with `<meta http-equiv=refresh>`: what is kept is the page behind it."""
    body = f'<meta http-equiv=refresh content="{meta}"><p>Moved.</p>'
    crawl.site.add("/docs/moved", body, headers={"Refresh": header} if header else {})
    answer = await crawl.call("/docs/moved")
    page = answer.results[0].page

    assert page is not None
    assert (page.final_url, page.title, answer.puts) == (crawl.site.url("/docs/a"), "Hello", 1)
    assert crawl.site.count("/docs/a") == 1


@pytest.mark.parametrize("content", ["60; url=/docs/new", "0; url=/docs/moved#top", "0; url=ftp://h/x", "30"])
async def test_a_page_that_stays_is_a_page(crawl: Crawl, content: str) -> None:
    """It reloads itself, leads on only after a while, or to where nobody can follow."""
    crawl.site.add(
        "/docs/moved", f"<meta http-equiv=refresh content='{content}'><p>Here.</p>", headers={"Refresh": content}
    )
    page = (await crawl.one("/docs/moved")).page

    assert page is not None
    assert page.final_url == crawl.site.url("/docs/moved")
    assert page.links == ((crawl.site.url("/docs/new"),) if content.startswith("60") else ())


async def test_a_refresh_is_judged_like_any_redirect(crawl: Crawl) -> None:
    """Scope, robots.txt and loops rule there too."""
    for path, goal in (("out", "/other/x"), ("in", "/docs/secret/x"), ("one", "two"), ("two", "one")):
        crawl.site.add(f"/docs/{path}", f"<meta http-equiv=refresh content='0;url={goal}'>x")
    out = await crawl.one("/docs/out", scope=crawl.scope)
    forbidden = await crawl.one("/docs/in", scope=crawl.scope)
    circular = await crawl.one("/docs/one", scope=crawl.scope)

    assert (out.outcome, out.reason) == ("skipped", "out_of_scope")
    assert (forbidden.outcome, forbidden.reason) == ("skipped", "robots")
    assert circular.error is not None
    assert circular.error.category == "too_many_redirects"
    assert not {"/other/x", "/docs/secret/x"} & set(crawl.site.paths())


async def test_links_that_ask_not_to_be_followed_are_told_apart(crawl: Crawl) -> None:
    """They get a verdict, not a request; a link that also stands there plainly is followed."""
    crawl.site.add("/docs/n", "<p>x<a rel=nofollow href=a>1</a><a rel='UGC NoFollow' href=b>2</a><a href=b>3</a>")
    page = (await crawl.one("/docs/n")).page

    assert page is not None
    assert (page.links, page.nofollow_links) == ((crawl.site.url("/docs/b"),), (crawl.site.url("/docs/a"),))


async def test_robots_purpose_answers_the_text_and_stores_nothing(crawl: Crawl) -> None:
    """The driver asks no site itself: robots.txt comes through here."""
    answer = await crawl.call("/robots.txt", purpose="text")
    page = answer.results[0].page

    assert page is not None
    assert page.text == "User-agent: *\nDisallow: /docs/secret"
    assert (page.raw, page.links, answer.puts) == (None, (), 0)


async def test_what_was_rendered_is_handed_on_under_its_place(crawl: Crawl) -> None:
    """A laptop parses each page once."""
    crawl.site.add("/docs/plain", "Text", "text/plain")
    result = (await crawl.call("/docs/a", "/docs/plain", renders=True)).results[0]

    assert len(crawl.shelf.readings) == 1
    assert result.page is not None
    assert result.page.raw is not None
    assert "Some words here." in crawl.shelf.readings[result.page.raw].markdown


async def test_links_are_capped_and_that_is_said(crawl: Crawl) -> None:
    """A page of a hundred thousand links is a trap, or a mistake."""
    crawl.site.add("/docs/many", "<p>Text" + "".join(f"<a href='/docs/{n}'>x</a>" for n in range(50)))
    result = await crawl.one("/docs/many", max_links=20)

    assert result.page is not None
    assert (len(result.page.links), result.page.links_truncated) == (20, True)


async def test_an_answer_never_outgrows_its_limit(crawl: Crawl) -> None:
    """Lambda refuses an answer over 6 MB, and with it five pages."""
    long = "x" * 1900
    crawl.site.add("/docs/long", "<p>Text" + "".join(f"<a href='/docs/{long}{n}'>x</a>" for n in range(3000)))
    crawl.site.add("/odd.txt", "\x01" * 3_000_000, "text/plain")
    pages = await crawl.call(*["/docs/long"] * 5)
    texts = await crawl.call("/odd.txt", purpose="text")

    assert len(pages.model_dump_json()) <= MAX_ANSWER_BYTES
    assert all(result.page and result.page.links_truncated for result in pages.results)
    assert len(texts.model_dump_json()) <= MAX_ANSWER_BYTES


def _urlset(*paths: str) -> str:
    return "<urlset>" + "".join(f"<url><loc>{path}</loc></url>" for path in paths) + "</urlset>"


@pytest.mark.parametrize("coding", ["", "gzip"])
async def test_sitemap_purpose_answers_what_it_lists_and_stores_nothing(crawl: Crawl, coding: str) -> None:
    """A file packed as such, or packed for the way, or both."""
    body = gzip.compress(_urlset("/docs/a", "b").encode())
    body = gzip.compress(body) if coding else body
    headers = {"Content-Encoding": coding} if coding else {}
    crawl.site.add("/map/x.xml.gz", body, "application/gzip", headers=headers)
    answer = await crawl.call("/map/x.xml.gz", purpose="sitemap")
    page = answer.results[0].page

    assert page is not None
    assert page.links == (crawl.site.url("/docs/a"), crawl.site.url("/map/b"))
    assert (page.raw, page.sitemaps, page.links_truncated, answer.puts) == (None, (), False, 0)


async def test_sitemap_purpose_tells_what_an_index_names(crawl: Crawl) -> None:
    """As many as a crawl would follow."""
    files = "".join(f"<sitemap><loc>/{number}.xml</loc></sitemap>" for number in range(80))
    crawl.site.add("/index.xml", f"<sitemapindex>{files}</sitemapindex>", "text/xml")
    page = (await crawl.call("/index.xml", purpose="sitemap")).results[0].page

    assert page is not None
    assert page.links == ()
    assert page.sitemaps == tuple(crawl.site.url(f"/{number}.xml") for number in range(MAX_SITEMAPS))


@pytest.mark.parametrize(
    ("body", "category"), [(PAGE.encode(), "decode"), (gzip.compress(b" " * 30_000_000), "too_large")]
)
async def test_what_is_no_sitemap_fails_and_a_packed_bomb_too(crawl: Crawl, body: bytes, category: str) -> None:
    """The driver is told which it was; the crawler lives."""
    crawl.site.add("/sitemap.xml", body, "text/xml")
    result = (await crawl.call("/sitemap.xml", purpose="sitemap")).results[0]

    assert result.outcome == "failed"
    assert result.error is not None
    assert result.error.category == category


async def test_a_sitemap_never_outgrows_the_answer(crawl: Crawl) -> None:
    """Fifty thousand long addresses are more than Lambda carries: what fits is told, and that some is missing."""
    crawl.site.add("/sitemap.xml", _urlset(*(f"/{'x' * 300}{number}" for number in range(20_000))), "text/xml")
    answer = await crawl.call("/sitemap.xml", purpose="sitemap", max_links=50_000)
    page = answer.results[0].page

    assert len(answer.model_dump_json()) <= MAX_ANSWER_BYTES
    assert page is not None
    assert page.links_truncated
    assert len(page.links) > 5_000


async def test_a_dry_run_gets_the_facts_and_stores_nothing(crawl: Crawl) -> None:
    """Neither the response, nor what was rendered of it."""
    answer = await crawl.call("/docs/a", renders=True, keep=False)
    page = answer.results[0].page

    assert page is not None
    assert (page.title, page.words, page.raw, answer.puts) == ("Hello", 3, None, 0)
    assert crawl.shelf.readings == {}
