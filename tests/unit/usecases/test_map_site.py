"""A map: what a crawl would fetch, without fetching it all, and what it would take."""

from dataclasses import replace

import pytest

from runnel.domain.jobs import JobOptions
from runnel.domain.verdicts import Verdict
from runnel.errors import InputInvalid, JobNotFound
from runnel.usecases.create_job import NewJob, create_job
from runnel.usecases.map_site import PAGE_USD, SiteMap, map_job, read_map
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

_SITE = {
    "/": ScriptedPage(text="home", links=("/a", "/b", "/gone", "/x.pdf")),
    "/a": ScriptedPage(text="A", links=("/c", "/d")),
    "/b": ScriptedPage(text="B"),
    "/c": ScriptedPage(text="C"),
    "/d": ScriptedPage(text="C"),
}


async def _map(home: ScriptedHome, *, pages: int = 100, limit: int = 10_000) -> SiteMap:
    new = NewJob(tenant=TENANT, urls=(home.url("/"),), options=JobOptions(limit=limit), output="/somewhere")
    job = await create_job(home.outside.services, map_job(new, pages=pages), invoke=False)
    await home.finish(home.drive(home.process("D1"), job))
    return await read_map(home.outside.services, TENANT, job.job_id, limit=limit)


async def test_a_small_site_is_mapped_whole() -> None:
    """Every URL with its verdict, an exact count, and nothing stored."""
    home = ScriptedHome(_SITE)
    found = await _map(home)
    verdicts = {home.path_of(url.url): url.verdict for url in found.urls}

    assert verdicts == {
        "/": Verdict.FETCHED, "/a": Verdict.FETCHED, "/b": Verdict.FETCHED, "/gone": Verdict.FAILED,
        "/x.pdf": Verdict.SKIPPED, "/c": Verdict.FETCHED, "/d": Verdict.DUPLICATE,
    }  # fmt: skip
    assert (found.estimate.pages, found.estimate.requests, found.estimate.is_complete) == (4, 6, True)
    assert found.estimate.time_s is not None
    assert 0 < found.estimate.time_s < 60
    assert (found.estimate.usd, found.estimate.usd_on_aws) == (0.0, round(4 * PAGE_USD, 6))
    assert (home.state.objects, home.state.libraries, found.job.output) == ({}, {}, None)


async def test_a_large_site_is_estimated_from_the_pages_that_were_looked_at() -> None:
    """What was found and not looked at has no verdict; of it, as many would be kept as of the others."""
    leaves = {f"/{number}": ScriptedPage(text=f"page {number}") for number in range(200)}
    home = ScriptedHome({"/": ScriptedPage(text="home", links=tuple(leaves)), **leaves})
    found = await _map(home, pages=20)
    waiting = [url for url in found.urls if url.verdict is None]

    assert len(home.fetched) == 20
    assert len(waiting) == 181
    assert (found.estimate.pages, found.estimate.requests, found.estimate.is_complete) == (201, 201, False)
    assert found.estimate.usd_on_aws == round(201 * PAGE_USD, 6)


async def test_the_limit_of_the_crawl_bounds_the_estimate() -> None:
    """It would stop there."""
    leaves = {f"/{number}": ScriptedPage(text=f"page {number}") for number in range(200)}
    home = ScriptedHome({"/": ScriptedPage(text="home", links=tuple(leaves)), **leaves})
    found = await _map(home, pages=20, limit=50)

    assert (found.estimate.pages, found.estimate.requests) == (50, 50)


async def test_a_home_that_bills_says_its_own_price() -> None:
    """On AWS the dollars are real."""
    home = ScriptedHome(_SITE)
    home.meter.total_usd = 0.5
    home.on_fetch = lambda _path: setattr(home.meter, "total_usd", home.meter.total_usd + 0.01)
    found = await _map(home)

    assert found.estimate.usd == found.estimate.usd_on_aws > 0


async def test_a_site_that_answers_nothing_has_an_estimate_too() -> None:
    """Of nothing, in no known time."""
    home = ScriptedHome({})
    home.robots["docs.example.com"] = (200, "User-agent: *\nDisallow: /\n")
    found = await _map(home)

    assert (found.estimate.pages, found.estimate.requests, found.estimate.time_s) == (0, 0, None)


@pytest.mark.parametrize("pages", [0, 1_001])
async def test_a_map_is_bounded(pages: int) -> None:
    """Who wants more wants a dry run."""
    new = NewJob(tenant=TENANT, urls=("https://docs.example.com/",))
    with pytest.raises(InputInvalid, match="1 to 1000"):
        map_job(new, pages=pages)
    assert map_job(replace(new, options=JobOptions(timeout_s=5))).options.timeout_s == 5


async def test_a_map_of_no_job_is_none() -> None:
    """It was deleted meanwhile."""
    with pytest.raises(JobNotFound):
        await read_map(ScriptedHome({}).outside.services, TENANT, "none", limit=1)
