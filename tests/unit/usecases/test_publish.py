"""Publishing: one conditional write, the same result whatever the timing, and nothing lost that was there."""

import gzip
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import EndedBecause, Job, JobState, Source
from runnel.domain.libraries import Pointer
from runnel.domain.payloads import StoredPage
from runnel.errors import LibraryNotFound, PageNotFound, RunnelError
from runnel.usecases.manifests import read_manifest
from runnel.usecases.process_pages import page_key
from runnel.usecases.read_library import get_library, get_markdown, get_page, list_pages
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

_SITE = {
    "/": ScriptedPage(text="home", links=("/a", "/b")),
    "/a": ScriptedPage(text="A"),
    "/b": ScriptedPage(text="B"),
}


async def _again(home: ScriptedHome, **options: Any) -> Job:
    return await home.crawl(**options)


def _published(home: ScriptedHome, job: Job) -> e.LibraryPublished:
    (event,) = home.of_type(job, e.LibraryPublished)
    assert isinstance(event, e.LibraryPublished)
    return event


async def test_the_difference_to_the_generation_before_is_told() -> None:
    """Added, changed, removed, unchanged: what a reader of the library must do."""
    leaves = {f"/{number}": ScriptedPage(text=f"leaf {number}") for number in range(3)}
    home = ScriptedHome({**_SITE, "/": ScriptedPage(text="home", links=("/a", "/b", *leaves)), **leaves})
    first = await home.crawl()
    home.pages = {
        "/": ScriptedPage(text="home", links=("/a", "/c", *leaves)),
        "/a": ScriptedPage(text="A is new"),
        "/c": ScriptedPage(text="C"),
        **leaves,
    }
    second = await _again(home)
    one, two = _published(home, first), _published(home, second)

    assert (one.generation, one.added, one.changed, one.removed, one.unchanged) == (1, 6, 0, 0, 0)
    assert (two.generation, two.added, two.changed, two.removed, two.unchanged) == (2, 1, 1, 1, 4)
    assert set(await home.library(second)) == {"/", "/a", "/c", *leaves}


@pytest.mark.parametrize("options", [{"limit": 1}, {"timeout_s": 0.03}])
async def test_an_end_before_the_end_of_the_site_removes_nothing(options: dict[str, Any]) -> None:
    """A page that was not asked for has not gone."""
    home = ScriptedHome(_SITE)
    await home.crawl()
    second = await _again(home, **options)

    assert second.ending is not None
    assert second.ending.ended_because is not EndedBecause.DONE
    assert set(await home.library(second)) == {"/", "/a", "/b"}
    assert [event.removed for event in home.of_type(second, e.LibraryPublished)] in ([0], [])


async def test_a_job_that_failed_leaves_the_library_as_it_was() -> None:
    """The library never gets worse."""
    home = ScriptedHome(_SITE)
    await home.crawl()
    home.pages = {}
    second = await _again(home)

    assert second.state is JobState.FAILED
    assert set(await home.library(second)) == {"/", "/a", "/b"}


async def test_pointer_conditional_a_neighbours_pages_stay() -> None:
    """Another publisher came first: the next generation is built anew, on theirs."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    process = home.process("D1")
    theirs = StoredPage(
        page_id="f" * 32, url="https://other.example/", source_id="other", title="T", words=1, content_hash="c",
        body_hash="b", fetched_at="2026-01-31T12:00:00.000Z",
    )  # fmt: skip

    async def neighbour() -> None:
        services = home.outside.services
        body = theirs.model_dump_json().encode()
        await services.content.put(TENANT, "generations/x/part.gz", gzip.compress(body))
        head = b'{"parts": ["part.gz"]}'
        await services.content.put(TENANT, "generations/x/manifest.json", head)
        library = await services.libraries.get(TENANT, job.library_id)
        assert library is not None
        pointer = Pointer(generation=1, path="generations/x", published_by="other", pages=1)
        assert await services.libraries.move_pointer(library, pointer, job_id="other")

    process.before["libraries.move_pointer"] = neighbour
    await home.finish(home.drive(process, job))

    assert set(await home.library(job)) == {"/", "/a", "/b", "https://other.example/"}
    assert _published(home, job).generation == 2
    assert home.state.libraries[TENANT, job.library_id].published == {"other": 1, job.job_id: 2}


async def test_published_by_a_lost_driver_is_only_told_by_its_successor() -> None:
    """The pointer has moved, the event has not been written: it must not move twice."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    process = home.process("D1")
    process.lose_answer("libraries.move_pointer")

    task = home.drive(process, job)
    await home.until(lambda: home.state.libraries[TENANT, job.library_id].pointer.generation == 1, step_s=0.001)
    process.kill()
    await home.finish(task)
    assert home.of_type(job, e.LibraryPublished) == []
    await home.finish(home.drive(home.process("D2"), job))

    assert _published(home, job).generation == 1
    assert home.state.libraries[TENANT, job.library_id].pointer.generation == 1
    assert set(await home.library(job)) == {"/", "/a", "/b"}


