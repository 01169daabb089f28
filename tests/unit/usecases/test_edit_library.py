"""Libraries made, named and described: the same in this process and over HTTP, and nothing half applied."""

import asyncio
from typing import Any

import pytest

from runnel.cli.desk import LibraryDesk
from runnel.cli.local_desk import LocalDesk
from runnel.cli.remote import RemoteBackend
from runnel.errors import InputInvalid, LibraryBusy, LibraryExists, LibraryNotFound, SourceExists, SourceNotFound
from runnel.usecases.edit_library import Wanted, change_library, create_library
from runnel.usecases.retry_job import retry_job
from tests.support.homes import BASE, TENANT, ScriptedHome, ScriptedPage
from tests.support.web_client import web_client

GUIDE, API = f"{BASE}/guide/", f"{BASE}/api/"


@pytest.fixture
def home() -> ScriptedHome:
    return ScriptedHome({"/guide/": ScriptedPage(text="guide"), "/api/": ScriptedPage(text="api")})


@pytest.fixture(params=["local", "remote"])
def desk(request: pytest.FixtureRequest, home: ScriptedHome) -> LibraryDesk:
    """The two ways of the command line."""
    if request.param == "local":
        return LocalDesk(home.outside.services, TENANT)
    return RemoteBackend(web_client(home)).desk()


async def make(home: ScriptedHome, name: str = "docs", **more: Any) -> Any:
    body = {"library_id": name, "sources": [{"url": GUIDE}], **more}
    return await web_client(home).post("/v1/libraries", json=body)


