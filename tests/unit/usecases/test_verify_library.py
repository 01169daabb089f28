"""Verifying: what is damaged is found and mended, and what cannot be is said once and fetched by the next crawl."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from runnel.domain.integrity import Verification
from runnel.domain.jobs import Job
from runnel.errors import LibraryBusy, LibraryNotFound
from runnel.extraction.page import PageReading
from runnel.usecases.collect_garbage import collect_garbage
from runnel.usecases.delete_library import delete_library
from runnel.usecases.generations import publish_job, roll_back
from runnel.usecases.index_library import index_library
from runnel.usecases.process_pages import page_key
from runnel.usecases.verify_library import lost_key, verify_library
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage
from tests.support.scripted_ports import InlineReader

LIBRARY = "docs.example.com"
SITE = {
    "/": ScriptedPage(text="home", links=("/a", "/b"), links_in_body=True),
    "/a": ScriptedPage(text="A"),
    "/b": ScriptedPage(text="B"),
}
DAY_S = 25 * 3600.0


async def crawled(**options: Any) -> tuple[ScriptedHome, Job]:
    home = ScriptedHome(SITE)
    return home, await home.crawl(**options)


async def verify(home: ScriptedHome, *, repair: bool = False) -> Verification:
    return await verify_library(home.outside.services, TENANT, LIBRARY, repair=repair)


def told(found: Verification) -> list[tuple[str, str, str]]:
    return [(one.flaw, one.sort, one.fate) for one in found.findings]


def objects(home: ScriptedHome) -> dict[str, bytes]:
    """Everything but the notes of verification and collection themselves."""
    return {key: body for (_, key), body in home.state.objects.items() if not key.startswith(("verify/", "garbage/"))}


def key_of(home: ScriptedHome, beginning: str) -> str:
    return next(key for _, key in sorted(home.state.objects) if key.startswith(beginning))


def drop(home: ScriptedHome, key: str) -> None:
    del home.state.objects[TENANT, key]


def spoil(home: ScriptedHome, key: str) -> None:
    home.state.objects[TENANT, key] = home.state.objects[TENANT, key][:-9] + b"nonsense!"


async def test_a_sound_library_has_nothing_to_find_and_nothing_is_written() -> None:
    """To look is free: also while a job crawls the library."""
    home, _ = await crawled()
    await home.create()
    before = dict(home.state.objects)
    found = await verify(home)

    assert (found.findings, found.lost, found.is_well) == ((), (), True)
    assert found.checked == 3 + 1 + 2 + 1  # Markdown, one result, the list in its head and its part, one segment
    assert home.state.objects == before


@pytest.mark.parametrize(
    ("beginning", "sort"),
    [
        ("pages/", "page"),
        ("batches/", "result"),
        ("generations/docs.example.com/1-{job}-1/manifest", "manifest"),
        ("generations/docs.example.com/1-{job}-1/index", "index"),
        ("generations/docs.example.com/1-{job}-1/part", "manifest"),
        ("generations/docs.example.com/1-{job}-1/needs", "manifest"),
    ],
)
@pytest.mark.parametrize(("harm", "flaw"), [(drop, "missing"), (spoil, "corrupt")])
async def test_a_damaged_object_is_made_anew_as_it_was(
    beginning: str, sort: str, harm: Callable[[ScriptedHome, str], None], flaw: str
) -> None:
    """Byte for byte: from the raw response, or from the log of the job that made it. A second run has nothing to do."""
    home, job = await crawled(metadata={"team": "docs"})
    before = objects(home)
    harm(home, key_of(home, beginning.format(job=job.job_id)))
    seen = await verify(home)
    mended = await verify(home, repair=True)
    again = await verify(home, repair=True)

    assert told(seen) == [(flaw, sort, "")]
    assert not seen.is_well
    assert told(mended) == [(flaw, sort, "repaired")]
    assert mended.is_well
    assert objects(home) == before
    assert (again.findings, again.lost) == ((), ())


async def test_an_index_segment_that_is_damaged_or_gone_is_made_anew() -> None:
    """Damage is a finding; what is not there may just not have been made yet."""
    home, _ = await crawled()
    before = objects(home)
    key = key_of(home, "index/")
    spoil(home, key)
    mended = await verify(home, repair=True)
    drop(home, key)
    gone = await verify(home)
    await verify(home, repair=True)

    assert told(mended) == [("corrupt", "index", "repaired")]
    assert gone.findings == ()
    assert objects(home) == before


async def test_all_at_once_is_mended_too() -> None:
    """Lists first, then results, then pages: each is needed for the next."""
    home, _ = await crawled()
    before = objects(home)
    for key in [key for key in before if not key.startswith(("raw/", "reports/"))]:  # a report is not the library's
        drop(home, key)
    mended = await verify(home, repair=True)

    assert {one.sort for one in mended.findings} == {"manifest", "page"}  # the results came back with the list
    assert {one.fate for one in mended.findings} == {"repaired"}
    assert objects(home) == before
    assert (await verify(home)).findings == ()


async def test_a_page_under_another_name_is_put_where_it_belongs() -> None:
    """Without reading its response again; the name that it had goes."""
    home, job = await crawled()
    before = objects(home)
    page = (await home.library(job))["/a"]
    body = home.state.objects.pop((TENANT, page_key(page.content_hash)))
    home.state.objects[TENANT, "pages/0123.md.gz"] = body
    for key in [key for key in before if key.startswith("raw/")]:
        drop(home, key)
    seen = await verify(home)
    mended = await verify(home, repair=True)

    assert told(seen) == [("misplaced", "page", "")]  # one thing is wrong: neither a page missing nor an orphan
    assert told(mended) == [("misplaced", "page", "repaired")]
    assert {key: body for key, body in before.items() if not key.startswith("raw/")} == objects(home)
    assert (await verify(home)).findings == ()


async def test_two_pages_that_changed_places_change_back() -> None:
    """Each is corrupt where it lies, and misplaced."""
    home, job = await crawled()
    before = objects(home)
    one, two = (page_key(page.content_hash) for path, page in (await home.library(job)).items() if path != "/")
    state = home.state.objects
    state[TENANT, one], state[TENANT, two] = state[TENANT, two], state[TENANT, one]
    seen = await verify(home)
    mended = await verify(home, repair=True)

    assert told(seen) == [("misplaced", "page", ""), ("misplaced", "page", "")]
    assert [one.fate for one in mended.findings] == ["repaired", "repaired"]
    assert objects(home) == before


async def test_an_orphan_is_the_collectors() -> None:
    """It harms nobody: it is noted, spared for a day, and gone then."""
    home, _ = await crawled()
    home.state.objects[TENANT, "pages/feed.md.gz"] = gzip.compress(b"x", mtime=0)
    seen = await verify(home)
    mended = await verify(home, repair=True)
    again = await verify(home)
    kept = (TENANT, "pages/feed.md.gz") in home.state.objects
    await home.clock.advance(DAY_S)
    collected = await collect_garbage(home.outside.services, TENANT)

    assert told(seen) == [("orphan", "page", "")]
    assert seen.is_well
    assert told(mended) == [("orphan", "page", "collected")]
    assert (again.findings, kept) == ((), True)
    assert collected is not None
    assert collected.removed == 1


async def test_nothing_is_an_orphan_while_a_job_writes() -> None:
    """What it has written is needed by nothing yet."""
    home, _ = await crawled()
    home.state.objects[TENANT, "pages/feed.md.gz"] = b""
    await home.create()

    assert (await verify(home)).findings == ()


@pytest.mark.parametrize("harm", [drop, spoil])
async def test_what_is_beyond_repair_is_lost_until_a_crawl_brings_it(
    harm: Callable[[ScriptedHome, str], None],
) -> None:
    """Its response is damaged too: it is removed, known as lost, and fetched by the next incremental crawl."""
    home, job = await crawled()
    page = (await home.library(job))["/a"]
    key = page_key(page.content_hash)
    harm(home, key)
    raw = next(name for _, name in home.state.objects if name.startswith("raw/") and _holds(home, name, b">A<"))
    spoil(home, raw)
    mended = await verify(home, repair=True)
    again = await verify(home, repair=True)
    home.fetched.clear()
    await home.crawl(mode="incremental")
    healed = await verify(home, repair=True)

    assert [one.fate for one in mended.findings] == ["lost"]
    assert (again.findings, again.lost, again.is_well) == ((), (key,), False)
    assert home.requests[-1].targets  # it went on
    assert (healed.findings, healed.lost, healed.is_well) == ((), (), True)
    assert (TENANT, key) in home.state.objects


def _holds(home: ScriptedHome, key: str, text: bytes) -> bool:
    body = home.state.objects[TENANT, key]
    return text in (gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body)  # S3 holds responses packed


class OtherReader(InlineReader):
    """An extractor of another version."""

    async def read(self, body: bytes, **fields: Any) -> PageReading:
        return await super().read(body.replace(b"A", b"AA"), **fields)


async def test_an_extractor_that_has_changed_writes_nothing_under_an_old_name() -> None:
    """The name of an object is its content's: another text must not lie there."""
    home, job = await crawled()
    key = page_key((await home.library(job))["/a"].content_hash)
    drop(home, key)
    object.__setattr__(home.outside.services, "reader", OtherReader())
    mended = await verify(home, repair=True)

    assert [one.fate for one in mended.findings] == ["lost"]
    assert (TENANT, key) not in home.state.objects


