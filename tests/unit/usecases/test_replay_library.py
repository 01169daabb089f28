"""Replaying: the stored responses, read again; no site is asked, and nothing gets worse."""

from typing import Any

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import Job, JobState
from runnel.errors import JobConflict, JobNotFound, LibraryNotFound, PublicationHeld
from runnel.extraction.page import PageReading
from runnel.extraction.reading import read_page
from runnel.usecases.diff_library import PageChange
from runnel.usecases.generations import diff_job, publish_job
from runnel.usecases.manifests import load_details, load_manifest
from runnel.usecases.replay_library import replay_library
from runnel.usecases.verify_library import verify_library
from tests.support import scripted_ports
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

LIBRARY = "docs.example.com"
SITE = {
    "/": ScriptedPage(text="home", links=("/a", "/b", "/twin", "/moved", "/canon"), links_in_body=True),
    "/a": ScriptedPage(text="A"),
    "/b": ScriptedPage(text="B"),
    "/twin": ScriptedPage(text="B"),
    "/moved": ScriptedPage(text="C", final="/c"),
    "/c": ScriptedPage(text="C"),
    "/canon": ScriptedPage(text="see <a href='rel.html'>that</a>", canonical="/deep/canon"),
}


async def replay(home: ScriptedHome, *, diff: bool = False) -> Job:
    """A whole replay, without a site."""
    home.pages, before = {}, len(home.requests) + len(home.robots_requests)
    job = await replay_library(home.outside.services, TENANT, LIBRARY, diff=diff, invoke=False)
    await home.finish(home.drive(home.process("D1"), job))
    assert len(home.requests) + len(home.robots_requests) == before
    return home.meta(job)


def extractor(monkeypatch: pytest.MonkeyPatch, old: bytes, new: bytes) -> None:
    """From now on pages are read by an extractor that differs from that which the library was made with."""

    async def read(_: Any, body: bytes, *, url: str, charset: str | None, **_more: Any) -> PageReading:
        return read_page(body.replace(old, new), url=url, charset=charset)

    monkeypatch.setattr(scripted_ports.InlineReader, "read", read)


async def crawled(**options: Any) -> ScriptedHome:
    home = ScriptedHome(SITE)
    await home.crawl(**options)
    return home


async def pages(home: ScriptedHome) -> dict[str, Any]:
    """The pages of the library, details included, but for where those lie."""
    library = home.state.libraries[TENANT, LIBRARY]
    manifest = await load_manifest(home.outside.services, TENANT, library.pointer.path)
    whole = await load_details(home.outside.services, TENANT, manifest.pages.values())
    assert whole.keys() == manifest.pages.keys()
    return {home.path_of(url): page.model_dump(exclude={"details"}) for url, page in whole.items()}


async def changes(home: ScriptedHome, job: Job) -> list[PageChange]:
    return [change async for change in diff_job(home.outside.services, TENANT, LIBRARY, job.job_id)]


async def test_the_same_extractor_makes_the_same_library() -> None:
    """Aliases, canonical addresses, the user's own fields, links: nothing differs, and no site was asked."""
    home = await crawled(metadata={"team": "docs"})
    before, texts = await pages(home), {key for _, key in home.state.objects if key.startswith(("pages/", "index/"))}
    job = await replay(home)
    (event,) = home.of_type(job, e.LibraryPublished)

    assert job.state is JobState.COMPLETED
    assert (event.generation, event.added, event.changed, event.removed) == (2, 0, 0, 0)
    assert event.unchanged == len(before) == 5
    assert await pages(home) == before
    assert {key for _, key in home.state.objects if key.startswith(("pages/", "index/"))} == texts
    assert (await verify_library(home.outside.services, TENANT, LIBRARY)).findings == ()


