"""A whole crawl of the sample site over real HTTP: every verdict, and what is promised while it runs."""

import asyncio
import gzip
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import EndedBecause, Job, JobState
from runnel.domain.verdicts import Verdict
from runnel.usecases.list_urls import UrlRecord, list_urls
from runnel.usecases.read_library import list_pages
from runnel.usecases.run_crawl import Drive, run_crawl
from tests.site import expected
from tests.site.faults import Status
from tests.site.server import EVERY, SiteServer
from tests.support.homes import TENANT
from tests.support.real_home import RealHome, real_home

#: The crawler calls a page skipped that redirects out of scope, unless the crawl starts there; the oracle says failed.
REDIRECTS_OUT = frozenset({"/docs/community.html"})


@pytest.fixture
async def site() -> AsyncIterator[SiteServer]:
    """The sample site."""
    async with SiteServer() as server:
        yield server


@pytest.fixture
async def home(site: SiteServer) -> AsyncIterator[RealHome]:
    """Services that may crawl it."""
    async with real_home(site) as services:
        yield services


def _path(url: str) -> str:
    parts = urlsplit(url)
    if parts.hostname != "127.0.0.1":
        return url
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


async def _verdicts(home: RealHome, job: Job) -> dict[str, UrlRecord]:
    return {_path(record.url): record for record in await list_urls(home.services, job)}


@pytest.mark.parametrize("validates", [True, False])
async def test_an_unchanged_site_is_crawled_again_without_a_write(
    site: SiteServer, home: RealHome, *, validates: bool
) -> None:
    """By the site's word (ETag), else by the body's hash; redirects, twins and all. A page that changes is seen."""
    site.validates = validates
    first = await home.crawl(site.url())
    pages = {page.url: page for page in await list_pages(home.services, TENANT, first.library_id)}
    before = {key for _, key in home.stores.state.objects}
    second = await home.crawl(site.url(), mode="incremental")
    again = {page.url: page for page in await list_pages(home.services, TENANT, first.library_id)}
    new = {key for _, key in home.stores.state.objects} - before
    site.add("/docs/guide/light.html", "<title>Light</title><main><h1>Light</h1><p>It is all different now.</p></main>")
    third = await home.crawl(site.url(), mode="incremental")
    changed = {page.url: page for page in await list_pages(home.services, TENANT, first.library_id)}

    assert first.ending is not None
    assert second.ending is not None
    assert third.ending is not None
    assert again == pages
    assert (second.ending.counts.fetched, second.ending.counts.unchanged) == (0, first.ending.counts.fetched)
    assert second.ending.counts.seen == first.ending.counts.seen
    assert {key.partition("/")[0] for key in new} == {"generations", "reports"}
    assert third.ending.counts.fetched == 1
    assert [url for url in pages if pages[url].content_hash != changed[url].content_hash] == [
        site.url("/docs/guide/light.html")
    ]


async def test_every_url_gets_the_verdict_that_the_site_calls_for(site: SiteServer, home: RealHome) -> None:
    """The oracle was written by hand, apart from the crawler: "why is page X missing?" has a true answer."""
    job = await home.crawl(site.url())
    verdicts = await _verdicts(home, job)

    for path in expected.FETCHED:
        assert verdicts[path].verdict is Verdict.FETCHED, path
    for group in expected.SAME_PAGE:
        kinds = Counter(verdicts[path].verdict for path in group)
        assert kinds == {Verdict.FETCHED: 1, Verdict.DUPLICATE: len(group) - 1}, group
    for path, target in expected.REDIRECTS.items():
        assert _path(verdicts[path].final_url or "") == target
    assert {path: record.reason for path, record in verdicts.items() if record.verdict is Verdict.FAILED} == {
        path: reason for path, reason in expected.FAILED.items() if path not in REDIRECTS_OUT
    }
    for path in expected.ASSETS:
        assert (verdicts[path].verdict, verdicts[path].reason) == (Verdict.SKIPPED, "asset")
        assert [seen.method for seen in site.requests if seen.path == path] == ["HEAD"]
    for path in expected.ROBOTS:
        assert (verdicts[path].verdict, verdicts[path].reason) == (Verdict.SKIPPED, "robots")
    for path in expected.OUT_OF_SCOPE | expected.OTHER_HOSTS | REDIRECTS_OUT:
        assert (verdicts[path].verdict, verdicts[path].reason) == (Verdict.SKIPPED, "out_of_scope")
    known = expected.FETCHED | frozenset().union(*expected.SAME_PAGE) | expected.FAILED.keys() | expected.ROBOTS
    known |= expected.ASSETS
    assert verdicts.keys() == known | expected.OUT_OF_SCOPE | expected.OTHER_HOSTS


