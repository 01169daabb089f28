"""A library never gets worse: what is held, what goes, what stays, and the way back."""

import gzip
from typing import Any

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import EndedBecause, Job, JobState
from runnel.domain.libraries import Library
from runnel.domain.verdicts import ErrorCategory
from runnel.errors import (
    ManifestDamaged,
)
from runnel.usecases.generations import roll_back
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

NAMES = tuple(f"/{number}" for number in range(10))


def site(*names: str, **more: Any) -> dict[str, Any]:
    """A home page that links to leaves."""
    leaves = {name: ScriptedPage(text=f"leaf {name}") for name in names}
    return {"/": ScriptedPage(text="home", links=names), **leaves, **more}


def library_of(home: ScriptedHome, job: Job) -> Library:
    return home.state.libraries[TENANT, job.library_id]


async def crawl_twice(second: dict[str, Any], **options: Any) -> tuple[ScriptedHome, Job]:
    """A library of eleven pages, and a crawl of what has become of its site."""
    home = ScriptedHome(site(*NAMES))
    await home.crawl()
    home.pages = second
    return home, await home.crawl(**options)


async def test_a_much_smaller_result_is_held_and_the_old_generation_stays() -> None:
    """Three of eleven pages would go: that is more likely the site's mistake than its wish."""
    home, job = await crawl_twice(site(*NAMES[:7]))
    (held,) = home.of_type(job, e.LibraryHeld)

    assert held.reason == "3 of 11 pages would go (limit 20%)"
    assert held.limits == {"gone": 0.2727, "gone_limit": 0.2}
    assert home.of_type(job, e.LibraryPublished) == []
    assert library_of(home, job).pointer.generation == 1
    assert set(await home.library(job)) == {"/", *NAMES}
    assert job.state is JobState.COMPLETED


async def test_a_result_within_the_limits_is_published() -> None:
    """Two of eleven pages may go."""
    home, job = await crawl_twice(site(*NAMES[:8]))

    assert home.of_type(job, e.LibraryHeld) == []
    assert set(await home.library(job)) == {"/", *NAMES[:8]}


@pytest.mark.parametrize(
    ("broken", "limit"),
    [
        (ScriptedPage(status=500), "failed"),
        (ScriptedPage(is_empty=True), "empty"),
        (ScriptedPage(status=404), "gone"),
    ],
)
async def test_a_site_that_is_half_broken_is_held(broken: ScriptedPage, limit: str) -> None:
    """Whatever way it is broken."""
    home, job = await crawl_twice(site(*NAMES, **dict.fromkeys(NAMES[:4], broken)))
    (held,) = home.of_type(job, e.LibraryHeld)

    assert set(held.limits) == {limit, f"{limit}_limit"}
    assert set(await home.library(job)) == {"/", *NAMES}


async def test_dead_links_that_were_never_pages_hold_nothing() -> None:
    """Or a site with many of them could be crawled only once."""
    dead = tuple(f"/dead{number}" for number in range(9))
    home, job = await crawl_twice(site(*NAMES, **{"/": ScriptedPage(text="home", links=(*NAMES, *dead))}))

    assert home.of_type(job, e.LibraryHeld) == []


async def test_pages_that_moved_have_not_gone() -> None:
    """A site that renames its folder keeps its content; the library holds it once."""
    moved = {f"/new{name}": ScriptedPage(text=f"leaf {name}") for name in NAMES}
    redirects = {name: ScriptedPage(text=f"leaf {name}", final=f"/new{name}") for name in NAMES[:5]}
    home, job = await crawl_twice({"/": ScriptedPage(text="home", links=(*moved, *redirects)), **moved, **redirects})

    assert home.of_type(job, e.LibraryHeld) == []
    assert set(await home.library(job)) == {"/", *moved}


async def test_pages_that_moved_and_changed_have_not_gone_either() -> None:
    """Their old addresses lead to them."""
    moved = {f"/new{name}": ScriptedPage(text=f"rewritten {name}") for name in NAMES}
    redirects = {name: ScriptedPage(text=f"rewritten {name}", final=f"/new{name}") for name in NAMES}
    home, job = await crawl_twice({"/": ScriptedPage(text="home", links=tuple(redirects)), **moved, **redirects})

    assert home.of_type(job, e.LibraryHeld) == []
    assert set(await home.library(job)) == {"/", *moved}


