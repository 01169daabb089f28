"""An incremental crawl ends with the library that a full one would make, and does no more than it must."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import Job, JobState
from runnel.domain.payloads import StoredPage
from runnel.usecases.known_pages import KnownPages, load_known, load_known_again
from runnel.usecases.process_pages import page_key
from runnel.usecases.services import Tuning
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

_ONE_A_BATCH = Tuning(batch_pages=1)
NAMES = tuple(f"/{number}" for number in range(10))


def page(text: str, *links: str, **more: Any) -> ScriptedPage:
    return ScriptedPage(text=text, links=links, links_in_body=True, **more)


def site(**changes: ScriptedPage | None) -> dict[str, Any]:
    """A home page, ten leaves, and below the first of them two more; *changes* by name without the slash."""
    pages: dict[str, Any] = {"/": page("home", *NAMES), **{name: page(f"leaf {name}") for name in NAMES}}
    pages |= {"/0": page("leaf 0", "/deep"), "/deep": page("deep", "/deeper"), "/deeper": page("deeper")}
    for name, changed in changes.items():
        pages["/" if name == "home" else f"/{name.lstrip('_')}"] = changed
    return {path: one for path, one in pages.items() if one is not None}


async def crawled(**fields: Any) -> ScriptedHome:
    """A home whose library has the whole site."""
    home = ScriptedHome(site())
    await home.crawl(**fields)
    home.fetched.clear()
    home.submitted.clear()
    return home


def outcomes(home: ScriptedHome, job: Job) -> Counter[str]:
    return Counter(event.outcome for event in home.of_type(job, e.UrlCrawled))


def warnings(home: ScriptedHome, job: Job) -> list[str]:
    return [event.message for event in home.of_type(job, e.Log) if event.level == "warning"]


def plain(pages: dict[str, StoredPage]) -> dict[str, StoredPage]:
    """Pages without what tells when and by which job they were fetched."""
    drop = {"fetched_at": "", "details": None}
    return {path: one.model_copy(update=drop) for path, one in pages.items()}


async def test_links_of_pages_that_were_processed_together_are_read_once() -> None:
    """Ten answers at a time ask for the links of one result object."""
    home = await crawled()
    process = home.process("P")
    path = next(iter(home.state.libraries.values())).pointer.path
    known = await load_known(process.services, TENANT, path)
    process.steps.clear()
    links = await asyncio.gather(*(known.links_of(home.url(name)) for name in ("/", *NAMES)))
    asked = process.steps.count("content.get_many")
    await known.links_of(home.url("/0"))

    assert asked == process.steps.count("content.get_many") == 1
    assert links[0] == tuple(home.url(name) for name in NAMES)
    assert links[1] == (home.url("/deep"),)


async def test_a_site_that_has_not_changed_is_only_asked() -> None:
    """Nothing is processed, nothing is written; the pages count as good, and the library is the same."""
    home = await crawled()
    before = dict(home.state.libraries)
    objects = {key for _, key in home.state.objects if key.startswith("pages/")}
    job = await home.crawl(mode="incremental")
    (published,) = home.of_type(job, e.LibraryPublished)

    assert outcomes(home, job) == {"unchanged": 13}
    assert sorted(home.fetched) == sorted(site())
    assert home.submitted == []
    assert {key for _, key in home.state.objects if key.startswith("pages/")} == objects
    assert (published.generation, published.unchanged, published.added, published.removed) == (2, 13, 0, 0)
    assert job.ending is not None
    assert (job.state, job.ending.ok, job.ending.counts.unchanged) == (JobState.COMPLETED, True, 13)
    assert before.keys() == home.state.libraries.keys()
    assert not warnings(home, job)


async def test_incremental_ends_where_full_would() -> None:
    """Changed, added, removed, moved, redirected, doubled: the same pages, whichever way the crawl looked."""
    changes: dict[str, Any] = {
        "_1": page("leaf 1 is new", "/added"),
        "added": page("added"),
        "_2": page("leaf /2", final="/two"),
        "two": page("leaf /2"),
        "_3": None,
        "twin": page("leaf /4"),
        "home": page("home", *(name for name in NAMES if name != "/9"), "/twin"),
        "_9": None,
    }
    full, incremental = await crawled(), await crawled()
    full.pages = incremental.pages = site(**changes)
    one = await full.crawl()
    two = await incremental.crawl(mode="incremental")

    assert plain(await incremental.library(two)) == plain(await full.library(one))
    assert set(await incremental.library(two)) == {
        "/", "/0", "/deep", "/deeper", "/1", "/added", "/two", "/4", "/5", "/6", "/7", "/8",
    }  # fmt: skip
    assert incremental.of_type(two, e.LibraryPublished)[0].changed == 1
    assert len([url for request in incremental.submitted for url in request.pages]) == 4


async def test_unlinked_pages_go_although_nothing_else_has_changed() -> None:
    """The stored links of unchanged pages are the crawl's own link graph."""
    home = await crawled()
    home.pages = site(_0=page("leaf 0 without links"))
    job = await home.crawl(mode="incremental")

    assert set(await home.library(job)) == set(site()) - {"/deep", "/deeper"}
    assert "/deep" not in home.fetched


