"""The steps of a crawl alone: together they end as one crawl does, whatever comes between them."""

from typing import Any

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import Job, JobState
from runnel.errors import InputInvalid, JobConflict, LibraryNotFound, PublicationHeld
from runnel.usecases.collect_garbage import collect_garbage
from runnel.usecases.edit_library import Wanted, change_library, create_library
from runnel.usecases.generations import publish_job
from runnel.usecases.index_library import index_library
from runnel.usecases.manifests import load_details, load_manifest
from runnel.usecases.retry_job import retry_job
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

LIBRARY = "docs.example.com"
DOWNLOAD, PROCESS, INDEX = ("download",), ("process",), ("index",)
SITE = {
    "/": ScriptedPage(text="home", links=("/a", "/b", "/twin", "/moved", "/gone", "/canon", "/no"), links_in_body=True),
    "/a": ScriptedPage(text="A", links=("/deep",), links_in_body=True),
    "/b": ScriptedPage(text="B"),
    "/twin": ScriptedPage(text="B"),
    "/moved": ScriptedPage(text="C", final="/c"),
    "/c": ScriptedPage(text="C"),
    "/canon": ScriptedPage(text="D", canonical="/d"),
    "/no": ScriptedPage(noindex=True),
    "/deep": ScriptedPage(text="deep"),
}


async def crawled(site: dict[str, Any] = SITE, **options: Any) -> ScriptedHome:
    home = ScriptedHome(site)
    await home.crawl(**options)
    return home


async def in_steps(home: ScriptedHome, *steps: tuple[str, ...]) -> list[Job]:
    return [await home.crawl(steps=step) for step in steps]


async def library_as_told(home: ScriptedHome) -> dict[str, Any]:
    """All that a reader of the library can tell; objects byte for byte, but for where a page's details lie."""
    library = home.state.libraries[TENANT, LIBRARY]
    path, services = library.pointer.path, home.outside.services
    manifest = await load_manifest(services, TENANT, path)
    whole = await load_details(services, TENANT, manifest.pages.values())
    objects = {
        key.removeprefix(path): body
        for (_, key), body in home.state.objects.items()
        if key.startswith(("pages/", "index/")) or key in {f"{path}/needs.bin", f"{path}/index.json.gz"}
    }
    return {
        "pages": {url: page.model_dump(exclude={"details", "raw", *home.varying}) for url, page in whole.items()},
        "sitemaps": manifest.sitemaps,
        "objects": objects,
        "generation": library.pointer.generation,
    }


@pytest.mark.parametrize(
    "steps",
    [
        (DOWNLOAD, PROCESS, INDEX),
        (DOWNLOAD, (*PROCESS, *INDEX)),
        ((*DOWNLOAD, *PROCESS), INDEX),
        ((*INDEX, *DOWNLOAD, *PROCESS),),
    ],
)
async def test_steps_alone_end_as_one_crawl(steps: tuple[tuple[str, ...], ...]) -> None:
    """Byte for byte: texts, list, index; duplicates, redirects, canonical addresses and refusals included."""
    whole = await crawled()
    home = ScriptedHome(SITE)
    jobs = await in_steps(home, *steps)

    assert [job.state for job in jobs] == [JobState.COMPLETED] * len(steps)
    assert await library_as_told(home) == await library_as_told(whole)
    assert len(home.fetched) == len(whole.fetched)


async def test_a_download_alone_stores_responses_and_nothing_else() -> None:
    """Nothing is processed or shown, and the job says the truth of it."""
    home = ScriptedHome(SITE)
    (job,) = await in_steps(home, DOWNLOAD)

    assert job.ending is not None
    assert job.ending.counts.fetched == 6
    assert {key.split("/")[0] for _, key in home.state.objects} == {"raw", "garbage"}
    assert home.of_type(job, e.SentToProcessing, e.LibraryPublished) == []
    assert home.state.libraries[TENANT, LIBRARY].pointer.generation == 0


async def test_a_later_step_asks_no_site() -> None:
    """Its job has seen no URL, and tells of the pages that it has made."""
    home = ScriptedHome(SITE)
    await in_steps(home, DOWNLOAD)
    asked = len(home.requests) + len(home.robots_requests)
    processed, indexed = await in_steps(home, PROCESS, INDEX)

    assert processed.ending is not None
    assert indexed.ending is not None
    assert (processed.ending.ok, processed.ending.counts.seen, indexed.ending.ok) == (True, 0, True)
    assert len(home.requests) + len(home.robots_requests) == asked
    assert home.of_type(processed, e.LibraryPublished)[0].added == 6
    assert home.of_type(processed, e.JobCompleted)[0].pages == 6
    assert home.of_type(indexed, e.LibraryPublished, e.SourceStarted) == []