async def test_a_page_that_moved_leaves_no_copy_even_when_the_crawl_stops_early() -> None:
    """That much is known: its old address leads to where it is now."""
    moved = ScriptedPage(text="leaf /0", final="/new/0")
    home, job = await crawl_twice({**site(*NAMES), "/0": moved}, limit=2, concurrency=1)

    assert job.ending is not None
    assert job.ending.ended_because is EndedBecause.LIMIT
    assert set(await home.library(job)) == {"/", "/new/0", *NAMES[1:]}


async def _with_a_hidden_page(second: dict[str, Any], **options: Any) -> set[str]:
    """The library after a crawl that cannot read the sitemap which alone named a page of it."""
    home = ScriptedHome(site(*NAMES, **{"/hidden": ScriptedPage(text="hidden")}))
    file = "https://docs.example.com/sitemap.xml"
    home.sitemaps.files[file] = f"<urlset><url><loc>{home.url('/hidden')}</loc></url></urlset>"
    job = await home.crawl()
    assert "/hidden" in await home.library(job)
    home.sitemaps.files[file] = ErrorCategory.HTTP_5XX
    home.pages = second
    return set(await home.library(await home.crawl(**options)))


async def test_a_page_that_only_an_unreadable_sitemap_names_stays() -> None:
    """Nobody can say that it has gone."""
    assert await _with_a_hidden_page(site(*NAMES)) == {"/", "/hidden", *NAMES}


async def test_a_page_that_is_told_to_be_left_out_goes_whatever_could_not_be_read() -> None:
    """It was found, and is not wanted."""
    found = {**site(*NAMES), "/": ScriptedPage(text="home", links=(*NAMES, "/hidden"))}

    assert await _with_a_hidden_page(found, exclude=("/hidden",)) == {"/", *NAMES}


async def test_pages_that_the_processor_lost_count_as_failed() -> None:
    """They were fetched, and nobody will read them."""
    home = ScriptedHome(site(*NAMES))
    await home.crawl()
    home.pages = site(*NAMES, **{name: ScriptedPage(text=f"new {name}") for name in NAMES[:4]})
    home.unprocessable.update(dict.fromkeys(NAMES[:4], 9))
    job = await home.crawl()
    (held,) = home.of_type(job, e.LibraryHeld)

    assert held.reason == "4 pages failed beside 7 good ones (limit 20%)"


async def test_a_page_that_fails_for_now_stays_and_so_does_what_only_it_links_to() -> None:
    """Nothing was learned about them: a page goes only on evidence."""
    pages = {
        **site(*NAMES),
        "/0": ScriptedPage(text="zero", links=("/0/leaf",), links_in_body=True),
        "/0/leaf": ScriptedPage(text="leaf of zero", links=("/0/leaf/leaf",), links_in_body=True),
        "/0/leaf/leaf": ScriptedPage(text="leaf of leaf"),
    }
    home = ScriptedHome(pages)
    await home.crawl()
    home.pages["/0"] = ScriptedPage(status=500)
    job = await home.crawl()

    assert set(await home.library(job)) == set(pages)

    home.pages["/0"] = ScriptedPage(text="zero without links")
    job = await home.crawl()

    assert set(await home.library(job)) == {"/", *NAMES}


async def test_a_page_that_answers_410_goes() -> None:
    """The site says so."""
    home, job = await crawl_twice(site(*NAMES, **{"/3": ScriptedPage(status=410)}))

    assert set(await home.library(job)) == {"/", *NAMES} - {"/3"}


async def test_a_page_that_its_site_wants_out_goes() -> None:
    """`noindex` is a wish to be respected in what exists already, too."""
    home, job = await crawl_twice(site(*NAMES, **{"/3": ScriptedPage(noindex=True)}))

    assert "/3" not in await home.library(job)


