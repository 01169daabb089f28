"""Garbage goes, a day after nobody needs it; what a kept generation needs never does."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runnel.errors import GenerationNotFound
from runnel.usecases.collect_garbage import Collected, collect_garbage
from runnel.usecases.generations import publish_job, roll_back
from runnel.usecases.manifests import load_details, load_manifest
from runnel.usecases.process_pages import page_key
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

DAY_S = 25 * 3600.0


def site(seed: int, count: int = 4) -> dict[str, Any]:
    """Pages whose texts depend on *seed*; half of them stay the same."""
    names = tuple(f"/{number}" for number in range(count))
    texts = {name: f"leaf {name} of {seed if number % 2 else 0}" for number, name in enumerate(names)}
    leaves = {name: ScriptedPage(text=text) for name, text in texts.items()}
    return {"/": ScriptedPage(text="home", links=names), **leaves}


async def collect(home: ScriptedHome) -> Collected | None:
    return await collect_garbage(home.outside.services, TENANT)


async def collect_all(home: ScriptedHome) -> Collected | None:
    """Find, wait a day, remove."""
    await home.clock.advance(3_700)
    await collect(home)
    await home.clock.advance(DAY_S)
    return await collect(home)


async def check_kept(home: ScriptedHome) -> set[str]:
    """Every page of every kept generation can be read whole; the keys that are needed."""
    needed: set[str] = set()
    for library in home.state.libraries.values():
        for pointer in library.kept:
            pages = (await load_manifest(home.outside.services, TENANT, pointer.path)).pages
            whole = await load_details(home.outside.services, TENANT, pages.values())
            needed |= {page_key(page.content_hash) for page in pages.values()}
            assert whole.keys() == pages.keys()
    assert all((TENANT, key) in home.state.objects for key in needed)
    return needed


def markdown(home: ScriptedHome) -> set[str]:
    return {key for _, key in home.state.objects if key.startswith("pages/")}


async def crawl(home: ScriptedHome, seed: int, **options: Any) -> None:
    home.pages = site(seed)
    await home.crawl(**options)


async def test_what_only_dropped_generations_needed_goes_after_a_day() -> None:
    """Five generations are kept; of the seventh crawl on, the first one's pages are garbage."""
    home = ScriptedHome({})
    for seed in range(7):
        await crawl(home, seed)
    before = len(markdown(home))
    await home.clock.advance(3_700)
    first = await collect(home)
    soon = len(markdown(home))
    await home.clock.advance(DAY_S)
    second = await collect(home)

    assert first is not None
    assert (first.removed, soon) == (0, before)
    assert second is not None
    assert second.removed == first.waiting > 0
    assert markdown(home) == await check_kept(home)
    assert len(markdown(home)) < before


async def test_nothing_is_removed_while_a_job_is_active() -> None:
    """It may rely on what is there."""
    home = ScriptedHome({})
    for seed in range(7):
        await crawl(home, seed)
    await home.clock.advance(3_700)
    await collect(home)
    await home.clock.advance(DAY_S)
    await home.create()

    assert await collect(home) is None


async def test_a_job_that_began_meanwhile_stops_the_collection() -> None:
    """Between looking and removing."""
    home = ScriptedHome({})
    for seed in range(7):
        await crawl(home, seed)
    await home.clock.advance(3_700)
    await collect(home)
    await home.clock.advance(DAY_S)
    collector = home.process("collector")

    async def begin() -> None:
        await home.create()

    collector.before["content.get"] = begin
    before = dict(home.state.objects)
    task: asyncio.Task[Any] = asyncio.create_task(collect_garbage(collector.services, TENANT))
    await home.until(task.done)

    assert task.result() is None
    assert markdown(home) == {key for _, key in before if key.startswith("pages/")}


async def test_one_collection_an_hour() -> None:
    """However many jobs end."""
    home = ScriptedHome({})
    await crawl(home, 0)
    await home.clock.advance(3_700)

    assert await collect(home) is not None
    assert await collect(home) is None
    await home.clock.advance(3_600)
    assert await collect(home) is not None


async def test_an_object_that_is_needed_again_is_spared() -> None:
    """Found unneeded yesterday, published again today."""
    home = ScriptedHome({})
    for seed in range(7):
        await crawl(home, seed)
    await home.clock.advance(3_700)
    await collect(home)
    await crawl(home, 0)
    await home.clock.advance(DAY_S)
    await collect(home)

    await check_kept(home)


async def test_needs_that_cannot_be_read_stop_everything() -> None:
    """Better garbage than a hole."""
    home = ScriptedHome({})
    for seed in range(7):
        await crawl(home, seed)
    library = next(iter(home.state.libraries.values()))
    home.state.objects.pop((TENANT, f"{library.kept[3].path}/manifest.json"))
    await home.clock.advance(3_700)

    assert await collect(home) is None


