"""Type and size of files that are no pages, in whole jobs: what is asked, when, and what is left out."""

from typing import Any

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import EndedBecause, Job
from runnel.domain.payloads import CrawlResult
from runnel.domain.verdicts import AssetFacts
from runnel.errors import CallFailed
from runnel.usecases import measure_assets
from runnel.usecases.create_job import NewJob
from runnel.usecases.list_urls import UrlRecord, list_urls
from runnel.usecases.map_site import map_job, read_map
from runnel.usecases.services import Tuning
from runnel.usecases.why_url import why_in_job
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

_PDF = AssetFacts(status=200, content_type="application/pdf", size_bytes=1_234)


def _home(*files: str, tuning: Tuning | None = None, **answers: Any) -> ScriptedHome:
    """A site of two pages, the first of which links to *files*; each is a PDF unless *answers* says otherwise."""
    home = ScriptedHome({"/": ScriptedPage(links=("/a", *files)), "/a": ScriptedPage(text="A")}, tuning=tuning)
    home.files = {home.path_of(path): _PDF for path in files} | answers
    return home


async def _urls(home: ScriptedHome, job: Job) -> dict[str, UrlRecord]:
    return {home.path_of(record.url): record for record in await list_urls(home.outside.services, job)}


def _asked(home: ScriptedHome) -> list[str]:
    return [home.path_of(target.url) for request in home.heads for target in request.targets]


def _told(home: ScriptedHome, job: Job) -> list[e.Log]:
    return [event for event in home.of_type(job, e.Log) if event.message.startswith("Files that are no pages")]


async def test_a_file_is_recorded_with_its_type_and_size() -> None:
    """The verdict stays what it was; the list and `why` say what the file is; the library knows nothing of it."""
    home = _home("/m.pdf", "/x.zip")
    home.files["/x.zip"] = AssetFacts(status=200, content_type="application/zip")
    job = await home.crawl()
    urls = await _urls(home, job)
    why = await why_in_job(home.outside.services, job, home.url("/m.pdf"))

    assert (urls["/m.pdf"].verdict, urls["/m.pdf"].reason, urls["/m.pdf"].rule) == (
        "skipped",
        "asset",
        "document: .pdf",
    )
    assert (urls["/m.pdf"].content_type, urls["/m.pdf"].content_length) == ("application/pdf", 1_234)
    assert (urls["/m.pdf"].status, urls["/m.pdf"].parent, urls["/m.pdf"].depth) == (200, home.url("/"), 1)
    assert (urls["/x.zip"].content_type, urls["/x.zip"].content_length) == ("application/zip", None)
    assert why.explanation == "It was skipped (asset): document: .pdf (application/pdf, 1,234 bytes)"
    assert [(log.message, log.item, log.total) for log in _told(home, job)] == [
        ("Files that are no pages: 1 of 2 told their size, 1,234 bytes in all", 2, 2)
    ]
    assert set(await home.library(job)) == {"/", "/a"}
    assert job.ending is not None
    assert (job.ending.ok, job.ending.counts.seen, job.ending.counts.skipped) == (True, 4, 2)


async def test_no_page_waits_for_a_file() -> None:
    """Nothing is asked before every page has its verdict, and one request asks for headers only."""
    home = _home("/m.pdf")
    gate = home.hold("/a")
    job = await home.create()
    task = home.drive(home.process("D1"), job)
    await home.until(lambda: "/a" in home.fetched)
    await home.clock.advance(5.0)
    before = _asked(home)
    gate.set()
    await home.finish(task)

    assert before == []
    assert _asked(home) == ["/m.pdf"]
    assert (home.heads[0].purpose, home.heads[0].keep, home.heads[0].deadline_s) == ("head", False, 10.0)


async def test_a_site_without_files_costs_no_request_and_no_event() -> None:
    """What most crawls are must not pay for the others."""
    home = _home()
    job = await home.crawl()

    assert (home.heads, _told(home, job)) == ([], [])


async def test_no_more_are_asked_about_than_the_setting_says() -> None:
    """The others keep their verdict, their size is unknown, and the log counts them."""
    home = _home(*(f"/{n}.pdf" for n in range(7)), tuning=Tuning(asset_sizes=3))
    job = await home.crawl()
    urls = await _urls(home, job)

    assert _asked(home) == ["/0.pdf", "/1.pdf", "/2.pdf"]
    assert [urls[f"/{n}.pdf"].content_length for n in range(4)] == [1_234, 1_234, 1_234, None]
    assert _told(home, job)[-1].message.endswith("; 4 more were not asked about")


async def test_a_job_of_few_pages_asks_about_few_files_and_they_do_not_count_as_pages() -> None:
    """`--limit` bounds what a site has to bear; the pages that it allows all come."""
    home = _home(*(f"/{n}.pdf" for n in range(7)))
    job = await home.crawl(limit=2)

    assert len(_asked(home)) == 2
    assert set(await home.library(job)) == {"/", "/a"}
    assert job.ending is not None
    assert job.ending.counts.fetched == 2


