"""What a generation changed, and what was published since a moment."""

from datetime import timedelta
from typing import Any

from runnel.domain import events as e
from runnel.usecases.diff_library import diff_library, list_changes
from runnel.usecases.process_pages import page_key
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage
from tests.support.web_client import web_client

NAMES = tuple(f"/{number}" for number in range(9))


def site(**texts: str) -> dict[str, Any]:
    leaves = {name: ScriptedPage(text=texts.get(f"_{name[1:]}", f"leaf {name}")) for name in NAMES}
    return {"/": ScriptedPage(text="home", links=NAMES), **leaves}


async def test_changes_since_a_moment_are_those_of_later_generations() -> None:
    """A feed: whoever asks again with the last time gets what came after it, and nothing twice."""
    home = ScriptedHome(site())
    start = home.clock.now()
    job = await home.crawl()
    await home.clock.advance(60)
    middle = home.clock.now()
    home.pages = site(_1="new")
    await home.crawl()
    services = home.outside.services
    everything = await list_changes(services, TENANT, job.library_id, since=start - timedelta(1))
    later = await list_changes(services, TENANT, job.library_id, since=middle)

    assert [(one.kind, one.generation) for one in everything] == [("added", 1)] * 10 + [("changed", 2)]
    assert later == everything[10:]
    assert await list_changes(services, TENANT, job.library_id, since=home.clock.now()) == []


async def test_what_no_kept_generation_tells_is_not_made_up() -> None:
    """The oldest kept generation is no first one: all its pages are not new."""
    home = ScriptedHome(site())
    start = home.clock.now()
    job = await home.crawl()
    for number in range(5):
        home.pages = site(_1=f"new {number}")
        await home.crawl()
    found = await list_changes(home.outside.services, TENANT, job.library_id, since=start - timedelta(1))

    assert [(one.kind, one.generation) for one in found] == [("changed", number) for number in (3, 4, 5, 6)]


async def test_a_text_that_is_missing_or_too_long_is_said() -> None:
    """The page has changed all the same."""
    home = ScriptedHome(site())
    job = await home.crawl()
    before = await home.library(job)
    home.pages = site(_1="new", _2="x<br>" * 21_000)
    await home.crawl()
    home.state.objects.pop((TENANT, page_key(before["/1"].content_hash)))
    found = [one async for one in diff_library(home.outside.services, TENANT, job.library_id)]

    assert {home.path_of(one.page.url): one.diff for one in found} == {
        "/1": ("(the text is missing)",), "/2": ("(too long to compare)",),
    }  # fmt: skip


async def test_a_page_that_has_moved_is_compared_with_what_it_was() -> None:
    """Not with nothing: a site that renames a folder changes no line of it."""
    home = ScriptedHome(site())
    job = await home.crawl()
    moved = {
        "/": ScriptedPage(text="home", links=(*NAMES[2:], "/0", "/new/1")),
        "/0": ScriptedPage(text="leaf /0, and more", final="/new/0"),
        "/new/1": ScriptedPage(text="leaf /1"),
    }
    home.pages = {**site(), **moved}
    del home.pages["/1"]
    await home.crawl()
    found = [one async for one in diff_library(home.outside.services, TENANT, job.library_id)]
    shown = {(one.kind, home.path_of(one.page.url)): one for one in found}
    answer = await web_client(home).get(f"/v1/libraries/{job.library_id}/diff")
    said = {home.path_of(item["url"]): item for item in answer.json()["items"]}

    assert {place: home.path_of(one.moved) for place, one in shown.items() if one.moved} == {
        ("added", "/new/0"): "/0", ("added", "/new/1"): "/1", ("removed", "/0"): "/new/0", ("removed", "/1"): "/new/1",
    }  # fmt: skip
    assert shown["added", "/new/0"].diff[:2] == (f"--- {home.url('/0')}", f"+++ {home.url('/new/0')}")
    assert {"-leaf /0", "+leaf /0, and more"} < set(shown["added", "/new/0"].diff)
    assert [shown[place].diff for place in (("added", "/new/1"), ("removed", "/0"), ("removed", "/1"))] == [(), (), ()]
    assert (said["/new/1"]["moved_from"], said["/1"]["moved_to"]) == (home.url("/1"), home.url("/new/1"))
    assert "moved_from" not in said["/1"]


async def test_the_feed_over_http_takes_a_time_with_or_without_its_zone() -> None:
    """UTC when it names none; what is no time is refused."""
    home = ScriptedHome(site())
    job = await home.crawl()
    client, path = web_client(home), f"/v1/libraries/{job.library_id}/changes"
    for since in ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00"):
        answer = await client.get(path, params={"since": since, "limit": 4})
        assert (answer.status_code, len(answer.json()["items"]), answer.json()["next_cursor"]) == (200, 4, "4")

    refused = await client.get(path, params={"since": "yesterday"})

    assert refused.status_code == 422
    assert refused.json()["detail"].endswith(" since (a moment is written as 2026-11-21T12:00:00Z).")


async def test_a_page_whose_object_has_gone_before_publishing_is_left_as_it_was() -> None:
    """A crawl checks what it relied on: the library never lists a page that cannot be read."""
    home = ScriptedHome(site())
    first = await home.crawl()
    home.pages = site(_1="new")
    job = await home.create()
    process = home.process("D2")

    async def lose() -> None:
        old = {page.content_hash for page in (await home.library(first)).values()}
        fresh = [key for _, key in home.state.objects if key.startswith("pages/") and key[6:70] not in old]
        home.state.objects.pop((TENANT, fresh[0]))

    process.before["content.missing"] = lose
    await home.finish(home.drive(process, job))
    pages = await home.library(job)

    assert set(pages) == {"/", *NAMES}
    assert pages["/1"].content_hash == (await home.library(first))["/1"].content_hash
    assert [event.message for event in home.of_type(job, e.Log) if event.level == "warning"] == [
        "The objects of 1 pages have gone since they were written; the next crawl fetches them anew."
    ]