async def test_index_alone_makes_what_was_left() -> None:
    """Before the job ends: it was asked for."""
    home = ScriptedHome(SITE)
    await home.crawl(steps=(*DOWNLOAD, *PROCESS))
    before = {key for _, key in home.state.objects}
    await in_steps(home, INDEX)
    library = home.state.libraries[TENANT, LIBRARY]

    assert {key.split("/")[0] for _, key in home.state.objects if key not in before} == {"index"}
    assert (await index_library(home.outside.services, library)).missing == 0


@pytest.mark.parametrize("kill_at", ["journal.commit", "batches.add_part", "content.put", "libraries.move_pointer"])
async def test_a_step_that_is_killed_goes_on_with_the_same_download(kill_at: str) -> None:
    """The choice stands in the log."""
    whole = await crawled()
    home = ScriptedHome(SITE)
    home.processor_dies = True
    await in_steps(home, DOWNLOAD)
    job = await home.create(steps=(*PROCESS, *INDEX))
    process = home.process("D1")

    async def die() -> None:
        process.kill()

    process.before[kill_at] = die
    await home.finish(home.drive(process, job))
    assert home.meta(job).ending is None
    await home.finish(home.drive(home.process("D2"), job))

    assert home.meta(job).state is JobState.COMPLETED
    assert await library_as_told(home) == await library_as_told(whole)


async def test_a_page_that_is_shown_under_a_duplicates_address_counts_once_whoever_says_the_end() -> None:
    """The verdicts stand in the log of the download, which a second driver has not read when it reads its own."""
    site = {
        "/": ScriptedPage(text="home", links=("/long-name", "/b"), links_in_body=True),
        "/long-name": ScriptedPage(text="B"), "/b": ScriptedPage(text="B"),
    }  # fmt: skip
    home = ScriptedHome(site)
    await in_steps(home, DOWNLOAD)
    job = await home.create(steps=PROCESS)
    process = home.process("D1")
    process.kill_before = "libraries.move_pointer"
    await home.finish(home.drive(process, job))
    told = [event.pages for event in home.of_type(job, e.BatchProcessed)]
    await home.finish(home.drive(home.process("D2"), job))
    (end,) = home.of_type(job, e.JobCompleted)

    assert sum(told) == 3
    assert (end.pages, set(await home.library(job))) == (2, {"/", "/b"})


async def test_garbage_between_the_steps_costs_nothing() -> None:
    """What is to be processed is nobody's garbage."""
    whole = await crawled()
    home = ScriptedHome(SITE)
    await in_steps(home, DOWNLOAD)
    for seconds in (3_700, 90_000):
        await home.clock.advance(seconds)
        await collect_garbage(home.outside.services, TENANT)
    await in_steps(home, PROCESS, INDEX)

    assert (await library_as_told(home))["objects"] == (await library_as_told(whole))["objects"]


async def test_an_incremental_download_is_processed_with_what_it_compared_with() -> None:
    """Pages that had not changed have no response of their own; what has gone goes."""
    whole, home = await crawled(), await crawled()
    for one in (whole, home):
        one.pages = {**SITE, "/a": ScriptedPage(text="A is new"), "/b": ScriptedPage(status=410)}
    await whole.crawl(mode="incremental")
    await home.crawl(mode="incremental", steps=DOWNLOAD)
    await in_steps(home, PROCESS, INDEX)

    assert await library_as_told(home) == await library_as_told(whole)
    assert await library_as_told(home) != await library_as_told(await crawled())


async def test_a_download_that_stopped_early_takes_nothing_away() -> None:
    """What its limit has kept out has not gone."""
    home = await crawled()
    home.pages = {**SITE, "/": ScriptedPage(text="home is new", links=("/a",))}
    await home.crawl(steps=DOWNLOAD, limit=1)
    (job,) = await in_steps(home, PROCESS)
    (event,) = home.of_type(job, e.LibraryPublished)

    assert (event.changed, event.removed) == (1, 0)


async def test_a_result_that_is_held_can_be_published_later() -> None:
    """By the job that processed it; the one that downloaded it has no pages yet."""
    home = await crawled()
    home.pages = {"/": ScriptedPage(text="home"), "/a": ScriptedPage(text="A")}
    downloaded, processed = await in_steps(home, DOWNLOAD, PROCESS)
    services = home.outside.services

    assert len(home.of_type(processed, e.LibraryHeld)) == 1
    with pytest.raises(JobConflict, match="wait to be processed") as early:
        await publish_job(services, TENANT, LIBRARY, downloaded.job_id)
    assert early.value.code == "not_processed"
    with pytest.raises(PublicationHeld):
        await publish_job(services, TENANT, LIBRARY, processed.job_id)
    assert (await publish_job(services, TENANT, LIBRARY, processed.job_id, force=True)).removed == 5


