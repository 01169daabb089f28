"""The index of a library: listed with each generation, made afterwards, once, and kept as long as it is needed."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runnel.adapters.fts5.indexer import open_segment
from runnel.domain import events as e
from runnel.domain import index_plan
from runnel.domain.jobs import JobState
from runnel.domain.libraries import Library
from runnel.errors import GenerationNotFound
from runnel.ports.indexer import IndexedPage
from runnel.testing import MovedClock
from runnel.usecases.collect_garbage import collect_garbage
from runnel.usecases.generations import publish_job, roll_back
from runnel.usecases.index_library import Indexed, index_library
from runnel.usecases.manifests import index_plan_key, load_index_plan, load_manifest
from runnel.usecases.process_pages import page_key
from runnel.usecases.run_crawl import Drive
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage
from tests.support.killable_process import Process
from tests.support.scripted_ports import InlineIndexer
from tests.support.segments import find

DAY_S = 25 * 3600.0
ALL = ("download", "process", "index")
UNINDEXED = ("download", "process")


def site(seed: int = 0, count: int = 5) -> dict[str, Any]:
    """Pages of which the odd ones depend on *seed*."""
    names = tuple(f"/{number}" for number in range(count))
    leaves = {name: ScriptedPage(text=f"leaf{name[1:]} of{seed if int(name[1:]) % 2 else 0}") for name in names}
    return {"/": ScriptedPage(text="home", links=names, links_in_body=True), **leaves}


def library_of(home: ScriptedHome) -> Library:
    (library,) = home.state.libraries.values()
    return library


def segments(home: ScriptedHome) -> set[str]:
    return {key for _, key in home.state.objects if key.startswith("index/")}


async def index(home: ScriptedHome, **options: Any) -> Indexed:
    return await index_library(home.outside.services, library_of(home), **options)


async def search(home: ScriptedHome, query: str, path: str | None = None) -> set[str]:
    """The paths of pages that a generation's segments say hold *query*."""
    path = path or library_of(home).pointer.path
    plan = await load_index_plan(home.outside.services, TENANT, path)
    pages = (await load_manifest(home.outside.services, TENANT, path)).pages.values()
    by_id = {page.page_id: home.path_of(page.url) for page in pages}
    assert plan is not None
    hits: set[str] = set()
    for segment in plan.segments:
        connection = open_segment(home.state.objects[TENANT, segment.key])
        hits |= {by_id[page_id] for _, page_id in find(connection, query) if page_id in segment.pages}
        connection.close()
    return hits


async def test_a_crawl_lists_its_segments_and_makes_them_before_its_end() -> None:
    """Every page is found; the generation says where."""
    home = ScriptedHome(site())
    await home.crawl()

    assert len(segments(home)) == 1
    assert await search(home, "leaf3") == {"/3"}
    assert await search(home, "page") == {"/", "/0", "/1", "/2", "/3", "/4"}


async def test_what_has_not_changed_is_not_indexed_again() -> None:
    """The old segment stays, what changed is in a new one, and nobody finds what it said before."""
    home = ScriptedHome(site(count=8))
    await home.crawl()
    before = segments(home)
    home.pages = site(1, count=8)
    await home.crawl(mode="incremental")
    new = segments(home) - before

    assert before <= segments(home)
    assert len(new) == 1
    assert await search(home, "of0") == {"/0", "/2", "/4", "/6"}
    assert await search(home, "of1") == {"/1", "/3", "/5", "/7"}


class SlowIndexer(InlineIndexer):
    """Takes four seconds a segment, and knows what it has made."""

    def __init__(self, clock: MovedClock) -> None:
        self.made: list[tuple[str, ...]] = []
        self._clock = clock

    async def build(self, pages: Sequence[IndexedPage]) -> bytes:
        await self._clock.sleep(timedelta(seconds=4))
        self.made.append(tuple(page.page_id for page in pages))
        return await super().build(pages)


def driver(home: ScriptedHome, name: str, indexer: SlowIndexer) -> Process:
    process = home.process(name)
    process.services = replace(process.services, indexer=indexer)
    return process


