"""Libraries that have lost something, were renamed, or are edited by two: each use case says so or goes on."""

import asyncio
import json
from collections.abc import Sequence
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pytest

from runnel.domain.jobs import JobState
from runnel.domain.libraries import Library
from runnel.domain.payloads import NO_MARKS, Profile, SamplePage
from runnel.domain.statistics import Statistics
from runnel.domain.verdicts import RawRef
from runnel.domain.warc import RECORD_END, record_head
from runnel.errors import InputInvalid, JobConflict, ManifestDamaged, PageNotFound, PageUnreadable, StoreUnavailable
from runnel.usecases.edit_library import MOST_TITLE, Wanted, change_library, create_library
from runnel.usecases.edit_pages import MOST_METADATA, delete_page, set_page_metadata
from runnel.usecases.export_library import open_export, write_folder
from runnel.usecases.generations import roll_back
from runnel.usecases.index_library import index_soon
from runnel.usecases.library_statistics import read_statistics
from runnel.usecases.manifests import load_index_plan, read_manifest
from runnel.usecases.process_pages import page_key
from runnel.usecases.retire_jobs import retire_jobs
from runnel.usecases.retry_job import retry_job
from runnel.usecases.site_profiles import ProfileMemory, find_marks
from runnel.usecases.verify_library import verify_library
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

SITE = {
    "/": ScriptedPage(text="home", links=("/a", "/b"), links_in_body=True),
    "/a": ScriptedPage(text="A"),
    "/b": ScriptedPage(text="B"),
}
CHANGED = {**SITE, "/a": ScriptedPage(text="A is new")}


def library_of(home: ScriptedHome, name: str) -> Library:
    return home.state.libraries[TENANT, name]


def path_of(home: ScriptedHome, name: str) -> str:
    return library_of(home, name).pointer.path


def spoil(home: ScriptedHome, key: str) -> None:
    home.state.objects[TENANT, key] = b"nonsense"


async def crawled(*names: str) -> ScriptedHome:
    home = ScriptedHome(SITE)
    for name in names:
        await home.crawl(library=name)
    return home


async def repair(home: ScriptedHome, name: str) -> list[tuple[str, str, str]]:
    found = await verify_library(home.outside.services, TENANT, name, repair=True)
    return [(one.flaw, one.sort, one.fate) for one in found.findings]


async def expire_logs(home: ScriptedHome) -> None:
    await home.clock.advance(8 * 86_400)
    await retire_jobs(home.outside.services)


class Folder:
    """An output folder that notes the names it is told."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.told: list[tuple[str, tuple[str, ...]]] = []
        self._failure = failure

    def of(self, _job: Any) -> "Folder":
        return self

    async def adopt(self, library_id: str, former_names: Sequence[str]) -> None:
        self.told.append((library_id, tuple(former_names)))
        if self._failure is not None:
            raise self._failure

    async def write_many(self, *_: Any) -> None:
        """It is written elsewhere."""

    async def reconcile(self, *_: Any) -> None:
        """It is as it should be."""

    async def arrange(self, _name: str, pages: Any) -> dict[str, str]:
        return {page.url: f"{page.page_id}.md" for page in pages}

    async def examine(self, *_: Any) -> tuple[()]:
        return ()


async def test_a_folder_is_told_the_names_that_are_its_librarys_own() -> None:
    """By a crawl, by an export, by a repair; a name that another library has taken is that one's."""
    home = await crawled("first")
    services = home.outside.services
    await change_library(services, TENANT, "first", Wanted(library_id="second"))
    await change_library(services, TENANT, "second", Wanted(library_id="third"))
    await create_library(services, TENANT, Wanted(library_id="second"))
    folder = home.outputs = Folder()
    job = await home.crawl(library="third")
    object.__setattr__(services, "outputs", folder)
    home.state.jobs[TENANT, job.job_id] = SimpleNamespace(  # type: ignore[assignment]  # a job with a folder
        **{name: getattr(job, name) for name in job.__slots__ if name != "output"}, output="/out", is_over=True
    )
    await write_folder(await open_export(services, TENANT, "third"), folder)
    await verify_library(services, TENANT, "third")

    assert folder.told == [("third", ("first",))] * 3


async def test_a_folder_that_cannot_be_read_ends_no_crawl() -> None:
    """What it lacks is said when it is to be written."""
    home = await crawled("first")
    await change_library(home.outside.services, TENANT, "first", Wanted(library_id="second"))
    home.outputs = Folder(StoreUnavailable("gone"))
    job = await home.crawl(library="second")

    assert job.state is JobState.COMPLETED