async def test_a_job_stopped_by_its_limit_asks_and_one_that_ran_out_of_time_does_not() -> None:
    """A limit of pages is not one of files; a spent budget ends everything."""
    home = _home("/m.pdf")
    stopped = await home.crawl(limit=1)
    late = _home("/m.pdf")
    late.delays = {"/a": 40.0}
    timed_out = await late.crawl(timeout_s=30)

    assert stopped.ending is not None
    assert timed_out.ending is not None
    assert (stopped.ending.ended_because, _asked(home)) == (EndedBecause.LIMIT, ["/m.pdf"])
    assert (timed_out.ending.ended_because, _asked(late)) == (EndedBecause.DEADLINE, [])


async def test_a_crawl_delay_is_kept_and_a_minute_is_all_it_takes() -> None:
    """A slow host's files must not keep a finished crawl from being published."""
    home = _home(*(f"/{n}.pdf" for n in range(30)))
    job = await home.crawl(delay_s=7.0)
    seconds = (home.log(job)[-1].time - home.of_type(job, e.UrlCrawled)[-1].time).total_seconds()

    assert 5 <= len(_asked(home)) <= 9
    assert seconds < 70
    assert f"{30 - len(_asked(home))} more were not asked about" in _told(home, job)[-1].message
    assert job.ending is not None
    assert job.ending.ok


async def test_robots_txt_rules_over_files_too() -> None:
    """A forbidden file is not asked about, and the list says which line forbids it."""
    home = _home("/private/m.pdf", "/n.pdf")
    home.robots["docs.example.com"] = 200, "User-agent: *\nDisallow: /private/"
    job = await home.crawl()
    urls = await _urls(home, job)

    assert _asked(home) == ["/n.pdf"]
    assert urls["/private/m.pdf"].rule == (
        "document: .pdf; size unknown: robots.txt forbids to ask (2: Disallow: /private/)"
    )
    assert urls["/private/m.pdf"].content_length is None


async def test_a_file_that_no_link_may_be_followed_to_is_not_asked_about() -> None:
    """`nofollow` and a depth hold for files too: no request goes where a page's would not."""
    home = _home("/n.pdf")
    home.pages["/"] = ScriptedPage(links=("/a", "/n.pdf"), nofollow_links=("/x.pdf",))
    home.pages["/a"] = ScriptedPage(text="A", links=("/deep.pdf",))
    home.files |= {"/x.pdf": _PDF, "/deep.pdf": _PDF}
    job = await home.crawl(max_depth=1)
    urls = await _urls(home, job)

    assert _asked(home) == ["/n.pdf"]
    assert (urls["/x.pdf"].rule, urls["/deep.pdf"].rule) == ("document: .pdf", "document: .pdf")


async def test_another_host_s_robots_txt_is_read_before_its_files_are_asked_about() -> None:
    """A host that has files only is met for the first time here; one that cannot be reached is left alone."""
    there, gone = "https://files.example.com/m.pdf", "https://gone.example.com/m.pdf"
    home = _home(there, gone)
    home.robots |= {"files.example.com": (200, "User-agent: *\nDisallow: /x"), "gone.example.com": (0, "")}
    job = await home.crawl(scope="domain")
    urls = await _urls(home, job)

    assert _asked(home) == [there]
    assert "https://files.example.com/robots.txt" in home.robots_requests
    assert urls[there].content_length == 1_234
    assert "nobody there" in (urls[gone].rule or "")


@pytest.mark.parametrize("status", [405, 501])
async def test_a_server_without_head_leaves_the_size_unknown_and_fails_nothing(status: int) -> None:
    """After three refusals in a row the host is asked no more."""
    home = _home(*(f"/{n}.pdf" for n in range(9)))
    home.files = {f"/{n}.pdf": status for n in range(9)}
    job = await home.crawl(concurrency=1)
    urls = await _urls(home, job)

    assert len(_asked(home)) == 3
    assert urls["/0.pdf"].rule == f"document: .pdf; size unknown: the server does not answer HEAD ({status})"
    assert _told(home, job)[-1].message == (
        "Files that are no pages: 0 of 3 told their size, 0 bytes in all; 6 more were not asked about"
    )
    assert job.ending is not None
    assert job.ending.ok


async def test_a_host_that_wants_fewer_requests_is_asked_no_further() -> None:
    """Sizes are a courtesy to the reader, not worth a site's anger; other jobs hear of it too."""
    home = _home(*(f"/{n}.pdf" for n in range(9)))
    home.files = {f"/{n}.pdf": CrawlResult(url="", outcome="failed", status=429, retry_after_s=33.0) for n in range(9)}
    job = await home.crawl(concurrency=1)

    assert _asked(home) == ["/0.pdf"]
    assert job.ending is not None
    assert job.ending.ok