async def test_a_job_ends_when_all_that_its_library_shows_is_indexed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers have the pages before; a driver whose time is over hands the rest on, and nothing is made twice."""
    monkeypatch.setattr(index_plan, "MOST_PAGES", 1)
    home = ScriptedHome(site(count=15))
    indexer, job, ends = SlowIndexer(home.clock), await home.create(), list[Drive | None]()
    while not ends or ends[-1] is Drive.HANDED_OVER:
        task = home.drive(driver(home, f"D{len(ends)}", indexer), job, deadline_s=home.clock.monotonic() + 15)
        ends.append(await home.finish(task))

    assert ends == [Drive.HANDED_OVER, Drive.HANDED_OVER, Drive.ENDED]
    assert len(set(indexer.made)) == len(indexer.made) == 16
    assert await _listed(home) == segments(home)
    assert [type(event) for event in home.log(job)][-1] is e.JobCompleted
    assert len(home.of_type(job, e.LibraryPublished)) == 1


async def test_a_driver_killed_while_it_indexes_loses_what_it_was_making(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of three: the third is there already, and stays."""
    monkeypatch.setattr(index_plan, "MOST_PAGES", 2)
    home = ScriptedHome(site(count=5))
    indexer, job = SlowIndexer(home.clock), await home.create()
    first = driver(home, "D1", indexer)
    task = home.drive(first, job)
    await home.until(lambda: len(segments(home)) == 2)
    first.kill()
    await home.finish(task)
    await home.finish(home.drive(driver(home, "D2", indexer), job))

    assert home.meta(job).state is JobState.COMPLETED
    assert len(indexer.made) == 3
    assert await _listed(home) == segments(home)


async def test_what_one_job_left_unmade_the_next_one_makes() -> None:
    """Also one that finds nothing changed: it is asked for what the library shows, not for what is new."""
    home = ScriptedHome(site())
    await home.crawl(steps=UNINDEXED)
    none = segments(home)
    await home.crawl(mode="incremental")

    assert none == set()
    assert await _listed(home) == segments(home) != set()


async def test_without_time_nothing_is_begun() -> None:
    """Who asks knows what waits."""
    home = ScriptedHome(site())
    await home.crawl(steps=UNINDEXED)
    short = await index(home, has_time=lambda: False)
    built = await index(home)
    again = await index(home)

    assert short == Indexed(missing=1, waiting=1)
    assert built == Indexed(built=1)
    assert again == Indexed()


async def test_a_damaged_list_of_pages_costs_a_crawl_no_end() -> None:
    """The crawl has done what it was asked to; `verify` tells of the damage."""
    home = ScriptedHome(site())
    job = await home.crawl(steps=UNINDEXED)
    path = library_of(home).pointer.path
    home.state.objects[TENANT, f"{path}/part-all.jsonl.gz"] = b"nonsense"
    home.pages = {}
    empty = await home.crawl(library=job.library_id)

    assert empty.ending is not None
    assert "answered 404" in (empty.ending.error or "")
    assert segments(home) == set()


async def test_who_publishes_by_hand_or_goes_back_finds_an_index_too() -> None:
    """No job comes after that."""
    home = ScriptedHome(site(count=8))
    await home.crawl()
    first = segments(home)
    home.pages = {"/": ScriptedPage(text="all else has gone")}
    held = await home.crawl()
    services, library_id = home.outside.services, library_of(home).library_id
    before = segments(home)
    await publish_job(services, TENANT, library_id, held.job_id, force=True)
    forced = segments(home)
    for _, key in [place for place in home.state.objects if place[1] in first]:
        del home.state.objects[TENANT, key]
    await roll_back(services, TENANT, library_id)

    assert before == first
    assert len(forced - first) == 1
    assert first <= segments(home)


@pytest.mark.parametrize("damage", [None, b"nonsense"])
async def test_a_segment_that_would_hide_a_page_is_not_made(damage: bytes | None) -> None:
    """Once there, it would never be made again."""
    home = ScriptedHome(site())
    job = await home.crawl(steps=UNINDEXED)
    place = TENANT, page_key((await home.library(job))["/3"].content_hash)
    del home.state.objects[place]
    if damage is not None:
        home.state.objects[place] = damage

    assert await index(home) == Indexed(missing=1)
    assert segments(home) == set()