async def test_a_download_whose_log_has_expired_is_none() -> None:
    """Its pages cannot be told any more."""
    home = ScriptedHome(SITE)
    await home.crawl(library="docs", steps=("download",))
    await expire_logs(home)

    with pytest.raises(JobConflict, match="begin with"):
        await home.create(library="docs", steps=("process",))


async def test_figures_are_counted_where_none_are_kept() -> None:
    """Of a generation of another time; a library without one has none."""
    home = await crawled("docs")
    services = home.outside.services
    kept = await read_statistics(services, library_of(home, "docs"))
    place = TENANT, f"{path_of(home, 'docs')}/manifest.json"
    head = json.loads(home.state.objects[place])
    del head["statistics"]
    home.state.objects[place] = json.dumps(head).encode()
    empty = await create_library(services, TENANT, Wanted(library_id="empty"))

    assert await read_statistics(services, library_of(home, "docs")) == kept != Statistics()
    assert await read_statistics(services, empty) == Statistics()


async def test_a_rollback_needs_no_list_of_segments() -> None:
    """The pages are shown again; who repairs the library lists its segments anew."""
    home = await crawled("docs")
    first = path_of(home, "docs")
    home.pages = CHANGED
    await home.crawl(library="docs")
    del home.state.objects[TENANT, f"{first}/index.json.gz"]
    await roll_back(home.outside.services, TENANT, "docs")
    mended = await repair(home, "docs")
    plan = await load_index_plan(home.outside.services, TENANT, first)

    assert (path_of(home, "docs"), mended) == (first, [("missing", "index", "repaired")])
    assert plan is not None
    assert len(plan.segments) == 1


async def test_who_asks_for_the_index_of_what_has_gone_or_is_damaged_gets_none() -> None:
    """The publication that asked has happened."""
    home = await crawled("docs")
    path = path_of(home, "docs")
    await index_soon(home.outside.services, TENANT, "nothing")
    for key in [key for _, key in home.state.objects if key.startswith("index/")]:
        del home.state.objects[TENANT, key]
    spoil(home, f"{path}/part-all.jsonl.gz")
    await index_soon(home.outside.services, TENANT, "docs")

    assert not any(key.startswith("index/") for _, key in home.state.objects)


async def test_another_library_that_is_damaged_keeps_orphans_unknown_and_strays_found() -> None:
    """What it needs cannot be told: nothing is called an orphan, and every object may be the one that is looked for."""
    home = await crawled("one", "two")
    spoil(home, f"{path_of(home, 'two')}/manifest.json")
    (page,) = [page for url, page in (await _pages(home, "one")).items() if url.endswith("/a")]
    home.state.objects[TENANT, "pages/0123.md.gz"] = home.state.objects.pop((TENANT, page_key(page.content_hash)))
    for place in [place for place in home.state.objects if place[1].startswith("raw/")]:
        del home.state.objects[place]
    mended = await repair(home, "one")

    assert mended == [("misplaced", "page", "repaired")]


async def test_what_only_a_job_that_has_gone_could_make_anew_is_lost() -> None:
    """A list of pages, and the list that was made from it; segments are listed anew beside a base that is damaged."""
    home = await crawled("docs")
    first, (job,) = path_of(home, "docs"), list(home.state.jobs)
    home.pages = CHANGED
    await home.crawl(library="docs")
    second = path_of(home, "docs")
    del home.state.jobs[job]
    spoil(home, f"{first}/part-all.jsonl.gz")
    spoil(home, f"{second}/index.json.gz")
    listed = await repair(home, "docs")
    spoil(home, f"{second}/part-all.jsonl.gz")
    based = await repair(home, "docs")

    assert sorted(listed) == [("corrupt", "index", "repaired"), ("corrupt", "manifest", "lost")]
    assert based == [("corrupt", "manifest", "lost")]


async def test_a_result_is_lost_when_the_log_of_its_job_has_gone() -> None:
    """The page stands: its text is an object of its own; when that goes too, it is lost."""
    home = await crawled("docs")
    await expire_logs(home)
    page = next(iter((await _pages(home, "docs")).values()))
    del home.state.objects[TENANT, page.details[0]]
    first = await repair(home, "docs")
    del home.state.objects[TENANT, page_key(page.content_hash)]
    second = await repair(home, "docs")

    assert first == [("missing", "result", "lost")]
    assert second == [("missing", "page", "lost")]


async def _pages(home: ScriptedHome, name: str) -> Any:
    return await read_manifest(home.outside.services, library_of(home, name))


async def test_a_retry_of_a_job_whose_generation_is_damaged_goes_by_no_profile() -> None:
    """The pages that it fetches are read alone."""
    home = ScriptedHome({**SITE, "/b": ScriptedPage(status=500)})
    job = await home.crawl(library="docs")
    home.pages = SITE
    spoil(home, f"{path_of(home, 'docs')}/manifest.json")
    retry = await retry_job(home.outside.services, TENANT, job.job_id, invoke=False)
    await home.finish(home.drive(home.process("D2"), retry))

    assert home.meta(retry).state is JobState.COMPLETED