async def test_parts_unique_the_path_holds_job_and_term() -> None:
    """A zombie's parts must not lie where its successor's are read."""
    home = ScriptedHome(_SITE)
    job = await home.crawl()
    pointer = home.state.libraries[TENANT, job.library_id].pointer

    assert pointer.path.endswith(f"/1-{job.job_id}-1")
    assert pointer.published_by == job.job_id
    assert pointer.pages == 3


async def test_a_large_library_has_sixteen_parts() -> None:
    """A page of it can be found without reading all of them."""
    pages = {f"/{number}": ScriptedPage(text=f"page {number}") for number in range(1_050)}
    home = ScriptedHome({"/": ScriptedPage(text="home", links=tuple(pages)), **pages})
    home.latency_s = 0.001
    job = await home.create(concurrency=100)
    await home.finish(home.drive(home.process("D1"), job))
    path = home.state.libraries[TENANT, job.library_id].pointer.path
    parts = [key for _, key in home.state.objects if key.startswith(f"{path}/part-")]

    assert len(parts) == 16
    assert len(await home.library(job)) == 1_051


@pytest.mark.parametrize("slow", ["/long/name", "/short"])
async def test_of_equal_bodies_the_choice_does_not_depend_on_timing(slow: str) -> None:
    """Declared canonical, else the shortest, else the least; the stream tells the order of arrival."""
    site = {
        "/": ScriptedPage(text="home", links=("/long/name", "/short", "/z", "/y", "/x")),
        "/long/name": ScriptedPage(text="same"),
        "/short": ScriptedPage(text="same"),
        "/z": ScriptedPage(text="twin", canonical="/z"),
        "/y": ScriptedPage(text="twin", canonical="/z"),
        "/x": ScriptedPage(text="twin", canonical="/z"),
    }
    home = ScriptedHome(site)
    held = home.hold(slow)
    job = await home.create()
    task = home.drive(home.process("D1"), job)
    await home.until(lambda: "/x" in home.fetched)
    held.set()
    await home.finish(task)
    pages = await home.library(job)

    assert set(pages) == {"/", "/short", "/z"}
    assert pages["/short"].aliases == (home.url("/long/name"),)
    assert pages["/z"].aliases == (home.url("/x"), home.url("/y"))


async def test_two_bodies_of_one_address_leave_one_page() -> None:
    """A redirect and its goal were asked at different moments and said different things."""
    home = ScriptedHome(
        {
            "/": ScriptedPage(text="home", links=("/old", "/new")),
            "/old": ScriptedPage(text="before", final="/new"),
            "/new": ScriptedPage(text="after"),
        }
    )
    job = await home.crawl()
    pages = await home.library(job)

    assert set(pages) == {"/", "/new"}


async def test_other_sources_of_the_library_are_left_alone() -> None:
    """A crawl replaces only the pages of the sources it ran."""
    home = ScriptedHome(_SITE)
    await home.crawl(library="docs")
    key = TENANT, "docs"
    pages = await read_manifest(home.outside.services, home.state.libraries[key])
    home.pages = {"/b": ScriptedPage(text="B"), "/": ScriptedPage(text="home")}
    job = await home.create(library="docs")
    other = replace(job, sources=(Source(source_id="other", url=home.url("/")),))
    home.state.jobs[TENANT, job.job_id] = other
    await home.finish(home.drive(home.process("D2"), job))

    assert {home.path_of(url) for url in pages} <= set(await home.library(job))


