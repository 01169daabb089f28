"""Processor batches: sent once, seen when done, tried again when overdue, given up in the end."""

from dataclasses import replace
from datetime import timedelta

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import Job, JobState, Wish
from runnel.domain.payloads import ProcessRequest
from runnel.domain.verdicts import RawRef
from runnel.usecases.process_pages import process_pages
from runnel.usecases.services import Tuning
from runnel.usecases.site_profiles import SAMPLE_LINKS
from runnel.usecases.track_batches import result_key
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage
from tests.support.killable_process import Killed
from tests.support.scripted_ports import ScriptedProcessor

_SITE = {
    "/": ScriptedPage(text="home", links=("/a", "/b")),
    "/a": ScriptedPage(text="A"),
    "/b": ScriptedPage(text="B"),
}
#: More pages than the sample that a site's pages wait for; the last is no part of it.
_NAMES = tuple(f"/{number}" for number in range(SAMPLE_LINKS + 1))
_LARGER = {
    "/": ScriptedPage(text="home", links=_NAMES),
    **{name: ScriptedPage(text=f"leaf {name}") for name in _NAMES},
}
_OVERDUE_S = 330.0


def _processor(home: ScriptedHome) -> ScriptedProcessor:
    processor = home.outside.services.processor
    assert isinstance(processor, ScriptedProcessor)
    return processor


async def _lost(home: ScriptedHome) -> Job:
    """A job whose every page is fetched, and whose processor does nothing."""
    home.processor = "lost"
    job = await home.create()
    home.drive(home.process("D1"), job)
    await home.until(lambda: bool(home.of_type(job, e.SentToProcessing)))
    return job


async def test_batches_after_the_commit_and_each_sent_once() -> None:
    """A processor asked before the commit may work for a segment that never comes."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    process = home.process("D1")
    process.refuse("journal.append")
    task = home.drive(process, job)
    await home.clock.advance(5)
    assert home.submitted == []
    process.refused.clear()
    await home.finish(task)

    assert [request.part for request in home.submitted] == ["all"]
    assert [page.url for page in home.submitted[0].pages] == [home.url(path) for path in ("/", "/a", "/b")]
    assert home.submitted[0].batch_pages == 3


async def test_a_full_batch_does_not_wait_for_company() -> None:
    """Pages of a large crawl are processed while it fetches."""
    home = ScriptedHome(_SITE, tuning=Tuning(batch_pages=2, batch_wait=timedelta(seconds=1)))
    job = await home.crawl()

    assert [event.pages for event in home.of_type(job, e.SentToProcessing)] == [2, 1]
    assert [event.batch_id for event in home.of_type(job, e.SentToProcessing)] == ["1-1", "1-2"]


async def test_a_page_waits_a_second_for_company_at_most() -> None:
    """A page that is fetched must not wait for a slow neighbour, unless that is of its site's sample."""
    home = ScriptedHome(_LARGER)
    held = home.hold(_NAMES[-1])
    job = await home.create()
    task = home.drive(home.process("D1"), job)
    await home.clock.advance(2.5)
    assert len(home.of_type(job, e.BatchProcessed)) == 1
    held.set()

    await home.finish(task)
    assert sum(event.pages for event in home.of_type(job, e.BatchProcessed)) == len(_LARGER)


@pytest.mark.parametrize("processor", ["runs", "twice"])
async def test_a_processor_that_runs_twice_changes_nothing(processor: str) -> None:
    """Asynchronous invocations come at least once."""
    home = ScriptedHome(_SITE)
    home.processor = processor
    job = await home.crawl()

    assert job.state is JobState.COMPLETED
    assert set(await home.library(job)) == {"/", "/a", "/b"}
    assert [event.pages for event in home.of_type(job, e.BatchProcessed)] == [3]


