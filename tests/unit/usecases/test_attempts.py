"""What counts as an attempt, who is a suspect, and what becomes of each kind of answer."""

from datetime import timedelta

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import EndedBecause, Job, JobState
from runnel.domain.verdicts import ErrorCategory, Verdict
from runnel.errors import CallFailed
from runnel.usecases.list_urls import UrlRecord, list_urls
from runnel.usecases.run_crawl import Drive
from runnel.usecases.services import Tuning
from tests.support.homes import ScriptedHome, ScriptedPage


async def _records(home: ScriptedHome, job: Job) -> dict[str, UrlRecord]:
    return {home.path_of(record.url): record for record in await list_urls(home.outside.services, home.meta(job))}


def _links(*paths: str) -> ScriptedPage:
    return ScriptedPage(text="home", links=paths)


async def test_lost_no_attempt_a_start_whose_driver_died_does_not_count() -> None:
    """Three restarts of a laptop must not use up a page's three attempts."""
    home = ScriptedHome({"/": _links("/a"), "/a": ScriptedPage(text="A")})
    job = await home.create()
    for number in range(4):
        process = home.process(f"D{number}")
        process.leaving.reason = None
        held = home.hold("/a")
        task = home.drive(process, job)
        await home.until(lambda n=number: home.fetched.count("/a") > n)  # type: ignore[misc]
        process.leaving.reason, process.leaving.invoke_successor = "sigterm", False
        await home.finish(task)
        held.set()
    await home.finish(home.drive(home.process("last"), job))
    record = (await _records(home, job))["/a"]

    assert record.verdict is Verdict.FETCHED
    assert [event.attempt for event in home.of_type(job, e.UrlStarted) if event.url == home.url("/a")] == [1] * 5
    assert home.of_type(job, e.UrlRetry) == []


async def test_suspects_alone_and_twice_fails() -> None:
    """A page that kills whoever fetches it costs two crashes, not the job: its neighbours are all kept."""
    pages = {f"/{name}": ScriptedPage(text=name) for name in "abc"}
    home = ScriptedHome({"/": _links("/bomb", *pages), **pages, "/bomb": ScriptedPage(kills=100)})
    home.latency_s = 0.5
    job = await home.create()
    drives = 0
    while not home.meta(job).is_over:
        drives += 1
        before = len(home.requests)
        await home.finish(home.drive(home.process(f"D{drives}"), job))
        assert drives == 1 or home.path_of(home.requests[before].targets[0].url) != "/"
    records = await _records(home, job)

    assert (records["/bomb"].verdict, records["/bomb"].reason) == (Verdict.FAILED, ErrorCategory.CRASHED)
    assert {path for path, record in records.items() if record.verdict is Verdict.FETCHED} == {"/", *pages}
    assert drives <= 4
    assert home.meta(job).state is JobState.COMPLETED


async def test_only_alone_counts_neighbours_of_a_bomb_are_not_blamed() -> None:
    """A page that was merely in flight when the process died is innocent."""
    home = ScriptedHome(
        {"/": _links("/bomb", "/slow"), "/bomb": ScriptedPage(kills=100), "/slow": ScriptedPage(text="S")}
    )
    job = await home.create()
    held = home.hold("/slow")
    for number in range(6):
        if home.meta(job).is_over:
            break
        task = home.drive(home.process(f"D{number}"), job)
        await home.until(lambda: task.done() or home.fetched[-1:] == ["/slow"])  # noqa: B023 - awaited here
        if number:
            held.set()
        await home.finish(task)
    records = await _records(home, job)

    assert records["/slow"].verdict is Verdict.FETCHED
    assert records["/bomb"].verdict is Verdict.FAILED