async def test_a_missing_file_is_told_with_its_status() -> None:
    """A broken link to a manual is worth knowing; it does not stop the others."""
    home = _home("/0.pdf", "/1.pdf", "/2.pdf", "/3.pdf", "/4.pdf")
    home.files = {"/4.pdf": _PDF}
    home.files["/3.pdf"] = CrawlResult(
        url="", outcome="skipped", status=302, reason="robots", rule="redirects to /x: no"
    )
    job = await home.crawl(concurrency=1)
    urls = await _urls(home, job)

    assert (urls["/0.pdf"].status, urls["/0.pdf"].verdict) == (404, "skipped")
    assert urls["/0.pdf"].rule == "document: .pdf; size unknown: the site answered 404"
    assert urls["/3.pdf"].rule == "document: .pdf; size unknown: redirects to /x: no"
    assert urls["/4.pdf"].content_length == 1_234


async def test_calls_that_fail_and_requests_that_did_not_start_are_left_out() -> None:
    """Nobody knows what the site would have said, and nothing is asked twice."""
    home = _home("/0.pdf", "/1.pdf", "/2.pdf")
    home.files |= {"/0.pdf": CallFailed(), "/1.pdf": CrawlResult(url="", outcome="not_started")}
    job = await home.crawl(concurrency=1)

    assert sorted(_asked(home)) == ["/0.pdf", "/1.pdf", "/2.pdf"]
    assert _told(home, job)[-1].message.endswith("; 2 more were not asked about")
    assert job.ending is not None
    assert job.ending.ok


async def test_several_files_of_a_host_share_a_call() -> None:
    """As pages of a fast host do: on AWS a call is an invocation."""
    home = _home(*(f"/{n}.pdf" for n in range(10)))
    job = await home.create()
    process = home.process("D1")
    process.services.crawler.max_targets = 5
    await home.finish(home.drive(process, job))

    assert len(_asked(home)) == 10
    assert len({id(request) for request in home.heads}) < 10
    assert len(await _urls(home, job)) == 12


async def test_a_later_driver_asks_about_the_rest_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in the log is known; the verdicts are those of a crawl that nobody disturbed."""
    monkeypatch.setattr(measure_assets, "_TOLD", 2)
    home = _home(*(f"/{n}.pdf" for n in range(8)))
    job = await home.create(concurrency=1)
    first = home.process("D1")
    task = home.drive(first, job)
    await home.until(lambda: bool(_told(home, job)))
    first.kill()
    await home.finish(task)
    known = {asset for log in _told(home, job) for asset in [log.item]}
    asked_before = len(_asked(home))
    await home.clock.advance(30.0)
    await home.finish(home.drive(home.process("D2"), job))
    urls = await _urls(home, job)
    asked_again = _asked(home)[asked_before:]

    assert known
    assert set(asked_again).isdisjoint(_asked(home)[: max(filter(None, known))])
    assert [urls[f"/{n}.pdf"].content_length for n in range(8)] == [1_234] * 8
    assert [log.item for log in _told(home, job)] == [2, 4, 6, 8]


async def test_a_pause_stops_the_asking() -> None:
    """A wish is heard at once, and what was not asked is asked when the job goes on."""
    from runnel.usecases.control_job import pause_job, resume_job

    home = _home(*(f"/{n}.pdf" for n in range(20)))
    job = await home.create(delay_s=2.0)
    task = home.drive(home.process("D1"), job)
    await home.until(lambda: len(_asked(home)) >= 2)
    await pause_job(home.outside.services, TENANT, job.job_id)
    await home.finish(task)
    count = len(_asked(home))
    await home.clock.advance(60.0)
    paused = len(_asked(home))
    await resume_job(home.outside.services, TENANT, job.job_id)
    await home.finish(home.drive(home.process("D2"), job))

    assert count <= 5
    assert paused == count
    assert len(_asked(home)) > 20


async def test_a_dry_run_and_a_map_ask_too() -> None:
    """They tell what a crawl would tell; a map's hundred pages bound its files too."""
    home = _home("/m.pdf")
    job = await home.crawl(dry_run=True)
    new = map_job(NewJob(tenant=TENANT, urls=(home.url("/"),)), pages=1)
    mapped = await home.crawl(**new.options.model_dump(exclude_unset=True))
    found = await read_map(home.outside.services, TENANT, mapped.job_id, limit=100)

    assert (await _urls(home, job))["/m.pdf"].content_length == 1_234
    assert [url.content_length for url in found.urls if url.url.endswith(".pdf")] == [1_234]
    assert found.estimate.requests == 2


async def test_a_page_that_turns_out_to_be_a_file_has_its_type_and_size() -> None:
    """Its name told nothing, so it was asked for as a page: what the answer said is kept."""
    home = _home()
    facts = AssetFacts(status=200, content_type="application/pdf", size_bytes=99)
    home.pages["/a"] = ScriptedPage(facts=facts)
    job = await home.crawl()
    record = (await _urls(home, job))["/a"]

    assert (record.verdict, record.reason, record.content_type, record.content_length) == (
        "failed", "unsupported_type", "application/pdf", 99,
    )  # fmt: skip