async def test_without_the_job_a_result_and_a_list_are_lost_and_pages_are_not() -> None:
    """Pages are made from responses; how they were listed only the job's log knew."""
    home, job = await crawled()
    page = key_of(home, "pages/")
    spoil(home, page)
    mended = await verify(home, repair=True)
    for beginning in ("batches/", f"generations/{LIBRARY}/1-{job.job_id}-1/part"):
        drop(home, key_of(home, beginning))
    await home.outside.services.jobs.delete(TENANT, job.job_id)
    lost = await verify(home, repair=True)
    again = await verify(home, repair=True)

    assert told(mended) == [("corrupt", "page", "repaired")]
    assert told(lost) == [("missing", "manifest", "lost")]
    assert again.findings == ()
    assert len(again.lost) == 1


async def test_a_list_that_was_published_by_hand_is_made_again_by_the_same_rule() -> None:
    """A result that was held knows less of what has gone than one that its driver publishes."""
    home = ScriptedHome({"/": ScriptedPage(text="home", links=tuple(f"/{n}" for n in range(9)))})
    home.pages |= {f"/{n}": ScriptedPage(text=f"leaf {n}") for n in range(9)}
    await home.crawl()
    home.pages = {"/": ScriptedPage(text="home", links=("/1",)), "/1": ScriptedPage(text="leaf 1")}
    held = await home.crawl()
    await publish_job(home.outside.services, TENANT, LIBRARY, held.job_id, force=True)
    await index_library(home.outside.services, home.state.libraries[TENANT, LIBRARY])
    before = objects(home)
    drop(home, f"{home.state.libraries[TENANT, LIBRARY].pointer.path}/manifest.json")
    mended = await verify(home, repair=True)

    assert told(mended) == [("missing", "manifest", "repaired")]
    assert objects(home) == before