async def test_each_page_knows_the_source_that_it_was_found_from() -> None:
    """Or a later crawl of one source would replace, or keep, the pages of another."""
    home = ScriptedHome(
        {
            "/one/": ScriptedPage(text="one", links=("/one/leaf",)),
            "/one/leaf": ScriptedPage(text="leaf of one"),
            "/two/": ScriptedPage(text="two", links=("/two/leaf",)),
            "/two/leaf": ScriptedPage(text="leaf of two"),
        }
    )
    job = await home.create("/one/", "/two/", library="docs")
    await home.finish(home.drive(home.process("D1"), job))
    pages = await read_manifest(home.outside.services, home.state.libraries[TENANT, "docs"])

    assert {home.path_of(url): page.source_id for url, page in pages.items()} == {
        "/one/": "main",
        "/one/leaf": "main",
        "/two/": "source-2",
        "/two/leaf": "source-2",
    }


async def test_a_library_that_was_deleted_meanwhile_ends_the_job() -> None:
    """Nobody wants its pages; the job says so instead of running for ever."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    process = home.process("D1")

    async def delete() -> None:
        home.state.libraries.clear()

    process.before["libraries.get"] = delete
    await home.finish(home.drive(process, job))

    assert home.meta(job).state is JobState.FAILED
    assert "has gone" in (home.meta(job).ending.error or "")  # type: ignore[union-attr]
    assert home.log(job)[-1].type == "job_failed"


async def test_reading_a_library_by_page_by_url_and_as_text() -> None:
    """What was published can be downloaded when the end is told."""
    home = ScriptedHome(_SITE)
    job = await home.crawl()
    services = home.outside.services
    pages = await list_pages(services, TENANT, job.library_id)
    page = await get_page(services, TENANT, job.library_id, pages[1].page_id)

    assert [home.path_of(one.url) for one in pages] == ["/", "/a", "/b"]
    assert page == await get_page(services, TENANT, job.library_id, f"{page.url}#part") == pages[1]
    assert (await get_markdown(services, TENANT, page)).strip().endswith("A")
    home.state.objects.pop((TENANT, page_key(page.content_hash)))
    wrong: tuple[Any, ...] = (
        (PageNotFound, get_markdown(services, TENANT, page)),
        (PageNotFound, get_page(services, TENANT, job.library_id, "nonsense")),
        (LibraryNotFound, get_library(services, TENANT, "nonsense")),
        (LibraryNotFound, list_pages(services, "somebody", job.library_id)),
    )
    for kind, asked in wrong:
        with pytest.raises(kind):
            await asked


class _Folder:
    """An output that notes what it is told, and may fail."""

    def __init__(self, *, fails: bool = False) -> None:
        self.written: list[str] = []
        self.reconciled: list[str] = []
        self.fails = fails

    def of(self, job: Job) -> "_Folder":  # noqa: ARG002
        return self

    async def write_many(self, library_id: str, pages: Iterable[tuple[StoredPage, bytes]]) -> None:  # noqa: ARG002
        self.written += [page.url for page, _ in pages]

    async def reconcile(self, tenant: str, library_id: str, pages: tuple[StoredPage, ...]) -> None:  # noqa: ARG002
        if self.fails:
            raise RunnelError("disk full")
        self.reconciled += [page.url for page in pages]


@pytest.mark.parametrize("fails", [False, True])
async def test_the_output_folder_gets_each_page_and_then_the_published_ones(fails: bool) -> None:  # noqa: FBT001
    """If it cannot be brought up to date the job is still completed, and says so."""
    home = ScriptedHome(_SITE)
    home.outputs = folder = _Folder(fails=fails)
    home.outside = home.process("outside")
    job = await home.crawl()

    assert job.state is JobState.COMPLETED
    assert sorted(folder.written) == [home.url(path) for path in ("/", "/a", "/b")]
    warnings = [event.message for event in home.of_type(job, e.Log) if event.level == "warning"]
    if fails:
        assert any("disk full" in message for message in warnings)
    else:
        assert folder.reconciled == [home.url(path) for path in ("/", "/a", "/b")]