async def test_suspects_alone_run_one_at_a_time_before_anything_else() -> None:
    """Two suspects in flight together could not be told apart."""
    pages = {f"/{number}": ScriptedPage(text=str(number)) for number in range(6)}
    home = ScriptedHome({"/": _links(*pages), **pages})
    job = await home.create()
    gates = [home.hold(path) for path in pages]
    process = home.process("D1")
    task = home.drive(process, job)
    await home.until(lambda: home.in_flight == 2)
    process.kill()
    await home.finish(task)
    for gate in gates:
        gate.set()
    home.max_in_flight = home.in_flight = 0
    suspects = {event.url for event in home.of_type(job, e.UrlStarted)} - {home.url("/")}
    before = len(home.requests)
    task = home.drive(home.process("D2"), job)
    at_once: list[int] = []
    while not task.done():
        await home.clock.advance(0.01)
        if len(home.requests) - before <= len(suspects):
            at_once.append(home.in_flight)

    asked = [request.targets[0].url for request in home.requests[before:]]
    assert set(asked[: len(suspects)]) == suspects
    assert max(at_once) == 1


async def test_release_no_crash_what_was_left_in_flight_is_no_suspect() -> None:
    """A hand-over at the deadline is no crash: the successor goes on at full speed."""
    pages = {f"/{number}": ScriptedPage(text=str(number)) for number in range(6)}
    home = ScriptedHome({"/": _links(*pages), **pages}, tuning=Tuning(drain=timedelta(seconds=1)))
    job = await home.create()
    gates = [home.hold(path) for path in pages]
    process = home.process("D1")
    task = home.drive(process, job)
    await home.until(lambda: home.in_flight == 2)
    process.leaving.reason = "deadline"
    assert await home.finish(task) is Drive.HANDED_OVER
    home.max_in_flight = home.in_flight = 0
    task = home.drive(home.process("D2"), job)
    await home.until(lambda: home.in_flight == 2)
    for gate in gates:
        gate.set()
    await home.finish(task)

    assert home.meta(job).state is JobState.COMPLETED
    assert home.orchestrators.started == [job.job_id]
    assert [event.reason for event in home.of_type(job, e.Handover)] == ["deadline"]


async def test_reserve_cap_twice_the_concurrency_ahead() -> None:
    """What is announced and not fetched when a driver dies is what its successor must suspect."""
    pages = {f"/{number}": ScriptedPage(text=str(number)) for number in range(60)}
    home = ScriptedHome({"/": _links(*pages), **pages})
    home.latency_s = 1.0
    job = await home.create(concurrency=3)
    task = home.drive(home.process("D1"), job)
    ahead: list[int] = []
    while not task.done():
        await home.clock.advance(0.1)
        started = len(home.of_type(job, e.UrlStarted))
        ahead.append(started - len(home.of_type(job, e.UrlCrawled)))

    assert 3 < max(ahead) <= 6
    assert home.max_in_flight == 3


async def test_a_transient_failure_is_tried_three_times_with_growing_pauses_and_once_at_the_end() -> None:
    """A site in trouble is not hammered, and not given up at once."""
    home = ScriptedHome({"/": _links("/bad"), "/bad": ScriptedPage(status=500)})
    job = await home.crawl()
    retries = home.of_type(job, e.UrlRetry)
    failed = home.of_type(job, e.UrlFailed)

    assert [event.attempt for event in retries] == [1, 2, 3]
    assert [event.retry_in_s for event in retries] == [2.5, 4.5, None]
    assert home.fetched.count("/bad") == 4
    assert [(event.attempts, event.error.category) for event in failed] == [(4, ErrorCategory.HTTP_5XX)]
    assert (await _records(home, job))["/bad"].status == 500


@pytest.mark.parametrize("category", [ErrorCategory.TLS, ErrorCategory.TOO_LARGE, ErrorCategory.DECODE])
async def test_a_final_failure_is_not_tried_again(category: ErrorCategory) -> None:
    """A page that is too large today is too large in two seconds."""
    home = ScriptedHome({"/": _links("/bad"), "/bad": ScriptedPage(category=category)})
    job = await home.crawl()

    assert home.fetched.count("/bad") == 1
    assert (await _records(home, job))["/bad"].reason == category