async def test_a_library_is_made_described_and_crawled_by_its_name(home: ScriptedHome) -> None:
    """Its fields come with every page, and with those of the job."""
    made = await make(home, title="The guide", metadata={"team": "docs"}, sources=[{"url": GUIDE}, {"url": API}])
    again = await make(home, title="The guide", metadata={"team": "docs"}, sources=[{"url": GUIDE}, {"url": API}])
    job = await home.create("/guide/", library="docs", metadata={"run": "1"})
    await home.finish(home.drive(home.process("D"), job))
    shown = (await web_client(home).get("/v1/libraries/docs")).json()

    assert (made.status_code, made.headers["location"]) == (201, "/v1/libraries/docs")
    assert made.json()["sources"] == [{"source_id": "main", "url": GUIDE}, {"source_id": "source-2", "url": API}]
    assert (again.status_code, again.json()) == (201, made.json())
    assert (await home.library(job))["/guide/"].metadata == {"team": "docs", "run": "1"}
    assert (shown["title"], shown["metadata"], shown["pages"]) == ("The guide", {"team": "docs"}, 1)
    assert shown["statistics"]["sources"] == {"main": {"pages": 1, "words": shown["statistics"]["words"]}}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"library_id": "../x"}, "library_id"), ({"library_id": ""}, "library_id"),
        ({"library_id": "a/b"}, "library_id"),
        ({"library_id": "a\n"}, "library_id"), ({"library_id": "a" * 101}, "library_id"),
        ({"sources": [{"url": GUIDE}, {"url": "ftp://x/"}]}, "sources.1.url"),
        ({"sources": [{"url": GUIDE, "source_id": "../x"}]}, "sources.0.source_id"),
        ({"sources": [{"url": GUIDE, "sources": [{"url": API}]}]}, "sources.0.sources"),
        ({"sources": [GUIDE]}, "sources.0"), ({"sources": {"url": GUIDE}}, "sources"),
        ({"metadata": {"x": ["y"]}}, "metadata.x"), ({"title": "x" * 201}, "title"), ({"pages": 3}, "pages"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_named_by_its_place_and_nothing_happens(
    home: ScriptedHome, change: dict[str, Any], field: str
) -> None:
    """Also deep within: whoever sent a hundred sources must find the one."""
    new = await make(home, **({"name": change["library_id"]} if "library_id" in change else change))
    assert not home.state.libraries
    await make(home)
    before = dict(home.state.libraries)
    old = await web_client(home).patch("/v1/libraries/docs", json={"title": "changed", **change})

    for answer in (new, old):
        assert answer.status_code == 422, answer.text
        assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert home.state.libraries == before


async def test_duplicates_are_conflicts(home: ScriptedHome) -> None:
    """Of names, ids and starts; each names what is in the way, and nothing has happened."""
    client = web_client(home)
    await make(home)
    await make(home, "other")
    before = dict(home.state.libraries)
    answers = [
        await make(home, "docs", title="another"),
        await client.patch("/v1/libraries/docs", json={"title": "x", "library_id": "other"}),
        await client.post("/v1/libraries/docs/sources", json={"url": API, "source_id": "main"}),
        await client.post("/v1/libraries/docs/sources", json={"url": GUIDE, "source_id": "again"}),
        await client.put("/v1/libraries/docs/sources/again", json={"url": f"{GUIDE}index.html"}),
        await client.patch("/v1/libraries/docs", json={"sources": [{"url": API}, {"url": API}]}),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (409, "library_exists"), (409, "library_exists"), *[(409, "source_exists")] * 4,
    ]  # fmt: skip
    assert "begins at https://docs.example.com/guide/ already" in answers[3].json()["detail"]
    assert home.state.libraries == before


async def test_a_source_is_added_moved_and_found(home: ScriptedHome) -> None:
    """Asked for twice, it is the same source."""
    await make(home)
    client, place = web_client(home), "/v1/libraries/docs/sources"
    first = await client.post(place, json={"url": API})
    again = await client.post(place, json={"url": API})
    moved = await client.put(f"{place}/source-2", json={"url": f"{API}v2/"})
    shown = await client.get(f"{place}/source-2")

    assert (first.status_code, first.headers["location"]) == (201, f"{place}/source-2")
    assert again.json() == first.json() == {"source_id": "source-2", "url": API}
    assert moved.json() == shown.json() == {"source_id": "source-2", "url": f"{API}v2/"}
    assert [one["source_id"] for one in (await client.get(place)).json()["items"]] == ["main", "source-2"]
    assert (await client.get(f"{place}/nothing")).json()["code"] == "source_not_found"


async def test_the_command_line_edits_here_and_there(home: ScriptedHome, desk: LibraryDesk) -> None:
    """The same answers."""
    await make(home)
    added = await desk.add_source("docs", API, "api")
    changed = await desk.change("docs", {"title": "T", "metadata": {"a": "1", "b": "2"}})
    merged = await desk.change("docs", {"metadata": {"a": None, "c": "3"}})
    renamed = await desk.change("docs", {"library_id": "guide"})
    gone = await desk.remove_source("guide", "api")
    shown = await desk.library("guide")

    assert added == gone == {"source_id": "api", "url": API}
    assert (changed["title"], merged["metadata"]) == ("T", {"b": "2", "c": "3"})
    assert (renamed["library_id"], renamed["former_names"]) == ("guide", ["docs"])
    assert (shown["title"], [one["source_id"] for one in shown["sources"]]) == ("T", ["main"])
    assert shown["statistics"]["pages"] == 0
    with pytest.raises(LibraryNotFound):
        await desk.library("docs")


async def test_the_command_line_says_what_is_in_the_way(home: ScriptedHome, desk: LibraryDesk) -> None:
    """By its own error, which is turned into advice."""
    await make(home)
    await make(home, "other")
    for error, work in (
        (LibraryExists, desk.change("docs", {"library_id": "other"})),
        (InputInvalid, desk.change("docs", {"library_id": "../x"})),
        (SourceExists, desk.add_source("docs", API, "main")),
        (SourceNotFound, desk.remove_source("docs", "nothing")),
        (InputInvalid, desk.add_source("docs", "mailto:x", None)),
        (LibraryNotFound, desk.add_source("nothing", API, None)),
    ):
        with pytest.raises(error):
            await work
    await home.create("/guide/", library="docs")
    with pytest.raises(LibraryBusy):
        await desk.change("docs", {"library_id": "third"})


async def test_a_renamed_library_keeps_all_that_it_has(home: ScriptedHome) -> None:
    """Its pages, generations and results; and a library that takes its old name cannot harm it."""
    job = await home.create("/guide/", library="docs")
    await home.finish(home.drive(home.process("D"), job))
    client = web_client(home)
    await client.patch("/v1/libraries/docs", json={"library_id": "handbook"})
    second = await home.create("/api/", library="docs")
    await home.finish(home.drive(home.process("D2"), second))
    await client.delete("/v1/libraries/docs")
    pages = (await client.get("/v1/libraries/handbook/pages")).json()["items"]
    text = await client.get(f"/v1/libraries/handbook/pages/{GUIDE}", headers={"Accept": "text/markdown"})
    published = await client.post("/v1/libraries/handbook/publish", json={"job_id": job.job_id})

    assert [page["url"] for page in pages] == [GUIDE]
    assert "guide" in text.text
    assert (published.status_code, published.json()["generation"]) == (200, 1)


async def test_a_retry_of_a_job_from_before_the_renaming_goes_into_the_library(home: ScriptedHome) -> None:
    """And makes no new one under the old name."""
    home.pages["/guide/"] = ScriptedPage(text="guide", links=("/guide/x",), links_in_body=True)
    home.pages["/guide/x"] = ScriptedPage(status=500)
    job = await home.create("/guide/", library="docs")
    await home.finish(home.drive(home.process("D"), job))
    await change_library(home.outside.services, TENANT, "docs", Wanted(library_id="handbook"))
    home.pages["/guide/x"] = ScriptedPage(text="x")
    retry = await retry_job(home.outside.services, TENANT, job.job_id, invoke=False)
    await home.finish(home.drive(home.process("D2"), retry))

    assert retry.library_id == "handbook"
    assert set(await home.library(retry)) == {"/guide/", "/guide/x"}
    assert [key[1] for key in home.state.libraries] == ["handbook"]


async def test_two_edits_at_once_both_happen(home: ScriptedHome) -> None:
    """The slower looks again."""
    await make(home)
    slow = home.process("slow")

    async def faster() -> None:
        await change_library(home.outside.services, TENANT, "docs", Wanted(metadata={"one": "1"}))

    slow.before["libraries.edit"] = faster
    library = await change_library(slow.services, TENANT, "docs", Wanted(metadata={"two": "2"}, title="T"))

    assert (library.metadata, library.title, library.revision) == ({"one": "1", "two": "2"}, "T", 2)


async def test_of_two_that_make_one_name_the_second_is_told(home: ScriptedHome) -> None:
    """While both were sure that it was free."""
    await make(home)
    slow = home.process("slow")

    async def faster() -> None:
        await create_library(home.outside.services, TENANT, Wanted(library_id="new"))

    slow.before["libraries.edit"] = faster
    task = asyncio.create_task(change_library(slow.services, TENANT, "docs", Wanted(library_id="new")))
    await home.until(task.done)

    assert isinstance(task.exception(), LibraryExists)
    assert sorted(key[1] for key in home.state.libraries) == ["docs", "new"]