async def test_a_segment_that_is_made_late_holds_what_older_generations_find_in_it() -> None:
    """One can go back to them, and it is made once."""
    home = ScriptedHome(site(count=8))
    await home.crawl(steps=UNINDEXED)
    first = library_of(home).pointer.path
    home.pages = site(1, count=8)
    await home.crawl(mode="incremental", steps=UNINDEXED)
    await index(home)

    assert await search(home, "of0", first) == {f"/{number}" for number in range(8)}


@pytest.mark.parametrize("damage", [None, b"nonsense"])
async def test_without_the_list_before_everything_is_listed_anew(damage: bytes | None) -> None:
    """It is only a list."""
    home = ScriptedHome(site(count=8))
    await home.crawl()
    place = TENANT, index_plan_key(library_of(home).pointer.path)
    del home.state.objects[place]
    if damage is not None:
        home.state.objects[place] = damage
    home.pages = site(1, count=8)
    await home.crawl(mode="incremental")

    assert await search(home, "leaf2 OR leaf3") == {"/2", "/3"}


async def told(home: ScriptedHome) -> list[tuple[int, str, int]]:
    records = [json.loads(line) for _, line in await home.outside.services.bus.read(TENANT)]
    return [
        (one["generation"], one["type"], one["data"]["segments"]) for one in records if one["type"].startswith("index.")
    ]


async def test_the_bus_is_told_once_of_each_new_set_and_each_merge() -> None:
    """Also when a driver dies between its publication and the record: its successor tells."""
    home = ScriptedHome(site(count=4))
    job = await home.create()
    process = home.process("D1")
    process.lose_answer("libraries.move_pointer")
    task = home.drive(process, job)
    await home.until(lambda: home.state.libraries[TENANT, job.library_id].pointer.generation == 1, step_s=0.001)
    process.kill()
    await home.finish(task)
    await home.finish(home.drive(home.process("D2"), job))
    for count in range(5, 14):
        home.pages = site(count=count)
        await home.crawl()

    assert await told(home) == [(1, "index.rebuilt", 1), (8, "index.optimized", 1)]


_STEPS = st.one_of(
    st.tuples(st.just("crawl"), st.integers(0, 3)),
    st.tuples(st.just("roll back"), st.integers(0, 6)),
    st.tuples(st.just("collect"), st.just(0)),
    st.tuples(st.just("index"), st.just(0)),
)


@settings(deadline=None, max_examples=15)
@given(steps=st.lists(_STEPS, min_size=4, max_size=12), eager=st.booleans())
def test_no_order_of_things_takes_a_segment_that_a_kept_generation_needs(
    steps: list[tuple[str, int]],
    *,
    eager: bool,
) -> None:
    """The property: what was made stays while a kept generation lists it, and finds every page of it."""
    asyncio.run(_live(steps, eager=eager))


async def _live(steps: list[tuple[str, int]], *, eager: bool) -> None:
    home, steps_of_crawls = ScriptedHome(site()), ALL if eager else UNINDEXED
    await home.crawl(steps=steps_of_crawls)
    made: set[str] = set()
    for step, value in steps:
        if step == "crawl":
            home.pages = site(value)
            await home.crawl(mode="incremental", steps=steps_of_crawls)
        elif step == "roll back":
            try:
                target = max(1, library_of(home).pointer.generation - value)
                await roll_back(home.outside.services, TENANT, library_of(home).library_id, target)
            except GenerationNotFound:
                continue
        elif step == "index":
            await index(home)
        else:
            await home.clock.advance(3_700)
            await collect_garbage(home.outside.services, TENANT)
            await home.clock.advance(DAY_S)
            await collect_garbage(home.outside.services, TENANT)
        needed = await _listed(home)
        made = (made | segments(home)) & needed

        assert made <= segments(home)
        if step == "collect":
            assert segments(home) == made
        if step == "index":
            assert await search(home, "page") == {"/", "/0", "/1", "/2", "/3", "/4"}


async def _listed(home: ScriptedHome) -> set[str]:
    plans = [await load_index_plan(home.outside.services, TENANT, one.path) for one in library_of(home).kept]
    return {key for plan in plans if plan is not None for key in plan.keys}