async def test_retry_after_holds_the_whole_host() -> None:
    """The site has asked for quiet, not for the next page."""
    home = ScriptedHome(
        {
            "/": _links("/busy", "/a", "/b"),
            "/busy": [ScriptedPage(status=429, retry_after_s=30.0), ScriptedPage(text="at last")],
            "/a": ScriptedPage(text="A"),
            "/b": ScriptedPage(text="B"),
        }
    )
    job = await home.create(concurrency=1)
    task = home.drive(home.process("D1"), job)
    await home.until(lambda: bool(home.of_type(job, e.UrlRetry)))
    asked = len(home.fetched)
    await home.clock.advance(28)
    assert len(home.fetched) == asked
    await home.finish(task)

    assert (await _records(home, job))["/busy"].attempts == 2
    assert home.meta(job).state is JobState.COMPLETED


async def test_a_throttled_call_is_no_attempt_and_halves_the_calls() -> None:
    """AWS refused the crawler, the site was never asked."""
    pages = {f"/{number}": ScriptedPage(text=str(number)) for number in range(8)}
    home = ScriptedHome({"/": _links(*pages), **pages})
    home.call_failures = [CallFailed("slow down", throttled=True)] * 3
    job = await home.create(concurrency=4)
    await home.finish(home.drive(home.process("D1"), job))

    assert home.of_type(job, e.UrlRetry) == []
    assert home.meta(job).state is JobState.COMPLETED
    assert home.meta(job).ending.counts.fetched == 9  # type: ignore[union-attr]


async def test_a_failed_call_is_an_attempt_of_its_urls() -> None:
    """A crawler that dies at a page must not be asked for ever."""
    home = ScriptedHome({"/": _links("/a"), "/a": ScriptedPage(text="A")})
    home.call_failures = [CallFailed("crashed")] * 3
    job = await home.crawl(retry_batches=1)
    [given_up] = home.of_type(job, e.UrlFailed)

    assert [event.error.category for event in home.of_type(job, e.UrlRetry)] == [ErrorCategory.CRASHED] * 2
    assert (given_up.attempts, given_up.error.category) == (3, ErrorCategory.CRASHED)
    failed = home.of_type(job, e.BatchFailed)
    assert [(event.urls, event.attempt, event.will_retry) for event in failed] == [
        ((home.url("/"),), attempt, attempt < 3) for attempt in (1, 2, 3)
    ]
    assert job.state is JobState.FAILED
    assert job.ending is not None
    assert "crashed" in (job.ending.error or "")


async def test_what_a_page_asks_of_robots_is_obeyed() -> None:
    """`noindex` is not kept, `nofollow` is not followed, an empty page is told as such."""
    home = ScriptedHome(
        {
            "/": _links("/noindex", "/nofollow", "/empty", "/led"),
            "/noindex": ScriptedPage(text="N", noindex=True, links=("/found",)),
            "/nofollow": ScriptedPage(text="F", nofollow=True, links=("/lost",)),
            "/empty": ScriptedPage(text="", is_empty=True),
            "/found": ScriptedPage(text="found"),
            "/led": ScriptedPage(skipped=("out_of_scope", "redirects to https://elsewhere.example/")),
        }
    )
    job = await home.crawl()
    records = await _records(home, job)

    assert (records["/noindex"].verdict, records["/noindex"].rule) == (Verdict.SKIPPED, "noindex")
    assert records["/found"].verdict is Verdict.FETCHED
    lost = records["/lost"]
    assert (lost.verdict, lost.reason, lost.rule) == (Verdict.SKIPPED, "nofollow", "robots meta nofollow")
    assert (records["/empty"].verdict, records["/empty"].reason) == (Verdict.FAILED, ErrorCategory.EMPTY_PAGE)
    assert (records["/led"].verdict, records["/led"].reason) == (Verdict.SKIPPED, "out_of_scope")
    assert records["/led"].rule == "redirects to https://elsewhere.example/"


async def test_depth_is_the_least_over_all_paths() -> None:
    """A page beyond `max_depth` by one path may be near by another."""
    home = ScriptedHome(
        {"/": _links("/a", "/b"), "/a": _links("/deep"), "/b": ScriptedPage(text="B"), "/deep": _links("/deeper")}
    )
    job = await home.crawl(max_depth=1)
    records = await _records(home, job)

    assert (records["/deep"].verdict, records["/deep"].rule) == (Verdict.SKIPPED, "max_depth 1")
    assert records["/deep"].parent == home.url("/a")
    assert "/deeper" not in records


