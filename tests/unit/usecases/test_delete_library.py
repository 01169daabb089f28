"""Delete means delete: the library, its pages, its generations; told once, whatever breaks off."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from runnel.domain.jobs import Job
from runnel.errors import LibraryBusy, LibraryNotFound
from runnel.usecases.collect_garbage import collect_garbage
from runnel.usecases.delete_library import delete_library
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

SITE = {"/": ScriptedPage(text="home", links=("/a",)), "/a": ScriptedPage(text="A")}


async def crawled() -> tuple[ScriptedHome, Job]:
    home = ScriptedHome(SITE)
    return home, await home.crawl()


async def told(home: ScriptedHome) -> Counter[str]:
    types = [json.loads(line)["type"] for _, line in await home.outside.services.bus.read(TENANT)]
    return Counter(kind for kind in types if kind.startswith(("document.", "index.")) or kind == "library.deleted")


async def test_nothing_of_a_deleted_library_is_left() -> None:
    """Its lists of pages at once, the Markdown that no other library needs at the next collections."""
    home, job = await crawled()
    deleted = await delete_library(home.outside.services, TENANT, job.library_id)
    at_once = {key.split("/")[0] for _, key in home.state.objects}
    del home.state.jobs[TENANT, job.job_id]
    for seconds in (3_700, 90_000):
        await home.clock.advance(seconds)
        await collect_garbage(home.outside.services, TENANT)

    assert deleted.pointer.pages == 2
    assert not {"generations", "index"} & at_once
    assert {key.split("/")[0] for _, key in home.state.objects} == {"garbage", "raw"}
    assert await told(home) == {"document.added": 2, "index.rebuilt": 1, "document.deleted": 2, "library.deleted": 1}
    with pytest.raises(LibraryNotFound):
        await delete_library(home.outside.services, TENANT, job.library_id)


async def test_a_library_that_is_crawled_is_not_deleted() -> None:
    """The job would write into nothing."""
    home, job = await crawled()
    running = await home.create()
    with pytest.raises(LibraryBusy) as busy:
        await delete_library(home.outside.services, TENANT, job.library_id)

    assert busy.value.job_id == running.job_id
    assert (TENANT, job.library_id) in home.state.libraries


@pytest.mark.parametrize("kill_before", ["bus.append", "libraries.delete", "content.delete"])
async def test_a_deletion_that_was_broken_off_is_finished_by_the_next(kill_before: str) -> None:
    """And told once."""
    home, job = await crawled()
    process = home.process("user")
    process.kill_before = kill_before
    task: asyncio.Task[Any] = asyncio.create_task(delete_library(process.services, TENANT, job.library_id))
    process.tasks.append(task)
    await home.finish(task)
    if kill_before != "content.delete":
        await delete_library(home.outside.services, TENANT, job.library_id)

    assert not home.state.libraries
    assert await told(home) == {"document.added": 2, "index.rebuilt": 1, "document.deleted": 2, "library.deleted": 1}


async def test_a_library_of_the_same_name_begins_a_new_life() -> None:
    """Its records are its own, though the generation has a number that was there before."""
    home, job = await crawled()
    await delete_library(home.outside.services, TENANT, job.library_id)
    again = await home.crawl()

    assert set(await home.library(again)) == {"/", "/a"}
    assert (await told(home))["document.added"] == 4


async def test_a_damaged_library_can_be_deleted() -> None:
    """Of its pages nothing is known; that it went is told."""
    home, job = await crawled()
    path = home.state.libraries[TENANT, job.library_id].pointer.path
    home.state.objects.pop((TENANT, f"{path}/manifest.json"))
    await delete_library(home.outside.services, TENANT, job.library_id)

    assert (await told(home))["library.deleted"] == 1


async def test_two_deletions_at_once_delete_once() -> None:
    """The second is told that there is nothing any more."""
    home, job = await crawled()
    slow = home.process("slow")

    async def faster() -> None:
        await delete_library(home.outside.services, TENANT, job.library_id)

    slow.before["libraries.delete"] = faster
    task: asyncio.Task[Any] = asyncio.create_task(delete_library(slow.services, TENANT, job.library_id))
    await home.until(task.done)

    assert isinstance(task.exception(), LibraryNotFound)
    assert (await told(home))["library.deleted"] == 1
