"""robots.txt in the states of RFC 9309, each at a real server on a port of its own."""

from itertools import pairwise

import pytest

from runnel.domain.jobs import JobState
from tests.site.faults import Status
from tests.site.server import SiteServer
from tests.support.real_home import real_home

RULES = "User-agent: *\nDisallow: /docs/private/\n"
PAGE = "<!doctype html><title>Page</title><main><h1>Page</h1><p>Words enough to be kept as a page.</p></main>"


def _site() -> SiteServer:
    site = SiteServer()
    for path in ("/one/", "/docs/private/two.html"):
        site.add(path, PAGE.replace("Page", path) + '<a href="/docs/private/two.html">two</a>')
    return site


def _redirect(site: SiteServer, hops: int) -> None:
    paths = ["/robots.txt", *(f"/robots-{number}.txt" for number in range(1, hops + 1))]
    for path, goal in pairwise(paths):
        site.redirect(path, goal)
    site.add(paths[-1], RULES, "text/plain")


@pytest.mark.parametrize(("hops", "is_read"), [(0, True), (1, True), (5, True), (6, False)], ids=str)
async def test_five_redirects_are_followed_and_after_more_there_is_no_file(hops: int, is_read: bool) -> None:  # noqa: FBT001
    """RFC 9309 section 2.3.1.2."""
    async with _site() as site, real_home(site) as home:
        _redirect(site, hops)
        job = await home.crawl(site.url("/one/"), scope="hostname", sitemap="skip")

        assert job.state is JobState.COMPLETED
        assert site.count("/docs/private/two.html") == (0 if is_read else 1)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
async def test_no_file_means_that_all_is_allowed(status: int) -> None:
    """RFC 9309 section 2.3.1.3: unavailable."""
    async with _site() as site, real_home(site) as home:
        site.fail("/robots.txt", Status(code=status))
        job = await home.crawl(site.url("/one/"), scope="hostname", sitemap="skip")

        assert job.ending is not None
        assert job.ending.counts.fetched == 2


async def test_a_loop_of_redirects_is_no_file() -> None:
    """A site that cannot say no has not said it."""
    async with _site() as site, real_home(site) as home:
        site.redirect("/robots.txt", "/other.txt")
        site.redirect("/other.txt", "/robots.txt")
        job = await home.crawl(site.url("/one/"), scope="hostname", sitemap="skip")

        assert job.state is JobState.COMPLETED


@pytest.mark.parametrize("location", ["file:///etc/robots.txt", "http://[", None])
async def test_a_redirect_to_nowhere_is_no_file(location: str | None) -> None:
    """And is asked for once: it will lead nowhere again."""
    async with _site() as site, real_home(site) as home:
        site.redirect("/robots.txt", location)
        job = await home.crawl(site.url("/one/"), scope="hostname", sitemap="skip")

        assert job.state is JobState.COMPLETED
        assert site.count("/robots.txt") == 1


async def test_a_server_error_forbids_everything() -> None:
    """RFC 9309 section 2.3.1.4: unreachable; asked three times, then no page is asked for."""
    async with _site() as site, real_home(site) as home:
        site.fail("/robots.txt", Status(code=500))
        job = await home.crawl(site.url("/one/"), sitemap="skip")

        assert job.state is JobState.FAILED
        assert "robots.txt unreachable" in (job.ending.error or "")  # type: ignore[union-attr]
        assert set(site.paths()) == {"/robots.txt"}


async def test_a_redirect_to_where_we_may_not_go_forbids_everything_and_names_it() -> None:
    """The file is somewhere, and nobody may look: that is no yes; nor is it the host's own address that is blocked."""
    async with _site() as site, real_home(site) as home:
        site.redirect("/robots.txt", "http://169.254.169.254/robots.txt")
        job = await home.crawl(site.url("/one/"), sitemap="skip")

        assert job.state is JobState.FAILED
        assert "robots.txt unreachable: it leads to http://169.254.169.254/" in (job.ending.error or "")  # type: ignore[union-attr]
        assert set(site.paths()) == {"/robots.txt"}


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + RULES.encode(),
        RULES.replace("\n", "\r\n").encode(),
        RULES.replace("\n", "\r").encode(),
        b"User-agent: \xff\xfe\nAllow: /\n\n" + RULES.encode(),
        b"<html>\n" + RULES.encode(),
    ],
    ids=["byte order mark", "CRLF", "CR", "no UTF-8", "markup before it"],
)
async def test_a_file_is_read_whatever_wrote_it(body: bytes) -> None:
    """RFC 9309 section 2.2: parse what can be parsed."""
    async with _site() as site, real_home(site) as home:
        site.add("/robots.txt", body, "text/plain")
        job = await home.crawl(site.url("/one/"), scope="hostname", sitemap="skip")

        assert job.ending is not None
        assert (job.ending.counts.fetched, job.ending.counts.skipped) == (1, 1)
        assert site.count("/docs/private/two.html") == 0


async def test_a_file_without_end_counts_up_to_its_limit() -> None:
    """RFC 9309 section 2.5: what stands in the first 500 KiB is obeyed, and the rest is not waited for."""
    async with _site() as site, real_home(site) as home:
        site.add("/robots.txt", RULES.encode() + b"# filler\n" * 1_300_000, "text/plain")
        job = await home.crawl(site.url("/one/"), scope="hostname", sitemap="skip")

        assert job.state is JobState.COMPLETED
        assert site.count("/docs/private/two.html") == 0


async def test_a_crawl_delay_holds_from_one_hop_of_a_redirect_to_the_next() -> None:
    """It is the pause between two requests, whatever kind of redirect leads to the second; the last page has hops."""
    async with SiteServer() as site, real_home(site) as home:
        site.add("/robots.txt", "User-agent: *\nCrawl-delay: 0.15\n", "text/plain")
        site.add("/docs/", PAGE + '<a href="moved">moved</a> <a href="leads-on">on</a> <a href="far">far</a>')
        site.redirect("/docs/moved", "/docs/a")
        site.add("/docs/leads-on", '<meta http-equiv="refresh" content="0; url=/docs/b">')
        site.redirect("/docs/far", "/docs/farther")
        site.redirect("/docs/farther", "/docs/c")
        for name in "abc":
            site.add(f"/docs/{name}", PAGE.replace("Page", name))
        job = await home.crawl(site.url("/docs/"), sitemap="skip")
        seen = [request for request in site.requests if request.path != "/robots.txt"]

        assert len(seen) == 8
        # A request may be under way a little longer than the one behind it.
        assert min(later.at_s - sooner.at_s for sooner, later in pairwise(seen)) >= 0.12
        assert job.ending is not None
        assert job.ending.counts.fetched == 4


async def test_a_site_that_forbids_everything_fails_with_its_rule() -> None:
    """The user learns which line of robots.txt it was, and the site was asked for nothing else."""
    async with _site() as site, real_home(site) as home:
        site.add("/robots.txt", "User-agent: *\nDisallow: /\n", "text/plain")
        job = await home.crawl(site.url())

        assert job.ending is not None
        assert job.state is JobState.FAILED
        assert "Disallow: /" in (job.ending.error or "")
        assert site.paths() == ["/robots.txt"]
