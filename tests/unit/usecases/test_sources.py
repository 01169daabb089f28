"""Several sources in one job: one after another, each with its own events, and one that fails costs only itself."""

from collections import Counter
from itertools import permutations
from typing import Any

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import EndedBecause, Job, JobOptions, JobState
from runnel.domain.libraries import Library
from runnel.domain.verdicts import Verdict
from runnel.errors import InputInvalid
from runnel.usecases.crawl_sources import NO_SOURCES
from runnel.usecases.create_job import NewJob, create_job
from runnel.usecases.list_urls import list_urls
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

_SITE = {
    "/one/": ScriptedPage(text="one", links=("/one/leaf", "/two/leaf", "/two/")),
    "/one/leaf": ScriptedPage(text="leaf of one"),
    "/two/": ScriptedPage(text="two", links=("/two/leaf", "/one/late")),
    "/two/leaf": ScriptedPage(text="leaf of two"),
    "/one/late": ScriptedPage(text="late"),
}


async def _crawl(home: ScriptedHome, *paths: str, **options: Any) -> Job:
    job = await home.create(*paths, library="docs", **options)
    await home.finish(home.drive(home.process("D1"), job))
    return home.meta(job)


async def test_a_source_is_through_before_the_next_begins() -> None:
    """Also when its pages link into the next one: those wait for their own source."""
    home = ScriptedHome(_SITE)
    job = await _crawl(home, "/one/", "/two/")
    log = home.log(job)
    at = {(event.type, getattr(event, "source_id", None) or getattr(event, "url", "")): event.seq for event in log}
    done, begun = at["source_completed", "main"], at["source_started", "source-2"]

    assert at["url_crawled", home.url("/one/leaf")] < done < begun < at["url_started", home.url("/two/leaf")]
    assert home.fetched[:2] == ["/one/", "/one/leaf"]
    assert {path: page.source_id for path, page in (await home.library(job)).items()} == {
        "/one/": "main", "/one/leaf": "main", "/one/late": "main", "/two/": "source-2", "/two/leaf": "source-2",
    }  # fmt: skip
    counts = {event.source_id: event.counts for event in home.of_type(job, e.SourceCompleted)}
    assert job.ending is not None
    assert (counts["main"].fetched, counts["source-2"].fetched, job.ending.counts.fetched) == (2, 3, 5)
    assert job.ending.ok
    assert log[-1].sources_processed == 2  # type: ignore[union-attr]


async def test_what_one_source_has_brought_is_durable_before_the_next_begins() -> None:
    """A watcher has the first source's events in hand when the second starts."""
    home = ScriptedHome(_SITE)
    job = await _crawl(home, "/one/", "/two/")
    firsts = sorted(home.state.segments[TENANT, job.job_id])
    (begun,) = [event.seq for event in home.of_type(job, e.SourceStarted) if event.source_id == "source-2"]
    (done,) = [event.seq for event in home.of_type(job, e.SourceCompleted) if event.source_id == "main"]

    assert any(done < first <= begun for first in firsts)


@pytest.mark.parametrize("robots", [None, (0, ""), (200, "User-agent: *\nDisallow: /\n")])
async def test_a_source_that_cannot_be_reached_is_said_and_skipped(robots: tuple[int, str] | None) -> None:
    """The others complete; the job is not ok."""
    home = ScriptedHome(_SITE)
    if robots is not None:
        home.robots["gone.example"] = robots
    job = await _crawl(home, "https://gone.example/x/", "/two/")
    (warning,) = home.of_type(job, e.Log)

    assert (job.state, job.ending and job.ending.ok) == (JobState.COMPLETED, False)
    assert "The source main (https://gone.example/x/) gave no page and is skipped: " in warning.message
    assert {"/two/", "/two/leaf"} == set(await home.library(job))


async def test_the_pages_of_a_source_that_cannot_be_reached_stay_in_the_library() -> None:
    """A server that is down has removed nothing."""
    home = ScriptedHome(_SITE)
    await _crawl(home, "/one/", "/two/")
    home.pages = {path: page for path, page in _SITE.items() if path.startswith("/two/")}
    job = await _crawl(home, "/one/", "/two/")

    assert set(await home.library(job)) == set(_SITE)
    assert [event.removed for event in home.of_type(job, e.LibraryPublished)] == [0], "published, not only held"


async def test_one_source_of_a_library_can_be_crawled_alone() -> None:
    """The pages of the others are neither fetched nor touched."""
    home = ScriptedHome(_SITE)
    await _crawl(home, "/one/", "/two/")
    home.fetched.clear()
    home.pages = {**_SITE, "/two/": ScriptedPage(text="two, changed", links=("/two/leaf", "/one/leaf"))}
    new = NewJob(tenant=TENANT, library="docs", options=JobOptions(source_id="source-2"))
    job = await create_job(home.outside.services, new, invoke=False)
    await home.finish(home.drive(home.process("D1"), job))

    (published,) = home.of_type(job, e.LibraryPublished)
    assert home.fetched == ["/two/", "/two/leaf"]
    assert set(await home.library(job)) == set(_SITE)
    assert (published.changed, published.removed) == (1, 0)


async def test_an_unknown_source_is_refused_with_those_that_there_are() -> None:
    """A typing error must not crawl everything, or nothing."""
    home = ScriptedHome(_SITE)
    await _crawl(home, "/one/", "/two/")
    new = NewJob(tenant=TENANT, library="docs", options=JobOptions(source_id="three"))
    with pytest.raises(InputInvalid, match=r"no source 'three'; it has: main, source-2\."):
        await create_job(home.outside.services, new)