async def test_sweep_batches_an_overdue_batch_is_asked_for_again_one_page_a_call() -> None:
    """The page that kills the processor must not take its neighbours along for ever."""
    home = ScriptedHome(_SITE)
    job = await _lost(home)
    await home.clock.advance(_OVERDUE_S - 5)
    assert len(home.submitted) == 1
    home.processor = "runs"
    await home.clock.advance(15)

    assert [(request.part, len(request.pages)) for request in home.submitted[1:]] == [
        ("1-0", 1),
        ("1-1", 1),
        ("1-2", 1),
    ]
    assert home.meta(job).state is JobState.COMPLETED
    assert [event.will_retry for event in home.of_type(job, e.BatchFailed)] == [True]
    assert set(await home.library(job)) == {"/", "/a", "/b"}


async def test_page_results_a_batch_is_done_when_they_cover_every_page() -> None:
    """Two of three pages are no batch, whoever made them."""
    home = ScriptedHome(_SITE)
    job = await _lost(home)
    whole = home.submitted[0]
    for index in (0, 2):
        await _processor(home).process(whole.model_copy(update={"part": f"x-{index}", "pages": (whole.pages[index],)}))
        await home.clock.advance(5)
        assert home.of_type(job, e.BatchProcessed) == []
    await _processor(home).process(whole.model_copy(update={"part": "x-1", "pages": (whole.pages[1],)}))
    await home.clock.advance(5)

    assert [event.pages for event in home.of_type(job, e.BatchProcessed)] == [3]
    assert set(await home.library(job)) == {"/", "/a", "/b"}


async def _process(home: ScriptedHome, request: ProcessRequest) -> None:
    await _processor(home).process(request)


async def test_patience_and_close_batch_after_the_last_try() -> None:
    """A batch that nobody processes costs its pages, not the job; only they are missing from the library."""
    home = ScriptedHome(_SITE)
    job = await _lost(home)
    whole = home.submitted[0]
    await home.clock.advance(3 * _OVERDUE_S + 30)
    assert home.of_type(job, e.BatchFailed)[-1].will_retry
    await _processor(home).process(whole.model_copy(update={"part": "x", "pages": whole.pages[:2]}))
    await home.clock.advance(_OVERDUE_S)

    assert home.meta(job).state is JobState.COMPLETED
    failed = home.of_type(job, e.BatchFailed)
    assert [(event.attempt, event.will_retry) for event in failed] == [(1, True), (2, True), (3, True), (4, False)]
    assert failed[-1].urls == (home.url("/b"),)
    assert set(await home.library(job)) == {"/", "/a"}
    ending = home.meta(job).ending
    assert ending is not None
    assert not ending.ok


async def test_close_batch_later_results_do_not_count() -> None:
    """Publishing must not depend on whether a result came just before or just after it was given up."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    job = await _lost(home)
    process = home.submitted[0]
    await home.clock.advance(5 * _OVERDUE_S)
    await _process(home, process)
    batch = home.state.batches[TENANT, job.job_id]["1-1"]

    assert batch.closed
    assert batch.parts == {}
    assert home.meta(job).state is JobState.COMPLETED
    assert await home.library(job) == {}


async def test_close_batch_a_result_in_the_last_moment_is_seen() -> None:
    """Giving up is conditional on nothing having come since we looked."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    home.processor = "lost"
    job = await home.create()
    process = home.process("D1")
    task = home.drive(process, job)
    await home.until(lambda: bool(home.submitted))
    request = home.submitted[0]
    process.before["batches.close"] = lambda: _process(home, request)
    await home.finish(task)

    assert [event.will_retry for event in home.of_type(job, e.BatchFailed)] == [True] * 3
    assert set(await home.library(job)) == {"/"}