@pytest.mark.parametrize("torn", [b"", b"torn"])
async def test_a_torn_list_of_what_was_seen_begins_anew(torn: bytes) -> None:
    """Everything is spared for another day."""
    home = ScriptedHome({})
    for seed in range(7):
        await crawl(home, seed)
    home.state.objects[TENANT, "garbage/seen.json.z"] = torn
    await home.clock.advance(3_700)
    collected = await collect(home)

    assert collected is not None
    assert collected.removed == 0


async def test_needs_are_read_from_the_manifest_when_their_short_list_is_missing() -> None:
    """It is only a shortcut."""
    home = ScriptedHome({})
    for seed in range(7):
        await crawl(home, seed)
    for place in [place for place in home.state.objects if place[1].endswith("needs.bin")]:
        del home.state.objects[place]
    await collect_all(home)

    assert markdown(home) == await check_kept(home)


async def test_a_damaged_short_list_costs_no_page() -> None:
    """It says less than is needed: whoever believed it would remove pages that the library shows."""
    home = ScriptedHome({})
    await crawl(home, 0)
    for place in [place for place in home.state.objects if place[1].endswith("needs.bin")]:
        home.state.objects[place] = home.state.objects[place][:32]
    await collect_all(home)

    assert markdown(home) == await check_kept(home)


async def test_what_a_held_job_brought_stays_while_the_job_does() -> None:
    """Its operator may still publish it."""
    home = ScriptedHome(site(0, 9))
    await home.crawl()
    home.pages = site(1, 4)
    held = await home.crawl()
    await collect_all(home)
    await collect_all(home)
    await publish_job(home.outside.services, TENANT, held.library_id, force=True)

    await check_kept(home)


async def test_a_report_stays_as_long_as_its_job_even_when_nobody_deletes_that() -> None:
    """A table lets a job's record expire by itself: then the collector takes the report, after the next crawl."""
    home = ScriptedHome(site(0))
    job = await home.crawl()
    reports = {key for _, key in home.state.objects if key.startswith("reports/")}
    await collect_all(home)
    kept = {key for _, key in home.state.objects if key.startswith("reports/")}
    del home.state.jobs[TENANT, job.job_id]
    await collect_all(home)

    assert kept == reports != set()
    assert {key for _, key in home.state.objects if key.startswith("reports/")} == set()
    await check_kept(home)


async def test_results_of_a_deleted_job_go_when_no_generation_points_to_them() -> None:
    """The job's record is gone; its objects follow."""
    home = ScriptedHome({})
    for seed in range(7):
        await crawl(home, seed)
    for place in list(home.state.jobs):
        del home.state.jobs[place]
    await collect_all(home)
    library = next(iter(home.state.libraries.values()))
    jobs = {key.split("/")[1] for _, key in home.state.objects if key.startswith("batches/")}

    assert jobs <= {pointer.published_by for pointer in library.kept}
    await check_kept(home)


_STEPS = st.one_of(
    st.tuples(st.just("crawl"), st.integers(0, 4)),
    st.tuples(st.just("incremental"), st.integers(0, 4)),
    st.tuples(st.just("roll back"), st.integers(0, 9)),
    st.tuples(st.just("collect"), st.just(0)),
    st.tuples(st.just("wait"), st.sampled_from([3_700, 90_000])),
    st.tuples(st.just("forget jobs"), st.just(0)),
)


@settings(deadline=None, max_examples=25)
@given(steps=st.lists(_STEPS, min_size=3, max_size=14))
def test_no_order_of_things_takes_what_a_kept_generation_needs(steps: list[tuple[str, int]]) -> None:
    """The property: whatever is published, taken back, collected and waited for, every kept generation is whole."""
    asyncio.run(_live(steps))


async def _live(steps: list[tuple[str, int]]) -> None:
    home = ScriptedHome({})
    await crawl(home, 0)
    for step, value in steps:
        library = next(iter(home.state.libraries.values()))
        if step in {"crawl", "incremental"}:
            await crawl(home, value, mode="full" if step == "crawl" else step)
        elif step == "roll back":
            target = max(1, library.pointer.generation - value)
            try:
                await roll_back(home.outside.services, TENANT, library.library_id, target)
            except GenerationNotFound:
                continue
        elif step == "collect":
            await collect_all(home)
        elif step == "wait":
            await home.clock.advance(value)
        else:
            ended = [place for place, job in home.state.jobs.items() if job.is_over]
            for place in ended:
                del home.state.jobs[place]
        await check_kept(home)