async def test_what_robots_or_the_scope_forbids_is_never_requested(site: SiteServer, home: RealHome) -> None:
    """A request cannot be taken back; the verdict alone would not show it."""
    await home.crawl(site.url())

    assert not {*site.paths()} & (expected.ROBOTS | expected.OUT_OF_SCOPE)
    assert site.paths()[0] == "/robots.txt"


async def test_counts_add_up_to_what_was_seen(site: SiteServer, home: RealHome) -> None:
    """Every job says the truth: event, META and the URL list tell one story."""
    job = await home.crawl(site.url())
    records = await list_urls(home.services, job)
    end = (await home.log(job))[-1]

    assert job.ending is not None
    assert isinstance(end, e.JobCompleted)
    counts = job.ending.counts
    by_verdict = Counter(record.verdict for record in records)
    assert counts.seen == len(records) == sum(by_verdict.values()) == end.counts.seen
    for verdict in Verdict:
        assert getattr(counts, verdict.value) == by_verdict[verdict] == getattr(end.counts, verdict.value)


async def test_the_log_is_contiguous_and_ends_with_the_one_terminal_event(site: SiteServer, home: RealHome) -> None:
    """What clients join their streams by."""
    job = await home.crawl(site.url())
    events = await home.log(job)

    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.seq for event in events if event.type in e.TERMINAL_TYPES] == [len(events)]
    assert events[0].type == "job_created"


async def test_the_library_shows_one_page_for_each_body(site: SiteServer, home: RealHome) -> None:
    """Duplicates are told in the stream and stored once; nothing depends on which came first."""
    job = await home.crawl(site.url())
    pages = await list_pages(home.services, TENANT, job.library_id)
    shown = {_path(page.url) for page in pages}

    assert len(pages) == expected.PAGES
    assert shown >= expected.FETCHED
    for group in expected.SAME_PAGE:
        assert len(group & shown) == 1
    assert "/docs/start/install.html" in shown
    assert job.state is JobState.COMPLETED


async def test_two_crawls_of_one_site_publish_the_same(site: SiteServer, home: RealHome) -> None:
    """The second finds nothing added, changed or removed: the result is a function of the site, not of timing."""
    await home.crawl(site.url())
    second = await home.crawl(site.url(), concurrency=2)
    published = next(event for event in await home.log(second) if isinstance(event, e.LibraryPublished))

    assert (published.generation, published.added, published.changed, published.removed) == (2, 0, 0, 0)
    assert published.unchanged == expected.PAGES


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_no_more_requests_at_once_than_the_concurrency(
    site: SiteServer, home: RealHome, concurrency: int
) -> None:
    """Measured at the site, which alone knows."""
    site.delay(EVERY, 0.005)

    await home.crawl(site.url(), concurrency=concurrency)

    assert site.max_in_flight <= concurrency
    assert len(site.requests) > len(expected.FETCHED) / 2