async def test_patience_counts_on_the_drivers_own_clock() -> None:
    """A wall clock that was set must not give a batch up early; each try has its whole time."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    job = await _lost(home)
    home.clock.jump(10 * _OVERDUE_S)
    await home.clock.advance(_OVERDUE_S / 2)

    assert home.of_type(job, e.BatchFailed) == []


async def test_patience_starts_anew_with_a_new_driver() -> None:
    """Its predecessor's clock is not its own."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    home.processor = "lost"
    job = await home.create()
    first = home.process("D1")
    task = home.drive(first, job)
    await home.clock.advance(_OVERDUE_S - 20)
    first.kill()
    await home.finish(task)
    home.drive(home.process("D2"), job)
    await home.clock.advance(60)

    assert home.of_type(job, e.BatchFailed) == []


async def test_invoke_again_what_a_lost_driver_left_open() -> None:
    """It may have died between its commit and the call."""
    home = ScriptedHome(_SITE)
    home.processor = "lost"
    job = await home.create()
    first = home.process("D1")
    first.kill_before = "journal.invoke"
    await home.finish(home.drive(first, job))
    assert home.submitted == []
    home.processor = "runs"
    await home.finish(home.drive(home.process("D2"), job))

    assert [(request.batch_id, request.part) for request in home.submitted] == [("1-1", "all")]
    assert home.meta(job).state is JobState.COMPLETED


async def test_loose_pages_fetched_pages_without_a_batch_are_sent_by_the_successor() -> None:
    """They are not fetched again: the raw response is stored."""
    home = ScriptedHome(_SITE)
    held = home.hold("/b")
    job = await home.create()
    first = home.process("D1")
    task = home.drive(first, job)
    await home.until(lambda: len(home.of_type(job, e.UrlCrawled)) == 2)
    first.kill()
    await home.finish(task)
    assert home.submitted == []
    held.set()
    await home.finish(home.drive(home.process("D2"), job))

    assert home.fetched.count("/a") == 1
    assert home.submitted[0].batch_id.startswith("2-")
    assert set(await home.library(job)) == {"/", "/a", "/b"}


async def test_raw_term_and_batch_term_keep_two_drivers_apart() -> None:
    """A zombie's second call has the number of its successor's."""
    home = ScriptedHome(_SITE)
    held = home.hold("/a")
    job = await home.create()
    first = home.process("D1")
    task = home.drive(first, job)
    await home.until(lambda: "/a" in home.fetched)
    first.kill()
    await home.finish(task)
    held.set()
    await home.finish(home.drive(home.process("D2"), job))
    names = [request.raw_name for request in home.requests]

    assert len(names) == len(set(names))
    assert {name.partition("-")[0] for name in names} == {"1", "2"}


async def test_batch_term_a_successors_first_batch_is_not_its_predecessors() -> None:
    """Results lie under the batch's id: pages of two batches in one place would be lost."""
    home = ScriptedHome(_LARGER, tuning=Tuning(batch_wait=timedelta()))
    held = home.hold(_NAMES[-1])
    job = await home.create()
    first = home.process("D1")
    task = home.drive(first, job)
    await home.until(lambda: bool(home.of_type(job, e.BatchProcessed)))
    first.kill()
    await home.finish(task)
    held.set()
    await home.finish(home.drive(home.process("D2"), job))
    ids = [event.batch_id for event in home.of_type(job, e.SentToProcessing)]

    assert len(ids) == len(set(ids)) > 1
    assert {name.partition("-")[0] for name in ids} == {"1", "2"}
    assert set(await home.library(job)) == set(_LARGER)


async def test_processor_looks_and_does_nothing_for_a_cancelled_job() -> None:
    """Money is not spent on what nobody wants."""
    home = ScriptedHome(_SITE)
    job = await _lost(home)
    await home.outside.services.jobs.set_wish(TENANT, job.job_id, Wish.CANCEL, seen=0)
    before = dict(home.state.objects)
    await _process(home, home.submitted[0])

    assert home.state.objects == before


async def test_a_processor_that_cannot_be_called_is_asked_again_later() -> None:
    """The call failed, the batch stands: it is overdue like any other."""
    home = ScriptedHome(_SITE)
    home.processor = "fails"
    job = await home.create()
    task = home.drive(home.process("D1"), job)
    await home.clock.advance(_OVERDUE_S / 2)
    home.processor = "runs"
    await home.finish(task)

    assert home.meta(job).state is JobState.COMPLETED
    assert len(home.submitted) == 4


