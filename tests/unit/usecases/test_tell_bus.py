"""The bus tells each change of a library exactly once, whoever made it and whatever was killed."""

import asyncio
import json
from typing import Any

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import Job
from runnel.domain.libraries import Library
from runnel.usecases.control_job import cancel_job
from runnel.usecases.delete_library import delete_library
from runnel.usecases.edit_library import Wanted, change_library
from runnel.usecases.generations import roll_back
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

NAMES = tuple(f"/{number}" for number in range(9))


def site(*names: str, **texts: str) -> dict[str, Any]:
    leaves = {name: ScriptedPage(text=texts.get(f"_{name[1:]}", f"leaf {name}")) for name in names}
    return {"/": ScriptedPage(text="home", links=names), **leaves}


async def records(home: ScriptedHome) -> list[dict[str, Any]]:
    """Every record, in order; numbers are contiguous and ids differ, or this fails."""
    found = await home.outside.services.bus.read(TENANT)
    decoded = [json.loads(line) for _, line in found]
    assert [seq for seq, _ in found] == list(range(1, len(found) + 1))
    assert len({record["event_id"] for record in decoded}) == len(decoded)
    return decoded


async def told(home: ScriptedHome, *, of: str = "document.") -> list[tuple[int, str, str]]:
    """Generation, type and path of each record of a page, or of its chunks, in order."""
    found = await records(home)
    paths = {one["data"]["page_id"]: home.path_of(one["data"]["url"]) for one in found if "url" in one["data"]}
    return [
        (one["generation"], one["type"], paths[one["data"]["page_id"]]) for one in found if one["type"].startswith(of)
    ]


async def types(home: ScriptedHome) -> list[str]:
    """The types of all records that are of no page and no index."""
    kinds = [one["type"] for one in await records(home)]
    return [kind for kind in kinds if kind.startswith(("library.", "batch."))]


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
    found = await records(home)
    record, chunks = ([one for one in found if one["type"] == kind][1] for kind in ("document.added", "chunk.added"))

    assert record["data"] == {
        "page_id": page.page_id, "url": page.url, "title": page.title, "content_hash": page.content_hash,
    }  # fmt: skip
    assert (record["library_id"], record["generation"], record["type"]) == (job.library_id, 1, "document.added")
    assert record["time"].endswith("Z")
    assert record["event_id"].endswith(":1:2")
    assert (chunks["type"], chunks["data"]) == ("chunk.added", {"page_id": page.page_id, "count": 1})


async def test_chunks_follow_their_page() -> None:
    """An index drops the chunks of the old text before it takes those of the new; equal text has equal chunks."""
    home = ScriptedHome(site(*NAMES))
    await home.crawl(metadata={"team": "old"})
    home.pages = site("/new", *NAMES[1:], _1="leaf 1 is new")
    await home.crawl(metadata={"team": "new"})

    assert (await told(home, of="chunk"))[len(NAMES) + 1 :] == [
        (2, "chunk.deleted", "/0"), (2, "chunk.deleted", "/1"), (2, "chunk.added", "/1"), (2, "chunk.added", "/new"),
    ]  # fmt: skip


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

    async def die_at_the_next() -> None:
        process.kill_before = "bus.append"

    process.before["libraries.move_pointer"] = die_at_the_next
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
    names = tuple(f"/{number:03}" for number in range(550))
    home = ScriptedHome(site(*names))
    home.latency_s = 0.001
    job = await home.create(concurrency=100)
    process = home.process("D1")

    async def die_at_the_second() -> None:
        process.before["bus.append"] = live_once

    async def live_once() -> None:
        process.before["bus.append"] = die

    async def die() -> None:
        process.kill()

    process.before["libraries.move_pointer"] = die_at_the_second
    await home.finish(home.drive(process, job))

    assert len(await told(home)) + len(await told(home, of="chunk")) == 1_000

    await home.finish(home.drive(home.process("D2"), job))

    assert len(await told(home)) == len(await told(home, of="chunk")) == 551


async def test_a_page_whose_own_fields_changed_is_told_as_updated() -> None:
    """Its text is the same, and so are its chunks."""
    home = ScriptedHome(site("/0"))
    await home.crawl()
    await home.crawl(metadata={"team": "docs"})

    assert (await told(home))[2:] == [(2, "document.updated", "/"), (2, "document.updated", "/0")]


async def test_a_job_is_told_around_what_it_changes_and_a_library_before_all() -> None:
    """Whoever reads sees a library made, a job begin, its pages, and the job's end; a failed one fails."""
    home = ScriptedHome(site("/0"))
    await home.crawl()
    home.pages = {}
    await home.crawl()
    dry = await home.crawl(dry_run=True)
    found = await records(home)

    assert [one["type"] for one in found] == [
        "library.created", "batch.started", "document.added", "chunk.added", "document.added", "chunk.added",
        "index.rebuilt", "batch.completed",
        "batch.started", "batch.failed",
    ]  # fmt: skip
    assert [one["data"].get("state") for one in found if one["type"].startswith("batch.")] == [
        None, "completed", None, "failed",
    ]  # fmt: skip
    assert found[-1]["data"]["error"].endswith("answered 404")
    assert dry.job_id not in json.dumps(found)