async def test_the_concurrency_is_used(site: SiteServer, home: RealHome) -> None:
    """A bound that is never reached would be kept by a crawl of one page at a time."""
    for path in expected.FETCHED:
        site.hold(path)
    job = await home.create(site.url(), concurrency=4)
    driver = asyncio.create_task(run_crawl(home.services, TENANT, job.job_id))
    await site.wait_in_flight(2)
    for path in expected.FETCHED:
        site.release(path)
    await driver

    assert 2 <= site.max_in_flight <= 4


@pytest.mark.parametrize("limit", [1, 7])
async def test_the_limit_is_exact(site: SiteServer, home: RealHome, limit: int) -> None:
    """One page over is one page paid for; requests that bring no page are not counted."""
    job = await home.crawl(site.url(), limit=limit)
    pages = await list_pages(home.services, TENANT, job.library_id)
    no_pages = expected.FAILED.keys() | expected.REDIRECTS.keys() | expected.ASSETS | {"/robots.txt", "/sitemap.xml"}
    no_pages |= {"/docs/loop/b.html", "/blog/community.html"}

    assert job.ending is not None
    assert (job.state, job.ending.ended_because) == (JobState.COMPLETED, EndedBecause.LIMIT)
    assert len(pages) == job.ending.counts.fetched == limit
    duplicates = job.ending.counts.duplicate
    assert len([path for path in site.paths() if path not in no_pages]) <= limit + duplicates


async def test_one_bad_page_does_not_stop_the_job(site: SiteServer, home: RealHome) -> None:
    """The others are kept, and the log names the one that failed."""
    site.fail("/docs/guide/light.html", Status(code=410))
    job = await home.crawl(site.url())
    failed = [event for event in await home.log(job) if isinstance(event, e.UrlFailed)]

    assert job.state is JobState.COMPLETED
    assert job.ending is not None
    assert not job.ending.ok
    assert "/docs/guide/light.html" in {_path(event.url) for event in failed}
    assert job.ending.counts.fetched == expected.PAGES - 1


async def test_a_page_that_fails_once_is_kept_in_the_end(site: SiteServer, home: RealHome) -> None:
    """A gateway in trouble may pass by itself: it costs a retry, not a page."""
    site.fail("/docs/faq.html", Status(code=502), times=1)
    job = await home.crawl(site.url())
    verdicts = await _verdicts(home, job)
    retries = [event for event in await home.log(job) if isinstance(event, e.UrlRetry)]

    assert [_path(event.url) for event in retries] == ["/docs/faq.html"]
    assert (verdicts["/docs/faq.html"].verdict, verdicts["/docs/faq.html"].attempts) == (Verdict.FETCHED, 2)


async def test_other_spellings_of_a_page_are_fetched_once(site: SiteServer, home: RealHome) -> None:
    """Tracking parameters, fragments and dots in paths are no new pages."""
    await home.crawl(site.url())
    requested = Counter(site.paths())

    assert not expected.TRACKED & requested.keys()
    for path in expected.FETCHED:
        assert requested[path] == 1, path


async def test_a_finished_page_is_told_while_its_neighbour_is_held(site: SiteServer, home: RealHome) -> None:
    """Nobody waits for a slow neighbour: the log of the others is readable while one page hangs."""
    site.hold(expected.SLOW)
    job = await home.create(site.url())
    driver = asyncio.create_task(run_crawl(home.services, TENANT, job.job_id))
    await site.wait_held(expected.SLOW)
    wanted = expected.FETCHED - {expected.SLOW}
    told: set[str] = set()
    while not told >= wanted:
        await home.services.bell.wait(job.job_id, at_most=home.services.tuning.poll)
        told = {_path(event.url) for event in await home.log(job) if isinstance(event, e.UrlCrawled)}
    site.release(expected.SLOW)

    assert await driver is Drive.ENDED
    assert site.count(expected.SLOW) == 1