async def test_a_stored_profile_that_is_damaged_is_learned_again_and_few_are_remembered() -> None:
    """Without a sample nothing is repeated; a source without a profile has no marks."""
    stored: dict[str, bytes] = {}

    async def get(_tenant: str, key: str) -> bytes:
        return stored.get(key, b"nonsense")

    async def put(_tenant: str, key: str, body: bytes) -> None:
        stored[key] = body

    ports: Any = SimpleNamespace(content=SimpleNamespace(get=get, put=put))
    memory = ProfileMemory()

    async def find(number: int, profile: Profile | None) -> Any:
        return await find_marks(ports, memory, tenant="t", job_id=f"j{number}", source_id="main", profile=profile)

    found = [await find(number, Profile(sample=())) for number in range(300)]

    assert found == [NO_MARKS] * 300
    assert await find(0, None) == NO_MARKS
    assert len(stored) == 300
    assert len(memory.marks) < 300


@pytest.mark.parametrize("damage", ["", "x"])
async def test_a_page_of_the_sample_that_crashes_its_reader_or_is_damaged_is_left_out(damage: str) -> None:
    """Of too few others nothing is learned."""
    body = b"<p>text"
    record = record_head(url="u", status=200, headers={}, body_bytes=len(body), fetched_at="", record_id="0") + body
    page = SamplePage(
        raw=RawRef(key="k", offset=0, length_bytes=9), body_hash=sha256(body).hexdigest() + damage, charset=None
    )

    async def get(*_: Any) -> bytes:
        return record + RECORD_END

    async def nothing(*_: Any) -> None:
        return None

    async def crash(*_: Any, **_more: Any) -> None:
        raise PageUnreadable("crashed")

    ports: Any = SimpleNamespace(
        content=SimpleNamespace(get=nothing, put=nothing), raw=SimpleNamespace(get=get),
        reader=SimpleNamespace(read_marks=crash),
    )  # fmt: skip
    profile = Profile(sample=(page,))

    assert (
        await find_marks(ports, ProfileMemory(), tenant="t", job_id="j", source_id="main", profile=profile) == NO_MARKS
    )


async def test_a_page_that_is_deleted_while_its_fields_are_set_has_none() -> None:
    """The answer to the edit was lost, and the page has gone when it is looked for again."""
    home = await crawled("docs")
    slow = home.process("slow")
    slow.lose_answer("libraries.move_pointer")

    async def delete() -> None:
        await delete_page(home.outside.services, TENANT, "docs", home.url("/a"))

    async def soon() -> None:
        slow.before["libraries.get"] = delete

    slow.before["libraries.move_pointer"] = soon
    task = asyncio.create_task(set_page_metadata(slow.services, TENANT, "docs", home.url("/a"), {"team": "docs"}))
    await home.until(task.done)

    with pytest.raises(PageNotFound, match="any more"):
        await task


async def test_what_is_too_long_for_a_library_is_said() -> None:
    """Before anything is stored; made twice, it is the same library, also after an edit."""
    services = ScriptedHome(SITE).outside.services
    for wanted in (Wanted(title="x" * (MOST_TITLE + 1)), Wanted(metadata={"a": "x" * (MOST_METADATA + 1)})):
        with pytest.raises(InputInvalid, match="at most"):
            await create_library(
                services, TENANT, Wanted(library_id="docs", title=wanted.title, metadata=wanted.metadata)
            )
    await create_library(services, TENANT, Wanted(library_id="docs"))
    edited = await change_library(services, TENANT, "docs", Wanted(title="T"))

    assert (await create_library(services, TENANT, Wanted(library_id="docs", title="T"))).revision == edited.revision


async def test_of_two_that_delete_a_page_both_have_deleted_it() -> None:
    """The slower finds it gone, and has the page as it was."""
    home = await crawled("docs")
    slow = home.process("slow")

    async def faster() -> None:
        await delete_page(home.outside.services, TENANT, "docs", home.url("/a"))

    slow.before["libraries.move_pointer"] = faster
    page = await delete_page(slow.services, TENANT, "docs", home.url("/a"))

    assert page.url == home.url("/a")
    assert library_of(home, "docs").pointer.generation == 2


async def test_a_damaged_present_can_be_told_by_its_error() -> None:
    """Who reads the figures of a damaged library hears of it."""
    home = await crawled("docs")
    spoil(home, f"{path_of(home, 'docs')}/manifest.json")

    with pytest.raises(ManifestDamaged):
        await read_statistics(home.outside.services, library_of(home, "docs"))
