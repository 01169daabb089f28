"""The bus tells each change of a library exactly once, whoever made it and whatever was killed."""

import asyncio
import json
from typing import Any

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import Job
from runnel.domain.libraries import Library
from runnel.usecases.generations import roll_back
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

NAMES = tuple(f"/{number}" for number in range(9))


def site(*names: str, **texts: str) -> dict[str, Any]:
    leaves = {name: ScriptedPage(text=texts.get(f"_{name[1:]}", f"leaf {name}")) for name in names}
    return {"/": ScriptedPage(text="home", links=names), **leaves}


async def told(home: ScriptedHome) -> list[tuple[int, str, str]]:
    """Generation, type and path of each record of a page; numbers are contiguous and ids differ, or this fails."""
    found = await home.outside.services.bus.read(TENANT)
    records = [json.loads(line) for _, line in found]
    assert [seq for seq, _ in found] == list(range(1, len(found) + 1))
    assert len({record["event_id"] for record in records}) == len(records)
    return [
        (one["generation"], one["type"], home.path_of(one["data"]["url"])) for one in records if "url" in one["data"]
    ]


def library_of(home: ScriptedHome, job: Job) -> Library:
    return home.state.libraries[TENANT, job.library_id]


async def test_each_change_of_a_generation_is_told_once() -> None:
    """Added, updated and deleted; what is the same is not told."""
    home = ScriptedHome(site("/0", "/1", *NAMES[2:]))
    await home.crawl()
    home.pages = site("/new", *NAMES[1:], _1="leaf 1 is new")
    await home.crawl()
    await home.crawl(mode="incremental")

    assert await told(home) == [
        *[(1, "document.added", path) for path in ("/", *NAMES)],
        (2, "document.deleted", "/0"), (2, "document.updated", "/1"), (2, "document.added", "/new"),
    ]  # fmt: skip


async def test_a_record_says_which_page_it_is_about() -> None:
    """A webhook or an index goes by it, without asking back."""
    home = ScriptedHome(site("/0"))
    job = await home.crawl()
    page = (await home.library(job))["/0"]
    record = json.loads((await home.outside.services.bus.read(TENANT))[1][1])

    assert record["data"] == {
        "page_id": page.page_id, "url": page.url, "title": page.title, "content_hash": page.content_hash,
    }  # fmt: skip
    assert (record["library_id"], record["generation"], record["type"]) == (job.library_id, 1, "document.added")
    assert record["time"].endswith("Z")
    assert record["event_id"].endswith(":1:1")


async def test_a_rollback_tells_what_it_brings_back() -> None:
    """To a reader of the library it is a change like any other."""
    home = ScriptedHome(site(*NAMES))
    job = await home.crawl()
    home.pages = site("/new", *NAMES[1:])
    await home.crawl()
    await roll_back(home.outside.services, TENANT, job.library_id)

    assert (await told(home))[-2:] == [(3, "document.deleted", "/new"), (3, "document.added", "/0")]


async def _publish_and_die(home: ScriptedHome) -> Job:
    """A job whose driver dies between its pointer write and the records."""
    job = await home.create()
    process = home.process("D1")
    process.kill_before = "bus.append"
    await home.finish(home.drive(process, job))
    assert library_of(home, job).pointer.published_by == job.job_id
    return job


async def test_bus_redo_a_successor_that_finds_its_job_published_tells() -> None:
    """Whoever says `library_published` has put that generation's records [bus_redo]."""
    home = ScriptedHome(site(*NAMES))
    job = await _publish_and_die(home)

    assert await told(home) == []

    await home.finish(home.drive(home.process("D2"), job))

    assert len(home.of_type(job, e.LibraryPublished)) == 1
    assert [one[:2] for one in await told(home)] == [(1, "document.added")] * 10


@pytest.mark.parametrize("following", ["rollback", "crawl"])
async def test_bus_before_the_next_publisher_tells_what_it_builds_on(following: str) -> None:
    """Or the changes of a generation whose publisher died would be lost, and the order with them [bus_before]."""
    home = ScriptedHome(site(*NAMES))
    job = await home.crawl()
    await roll_forward(home, job)
    publisher = home.process("rollback")
    publisher.kill_before = "bus.append"
    task: asyncio.Task[Any] = asyncio.create_task(roll_back(publisher.services, TENANT, job.library_id))
    publisher.tasks.append(task)
    await home.finish(task)
    lost = library_of(home, job).pointer.generation
    before = await told(home)

    assert max(generation for generation, _, _ in before) == lost - 1

    if following == "rollback":
        await roll_back(home.outside.services, TENANT, job.library_id)
    else:
        await home.crawl()
    generations = [generation for generation, _, _ in await told(home)]

    assert generations == sorted(generations)
    assert set(generations) == {1, 2, 3, 4}


async def roll_forward(home: ScriptedHome, job: Job) -> None:
    """A second generation."""
    home.pages = site("/new", *NAMES[1:])
    assert (await home.crawl()).library_id == job.library_id


@pytest.mark.parametrize("lost", ["pointer", "base"])
async def test_records_that_cannot_be_told_stand_in_nobodys_way(lost: str) -> None:
    """The pages matter more."""
    home = ScriptedHome(site(*NAMES))
    await home.crawl()
    home.pages = site("/new", *NAMES[1:])
    job = await _publish_and_die(home)
    path = library_of(home, job).pointer.path if lost == "pointer" else library_of(home, job).pointer.base_path
    home.state.objects.pop((TENANT, f"{path}/manifest.json"))
    await home.finish(home.drive(home.process("D2"), job))

    assert home.log(job)[-1].type == "job_completed"
    assert {generation for generation, _, _ in await told(home)} == {1}


async def test_a_driver_killed_at_any_step_of_its_publication_tells_once() -> None:
    """Each change appears exactly once, however often publishing is repeated."""
    steady = ScriptedHome(site(*NAMES))
    process = steady.process("D1")
    job = await steady.create()
    await steady.finish(steady.drive(process, job))
    wanted = await told(steady)
    for kill_at in range(len(process.steps) - 30, len(process.steps) + 1):
        home = ScriptedHome(site(*NAMES))
        job = await home.create()
        victim = home.process("D1")
        victim.kill_at = kill_at
        await home.finish(home.drive(victim, job))
        await home.finish(home.drive(home.process("D2"), job))

        assert await told(home) == wanted, f"killed before step {kill_at}"


async def test_a_long_list_of_changes_is_told_in_parts_that_are_repeated_as_a_whole() -> None:
    """A thousand records a segment: a publisher that died between two of them is finished by its successor."""
    names = tuple(f"/{number:04}" for number in range(1_100))
    home = ScriptedHome(site(*names))
    home.latency_s = 0.001
    job = await home.create(concurrency=100)
    process = home.process("D1")

    async def die_at_the_next() -> None:
        process.before["bus.append"] = die

    async def die() -> None:
        process.kill()

    process.before["bus.append"] = die_at_the_next
    await home.finish(home.drive(process, job))

    assert len(await told(home)) == 1_000

    await home.finish(home.drive(home.process("D2"), job))

    assert len(await told(home)) == 1_101


async def test_a_page_whose_own_fields_changed_is_told_as_updated() -> None:
    """Its text is the same, and so are its chunks."""
    home = ScriptedHome(site("/0"))
    await home.crawl()
    await home.crawl(metadata={"team": "docs"})

    assert (await told(home))[2:] == [(2, "document.updated", "/"), (2, "document.updated", "/0")]
