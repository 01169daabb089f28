"""A new start URL in a library that exists: a source of its own, and no page of another is lost."""

import asyncio
from typing import Any

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import Job, Source
from runnel.domain.sources import MOST_SOURCES, check_sources, name_sources
from runnel.errors import InputInvalid, JobConflict, SourceExists
from runnel.usecases.create_job import NewJob, create_job
from runnel.usecases.edit_library import Wanted, change_library, remove_source, set_source
from runnel.usecases.library_statistics import read_statistics
from tests.support.homes import BASE, TENANT, ScriptedHome, ScriptedPage
from tests.support.web_client import web_client

GUIDE = {
    "/guide/": ScriptedPage(text="guide", links=tuple(f"/guide/{n}" for n in range(6)), links_in_body=True),
    **{f"/guide/{n}": ScriptedPage(text=f"guide {n}") for n in range(6)},
}
API = {
    "/api/": ScriptedPage(text="api", links=("/api/1", "/api/2"), links_in_body=True),
    "/api/1": ScriptedPage(text="api 1"),
    "/api/2": ScriptedPage(text="api 2"),
}


def site(**more: Any) -> dict[str, Any]:
    return {**GUIDE, **API, **more}


def sources(home: ScriptedHome, library: str = "docs") -> dict[str, str]:
    """The sources of a library by id, with their paths."""
    found = home.state.libraries[TENANT, library].sources
    return {source.source_id: home.path_of(source.url) for source in found}


async def crawl(home: ScriptedHome, *paths: str, **options: Any) -> Job:
    """A crawl of these starts into the library `docs`; without any, of its own sources."""
    new = NewJob(tenant=TENANT, urls=tuple(home.url(path) for path in paths), library="docs")
    for name, value in options.items():
        new = NewJob(tenant=TENANT, urls=new.urls, library="docs", options=new.options.model_copy(update={name: value}))
    job = await create_job(home.outside.services, new, invoke=False)
    await home.finish(home.drive(home.process(job.job_id), job))
    return job


async def test_a_new_url_into_a_library_replaces_no_page_of_another_source() -> None:
    """It did: both were `main`, and what the second did not find of the first was gone."""
    home = ScriptedHome(site())
    await crawl(home, "/guide/")
    job = await crawl(home, "/api/")
    pages = await home.library(job)

    assert set(pages) == set(site())
    assert sources(home) == {"main": "/guide/", "source-2": "/api/"}
    assert {path: page.source_id for path, page in pages.items() if page.source_id != "main"} == dict.fromkeys(
        API, "source-2"
    )
    (published,) = home.of_type(job, e.LibraryPublished)
    assert (published.added, published.removed, published.unchanged) == (3, 0, 7)


async def test_the_library_alone_is_crawled_with_all_that_it_has_got() -> None:
    """And a page that one source has lost goes, whatever the other has."""
    home = ScriptedHome(site())
    await crawl(home, "/guide/")
    await crawl(home, "/api/")
    home.pages["/api/2"] = ScriptedPage(status=404)
    job = await crawl(home)

    assert [event.source_id for event in home.of_type(job, e.SourceStarted)] == ["main", "source-2"]
    assert set(await home.library(job)) == set(site()) - {"/api/2"}


@pytest.mark.parametrize("again", ["/guide/", "/guide/index.html", "http://docs.example.com/guide/"])
async def test_a_start_that_the_library_knows_is_its_source(again: str) -> None:
    """However it is spelled: a second source of the same pages would be a second copy of them."""
    home = ScriptedHome(site(**{"/guide/index.html": GUIDE["/guide/"]}))
    home.pages["http://docs.example.com/guide/"] = GUIDE["/guide/"]
    await crawl(home, "/guide/")
    await crawl(home, "/api/")
    job = await create_job(
        home.outside.services, NewJob(tenant=TENANT, urls=(home.url(again),), library="docs"), invoke=False
    )

    assert [source.source_id for source in job.sources] == ["main"]
    assert sources(home) == {"main": "/guide/", "source-2": "/api/"}


async def test_a_source_within_another_takes_its_pages_over_and_loses_none() -> None:
    """The one whose directory holds a page most closely has it."""
    nested = {
        "/guide/": ScriptedPage(text="guide", links=("/guide/a", "/guide/deep/"), links_in_body=True),
        "/guide/a": ScriptedPage(text="A"),
        "/guide/deep/": ScriptedPage(text="deep", links=("/guide/deep/b",), links_in_body=True),
        "/guide/deep/b": ScriptedPage(text="B"),
    }
    home = ScriptedHome(nested)
    await crawl(home, "/guide/")
    job = await crawl(home, "/guide/deep/")
    owners = {path: page.source_id for path, page in (await home.library(job)).items()}
    whole = await crawl(home)

    assert owners == {"/guide/": "main", "/guide/a": "main", "/guide/deep/": "source-2", "/guide/deep/b": "source-2"}
    assert {path: page.source_id for path, page in (await home.library(whole)).items()} == owners