async def test_the_wrong_order_is_said() -> None:
    """With what to do first."""
    home = ScriptedHome(SITE)
    with pytest.raises(LibraryNotFound, match="--steps download"):
        await home.create(steps=PROCESS)
    await in_steps(home, DOWNLOAD)
    with pytest.raises(JobConflict, match="--steps process") as early:
        await home.create(steps=INDEX)
    await in_steps(home, PROCESS)
    with pytest.raises(JobConflict, match="--steps download") as twice:
        await home.create(steps=PROCESS)
    await home.crawl()
    with pytest.raises(JobConflict) as whole:
        await home.create(steps=PROCESS)

    assert {error.value.code for error in (twice, whole)} == {"nothing_to_process"}
    assert early.value.code == "nothing_to_index"


async def test_the_newest_download_counts_and_one_without_pages_does_not() -> None:
    """A failed job has brought nothing, and a step that was cancelled has not used it up."""
    home = ScriptedHome(SITE)
    await in_steps(home, DOWNLOAD)
    home.pages = {**SITE, "/a": ScriptedPage(text="A is new")}
    await in_steps(home, DOWNLOAD)
    pages, home.pages = home.pages, {}
    await in_steps(home, DOWNLOAD)
    home.pages = pages
    whole = await crawled(pages)
    await in_steps(home, PROCESS, INDEX)

    assert (await library_as_told(home))["objects"] == (await library_as_told(whole))["objects"]


async def test_a_renamed_library_has_the_downloads_of_before() -> None:
    """And another library that takes the old name has none of them."""
    home = ScriptedHome(SITE)
    (downloaded,) = await in_steps(home, DOWNLOAD)
    await change_library(home.outside.services, TENANT, LIBRARY, Wanted(library_id="handbook"))
    await create_library(home.outside.services, TENANT, Wanted(library_id=LIBRARY))
    processed = await home.crawl(library="handbook", steps=(*PROCESS, *INDEX))
    pages = await home.library(processed)

    assert (processed.state, len(pages)) == (JobState.COMPLETED, 6)
    assert home.of_type(processed, e.Log)[0].message == f"Processing what job {downloaded.job_id} has downloaded."
    with pytest.raises(JobConflict, match="--steps download"):
        await home.create(library=LIBRARY, steps=PROCESS)


async def test_a_renamed_library_has_the_results_that_were_held_before() -> None:
    """`runnel publish --force` finds them without the job's name."""
    home = await crawled()
    home.pages = {"/": ScriptedPage(text="home")}
    held = await home.crawl()
    await change_library(home.outside.services, TENANT, LIBRARY, Wanted(library_id="handbook"))
    published = await publish_job(home.outside.services, TENANT, "handbook", force=True)

    assert home.of_type(held, e.LibraryHeld) != []
    assert (published.generation, published.removed) == (2, 5)


async def test_a_download_that_was_deleted_is_said() -> None:
    """Between the creation of the step and its beginning."""
    home = ScriptedHome(SITE)
    (downloaded,) = await in_steps(home, DOWNLOAD)
    job = await home.create(steps=PROCESS)
    process = home.process("D1")

    async def die() -> None:
        process.kill()

    process.before["libraries.move_pointer"] = die
    await home.finish(home.drive(process, job))
    del home.state.jobs[TENANT, downloaded.job_id]
    await home.finish(home.drive(home.process("D2"), job))

    assert home.meta(job).state is JobState.FAILED
    assert "has been deleted" in (home.meta(job).ending.error or "")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"steps": ()}, "at least one"),
        ({"steps": ("download", "index")}, "add process"),
        ({"steps": PROCESS, "dry_run": True}, "leave steps out"),
    ],
)
async def test_steps_that_make_no_sense_are_refused(options: dict[str, Any], said: str) -> None:
    """One sentence."""
    with pytest.raises(InputInvalid, match=said):
        await ScriptedHome(SITE).create(**options)


async def test_a_step_cannot_be_retried_as_a_crawl() -> None:
    """Its failed pages are fetched by another download."""
    home = ScriptedHome({**SITE, "/b": ScriptedPage(status=500)})
    (job,) = await in_steps(home, DOWNLOAD)

    with pytest.raises(JobConflict, match="all its steps"):
        await retry_job(home.outside.services, TENANT, job.job_id)
