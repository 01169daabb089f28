"""Why a page is missing, asked of jobs that ran."""

from dataclasses import replace

import pytest

from runnel.domain.payloads import CrawlRequest, CrawlResponse, CrawlResult
from runnel.domain.verdicts import Verdict
from runnel.errors import CallFailed, InputInvalid, JobNotFound
from runnel.ports.crawler import Turn
from runnel.usecases.list_urls import UrlRecord
from runnel.usecases.why_url import Why, _explain, why_in_job, why_url
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

PAGES = {
    "/": ScriptedPage(
        text="home", links=("/a", "/a2", "/gone", "/private/x", "/b/c", "/file.pdf", "http://far.example/")
    ),
    "/a": ScriptedPage(text="a", links=("/b/d",)),
    "/a2": ScriptedPage(text="a"),
    "/gone": ScriptedPage(status=404),
    "/b/c": ScriptedPage(text="c"),
    "/b/d": ScriptedPage(text="d", final="/b/moved"),
}


def make_home() -> ScriptedHome:
    home = ScriptedHome(PAGES)
    home.robots["docs.example.com"] = (200, "User-agent: *\nDisallow: /private/\n")
    return home


async def ask(home: ScriptedHome, path: str, *, library: str | None = None) -> Why:
    url = path if "://" in path else home.url(path)
    return await why_url(home.outside.services, TENANT, url, library_id=library)


async def test_the_verdict_comes_with_the_way_to_it_and_what_decided() -> None:
    """A user has a URL and wants one sentence."""
    home = make_home()
    await home.crawl(exclude=("/b/c",))
    gone, private, excluded, far = [await ask(home, p) for p in ("/gone", "/private/x", "/b/c", "http://far.example/")]
    deep, twin, pdf = [await ask(home, path) for path in ("/b/d", "/a2", "/file.pdf")]

    assert "http_4xx" in gone.explanation
    assert "404" in gone.explanation
    assert "Disallow: /private/" in private.explanation
    assert "--robots ignore" in private.advice
    assert "exclude /b/c" in excluded.explanation
    assert (far.record.reason, far.record.parent) == ("out_of_scope", home.url("/"))
    assert deep.path == (home.url("/"), home.url("/a"))
    assert "arriving at" in deep.explanation
    assert deep.advice == ""
    assert "same content as" in twin.explanation
    assert pdf.record.reason == "asset"
    assert not any(one.judged for one in (gone, private, excluded, far, deep, twin, pdf))


async def test_another_spelling_that_people_take_for_the_same_is_found() -> None:
    """Whoever copies a URL by hand forgets the slash, or the s."""
    home = make_home()
    await home.crawl()
    there = await ask(home, home.url("/a/").replace("https://", "http://"))
    plain = await why_url(home.outside.services, TENANT, home.url("/gone").partition("://")[2])

    assert f"(It was seen as {home.url('/a')}.)" in there.explanation
    assert plain.record.url == home.url("/gone")


async def test_a_url_that_no_job_saw_is_judged_by_the_latest_jobs_options_and_that_is_said() -> None:
    """Scope and patterns as they were, robots.txt as it is."""
    home = make_home()
    job = await home.crawl(exclude=("/x/**",))
    judged = {
        path: await ask(home, path)
        for path in ("/never", "/x/never", "/private/never", "/never.zip", "http://far.example/never")
    }

    assert {path: one.record.reason for path, one in judged.items()} == {
        "/never": "not_linked",
        "/x/never": "excluded",
        "/private/never": "robots",
        "/never.zip": "asset",
        "http://far.example/never": "out_of_scope",
    }
    assert all(one.judged and f"the options of job {job.job_id}" in one.explanation for one in judged.values())
    assert "Disallow: /private/" in (judged["/private/never"].record.rule or "")
    assert "start URL" in judged["/never"].advice
    assert (await why_in_job(home.outside.services, job, home.url("/never"))).judged


async def test_a_content_signal_is_the_reason_where_it_is_obeyed() -> None:
    """And never where it is only told."""
    home = make_home()
    home.robots["docs.example.com"] = (200, "User-agent: *\nContent-Signal: search=no\nDisallow: /private/\n")
    await home.crawl(content_signal="obey", robots="ignore", reason="mine")
    obeyed = await ask(home, "/private/never")
    await home.crawl(library="other")
    told = await ask(home, "/never")

    assert (obeyed.record.reason, obeyed.record.rule) == ("robots", "2: Content-Signal: search=no")
    assert "--content-signal report" in obeyed.advice
    assert told.record.reason == "not_linked"


async def test_a_robots_txt_that_does_not_come_decides_nothing() -> None:
    """The question is answered all the same."""
    home = make_home()
    job = await home.crawl()
    outside = home.outside.services
    ignoring = await home.crawl(robots="ignore", reason="mine")
    answers: list[CrawlResponse | CallFailed] = [
        CallFailed(),
        CrawlResponse(results=(CrawlResult(url="https://h/robots.txt", outcome="failed"),)),
    ]

    class Silent:
        max_targets = 1

        async def crawl(self, request: CrawlRequest, *, turn: Turn | None = None) -> CrawlResponse:  # noqa: ARG002
            answer = answers.pop()
            if isinstance(answer, CallFailed):
                raise answer
            return answer

    silent = replace(outside, crawler=Silent())
    told = [await why_in_job(silent, job, home.url("/private/never")) for _ in range(2)]

    assert {one.record.reason for one in told} == {"not_linked"}
    assert (await why_in_job(outside, ignoring, home.url("/private/never"))).record.reason == "not_linked"


async def test_the_newest_job_that_saw_it_answers() -> None:
    """A later crawl with other options must not hide what happened."""
    home = make_home()
    first = await home.crawl()
    second = await home.crawl(include=("/a",))

    assert (await ask(home, "/b/c")).job_id == second.job_id
    assert (await ask(home, "/b/d")).job_id in (first.job_id, second.job_id)
    assert (await ask(home, "/b/d", library=first.library_id)).library_id == first.library_id
    with pytest.raises(JobNotFound):
        await ask(home, "/b/d", library="other")


async def test_what_waits_and_what_never_had_its_turn_is_said() -> None:
    """Also while the job runs, and after it was cut short."""
    home = make_home()
    limited = await home.crawl(limit=1)
    with pytest.raises(InputInvalid):
        await why_in_job(home.outside.services, limited, "javascript:x")
    waiting = [await why_in_job(home.outside.services, limited, home.url(path)) for path in ("/a", "/b/c")]

    assert {one.record.reason for one in waiting} == {"limit"}
    assert all("--limit" in one.advice for one in waiting)


def test_a_url_without_a_verdict_waits_or_never_had_its_turn() -> None:
    """While the job runs, and after it was cut short."""
    assert _explain(UrlRecord(url="https://h/")).startswith("It waits")
    assert "before its turn came (budget)" in _explain(
        UrlRecord(url="https://h/", verdict=Verdict.CANCELLED, reason="budget")
    )