async def test_the_job_and_its_links_stand_before_any_request(site: SiteServer, home: RealHome) -> None:
    """Who has posted a job may open its stream at once."""
    job = await home.create(site.url())
    created = (await home.log(job))[0]

    assert isinstance(created, e.JobCreated)
    assert created.links["stream"] == f"/v1/jobs/{job.job_id}/stream"
    assert created.sources[0].url == site.url()
    assert site.requests == []


@pytest.mark.parametrize(("status", "reason"), [(404, "404"), (403, "403")])
async def test_a_job_without_a_good_page_fails_with_the_reason(
    site: SiteServer, home: RealHome, status: int, reason: str
) -> None:
    """Not "completed, 0 pages"."""
    site.fail(EVERY, Status(code=status))
    job = await home.crawl(site.url())
    end = (await home.log(job))[-1]

    assert isinstance(end, e.JobFailed)
    assert (job.state, end.ended_because) == (JobState.FAILED, EndedBecause.ERROR)
    assert reason in (end.error or "")
    assert site.url() in (end.error or "")


async def test_redirects_to_nowhere_are_asked_for_once(site: SiteServer, home: RealHome) -> None:
    """What a whole answer says will not pass; what is no web page is out of scope, and fails no job."""
    leads_to = {"/docs/nowhere": None, "/docs/broken": "http://[", "/docs/file": "file:///etc/passwd"}
    site.add("/docs/", "".join(f"<p>Some words.<a href='{path}'>there</a></p>" for path in leads_to))
    for path, location in leads_to.items():
        site.redirect(path, location)
    job = await home.crawl(site.url("/docs/"), sitemap="skip")
    verdicts = await _verdicts(home, job)

    assert [site.count(path) for path in leads_to] == [1, 1, 1]
    assert [verdicts[path].reason for path in leads_to] == ["protocol", "protocol", "out_of_scope"]


async def test_pages_that_only_a_sitemap_names_are_found_behind_an_index_and_gzip(
    site: SiteServer, home: RealHome
) -> None:
    """As large sites write them: robots.txt names several, one is packed, one is broken, one a bomb."""
    lines = "".join(f"Sitemap: {site.url(f'/maps/{name}')}\n" for name in ("index.xml", "gone.xml", "bomb.xml.gz"))
    site.add("/robots.txt", f"User-agent: *\nDisallow: /docs/private/\n{lines}", "text/plain")
    site.add(
        "/maps/index.xml",
        "<sitemapindex><sitemap><loc>a.xml.gz</loc></sitemap><sitemap><loc>b.txt</loc></sitemap></sitemapindex>",
        "text/xml",
    )
    found = site.url("/docs/archive/field-notes.html")
    packed = f"<urlset><url><loc>{found}</loc></url><url><loc>/docs/private/keys.html</loc></url></urlset>"
    site.add("/maps/a.xml.gz", gzip.compress(packed.encode()), "application/gzip")
    site.add("/maps/b.txt", f"{found}\n{site.url('/docs/faq.html')}\n", "text/plain")
    site.add("/maps/bomb.xml.gz", gzip.compress(b" " * 30_000_000), "application/gzip")
    job = await home.crawl(site.url(), limit=1_000)
    log = await home.log(job)
    loaded = {_path(event.url): (event.urls, event.skipped) for event in log if isinstance(event, e.SitemapLoaded)}
    warnings = [event.message for event in log if isinstance(event, e.Log) and event.level == "warning"]
    verdicts = await _verdicts(home, job)

    assert loaded == {"/maps/index.xml": (0, 0), "/maps/a.xml.gz": (2, 1), "/maps/b.txt": (2, 0)}
    assert len(warnings) == 2
    assert "/maps/gone.xml" in warnings[0]
    assert "/maps/bomb.xml.gz" in warnings[1]
    assert verdicts["/docs/archive/field-notes.html"].verdict is Verdict.FETCHED
    assert _path(verdicts["/docs/archive/field-notes.html"].parent or "") in ("/maps/a.xml.gz", "/maps/b.txt")
    assert site.count("/sitemap.xml") == site.count("/docs/private/keys.html") == 0


