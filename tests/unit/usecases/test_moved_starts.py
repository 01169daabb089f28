"""A start URL that its site keeps elsewhere: in a language, in a version. The crawl goes there too, and says so."""

from dataclasses import replace
from typing import Any

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import Job, JobState
from runnel.usecases.list_urls import list_urls
from runnel.usecases.why_url import why_in_job
from tests.support.homes import ScriptedHome, ScriptedPage

_LEAVES = ("/en/docs/a", "/en/docs/b")
_SITE = {
    "/docs/": ScriptedPage(text="home", final="/en/docs/", links=(*_LEAVES, "/docs/old", "/en/blog/")),
    "/en/docs/a": ScriptedPage(text="a", links=("/en/docs/b", "/en/docs/deep/c")),
    "/en/docs/b": ScriptedPage(text="b"),
    "/en/docs/deep/c": ScriptedPage(text="c"),
    "/docs/old": ScriptedPage(text="old"),
    "/en/blog/": ScriptedPage(text="no documentation"),
}
_RULE = "scope subpages docs.example.com/docs/"
_KEPT = ["/docs/old", "/en/docs/", "/en/docs/a", "/en/docs/b", "/en/docs/deep/c"]


async def _crawl(home: ScriptedHome, *starts: str, **options: Any) -> Job:
    job = await home.create(*(starts or ("/docs/",)), **{"library": "docs", "sitemap": "skip", **options})
    await home.finish(home.drive(home.process("D1"), job))
    return home.meta(job)


def _warnings(home: ScriptedHome, job: Job) -> list[str]:
    return [event.message for event in home.of_type(job, e.Log) if event.level == "warning"]


async def test_the_crawl_takes_in_where_its_start_url_has_moved_to_and_says_so() -> None:
    """Once; and nothing else of the site."""
    home = ScriptedHome(_SITE)
    job = await _crawl(home)

    assert job.state is JobState.COMPLETED
    assert sorted(await home.library(job)) == _KEPT
    (warning,) = _warnings(home, job)
    assert home.url("/docs/") in warning
    assert home.url("/en/docs/") in warning
    seen = {home.path_of(record.url): record for record in await list_urls(home.outside.services, job)}
    assert (seen["/en/blog/"].reason, seen["/en/blog/"].rule) == (
        "out_of_scope",
        "scope subpages docs.example.com/docs/",
    )
    why = await why_in_job(home.outside.services, job, home.url("/en/docs/never-linked"))
    assert why.record.reason == "not_linked"


async def test_every_later_driver_judges_as_the_first_one() -> None:
    """The move stands in the log; what it lets in is found by whoever goes on."""
    home = ScriptedHome(_SITE)
    home.latency_s = 1.0
    job = await home.create("/docs/", library="docs", sitemap="skip", concurrency=1)
    first = home.process("D1")
    task = home.drive(first, job)
    await home.until(lambda: "/en/docs/a" in home.fetched)
    first.kill()
    await home.finish(task)
    await home.clock.advance(15)
    await home.finish(home.drive(home.process("D2"), job))

    assert sorted(await home.library(home.meta(job))) == _KEPT
    assert len(_warnings(home, job)) == 1


async def test_what_a_sitemap_told_too_early_is_let_in() -> None:
    """It is read beside the first page, and may come before anybody knows where the site keeps its pages."""
    home = ScriptedHome({**_SITE, "/en/docs/hidden": ScriptedPage(text="only listed")})
    home.delays = {"/docs/": 5.0}
    listed = [home.url(path) for path in ("/en/docs/hidden", "/en/blog/post")]
    home.sitemaps.files[home.url("/sitemap.xml")] = "\n".join(listed)
    job = await _crawl(home, sitemap="include")
    told = home.of_type(job, e.UrlsDiscovered)

    assert "/en/docs/hidden" in await home.library(job)
    assert sum(event.reconsidered for event in told) == 1
    assert job.ending is not None
    assert job.ending.counts.skipped == 2


async def test_an_incremental_crawl_goes_where_the_start_url_was_found_then() -> None:
    """It has not changed, or does not come today: its stored links lead on."""
    home = ScriptedHome({path: replace(page, links_in_body=True) for path, page in _SITE.items()})
    await _crawl(home)
    again = await _crawl(home, mode="incremental")

    assert sorted(await home.library(again)) == _KEPT
    assert again.ending is not None
    assert again.ending.counts.unchanged == len(_KEPT)


async def test_pages_belong_to_the_source_whose_start_has_moved_beside_them() -> None:
    """Of several sources each keeps its own."""
    site = {**_SITE, "/api/": ScriptedPage(text="api", final="/en/api/", links=("/en/api/x", "/en/docs/b"))}
    home = ScriptedHome({**site, "/en/api/x": ScriptedPage(text="x")})
    job = await _crawl(home, "/docs/", "/api/")
    owners = {path: page.source_id for path, page in (await home.library(job)).items()}

    assert {path for path, owner in owners.items() if owner == "source-2"} == {"/en/api/", "/en/api/x"}


@pytest.mark.parametrize("options", [{"scope": "hostname"}, {"scope": "domain"}])
async def test_a_wider_scope_has_nothing_to_take_in(options: dict[str, Any]) -> None:
    """The whole host belongs to it anyhow."""
    home = ScriptedHome(_SITE)
    job = await _crawl(home, **options)

    assert "/en/blog/" in await home.library(job)
    assert _warnings(home, job) == []