async def test_a_job_that_may_not_begin_leaves_no_source_behind() -> None:
    """The library is busy: nothing of the second job stays."""
    home = ScriptedHome(site())
    await crawl(home, "/guide/")
    await home.create("/guide/", library="docs")
    with pytest.raises(Exception, match="Another job is crawling"):
        await home.create("/api/", library="docs")

    assert sources(home) == {"main": "/guide/"}


async def test_an_id_that_was_given_away_meanwhile_is_said_and_the_job_withdrawn() -> None:
    """Two ways to the id `source-2` at once: the pages of one must not become the other's."""
    home = ScriptedHome(site())
    await crawl(home, "/guide/")
    process = home.process("P")

    async def faster() -> None:
        await set_source(home.outside.services, TENANT, "docs", home.url("/other/"))

    process.before["jobs.create"] = faster
    new = NewJob(tenant=TENANT, urls=(home.url("/api/"),), library="docs")
    with pytest.raises(JobConflict) as conflict:
        await create_job(process.services, new, invoke=False)

    assert conflict.value.code == "sources_changed"
    assert sources(home) == {"main": "/guide/", "source-2": "/other/"}
    assert home.state.libraries[TENANT, "docs"].active_job is None
    assert set(sources(home, "docs")) == {"main", "source-2"}
    assert [source.source_id for source in (await create_job(home.outside.services, new, invoke=False)).sources] == [
        "source-3"
    ]


async def test_a_dry_run_gives_no_library_a_source() -> None:
    """It stores nothing but what it tells."""
    home = ScriptedHome(site())
    await crawl(home, "/guide/")
    await crawl(home, "/api/", dry_run=True)

    assert sources(home) == {"main": "/guide/"}


async def test_a_removed_source_takes_its_pages_with_it_at_once() -> None:
    """A new generation is without them; the old one can be gone back to."""
    home = ScriptedHome(site())
    await crawl(home, "/guide/")
    job = await crawl(home, "/api/")
    client = web_client(home)
    answer = await client.delete("/v1/libraries/docs/sources/source-2")
    library = home.state.libraries[TENANT, "docs"]

    assert answer.json() == {"source_id": "source-2", "url": f"{BASE}/api/"}
    assert sources(home) == {"main": "/guide/"}
    assert set(await home.library(job)) == set(GUIDE)
    assert (library.pointer.generation, library.pointer.pages, len(library.kept)) == (3, 7, 3)
    assert (await read_statistics(home.outside.services, library)).pages == 7
    again = await client.delete("/v1/libraries/docs/sources/source-2")
    assert (again.status_code, again.json()["code"]) == (404, "source_not_found")


async def test_a_source_is_removed_whole_or_not_at_all() -> None:
    """Killed at any step of it: its pages and the source are both there, or both gone; the next call finishes."""
    for kill_at in range(1, 14):
        home = ScriptedHome(site())
        await crawl(home, "/guide/")
        job = await crawl(home, "/api/")
        user = home.process("user")
        user.kill_at = kill_at
        task: asyncio.Task[Any] = asyncio.create_task(remove_source(user.services, TENANT, "docs", "source-2"))
        user.tasks.append(task)
        await home.finish(task)
        has_source, has_pages = "source-2" in sources(home), "/api/" in await home.library(job)

        assert has_source == has_pages, kill_at


def test_ids_and_starts_of_sources_are_checked() -> None:
    """An id is a part of file names and URLs."""
    guide = Source(source_id="a", url=f"{BASE}/guide/")
    for bad in ("", "../x", "a/b", "-a", ".a", "a" * 101, "ä", "a b", "a\n"):
        with pytest.raises(InputInvalid, match="cannot be the id of a source"):
            check_sources([Source(source_id=bad, url=f"{BASE}/x/")])
    with pytest.raises(SourceExists, match="'a' already"):
        check_sources([guide, Source(source_id="a", url=f"{BASE}/api/")])
    with pytest.raises(SourceExists, match="begins at"):
        check_sources([guide, Source(source_id="b", url=f"{BASE}/guide/index.html")])
    with pytest.raises(InputInvalid, match="at most 500"):
        check_sources(Source(source_id=f"s{n}", url=f"{BASE}/{n}/") for n in range(MOST_SOURCES + 1))


def test_starts_that_differ_by_a_slash_are_two() -> None:
    """Their directories differ, and so what belongs to them."""
    known = (Source(source_id="main", url=f"{BASE}/guide"),)
    found = name_sources([f"{BASE}/guide/", f"{BASE}/guide", f"{BASE}/guide", f"{BASE}/x/"], known)

    assert [source.source_id for source in found] == ["source-2", "main", "source-3"]


async def test_the_sources_may_change_unless_a_job_crawls_them() -> None:
    """Its result would be attributed to what is there no more."""
    home = ScriptedHome(site())
    await crawl(home, "/guide/")
    await home.create("/guide/", library="docs")
    for wanted in (Wanted(sources=()), Wanted(library_id="other")):
        with pytest.raises(Exception, match="Another job is crawling"):
            await change_library(home.outside.services, TENANT, "docs", wanted)
    titled = await change_library(home.outside.services, TENANT, "docs", Wanted(title="The guide"))

    assert titled.title == "The guide"
    assert titled.active_job is not None