async def test_the_limit_names_the_rest_skipped() -> None:
    """Counted by rule, without a write: a limit of ten on a large site must stay cheap."""
    pages = {f"/{number}": ScriptedPage(text=str(number)) for number in range(9)}
    home = ScriptedHome({"/": _links(*pages), **pages})
    job = await home.crawl(limit=4)
    records = await _records(home, job)

    assert job.ending is not None
    assert job.ending.ended_because is EndedBecause.LIMIT
    assert (job.ending.counts.fetched, job.ending.counts.skipped, job.ending.counts.seen) == (4, 6, 10)
    assert [record.reason for record in records.values() if record.verdict is Verdict.SKIPPED] == ["limit"] * 6
    assert len(home.fetched) == 4


async def test_duplicates_make_room_for_other_pages() -> None:
    """The limit counts pages kept: a body seen before is not one."""
    home = ScriptedHome(
        {
            "/": _links("/a", "/b", "/c"),
            **{f"/{name}": ScriptedPage(text="same") for name in "ab"},
            "/c": ScriptedPage(),
        }
    )
    job = await home.crawl(limit=3)

    assert job.ending is not None
    assert (job.ending.counts.fetched, job.ending.counts.duplicate) == (3, 1)
    assert home.of_type(job, e.UrlCrawled)[2].duplicate_of == home.url("/a")
    assert job.ending.ended_because is EndedBecause.DONE


async def test_many_links_of_one_page_are_told_in_parts() -> None:
    """An event has 16 KB at most, and every URL that was ruled out keeps its reason."""
    links = tuple(f"/p{number}" for number in range(300))
    outside = tuple(f"https://elsewhere.example/{number}" for number in range(600))
    home = ScriptedHome({"/": _links(*links, *outside), **{link: ScriptedPage(text=link) for link in links}})
    job = await home.crawl(limit=1)
    found = home.of_type(job, e.UrlsDiscovered)

    assert sum(event.count for event in found) == 900
    assert found[-1].total_discovered == 901
    assert all(len(event.discovered_urls) <= 50 for event in found)
    assert len(home.state.ruled_out[job.tenant, job.job_id]) == 600
    assert job.ending is not None
    assert job.ending.counts.seen == 901


async def test_several_urls_of_a_fast_host_share_a_call() -> None:
    """A Lambda call a page would cost more than the page; a slow host's pages must not wait for each other."""
    pages = {f"/{number}": ScriptedPage(text=str(number)) for number in range(60)}
    home = ScriptedHome({"/": _links(*pages), **pages})
    job = await home.create()
    process = home.process("D1")
    process.services.crawler.max_targets = 5
    await home.finish(home.drive(process, job))
    sizes = [len(request.targets) for request in home.requests]

    assert sizes[:5] == [1] * 5
    assert 1 < max(sizes) <= 5
    assert home.meta(job).ending.counts.fetched == 61  # type: ignore[union-attr]


async def test_what_the_crawler_did_not_start_waits_again() -> None:
    """A call that had no time left for a target costs that target nothing."""
    home = ScriptedHome({"/": _links("/a"), "/a": ScriptedPage(text="A")})
    job = await home.create()
    process = home.process("D1")
    real = process.services.crawler.crawl
    asked: list[str] = []

    async def late(request: object, **turn: object) -> object:
        answer = await real(request, **turn)  # type: ignore[arg-type]
        url = answer.results[0].url
        asked.append(url)
        if url.endswith("/a") and asked.count(url) < 3:
            result = answer.results[0].model_copy(update={"outcome": "not_started", "page": None})
            return answer.model_copy(update={"results": (result,)})
        return answer

    process.services.crawler.crawl = late  # type: ignore[method-assign,assignment]
    await home.finish(home.drive(process, job))
    record = (await _records(home, job))["/a"]

    assert record.verdict is Verdict.FETCHED
    assert home.of_type(job, e.UrlRetry) == []
