"""A site's own Markdown of a page, over real HTTP: used where it is offered, asked for nowhere else."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from runnel.domain.jobs import Job
from runnel.domain.markdown_twins import MarkdownTwins
from runnel.domain.payloads import StoredPage
from runnel.usecases.list_urls import list_urls
from runnel.usecases.read_library import get_markdown, list_pages, unpack
from runnel.usecases.remake_objects import Remaker
from tests.site.faults import Status
from tests.site.server import EVERY, SiteServer
from tests.support.homes import TENANT
from tests.support.real_home import RealHome, real_home

_WORDS = "The {name} of the greenhouse open in the morning and close when the wind rises."
MARKDOWN = "text/markdown; charset=utf-8"


def _html(name: str, head: str = "", links: str = "") -> str:
    words = _WORDS.format(name=name)
    return f"<!doctype html><title>{name}</title>{head}<main><h1>{name}</h1><p>{words}</p>{links}</main>"


def _twin(name: str) -> str:
    return f"# {name}\n\n{_WORDS.format(name=name)} *Written by hand*, see [doors](doors.md).\n"


def _declared(address: str) -> str:
    return f'<link rel="alternate" type="text/markdown" href="{address}">'


@pytest.fixture
async def site() -> AsyncIterator[SiteServer]:
    """A start page that leads to `vents` and `doors`; the first declares a twin."""
    async with SiteServer() as server:
        server.remove("/sitemap.xml")
        server.remove("/robots.txt")
        server.add("/docs/", _html("Start", links='<a href="vents">v</a> <a href="doors">d</a>'))
        server.add("/docs/vents", _html("vents", _declared("vents.md")))
        server.add("/docs/vents.md", _twin("vents"), MARKDOWN)
        server.add("/docs/doors", _html("doors"))
        yield server


@pytest.fixture
async def home(site: SiteServer) -> AsyncIterator[RealHome]:
    """Services that may crawl it."""
    async with real_home(site) as services:
        yield services


def _set(home: RealHome, how: MarkdownTwins) -> None:
    home.services = replace(home.services, tuning=replace(home.services.tuning, markdown_twins=how))


async def _pages(home: RealHome, job: Job, site: SiteServer) -> dict[str, StoredPage]:
    return {page.url.removeprefix(site.base): page for page in await list_pages(home.services, TENANT, job.library_id)}


async def _text(home: RealHome, page: StoredPage) -> str:
    return await get_markdown(home.services, TENANT, page)


async def test_a_declared_twin_is_the_text_of_its_page(site: SiteServer, home: RealHome) -> None:
    """One request more for the page that declares it, none for the others; and no URL of its own."""
    job = await home.crawl(site.url())
    pages = await _pages(home, job, site)
    seen = {record.url.removeprefix(site.base) for record in await list_urls(home.services, job)}
    text = await _text(home, pages["/docs/vents"])

    assert text == _twin("vents").replace("(doors.md)", f"({site.url('/docs/doors.md')})")
    assert pages["/docs/vents"].twin_url == site.url("/docs/vents.md")
    assert pages["/docs/doors"].twin_url == ""
    assert seen == set(pages) == {"/docs/", "/docs/vents", "/docs/doors"}
    assert sorted(site.paths()) == sorted(
        ["/robots.txt", "/sitemap.xml", "/docs/sitemap.xml", "/llms.txt"]
        + ["/docs/", "/docs/vents", "/docs/vents.md", "/docs/doors"]
    )


async def test_a_page_is_made_anew_from_its_twin(site: SiteServer, home: RealHome) -> None:
    """What mends a library reads both responses again; without the twin the page would come out as another."""
    job = await home.crawl(site.url())
    page = (await _pages(home, job, site))["/docs/vents"]
    made = await Remaker(home.services, TENANT).page(page)

    assert made is not None
    assert unpack(made) == await _text(home, page)


async def test_a_twin_that_is_linked_is_no_second_page(site: SiteServer, home: RealHome) -> None:
    """Sites link to it ("view as Markdown"): it has its verdict, and the library has the page once, however it came."""
    site.add("/docs/doors", _html("doors", links='<a href="vents.md">as Markdown</a>'))
    first = await home.crawl(site.url())
    pages = await _pages(home, first, site)
    site.validates = True
    again = await home.crawl(site.url(), mode="incremental")
    third = await home.crawl(site.url(), mode="incremental")

    assert set(pages) == {"/docs/", "/docs/vents", "/docs/doors"}
    assert pages["/docs/vents"].aliases == (site.url("/docs/vents.md"),)
    assert {record.url for record in await list_urls(home.services, first)} >= {site.url("/docs/vents.md")}
    for job in (again, third):
        assert (await _pages(home, job, site)).keys() == pages.keys()
        assert (await _pages(home, job, site))["/docs/vents"].content_hash == pages["/docs/vents"].content_hash


async def test_a_library_from_before_loses_no_page_to_its_twin(site: SiteServer, home: RealHome) -> None:
    """Both were pages of it; the merging is no loss, or publish safety would hold every such library."""
    _set(home, "off")
    site.add("/docs/doors", _html("doors", links='<a href="vents.md">as Markdown</a>'))
    site.add("/docs/vents.md", _twin("heaters"), MARKDOWN)
    before = await home.crawl(site.url())
    assert "/docs/vents.md" in await _pages(home, before, site)
    _set(home, "declared")
    site.add("/docs/vents.md", _twin("vents"), MARKDOWN)
    job = await home.crawl(site.url())

    assert job.ending is not None
    assert job.ending.ok
    assert set(await _pages(home, job, site)) == {"/docs/", "/docs/vents", "/docs/doors"}


@pytest.mark.parametrize(
    "answer",
    [
        {"body": "# Not found\n\nThere is nothing here.", "content_type": MARKDOWN},
        {"body": "", "content_type": MARKDOWN},
        {"body": _html("vents"), "content_type": "text/html"},
        {"body": _html("vents"), "content_type": MARKDOWN},
        {"body": _twin("heaters"), "content_type": MARKDOWN},
        {"body": _twin("vents"), "content_type": MARKDOWN, "status": 404},
        {"body": "x" * 1_000_001, "content_type": MARKDOWN},
        {"body": "", "status": 302, "headers": {"Location": "/docs/doors.md"}},
    ],
)
async def test_a_twin_that_is_none_leaves_the_page_as_it_is(
    site: SiteServer, home: RealHome, answer: dict[str, Any]
) -> None:
    """A soft 404, an empty file, HTML by either name, another page, too much, a redirect."""
    site.add("/docs/vents.md", **answer)
    job = await home.crawl(site.url())
    page = (await _pages(home, job, site))["/docs/vents"]

    assert job.ending is not None
    assert job.ending.ok
    assert page.twin_url == ""
    assert (await _text(home, page)).startswith("# vents\n\nThe vents of the greenhouse")
    assert "by hand" not in await _text(home, page)
    assert site.count("/docs/vents.md") == 1


@pytest.mark.parametrize(
    "address",
    ["http://elsewhere.example/vents.md", "/blog/vents.md", "/docs/closed/vents.md", "/docs/llms.txt", "mailto:a@b.c"],
)
async def test_a_twin_is_asked_for_only_where_the_crawl_may_go(site: SiteServer, home: RealHome, address: str) -> None:
    """Another host, outside the scope, forbidden by robots.txt, a list of all pages, no address."""
    site.add("/robots.txt", "User-agent: *\nDisallow: /docs/closed/\n", "text/plain")
    site.add("/docs/vents", _html("vents", _declared(address)))
    job = await home.crawl(site.url())

    assert (await _pages(home, job, site))["/docs/vents"].twin_url == ""
    assert not {path for path in site.paths() if "vents.md" in path or path == "/docs/llms.txt"}


async def test_patterns_that_choose_pages_choose_their_twins_too(site: SiteServer, home: RealHome) -> None:
    """`--include '/docs/vents'` is about the page; `--exclude '**/*.md'` is about the file."""
    included = await _pages(home, await home.crawl(site.url(), include=("/docs/vents",)), site)
    excluded = await _pages(home, await home.crawl(site.url(), exclude=("**/*.md",)), site)

    assert included["/docs/vents"].twin_url
    assert not excluded["/docs/vents"].twin_url
    assert site.count("/docs/vents.md") == 1


async def test_a_link_header_declares_a_twin_too(site: SiteServer, home: RealHome) -> None:
    """And `text/plain` is a type that servers give to `.md`."""
    link = '</style.css>; rel=preload, </docs/doors.md>; rel="alternate"; type="text/markdown"'
    site.add("/docs/doors", _html("doors"), headers={"Link": link})
    site.add("/docs/doors.md", _twin("doors"), "text/plain")
    job = await home.crawl(site.url())

    assert (await _pages(home, job, site))["/docs/doors"].twin_url == site.url("/docs/doors.md")


async def test_a_site_that_chooses_by_accept_shows_its_pages(site: SiteServer, home: RealHome) -> None:
    """A page is asked for as HTML, for its links; that a page declares its own address means `Accept`."""
    site.add("/docs/vents", _html("vents", _declared("/docs/vents")))
    for name in ("vents", "doors"):
        site.add_markdown(f"/docs/{name}", _twin(name))
    job = await home.crawl(site.url())
    pages = await _pages(home, job, site)

    assert pages["/docs/vents"].twin_url == site.url("/docs/vents")
    assert "by hand" in await _text(home, pages["/docs/vents"])
    assert "by hand" not in await _text(home, pages["/docs/doors"])
    assert (site.count("/docs/vents"), site.count("/docs/doors")) == (2, 1)


async def test_the_operator_may_have_every_page_asked_or_none(site: SiteServer, home: RealHome) -> None:
    """`ask` finds what is offered and not declared, at a request a page; `off` is one request a page, always."""
    for name in ("vents", "doors"):
        site.add_markdown(f"/docs/{name}", _twin(name))
    _set(home, "ask")
    asked = await _pages(home, await home.crawl(site.url()), site)
    counts = [site.count(path) for path in ("/docs/", "/docs/vents", "/docs/vents.md", "/docs/doors")]
    site.forget_requests()
    _set(home, "off")
    none = await _pages(home, await home.crawl(site.url()), site)

    assert asked["/docs/doors"].twin_url == site.url("/docs/doors")
    assert asked["/docs/vents"].twin_url == site.url("/docs/vents.md")
    assert asked["/docs/"].twin_url == ""
    assert counts == [2, 1, 1, 2]
    assert not any(page.twin_url for page in none.values())
    assert site.count("/docs/vents.md") == 0


async def test_a_site_that_wants_pauses_is_asked_once_a_page(site: SiteServer, home: RealHome) -> None:
    """The twin would be a second request within the pause."""
    job = await home.crawl(site.url(), delay_s=0.05)

    assert (await _pages(home, job, site))["/docs/vents"].twin_url == ""
    assert site.count("/docs/vents.md") == 0


async def test_a_dry_run_asks_for_no_twin(site: SiteServer, home: RealHome) -> None:
    """It stores nothing, so there is nothing to better."""
    await home.crawl(site.url(), dry_run=True)

    assert site.count("/docs/vents.md") == 0


async def test_a_refused_twin_slows_the_host_down(site: SiteServer, home: RealHome) -> None:
    """429 is about the host, whatever was asked for: the page stays, and the next request waits as long as told."""
    site.add("/docs/", _html("Start", links='<a href="vents">v</a>'))
    site.add("/docs/vents", _html("vents", _declared("vents.md"), '<a href="doors">d</a>'))
    site.fail("/docs/vents.md", Status(code=429, retry_after="1"))
    home.services = replace(home.services, tuning=replace(home.services.tuning, host_pause=timedelta(0)))
    job = await home.crawl(site.url())
    at_s = {seen.path: seen.at_s for seen in site.requests}

    assert (await _pages(home, job, site))["/docs/vents"].twin_url == ""
    assert at_s["/docs/doors"] - at_s["/docs/vents.md"] >= 0.95


async def test_headers_of_a_protected_site_go_with_the_twin(site: SiteServer, home: RealHome) -> None:
    """It lies on the page's own host; what it may be is ours to ask, whatever the user's headers say."""
    site.add("/docs/vents", _html("vents", _declared("vents.md")))

    class Secrets:
        async def get(self, reference: str) -> str:
            return {"env:A": "Bearer b", "env:B": "text/html"}[reference]

    home.services = replace(home.services, secrets=Secrets())
    await home.crawl(site.url(), headers={"Authorization": "env:A", "accept": "env:B"})
    asked = next(seen for seen in site.requests if seen.path == "/docs/vents.md").headers

    assert asked["Authorization"] == "Bearer b"
    assert asked["Accept"].startswith("text/markdown")


async def test_twins_are_asked_for_within_the_bound_of_their_host() -> None:
    """A page is read without a place at its host; its twin takes one like any request."""
    async with SiteServer() as site, real_home(site) as home:
        site.delay(EVERY, 0.01)
        names = [f"page{number}" for number in range(40)]
        site.add("/docs/", _html("Start", links="".join(f'<a href="{name}">{name}</a>' for name in names)))
        for name in names:
            site.add(f"/docs/{name}", _html(name, _declared(f"{name}.md")))
            site.add(f"/docs/{name}.md", _twin(name), MARKDOWN)
        job = await home.crawl(site.url(), concurrency=3, sitemap="skip")
        pages = await _pages(home, job, site)

    assert site.max_in_flight == 3
    assert all(pages[f"/docs/{name}"].twin_url for name in names)