async def test_a_start_page_that_fails_takes_nothing_with_it() -> None:
    """Of two sources one is down: its pages stay, the other's are brought up to date."""
    pages = {
        "/one/": ScriptedPage(text="one", links=("/one/leaf",)),
        "/one/leaf": ScriptedPage(text="leaf of one"),
        **{f"/two/{number}": ScriptedPage(text=f"two {number}") for number in range(6)},
        "/two/": ScriptedPage(text="two", links=tuple(f"/two/{number}" for number in range(6))),
    }
    home = ScriptedHome(pages)
    first = await home.create("/one/", "/two/", library="docs")
    await home.finish(home.drive(home.process("D1"), first))
    home.pages["/one/"] = ScriptedPage(status=503)
    del home.pages["/two/5"]
    second = await home.create("/one/", "/two/", library="docs")
    await home.finish(home.drive(home.process("D2"), second))

    assert set(await home.library(second)) == set(pages) - {"/two/5"}


async def test_a_driver_killed_after_it_told_of_the_hold_does_not_tell_again() -> None:
    """Nor does its successor publish because the library has changed meanwhile."""
    home = ScriptedHome(site(*NAMES))
    await home.crawl()
    home.pages = site(*NAMES[:7])
    job = await home.create()
    process = home.process("D2")
    task = home.drive(process, job)
    await home.until(lambda: bool(home.of_type(job, e.LibraryHeld)), step_s=0.001)
    process.kill()
    await home.finish(task)
    await home.finish(home.drive(home.process("D3"), job))

    assert len(home.of_type(job, e.LibraryHeld)) == 1
    assert home.meta(job).state is JobState.COMPLETED
    assert library_of(home, job).pointer.generation == 1


@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b"no json", None])
async def test_a_damaged_generation_is_said_and_crawled_over(damage: bytes | None) -> None:
    """The next result is built on the newest generation that can be read."""
    home = ScriptedHome(site(*NAMES))
    await home.crawl()
    job = await home.crawl()
    head = (TENANT, f"{library_of(home, job).pointer.path}/manifest.json")
    home.state.objects.pop(head)
    if damage is not None:
        home.state.objects[head] = damage
    with pytest.raises(ManifestDamaged):
        await home.library(job)
    third = await home.crawl()
    (warning,) = [event for event in home.of_type(third, e.Log) if event.level == "warning"]

    assert "The manifest at" in warning.message
    assert set(await home.library(third)) == {"/", *NAMES}
    assert [event.added for event in home.of_type(third, e.LibraryPublished)] == [0]


@pytest.mark.parametrize("damage", [None, b"no gzip", "cut", "short"])
async def test_a_damaged_part_is_said(damage: Any) -> None:
    """A part that is missing, torn, or holds fewer pages than the head says is no smaller library."""
    home = ScriptedHome(site(*NAMES))
    job = await home.crawl()
    key = (TENANT, f"{library_of(home, job).pointer.path}/part-all.jsonl.gz")
    body = home.state.objects.pop(key)
    if damage == "cut":
        home.state.objects[key] = body[:-20]
    elif damage == "short":
        home.state.objects[key] = gzip.compress(b"\n".join(gzip.decompress(body).splitlines()[:3]))
    elif damage is not None:
        home.state.objects[key] = damage
    with pytest.raises(ManifestDamaged):
        await home.library(job)


async def test_a_library_whose_generations_are_all_damaged_begins_anew() -> None:
    """There is nothing left to build on; the crawl is worth more than no library."""
    home = ScriptedHome(site(*NAMES))
    job = await home.crawl()
    home.state.objects.pop((TENANT, f"{library_of(home, job).pointer.path}/manifest.json"))
    second = await home.crawl()

    assert set(await home.library(second)) == {"/", *NAMES}


async def test_a_damaged_present_can_be_left_by_a_rollback() -> None:
    """That is what a rollback is for; what it changes cannot be told."""
    home, job = await crawl_twice(site(*NAMES[:8]))
    home.state.objects.pop((TENANT, f"{library_of(home, job).pointer.path}/manifest.json"))
    pointer = await roll_back(home.outside.services, TENANT, job.library_id, 1)

    assert (pointer.generation, pointer.records) == (3, 0)
    assert set(await home.library(job)) == {"/", *NAMES}
