"""Markdown that `llms.txt` or a link names, over real HTTP: one page each, whatever is asked first."""

from collections.abc import AsyncIterator
from itertools import product

import pytest

from runnel.domain.jobs import Job
from runnel.domain.payloads import StoredPage
from runnel.domain.verdicts import Verdict
from runnel.usecases.list_urls import list_urls
from runnel.usecases.read_library import get_markdown, list_pages
from tests.site.server import SiteServer
from tests.support.homes import TENANT
from tests.support.real_home import RealHome, real_home

MARKDOWN = "text/markdown; charset=utf-8"
_WORDS = "The {name} of the greenhouse open in the morning and close when the wind rises."
#: The forms of llmstxt.org and of those who follow it: a page, and where its Markdown stands.
FORMS = {
    "/docs/plain": "/docs/plain.md",
    "/docs/named.html": "/docs/named.html.md",
    "/docs/short.html": "/docs/short.md",
    "/docs/folder/": "/docs/folder/index.html.md",
    "/docs/index/": "/docs/index/index.md",
    "/docs/slash/": "/docs/slash.md",
}


def _name(path: str) -> str:
    return path.removeprefix("/docs/").replace("/", " ").replace(".html", "").strip()


def _html(path: str, links: str = "") -> str:
    name = _name(path)
    return f"<!doctype html><title>{name}</title><main><h1>{name}</h1><p>{_WORDS.format(name=name)}</p>{links}</main>"


def _twin(path: str) -> str:
    name = _name(path)
    return f"---\ntitle: {name}\n---\n# {name}\n\n{_WORDS.format(name=name)} See [more](more.md#x).\n"


@pytest.fixture
async def site() -> AsyncIterator[SiteServer]:
    """A start page that leads to every page, and an `llms.txt` that lists the Markdown of each and nothing else."""
    async with SiteServer() as server:
        server.remove("/sitemap.xml")
        server.remove("/robots.txt")
        for path, twin in FORMS.items():
            server.add(path, _html(path))
            server.add(twin, _twin(path), MARKDOWN)
        server.add("/docs/", _html("/docs/Start", "".join(f"<a href='{path}'>{path}</a>" for path in FORMS)))
        listed = "".join(f"- [{path}]({twin})\n" for path, twin in FORMS.items())
        server.add("/llms.txt", f"# Greenhouse\n\n{listed}- [All of it](/llms-full.txt)\n", "text/plain")
        yield server


@pytest.fixture
async def home(site: SiteServer) -> AsyncIterator[RealHome]:
    """Services that may crawl it."""
    async with real_home(site) as services:
        yield services


async def _pages(home: RealHome, job: Job, site: SiteServer) -> dict[str, StoredPage]:
    return {page.url.removeprefix(site.base): page for page in await list_pages(home.services, TENANT, job.library_id)}


async def test_each_form_of_a_twin_ends_as_one_page(site: SiteServer, home: RealHome) -> None:
    """The page is shown under its own address, with its own title; the Markdown's is another name of it."""
    job = await home.crawl(site.url())
    pages = await _pages(home, job, site)
    urls = {record.url.removeprefix(site.base): record for record in await list_urls(home.services, job)}

    assert set(pages) == {"/docs/", *FORMS}
    assert {path: pages[path].aliases for path in FORMS} == {path: (site.url(twin),) for path, twin in FORMS.items()}
    assert {pages[path].title for path in FORMS} == {_name(path) for path in FORMS}
    assert {urls[twin].verdict for twin in FORMS.values()} == {Verdict.FETCHED}
    assert urls.keys().isdisjoint({"/llms-full.txt", "/docs/more.md"})


@pytest.mark.parametrize(("late", "concurrency"), list(product(("page", "twin"), (1, 4))))
async def test_who_comes_first_decides_nothing(site: SiteServer, home: RealHome, late: str, concurrency: int) -> None:
    """A library that depends on the order of answers changes with every crawl."""
    for path, twin in FORMS.items():
        site.delay(path if late == "page" else twin, 0.1)
    job = await home.crawl(site.url(), concurrency=concurrency)
    pages = await _pages(home, job, site)

    assert {path: page.aliases for path, page in pages.items()} == {
        "/docs/": (),
        **{path: (site.url(twin),) for path, twin in FORMS.items()},
    }


async def test_what_is_not_the_same_page_stays_a_page(site: SiteServer, home: RealHome) -> None:
    """An address proves nothing: the texts are compared."""
    site.add(
        "/docs/plain.md", "# Release notes\n\nNothing of that sort is said about ventilation here today.\n", MARKDOWN
    )
    pages = await _pages(home, await home.crawl(site.url()), site)

    assert pages["/docs/plain"].aliases == ()
    assert pages["/docs/plain.md"].title == "Release notes"


async def test_a_site_that_shows_its_markdown_only_is_taken_as_it_is(site: SiteServer, home: RealHome) -> None:
    """Titles from the first heading or the front matter, links absolute; also where it comes as text."""
    for path in FORMS:
        site.remove(path)
    site.add(
        "/docs/plain.md",
        '---\ntitle: "Vents"\n---\nOpen them early: [doors](./doors.md), `[no](no.md)`.\n',
        "text/plain",
    )
    listed = "# Greenhouse\n\n- [doors](/docs/doors.md)\n" + "".join(f"- [x]({twin})\n" for twin in FORMS.values())
    site.add("/llms.txt", listed, "text/plain")
    site.add("/docs/doors.md", "```sh\n# a comment\n```\n\n# Doors\n\nThey close by themselves.\n", MARKDOWN)
    job = await home.crawl(site.url())
    pages = await _pages(home, job, site)
    text = await get_markdown(home.services, TENANT, pages["/docs/plain.md"])

    assert (pages["/docs/plain.md"].title, pages["/docs/doors.md"].title) == ("Vents", "Doors")
    assert text == f"Open them early: [doors]({site.url('/docs/doors.md')}), `[no](no.md)`.\n"
    assert set(pages) == {"/docs/", "/docs/doors.md", *FORMS.values()}


async def test_a_crawl_may_begin_at_the_list_itself(site: SiteServer, home: RealHome) -> None:
    """Its links are followed, as a start page's are; those of other Markdown lead to what the pages lead to anyway."""
    job = await home.crawl(site.url("/llms.txt"), sitemap="skip")
    pages = await _pages(home, job, site)

    assert set(pages) == {"/llms.txt", *FORMS.values()}
    assert pages["/llms.txt"].title == "Greenhouse"


async def test_a_library_from_before_loses_no_page_to_its_twin(site: SiteServer, home: RealHome) -> None:
    """It had both: the next crawl makes one of them, and holds nothing back for that."""
    site.remove("/llms.txt")
    for path in FORMS:
        site.remove(path)
    links = "".join(f"<a href='{path}'>x</a>" for path in (*FORMS, *FORMS.values()))
    site.add("/docs/", _html("/docs/Start", links))
    first = await home.crawl(site.url())
    before = await _pages(home, first, site)
    for path in FORMS:
        site.add(path, _html(path))
    for mode in ("full", "incremental"):
        job = await home.crawl(site.url(), mode=mode)
        after = await _pages(home, job, site)

        assert set(before) == {"/docs/", *FORMS.values()}
        assert set(after) == {"/docs/", *FORMS}
        assert {path: after[path].aliases for path in FORMS} == {
            path: (site.url(twin),) for path, twin in FORMS.items()
        }