@pytest.mark.parametrize(
    ("sitemap", "paths"),
    [("skip", None), ("only", {"/docs/", "/docs/start/install.html", "/docs/archive/field-notes.html"})],
)
async def test_the_other_ways_to_use_a_sitemap(
    site: SiteServer, home: RealHome, sitemap: str, paths: set[str] | None
) -> None:
    """None of it, or nothing else."""
    job = await home.crawl(site.url(), sitemap=sitemap)
    pages = await list_pages(home.services, TENANT, job.library_id)

    if paths is None:
        assert len(pages) == expected.PAGES - len(expected.SITEMAP_ONLY)
        assert site.count("/sitemap.xml") == 0
    else:
        assert {_path(page.url) for page in pages} == paths


async def test_files_are_recorded_with_type_and_size(site: SiteServer, home: RealHome) -> None:
    """One with a telling name is asked by HEAD, after the pages; one without was asked for as a page."""
    verdicts = await _verdicts(home, await home.crawl(site.url()))
    pdf, firmware = verdicts["/docs/files/wiring-diagram.pdf"], verdicts["/docs/files/firmware"]
    asked = [(seen.method, seen.path) for seen in site.requests]

    assert (pdf.verdict, pdf.reason, pdf.rule) == (Verdict.SKIPPED, "asset", "document: .pdf")
    assert (pdf.content_type, pdf.status) == ("application/pdf", 200)
    assert pdf.content_length is not None
    assert pdf.content_length > 0
    assert [method for method, path in asked if path == "/docs/files/wiring-diagram.pdf"] == ["HEAD"]
    assert "GET" not in [method for method, _ in asked[asked.index(("HEAD", "/docs/files/wiring-diagram.pdf")) :]]
    assert firmware.error is not None
    assert firmware.error.message == "application/octet-stream (2,048 bytes) is no page"
    assert (firmware.content_type, firmware.content_length) == ("application/octet-stream", 2_048)


async def test_asking_about_files_changes_nothing_in_the_library(site: SiteServer, home: RealHome) -> None:
    """They are no part of it: the same site crawled with and without their sizes is one generation's pages."""
    quiet = replace(home.services, tuning=replace(home.services.tuning, asset_sizes=0))
    asking, home.services = home.services, quiet
    await home.crawl(site.url())
    heads = [seen.path for seen in site.requests if seen.method == "HEAD"]
    home.services = asking
    second = await home.crawl(site.url())
    published = next(event for event in await home.log(second) if isinstance(event, e.LibraryPublished))

    assert heads == []
    assert any(seen.method == "HEAD" for seen in site.requests)
    assert (published.added, published.changed, published.removed) == (0, 0, 0)


async def test_a_canonical_address_on_another_host_moves_no_page(site: SiteServer, home: RealHome) -> None:
    """It is a link like any other, out of scope here; pages that declare one and the same are one page, shown here."""
    head = '<link rel="canonical" href="http://elsewhere.example/guide/">'
    site.add("/docs/", '<title>s</title><main><p>Start.</p><a href="long-name">a</a> <a href="name">b</a></main>')
    for name in ("name", "long-name"):
        site.add(f"/docs/{name}", f"<title>{name}</title>{head}<main><p>The page called {name}.</p></main>")
    job = await home.crawl(site.url(), sitemap="skip")
    verdicts = await _verdicts(home, job)
    pages = {_path(page.url) for page in await list_pages(home.services, TENANT, job.library_id)}

    assert verdicts["http://elsewhere.example/guide/"].reason == "out_of_scope"
    assert pages == {"/docs/", "/docs/name"}
    assert {verdicts["/docs/name"].verdict, verdicts["/docs/long-name"].verdict} == {
        Verdict.FETCHED,
        Verdict.DUPLICATE,
    }