async def test_what_failed_last_time_is_tried_again() -> None:
    """Also a page that the library never had, found through a page that has not changed since."""
    home = ScriptedHome(site(deep=ScriptedPage(status=500), _5=ScriptedPage(status=503)))
    missing = set(await home.library(await home.crawl()))
    home.pages = site()
    job = await home.crawl(mode="incremental")

    assert {"/deep", "/deeper", "/5"} == set(site()) - missing
    assert set(await home.library(job)) == set(site())
    assert outcomes(home, job) == {"unchanged": 10, "fetched": 3}


async def test_a_page_that_fails_for_now_leads_on_by_its_stored_links() -> None:
    """What only it links to is looked at, not forgotten."""
    home = await crawled()
    home.pages = site(_0=ScriptedPage(status=500), deep=page("deep is new", "/deeper"))
    job = await home.crawl(mode="incremental")
    pages = await home.library(job)

    assert set(pages) == set(site())
    assert outcomes(home, job) == {"unchanged": 11, "fetched": 1}


async def test_a_page_that_has_gone_leads_nowhere() -> None:
    """Its links have gone with it."""
    home = await crawled()
    home.pages = site(_0=ScriptedPage(status=404))
    job = await home.crawl(mode="incremental")

    assert home.of_type(job, e.LibraryHeld)[0].reason == "3 of 13 pages would go (limit 20%)"
    assert "/deep" not in home.fetched


async def test_custom_metadata_is_kept_when_a_page_changes() -> None:
    """It is the user's own, and no crawl knows it."""
    home = await crawled(metadata={"team": "docs"})
    home.pages = site(_1=page("leaf 1 is new"))
    job = await home.crawl(mode="incremental", metadata={"release": "2"})
    pages = await home.library(job)

    assert pages["/1"].metadata == {"team": "docs", "release": "2"}
    assert pages["/2"].metadata == {"team": "docs"}


async def test_a_library_without_pages_is_crawled_in_full_with_a_warning() -> None:
    """There is nothing to compare with."""
    home = ScriptedHome(site())
    job = await home.crawl(mode="incremental")

    assert warnings(home, job) == ["The library has no pages yet. Everything is fetched, as by mode 'full'."]
    assert outcomes(home, job) == {"fetched": 13}
    assert set(await home.library(job)) == set(site())


async def test_a_damaged_generation_is_crawled_in_full_with_a_warning() -> None:
    """The library is whole again afterwards."""
    home = await crawled()
    (path,) = {library.pointer.path for library in home.state.libraries.values()}
    home.state.objects[TENANT, f"{path}/manifest.json"] = b"torn"
    job = await home.crawl(mode="incremental")

    assert warnings(home, job)[0].startswith(f"The manifest at {path} is damaged. Everything is fetched")
    assert outcomes(home, job) == {"fetched": 13}
    assert set(await home.library(job)) == set(site())


@pytest.mark.parametrize("lost", ["markdown", "details"])
async def test_a_page_whose_object_is_missing_is_fetched_anew(lost: str) -> None:
    """'Not modified' would leave the library with a page that cannot be read."""
    home = await crawled()
    (library,) = home.state.libraries.values()
    pages = await home.library(home.meta(await _last(home)))
    victim = pages["/3"]
    assert victim.details is not None
    key = page_key(victim.content_hash) if lost == "markdown" else victim.details[0]
    members = 1 if lost == "markdown" else sum(one.details[0] == key for one in pages.values() if one.details)
    home.state.objects.pop((TENANT, key))
    job = await home.crawl(mode="incremental")

    assert warnings(home, job) == [f"{members} of the library's 13 pages lack an object: they are fetched anew."]
    assert outcomes(home, job)["fetched"] == members
    assert (TENANT, page_key(victim.content_hash)) in home.state.objects
    assert library.pointer.generation == 1