async def test_another_extractor_shows_what_it_would_change_and_then_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The difference first; the library stays until it is published."""
    home = await crawled()
    before = await pages(home)
    extractor(monkeypatch, b">A<", b">A, better<")
    job = await replay(home, diff=True)
    (change,) = await changes(home, job)
    unchanged = await pages(home)
    published = await publish_job(home.outside.services, TENANT, LIBRARY, job.job_id)

    assert (change.kind, home.path_of(change.page.url), change.generation) == ("changed", "/a", 2)
    assert {"-A", "+A, better"} < set(change.diff)
    assert home.of_type(job, e.LibraryPublished) == []
    assert unchanged == before
    assert (published.generation, published.changed, published.unchanged) == (2, 1, 4)
    assert (await pages(home))["/a"]["content_hash"] != before["/a"]["content_hash"]
    assert await changes(home, job) == []


async def test_what_has_no_response_any_more_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is said: raw responses are kept for a while only, lists of links as long as their pages."""
    home = await crawled()
    before = await pages(home)
    home.pages = {**SITE, "/a": ScriptedPage(text="A, again")}
    await home.crawl(mode="incremental")
    for place in [place for place, body in home.state.objects.items() if place[1].startswith("batches/job0001")]:
        del home.state.objects[place]
    extractor(monkeypatch, b"A, again", b"A, better")
    job = await replay(home)
    (event,) = home.of_type(job, e.LibraryPublished)
    warnings = [event.message for event in home.of_type(job, e.Log) if event.level == "warning"]
    library = home.state.libraries[TENANT, LIBRARY]
    manifest = await load_manifest(home.outside.services, TENANT, library.pointer.path)

    assert (event.changed, event.unchanged, event.removed) == (1, 4, 0)
    assert warnings == [
        (
            "Replaying 1 pages of generation 2 from their responses."
            " Of 4 there is no response any more: they stay as they are."
        )
    ]
    assert {home.path_of(url) for url in manifest.pages} == set(before)


async def test_an_extractor_that_finds_nothing_is_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that come out empty are told as such; who insists gets the others, and keeps what those were."""
    home = await crawled()
    before = await pages(home)
    extractor(monkeypatch, b"<main>", b"<main><!--")
    job = await replay(home)
    (held,) = home.of_type(job, e.LibraryHeld)
    with pytest.raises(PublicationHeld):
        await publish_job(home.outside.services, TENANT, LIBRARY, job.job_id)
    await publish_job(home.outside.services, TENANT, LIBRARY, job.job_id, force=True)

    assert "came out empty" in held.reason
    assert {path: page["content_hash"] for path, page in (await pages(home)).items()} == {
        path: page["content_hash"] for path, page in before.items()
    }


async def test_a_replay_that_is_killed_goes_on_with_the_same_generation() -> None:
    """It stands in the log, and no fetch is needed for it."""
    home = await crawled()
    before = await pages(home)
    job = await replay_library(home.outside.services, TENANT, LIBRARY, invoke=False)
    process = home.process("D1")

    async def die() -> None:
        process.kill()

    process.before["batches.get_many"] = die
    await home.finish(home.drive(process, job))
    await home.finish(home.drive(home.process("D2"), job))

    assert home.meta(job).state is JobState.COMPLETED
    assert await pages(home) == before


async def test_a_page_that_fails_now_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its response is damaged."""
    home = await crawled()
    before = await pages(home)
    place = next(place for place, body in home.state.objects.items() if b">A<" in body)
    home.state.objects[place] = home.state.objects[place].replace(b">A<", b">X<")
    extractor(monkeypatch, b">B<", b">B, better<")
    job = await replay(home)

    assert job.ending is not None
    assert not job.ending.ok
    assert (await pages(home))["/a"] == before["/a"]
    assert (await pages(home))["/b"] != before["/b"]


async def test_what_cannot_be_replayed_is_said() -> None:
    """No library, no pages, no such job, a job of another library, a job that goes on."""
    home = ScriptedHome(SITE)
    services = home.outside.services
    with pytest.raises(LibraryNotFound):
        await replay_library(services, TENANT, LIBRARY)
    running = await home.create(steps=("download",))
    with pytest.raises(JobConflict, match="no pages to replay"):
        await replay_library(services, TENANT, LIBRARY)
    with pytest.raises(JobConflict, match="is queued"):
        await changes(home, running)
    with pytest.raises(JobNotFound):
        _ = [change async for change in diff_job(services, TENANT, LIBRARY, "nonsense")]
    await home.finish(home.drive(home.process("D1"), running))
    other = await home.crawl(library="other")
    with pytest.raises(JobConflict, match="is one of 'other'"):
        await changes(home, other)