async def test_a_job_without_sources_is_completed_with_one_warning() -> None:
    """Nothing to do is no failure, and no secret."""
    home = ScriptedHome({})
    library = Library(tenant=TENANT, library_id="docs", sources=(), created_at=home.clock.now())
    await home.outside.services.libraries.ensure(library)
    new = NewJob(tenant=TENANT, library="docs")
    job = await create_job(home.outside.services, new, invoke=False)
    await home.finish(home.drive(home.process("D1"), job))
    end: Any = home.log(job)[-1]

    assert (end.type, end.ok, end.sources_processed, end.report_id) == ("job_completed", True, 0, None)
    assert [(event.level, event.message) for event in home.of_type(job, e.Log)] == [("warning", NO_SOURCES)]


async def test_a_limit_that_the_first_source_reaches_is_said() -> None:
    """The second was not begun: that is no complete crawl."""
    home = ScriptedHome(_SITE)
    job = await _crawl(home, "/one/", "/two/", limit=2)
    records = await list_urls(home.outside.services, job)

    assert job.ending is not None
    assert (job.ending.ended_because, job.ending.counts.fetched) == (EndedBecause.LIMIT, 2)
    assert [event.source_id for event in home.of_type(job, e.SourceStarted)] == ["main"]
    assert [event.source_id for event in home.of_type(job, e.SourceCompleted)] == ["main"]
    assert len(records) == job.ending.counts.seen


async def test_a_driver_killed_before_any_step_goes_on_with_the_same_source() -> None:
    """Each source begins once and is completed once, whoever drives."""
    whole = ScriptedHome(_SITE)
    job = await whole.create("/one/", "/two/", library="docs")
    process = whole.process("D1")
    await whole.finish(whole.drive(process, job))
    wanted, counts = set(await whole.library(job)), whole.meta(job).ending.counts  # type: ignore[union-attr]
    for kill_at in range(1, len(process.steps) + 1):
        home = ScriptedHome(_SITE)
        job = await home.create("/one/", "/two/", library="docs")
        first = home.process("D1")
        first.kill_at = kill_at
        await home.finish(home.drive(first, job))
        await home.finish(home.drive(home.process("D2"), job))
        told = Counter((event.type, event.source_id) for event in home.of_type(job, e.SourceStarted, e.SourceCompleted))

        assert set(await home.library(job)) == wanted, first.steps[-1]
        assert home.meta(job).ending.counts == counts  # type: ignore[union-attr]
        assert told == Counter(
            (kind, name) for kind in ("source_started", "source_completed") for name in ("main", "source-2")
        ), first.steps[-1]


# ---- the same page under several URLs


async def test_the_library_shows_the_same_whoever_came_first() -> None:
    """Of each page one is fetched in the stream; the library has the canonical one, with that one's own text."""
    names = ("/p?print=1", "/q", "/long-name")
    bodies = {
        "/p?print=1": ScriptedPage(text="P to print", canonical="/long-name"),
        "/q": ScriptedPage(text="the same as long-name"),
        "/long-name": ScriptedPage(text="the same as long-name", canonical="/long-name"),
    }
    seen, home = set(), ScriptedHome({})
    for order in permutations(names):
        home = ScriptedHome({"/": ScriptedPage(text="home", links=order), **bodies})
        job = await home.crawl(concurrency=1)
        pages = await home.library(job)
        records = {home.path_of(one.url): one for one in await list_urls(home.outside.services, job)}
        verdicts = Counter(records[name].verdict for name in names)
        end: Any = home.log(job)[-1]

        # What comes last may join two pages that are fetched already.
        assert verdicts[Verdict.FETCHED] == (2 if order[2] == "/long-name" else 1)
        assert verdicts[Verdict.DUPLICATE] == 3 - verdicts[Verdict.FETCHED]
        assert {records[name].duplicate_of for name in names} - {home.url(name) for name in order[:2]} == {None}
        assert (len(pages), end.pages) == (2, end.counts.fetched)
        seen.add((pages["/long-name"].content_hash, pages["/long-name"].aliases, pages["/long-name"].page_id))
    assert len(seen) == 1
    ((_, aliases, _),) = seen
    assert {home.path_of(url) for url in aliases} == {"/p?print=1", "/q"}


async def test_a_canonical_address_that_fails_costs_no_page() -> None:
    """What is declared and not there is no reason to lose what is there."""
    home = ScriptedHome(
        {
            "/": ScriptedPage(text="home", links=("/a", "/b")),
            "/a": ScriptedPage(text="A", canonical="/gone"),
            "/b": ScriptedPage(text="B", canonical="https://elsewhere.example/b"),
        }
    )
    job = await home.crawl()

    assert set(await home.library(job)) == {"/", "/a", "/b"}


async def test_a_pattern_that_can_match_nothing_is_said_once() -> None:
    """`docs/**` would leave out everything but the start page, and `*.pdf` nothing, without a word."""
    home = ScriptedHome({"/": ScriptedPage(links=("/docs/a",)), "/docs/a": ScriptedPage(text="A")})
    job = await home.create(include=("docs/**", "/docs/**"), exclude=("*.pdf",))
    first = home.process("D1")
    task = home.drive(first, job)
    await home.until(lambda: "/docs/a" in home.fetched)
    first.kill()
    await home.finish(task)
    await home.finish(home.drive(home.process("D2"), job))
    logs = [log.message for log in home.of_type(job, e.Log) if "can match no page" in log.message]

    assert [message.split()[2] for message in logs] == ["docs/**", "*.pdf"]
    assert set(await home.library(job)) == {"/", "/docs/a"}