async def test_every_kept_generation_is_looked_at_and_a_shared_path_once() -> None:
    """Also what one could go back to; a rollback shows an old path again."""
    home, job = await crawled()
    home.pages = {**SITE, "/a": ScriptedPage(text="A is new")}
    await home.crawl()
    await roll_back(home.outside.services, TENANT, LIBRARY, 1)
    before = objects(home)
    old = page_key((await home.library(job))["/a"].content_hash)
    drop(home, old)
    drop(home, f"{home.state.libraries[TENANT, LIBRARY].pointer.path}/manifest.json")
    mended = await verify(home, repair=True)

    assert sorted(told(mended)) == [("missing", "manifest", "repaired"), ("missing", "page", "repaired")]
    assert objects(home) == before


async def test_a_library_that_a_job_crawls_is_not_repaired() -> None:
    """It may be about to write what is missing."""
    home, _ = await crawled()
    job = await home.create()

    with pytest.raises(LibraryBusy) as busy:
        await verify(home, repair=True)
    assert busy.value.job_id == job.job_id


async def test_a_repair_that_was_broken_off_keeps_nobody_away() -> None:
    """Its claim is no job's."""
    home, _ = await crawled()
    await home.outside.services.libraries.claim(TENANT, LIBRARY, "verify-gone")
    found = await verify(home, repair=True)

    assert found.findings == ()
    assert home.state.libraries[TENANT, LIBRARY].active_job is None


async def test_an_unknown_library_is_said() -> None:
    """As everywhere."""
    with pytest.raises(LibraryNotFound):
        await verify(ScriptedHome(SITE))


async def test_notes_that_are_damaged_are_written_anew_and_go_with_their_library() -> None:
    """They are notes: nothing depends on them."""
    home, _ = await crawled()
    home.state.objects[TENANT, lost_key(LIBRARY)] = b"nonsense"
    found = await verify(home)
    await delete_library(home.outside.services, TENANT, LIBRARY)

    assert found.lost == ()
    assert (TENANT, lost_key(LIBRARY)) not in home.state.objects


class Folder:
    """An output folder one file of which is torn; *keeps_failing*: it cannot be written."""

    def __init__(self, *, keeps_failing: bool = False) -> None:
        self.torn = True
        self._keeps_failing = keeps_failing

    def of(self, job: Job) -> "Folder | None":
        return self if job.output else None

    async def write_many(self, library_id: str, pages: Any) -> None:
        """It is written elsewhere."""

    async def adopt(self, *_: Any) -> None:
        """It has no name."""

    async def examine(self, *_: Any) -> tuple[tuple[str, str], ...]:
        return (("corrupt", "a.md"),) if self.torn else ()

    async def reconcile(self, *_: Any) -> None:
        self.torn = self._keeps_failing


@pytest.mark.parametrize(("keeps_failing", "fate"), [(False, "repaired"), (True, "lost")])
async def test_the_folder_that_shows_the_library_is_looked_at_too(*, keeps_failing: bool, fate: str) -> None:
    """That of the newest job that has one; the truth is told of a file that cannot be mended."""
    home, job = await crawled()
    home.state.jobs[TENANT, job.job_id] = replace(home.meta(job), output="/out")
    folder = Folder(keeps_failing=keeps_failing)
    object.__setattr__(home.outside.services, "outputs", folder)
    seen = await verify(home)
    mended = await verify(home, repair=True)

    assert told(seen) == [("corrupt", "file", "")]
    assert told(mended) == [("corrupt", "file", fate)]
    assert mended.is_well is (fate == "repaired")
