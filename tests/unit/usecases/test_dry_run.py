"""A dry run tells what a crawl would do, and leaves nothing but what it has told."""

from collections import Counter
from typing import Any

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import Job
from runnel.usecases.list_urls import list_urls
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

_SITE = {
    "/": ScriptedPage(text="home", links=("/a", "/b", "/twin", "/gone", "/x.pdf", "https://elsewhere.example/")),
    "/a": ScriptedPage(text="A", links=("/b", "/deep")),
    "/b": ScriptedPage(text="B " * 60),
    "/twin": ScriptedPage(text="A"),
    "/deep": ScriptedPage(text="D", canonical="/deeper"),
}
#: Steps that store content, pages, batches or generations.
_WRITES = ("raw.", "content.put", "batches.", "libraries.ensure", "libraries.claim", "libraries.move")


def _told(home: ScriptedHome, job: Job) -> Counter[tuple[str, str]]:
    """Every event with the URL it is about; how many pages a batch holds is a matter of time."""
    return Counter(
        (event.type, getattr(event, "url", getattr(event, "source_url", "")))
        for event in home.log(job)
        if event.type not in {"sent_to_processing", "batch_processed"}
    )


def _batches(home: ScriptedHome, job: Job) -> tuple[int, int, int, Counter[str]]:
    done = home.of_type(job, e.BatchProcessed)
    sent = Counter(url for event in home.of_type(job, e.SentToProcessing) for url in event.urls)
    return sum(one.pages for one in done), sum(one.low_quality for one in done), sum(one.failed for one in done), sent


async def test_a_dry_run_tells_the_same_and_stores_nothing() -> None:
    """Counted at the stores: not one write of content, page, batch or library; and the log is that of a real crawl."""
    real = ScriptedHome(_SITE)
    wanted = await real.crawl()
    home = ScriptedHome(_SITE)
    job = await home.create(dry_run=True)
    process = home.process("D1")
    await home.finish(home.drive(process, job))
    job = home.meta(job)

    assert [step for step in process.steps if step.startswith(_WRITES)] == []
    assert (home.state.objects, home.state.libraries, home.state.batches) == ({}, {}, {})
    assert home.submitted == []
    assert _told(home, job) == _told(real, wanted)
    assert _batches(home, job) == _batches(real, wanted)
    assert job.ending is not None
    assert wanted.ending is not None
    assert job.ending.counts == wanted.ending.counts
    end: Any = home.log(job)[-1]
    assert (end.dry_run, end.report_id, end.pages) == (True, None, real.log(wanted)[-1].pages)  # type: ignore[union-attr]
    urls = [(one.url, one.verdict) for one in await list_urls(home.outside.services, job)]
    assert urls == [(one.url, one.verdict) for one in await list_urls(real.outside.services, wanted)]


async def test_it_tells_what_would_change_and_changes_nothing() -> None:
    """The library goes on showing what it shows; a crawl that runs there is not disturbed."""
    home = ScriptedHome(_SITE)
    first = await home.crawl()
    home.pages = {
        **_SITE,
        "/a": ScriptedPage(text="A is new", links=("/b", "/deep", "/c")),
        "/c": ScriptedPage(text="C"),
    }
    busy = await home.create()
    shown = await home.library(first)
    job = await home.create(dry_run=True)
    await home.finish(home.drive(home.process("D1"), job))
    (would,) = home.of_type(job, e.LibraryPublished)

    assert (would.generation, would.added, would.changed, would.removed) == (1, 2, 1, 0)
    assert await home.library(first) == shown
    library = home.state.libraries[TENANT, first.library_id]
    assert (library.pointer.generation, library.active_job) == (1, busy.job_id)


async def test_a_result_that_would_be_held_is_told_as_held() -> None:
    """That is what a dry run is for."""
    home = ScriptedHome(_SITE)
    await home.crawl()
    home.pages = {"/": ScriptedPage(text="home")}
    job = await home.create(dry_run=True)
    await home.finish(home.drive(home.process("D1"), job))

    assert len(home.of_type(job, e.LibraryHeld)) == 1
    assert home.of_type(job, e.LibraryPublished) == []


@pytest.mark.parametrize("limit", [2, 100])
async def test_a_dry_run_whose_driver_is_killed_goes_on(limit: int) -> None:
    """Before each of its steps: every page is told as processed once, and still nothing is stored."""
    whole = ScriptedHome(_SITE)
    job = await whole.create(dry_run=True, limit=limit)
    process = whole.process("D1")
    await whole.finish(whole.drive(process, job))
    wanted = _batches(whole, job)
    for kill_at in range(1, len(process.steps) + 1):
        home = ScriptedHome(_SITE)
        job = await home.create(dry_run=True, limit=limit)
        first = home.process("D1")
        first.kill_at = kill_at
        await home.finish(home.drive(first, job))
        await home.finish(home.drive(home.process("D2"), job))

        assert _batches(home, job)[:3] == wanted[:3], first.steps[-1]
        assert home.log(job)[-1].type == "job_completed"
        assert (home.state.objects, home.state.libraries, home.state.batches) == ({}, {}, {})


async def test_a_dry_run_writes_no_folder() -> None:
    """Whatever was asked for."""
    home = ScriptedHome(_SITE)
    job = await home.create(dry_run=True)

    assert job.output is None


async def test_a_batch_that_was_told_as_sent_only_is_told_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver may die between the two, when they come into two segments."""
    monkeypatch.setattr("runnel.usecases.recording.FLUSH_BYTES", 1)
    whole = ScriptedHome(_SITE)
    job = await whole.create(dry_run=True)
    process = whole.process("D1")
    await whole.finish(whole.drive(process, job))
    wanted, told_late = _batches(whole, job)[0], 0
    for kill_at in range(len(process.steps) - 40, len(process.steps) + 1):
        home = ScriptedHome(_SITE)
        job = await home.create(dry_run=True)
        first = home.process("D1")
        first.kill_at = kill_at
        await home.finish(home.drive(first, job))
        told_late += len(home.of_type(job, e.SentToProcessing)) > len(home.of_type(job, e.BatchProcessed))
        await home.finish(home.drive(home.process("D2"), job))

        assert _batches(home, job)[0] == wanted, first.steps[-1]
    assert told_late
