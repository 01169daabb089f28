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


async def test_the_feed_over_http_takes_a_time_with_or_without_its_zone() -> None:
    """UTC when it names none; what is no time is refused."""
    home = ScriptedHome(site())
    job = await home.crawl()
    client, path = web_client(home), f"/v1/libraries/{job.library_id}/changes"
    for since in ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00"):
        answer = await client.get(path, params={"since": since, "limit": 4})
        assert (answer.status_code, len(answer.json()["items"]), answer.json()["next_cursor"]) == (200, 4, "4")

    assert (await client.get(path, params={"since": "yesterday"})).status_code == 422


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