async def test_two_drivers_that_count_a_try_ask_once() -> None:
    """The number of tries is written only over the number seen."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    home.processor = "lost"
    job = await home.create()
    process = home.process("D1")
    task = home.drive(process, job)
    await home.until(lambda: bool(home.submitted))

    async def sweep() -> None:
        stored = home.state.batches[TENANT, job.job_id]
        stored["1-1"] = replace(stored["1-1"], tries=stored["1-1"].tries + 1)

    process.before["batches.count_try"] = sweep
    await home.clock.advance(_OVERDUE_S + 30)
    assert len(home.submitted) == 1
    process.kill()
    await home.finish(task)


async def test_a_page_that_cannot_be_read_costs_itself() -> None:
    """Its neighbours in the batch are kept, and the job says that it is not whole."""
    home = ScriptedHome(_SITE)
    job = await _lost(home)
    whole = home.submitted[0]
    gone = whole.pages[1].model_copy(update={"raw": RawRef(key="raw/none", offset=0, length_bytes=5)})
    await _process(home, whole.model_copy(update={"pages": (whole.pages[0], gone, whole.pages[2])}))
    await home.clock.advance(5)

    assert set(await home.library(job)) == {"/", "/b"}
    processed = home.of_type(job, e.BatchProcessed)[0]
    assert (processed.pages, processed.failed) == (2, 1)
    ending = home.meta(job).ending
    assert ending is not None
    assert not ending.ok


async def test_backlog_stops_the_fetching_until_the_processor_has_caught_up() -> None:
    """Pages fetched and not processed are money spent ahead of a processor that may be down."""
    pages = {f"/{number}": ScriptedPage(text=str(number)) for number in range(60)}
    home = ScriptedHome(
        {"/": ScriptedPage(text="home", links=tuple(pages)), **pages}, tuning=Tuning(backlog_pages=5, batch_pages=5)
    )
    home.processor = "lost"
    job = await home.create(concurrency=2)
    home.drive(home.process("D1"), job)
    await home.clock.advance(60)
    fetched = len(home.fetched)
    home.processor = "runs"
    await home.clock.advance(4 * _OVERDUE_S)

    assert fetched <= 1 + SAMPLE_LINKS + 5 + 2 * 2
    assert home.meta(job).state is JobState.COMPLETED


async def test_a_result_is_stored_before_it_is_noted() -> None:
    """A part that is noted and cannot be read would be a page that never was."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    job = await _lost(home)
    request = home.submitted[0]
    worker = home.process("P")
    ports = _processor(home)._ports  # noqa: SLF001 - the same use case in a process that dies
    services = worker.services
    dying = replace(ports, jobs=services.jobs, batches=services.batches, content=services.content, raw=services.raw)
    worker.kill_before = "batches.add_part"
    with pytest.raises(Killed):
        await process_pages(dying, request)
    await home.clock.advance(10)

    assert (TENANT, result_key(job.job_id, "1-1", "all")) in home.state.objects
    assert home.of_type(job, e.BatchProcessed) == []


async def test_a_damaged_response_fails_its_page_and_no_other() -> None:
    """The page says so; the batch goes on, and the next crawl fetches it again."""
    home = ScriptedHome(_SITE)
    job = await home.create()
    task = home.drive(home.process("D1"), job)
    await home.until(lambda: bool(home.submitted))
    place = next(place for place, body in home.state.objects.items() if b">A<" in body)
    home.state.objects[place] = home.state.objects[place].replace(b">A<", b">X<")
    await home.finish(task)
    (batch,) = home.of_type(job, e.BatchProcessed)

    assert (batch.pages, batch.failed) == (2, 1)
    assert set(await home.library(job)) == {"/", "/b"}
