"""Pages edited by hand: deleted, given fields; once each, told once, and kept by later crawls."""

import asyncio
import json
from typing import Any

import pytest

from runnel.domain.jobs import Job
from runnel.errors import InputInvalid, PageNotFound
from runnel.usecases.edit_pages import delete_page, set_page_metadata
from runnel.usecases.generations import roll_back
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage
from tests.support.web_client import web_client

SITE = {
    "/": ScriptedPage(text="home", links=("/a", "/b"), links_in_body=True),
    "/a": ScriptedPage(text="A"),
    "/b": ScriptedPage(text="B"),
}


async def crawled() -> tuple[ScriptedHome, Job]:
    home = ScriptedHome(dict(SITE))
    return home, await home.crawl()


async def told(home: ScriptedHome) -> list[tuple[int, str, str]]:
    """The records of pages after the first generation."""
    records = [json.loads(line) for _, line in await home.outside.services.bus.read(TENANT)]
    return [
        (one["generation"], one["type"], home.path_of(one["data"]["url"]))
        for one in records
        if one["type"].startswith("document.") and one["generation"] > 1
    ]


async def test_a_page_is_deleted_by_its_id_or_its_url() -> None:
    """At once, as a generation of its own that can be taken back."""
    home, job = await crawled()
    client, library = web_client(home), f"/v1/libraries/{job.library_id}"
    page = (await home.library(job))["/a"]
    first = await client.delete(f"{library}/pages/{page.page_id}")
    second = await client.delete(f"{library}/pages/{home.url('/b')}")
    again = await client.delete(f"{library}/pages/{page.page_id}")

    assert (first.status_code, first.json()["url"]) == (200, home.url("/a"))
    assert second.json()["url"] == home.url("/b")
    assert (again.status_code, again.json()["code"]) == (404, "page_not_found")
    assert set(await home.library(job)) == {"/"}
    assert await told(home) == [(2, "document.deleted", "/a"), (3, "document.deleted", "/b")]

    await roll_back(home.outside.services, TENANT, job.library_id)

    assert set(await home.library(job)) == {"/", "/b"}


async def test_a_page_that_was_deleted_comes_back_when_a_crawl_finds_it() -> None:
    """The site still has it."""
    home, job = await crawled()
    await delete_page(home.outside.services, TENANT, job.library_id, home.url("/a"))
    await home.crawl()

    assert set(await home.library(job)) == set(SITE)


@pytest.mark.parametrize("mode", ["full", "incremental"])
async def test_fields_that_a_user_sets_stay_through_later_crawls(mode: str) -> None:
    """Also when the page's text changes, and when it does not."""
    home, job = await crawled()
    client, place = web_client(home), f"/v1/libraries/{job.library_id}/pages/{home.url('/a')}"
    first = await client.patch(place, json={"metadata": {"reviewed": "yes", "draft": "yes"}})
    second = await client.patch(place, json={"metadata": {"draft": None, "owner": "ann"}})
    await client.patch(f"/v1/libraries/{job.library_id}/pages/{home.url('/b')}", json={"metadata": {"x": "y"}})
    home.pages["/a"] = ScriptedPage(text="A is new")
    await home.crawl(mode=mode, metadata={"team": "docs"})
    pages = await home.library(job)

    assert first.json()["metadata"] == {"reviewed": "yes", "draft": "yes"}
    assert second.json()["metadata"] == {"reviewed": "yes", "owner": "ann"}
    assert pages["/a"].metadata == {"reviewed": "yes", "owner": "ann", "team": "docs"}
    assert pages["/b"].metadata == ({"x": "y", "team": "docs"} if mode == "full" else {"x": "y"})


async def test_fields_that_are_set_while_a_crawl_runs_are_kept() -> None:
    """It compares with the generation that it began from, and is put upon the present one."""
    home, job = await crawled()
    await set_page_metadata(home.outside.services, TENANT, job.library_id, home.url("/a"), {"state": "old"})
    running = await home.create(mode="incremental")
    gate = home.hold("/b")
    task = home.drive(home.process("D"), running)
    await home.until(lambda: "/b" in home.fetched[3:])
    fields = {"state": "new", "more": "yes"}
    await set_page_metadata(home.outside.services, TENANT, job.library_id, home.url("/a"), fields)
    gate.set()
    await home.finish(task)

    assert (await home.library(job))["/a"].metadata == {"state": "new", "more": "yes"}


async def test_an_edit_that_changes_nothing_makes_no_generation() -> None:
    """Nor a record."""
    home, job = await crawled()
    for _ in range(3):
        await set_page_metadata(home.outside.services, TENANT, job.library_id, home.url("/a"), {"x": "y"})

    assert home.state.libraries[TENANT, job.library_id].pointer.generation == 2
    assert await told(home) == [(2, "document.updated", "/a")]


@pytest.mark.parametrize("work", ["delete", "set"])
async def test_an_edit_whose_acknowledgement_was_lost_happens_once(work: str) -> None:
    """The pointer has moved: it is seen by the edit's own mark."""
    home, job = await crawled()
    user = home.process("user")
    user.lose_answer("libraries.move_pointer")
    ask: Any = (
        delete_page(user.services, TENANT, job.library_id, home.url("/a"))
        if work == "delete"
        else set_page_metadata(user.services, TENANT, job.library_id, home.url("/a"), {"x": "y"})
    )
    task = asyncio.create_task(ask)
    await home.until(task.done)

    assert task.result().url == home.url("/a")
    assert home.state.libraries[TENANT, job.library_id].pointer.generation == 2
    assert len(await told(home)) == 1


async def test_of_two_edits_at_once_both_happen() -> None:
    """The slower is made anew upon the faster."""
    home, job = await crawled()
    slow = home.process("slow")

    async def faster() -> None:
        await set_page_metadata(home.outside.services, TENANT, job.library_id, home.url("/a"), {"one": "1"})

    slow.before["libraries.move_pointer"] = faster
    await set_page_metadata(slow.services, TENANT, job.library_id, home.url("/a"), {"two": "2"})

    assert (await home.library(job))["/a"].metadata == {"one": "1", "two": "2"}
    assert await told(home) == [(2, "document.updated", "/a"), (3, "document.updated", "/a")]


@pytest.mark.parametrize("way", ["before", "meanwhile"])
async def test_a_page_that_is_not_there_is_said(way: str) -> None:
    """Also when it goes while its fields are set."""
    home, job = await crawled()
    slow = home.process("slow")

    async def faster() -> None:
        await delete_page(home.outside.services, TENANT, job.library_id, home.url("/a"))

    if way == "before":
        await faster()
    else:
        slow.before["libraries.move_pointer"] = faster
    with pytest.raises(PageNotFound):
        await set_page_metadata(slow.services, TENANT, job.library_id, home.url("/a"), {"x": "y"})
    if way == "before":
        with pytest.raises(PageNotFound):
            await delete_page(slow.services, TENANT, job.library_id, home.url("/a"))


async def test_fields_are_bounded() -> None:
    """Every manifest holds them."""
    home, job = await crawled()
    with pytest.raises(InputInvalid, match="at most 10000 characters"):
        await set_page_metadata(home.outside.services, TENANT, job.library_id, home.url("/a"), {"x": "y" * 10_000})
    answer = await web_client(home).patch(
        f"/v1/libraries/{job.library_id}/pages/{home.url('/a')}", json={"metadata": {"x": 1}, "url": "x"}
    )

    assert answer.status_code == 422
    assert sorted(one["field"] for one in answer.json()["errors"]) == ["metadata.x", "url"]