async def test_the_base_is_chosen_once_whoever_publishes_meanwhile() -> None:
    """A later driver compares with the same pages; what was said to be unchanged is there at the end."""
    home = await crawled()
    job = await home.create(mode="incremental")
    process = home.process("D2")
    gate = home.hold("/deeper")
    task = home.drive(process, job)
    await home.until(lambda: "/deeper" in home.fetched)
    await home.until(lambda: len(home.of_type(job, e.UrlCrawled)) == 12)
    process.kill()
    await home.finish(task)
    key = TENANT, job.library_id
    library = home.state.libraries[key]
    stripped = replace(library.pointer, generation=2, path="", pages=0)
    home.state.libraries[key] = replace(library, pointer=stripped, kept=(stripped, *library.kept))
    gate.set()
    await home.finish(home.drive(home.process("D3"), job))

    assert set(await home.library(job)) == set(site())
    assert len([event for event in home.of_type(job, e.Log) if "known from generation" in event.message]) == 1


async def test_a_limit_keeps_what_was_not_asked_for() -> None:
    """It has not gone."""
    home = await crawled()
    job = await home.crawl(mode="incremental", limit=3)

    assert set(await home.library(job)) == set(site())


async def test_the_links_of_a_page_that_wants_none_followed_are_not_followed() -> None:
    """Its stored links are there; its wish is, too."""
    home = ScriptedHome(site(_0=page("leaf 0", "/deep", nofollow=True)))
    await home.crawl()
    job = await home.crawl(mode="incremental")

    assert set(await home.library(job)) == set(site()) - {"/deep", "/deeper"}


async def test_a_killed_incremental_crawl_ends_as_an_undisturbed_one() -> None:
    """Kill anything, at any moment."""
    changes = site(_1=page("leaf 1 is new", "/added"), added=page("added"), _3=None)
    steady = await crawled()
    steady.pages = dict(changes)
    process = steady.process("D2")
    job = await steady.create(mode="incremental")
    await steady.finish(steady.drive(process, job))
    wanted = plain(await steady.library(job))
    for kill_at in range(1, len(process.steps), 7):
        home = await crawled()
        home.pages = dict(changes)
        job = await home.create(mode="incremental")
        victim = home.process("D2")
        victim.kill_at = kill_at
        await home.finish(home.drive(victim, job))
        if not home.meta(job).is_over:
            await home.finish(home.drive(home.process("D3"), job))

        assert plain(await home.library(job)) == wanted, f"killed at step {kill_at}"
        assert len(home.of_type(job, e.LibraryPublished)) == 1


async def _last(home: ScriptedHome) -> Job:
    jobs, _ = await home.outside.services.jobs.list_jobs(
        TENANT, states=frozenset(), library_id=None, cursor=None, limit=1
    )
    return jobs[0]


async def test_links_of_many_pages_are_read_a_few_objects_at_a_time() -> None:
    """Memory does not grow with the library: what was read first is forgotten, and read again."""
    names = tuple(f"/{number}" for number in range(80))
    home = ScriptedHome({"/": page("home", *names), **{name: page(name) for name in names}}, tuning=_ONE_A_BATCH)
    job = await home.crawl()
    pages = {one.url: one for one in (await home.library(job)).values()}
    known = KnownPages(home.outside.services, TENANT, pages)
    for _ in range(2):
        links = [await known.links_of(url) for url in sorted(pages)]

        assert links[0] == tuple(home.url(name) for name in names)
    assert len({one.details[0] for one in pages.values() if one.details}) == 81


async def test_a_later_driver_knows_no_more_than_what_can_be_read() -> None:
    """The generation was damaged after the first driver had chosen it."""
    home = await crawled()

    assert len(await load_known_again(home.outside.services, TENANT, "generations/nowhere")) == 0


async def test_what_a_crawl_relied_on_is_looked_for_before_it_publishes() -> None:
    """An object that went while the crawl ran is said, and its page is fetched by the next one."""
    pages = {
        "/": ScriptedPage(text="home", links=("/a",), links_in_body=True),
        "/a": ScriptedPage(text="a", links=("/b",)),
        "/b": ScriptedPage(text="b"),
    }
    home = ScriptedHome(pages)
    key = page_key((await home.library(await home.crawl()))["/a"].content_hash)
    answers = home.hold("/b")
    job = await home.create()
    task = home.drive(home.process("D1"), job)
    await home.until(lambda: bool(home.of_type(job, e.BatchProcessed)))
    del home.state.objects[TENANT, key]
    answers.set()
    await home.finish(task)
    warnings = [event.message for event in home.of_type(job, e.Log) if event.level == "warning"]
    await home.crawl(mode="incremental")

    assert warnings == ["The objects of 1 pages have gone since they were written; the next crawl fetches them anew."]
    assert set(await home.library(job)) == {"/", "/a", "/b"}
    assert (TENANT, key) in home.state.objects