async def test_a_job_that_is_cancelled_or_whose_time_is_over_has_failed() -> None:
    """Its state says how."""
    home = ScriptedHome(site(*NAMES))
    home.latency_s = 1.0
    await home.crawl(timeout_s=3.0, concurrency=1)
    job = await home.create()
    await cancel_job(home.outside.services, TENANT, job.job_id)
    await home.finish(home.drive(home.process("D2"), job))
    ends = [one for one in await records(home) if one["type"] == "batch.failed"]

    assert [one["data"]["state"] for one in ends] == ["timeout", "cancelled"]


async def test_a_job_is_told_once_whatever_its_drivers_die_of() -> None:
    """Killed at each of its steps: begun once, ended once, in order, and the end before the next job begins."""
    steady = ScriptedHome(site("/0"))
    process = steady.process("D1")
    job = await steady.create()
    await steady.finish(steady.drive(process, job))
    wanted = await types(steady)
    steps = len(process.steps)
    for kill_at in (*range(2, 12), *range(steps - 24, steps + 1)):
        home = ScriptedHome(site("/0"))
        job = await home.create()
        victim = home.process("D1")
        victim.kill_at = kill_at
        await home.finish(home.drive(victim, job))
        await home.finish(home.drive(home.process("D2"), job))

        assert await types(home) == wanted == ["library.created", "batch.started", "batch.completed"], kill_at


@pytest.mark.parametrize("call", ["bus.append", "libraries.edit", "libraries.move_pointer", "libraries.ensure"])
async def test_a_lost_acknowledgement_tells_nothing_twice(call: str) -> None:
    """The same call is made again; its record is there once."""
    home = ScriptedHome(site("/0"))
    process = home.process("D1")
    process.lose_answer(call)
    job = await home.create()
    await home.finish(home.drive(process, job))
    user = home.process("user")
    user.lose_answer(call)
    task = asyncio.create_task(
        change_library(user.services, TENANT, job.library_id, Wanted(title="The guide", library_id="guide"))
    )
    await home.until(task.done)
    found = await records(home)

    assert [one["type"] for one in found] == [
        "library.created", "batch.started", "document.added", "chunk.added", "document.added", "chunk.added",
        "index.rebuilt", "batch.completed",
        "library.updated",
    ]  # fmt: skip
    assert found[-1]["data"] == {"fields": ["library_id", "title"], "former_name": job.library_id}
    assert found[-1]["library_id"] == "guide"


@pytest.mark.parametrize("following", ["edit", "same edit", "crawl", "rollback", "delete"])
async def test_an_edit_whose_author_died_is_told_by_whoever_comes_next(following: str) -> None:
    """Before what that does, and once."""
    home = ScriptedHome(site("/0"))
    job = await home.crawl()
    home.pages = site("/0", "/1")
    await home.crawl()
    name, user = job.library_id, home.process("user")

    async def die() -> None:
        user.kill_before = "bus.append"

    user.before["libraries.edit"] = die
    task: asyncio.Task[Any] = asyncio.create_task(change_library(user.services, TENANT, name, Wanted(title="A")))
    user.tasks.append(task)
    await home.finish(task)

    assert home.state.libraries[TENANT, name].title == "A"
    assert "library.updated" not in await types(home)

    before = len(await records(home))
    await _follow(home, name, following)
    new = [one["type"] for one in (await records(home))[before:]]

    assert new[0] == "library.updated"
    assert new.count("library.updated") == (2 if following == "edit" else 1)


async def _follow(home: ScriptedHome, name: str, following: str) -> None:
    services = home.outside.services
    match following:
        case "edit":
            await change_library(services, TENANT, name, Wanted(title="B"))
        case "same edit":
            await change_library(services, TENANT, name, Wanted(title="A"))
        case "crawl":
            home.pages = site("/0")
            await home.crawl()
        case "rollback":
            await roll_back(services, TENANT, name)
        case "delete":
            await delete_library(services, TENANT, name)


async def test_a_renamed_library_tells_no_generation_again() -> None:
    """Its records keep their keys: what was told under the old name is not told under the new one."""
    home = ScriptedHome(site("/0"))
    job = await home.crawl()
    await change_library(home.outside.services, TENANT, job.library_id, Wanted(library_id="guide"))
    home.pages = site("/0", "/1")
    again = await home.create(library="guide")
    await home.finish(home.drive(home.process("D2"), again))

    assert [(generation, kind) for generation, kind, _ in await told(home)] == [
        (1, "document.added"), (1, "document.added"), (2, "document.added"),
    ]  # fmt: skip
    assert (await types(home)).count("library.created") == 1
