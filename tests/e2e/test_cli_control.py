"""`runnel retry` and `runnel delete`, on this machine and against a server: the same output, the same exit codes."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.site.faults import Status
from tests.site.server import SiteServer
from tests.support.command_line import JOB_ID, Cli, markdown
from tests.support.http_homes import serving

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")

#: In the quick run on this machine alone, in `make soak` against a server too.
HERE = pytest.mark.parametrize("cli", ["here", pytest.param("remote", marks=pytest.mark.soak)], indirect=True)

_START = "/docs/guide/seasons/"
_BROKEN = "/docs/guide/seasons/winter.html"


@pytest.fixture
async def site() -> AsyncIterator[SiteServer]:
    async with SiteServer() as server:
        server.fail(_BROKEN, Status(code=404))
        yield server


@pytest.fixture(params=["here", "remote"])
async def cli(request: pytest.FixtureRequest, tmp_path: Path, site: SiteServer) -> AsyncIterator[Cli]:
    """The command line over its own home, or over a server's."""
    async with AsyncExitStack() as stack:
        if request.param == "here":
            yield Cli(tmp_path, RUNNEL_ALLOW_PRIVATE=site.address)
            return
        url, _ = await stack.enter_async_context(serving(tmp_path / "server", RUNNEL_ALLOW_PRIVATE=site.address))
        yield Cli(tmp_path, RUNNEL_REMOTE=url)


async def crawl(cli: Cli, site: SiteServer) -> str:
    """The id of a crawl of five pages of which one failed."""
    ran = await cli.run("crawl", site.url(_START), "--sitemap", "skip", "--library", "seasons", "-q")
    assert (ran.code, ran.lines[-1]["type"]) == (3, "job_completed"), ran.err
    job_id: str = ran.lines[0]["job_id"]
    return job_id


async def test_a_retry_brings_the_page_that_failed(cli: Cli, site: SiteServer) -> None:
    """Its exit code is that of the new job; asked for again, the same job is shown and nothing is fetched."""
    job_id = await crawl(cli, site)
    before = {page["url"] for page in (await cli.run("pages", "seasons")).lines}
    site.heal(_BROKEN)
    retried = await cli.run("retry", job_id)
    site.forget_requests()
    again = await cli.run("retry", job_id)
    status = (await cli.run("status", job_id)).lines[0]
    pages = {page["url"] for page in (await cli.run("pages", "seasons")).lines}
    nothing = await cli.run("retry", retried.lines[0]["job_id"])

    assert retried.code == again.code == 0, retried.err
    assert retried.out == again.out
    assert status["retried_by"] == retried.lines[0]["job_id"] != job_id
    assert site.requests == []
    assert pages >= before | {site.url(_BROKEN)}
    assert (nothing.code, nothing.out) == (2, "")
    assert "nothing to retry" in nothing.err
    assert "Try: runnel urls JOB" in nothing.err
    if status["output"]:
        assert len(markdown(cli.folder / "seasons")) == len(pages)


@HERE
async def test_jobs_are_deleted_each_for_itself(cli: Cli, site: SiteServer) -> None:
    """One that is not there does not keep the others; the library stays."""
    job_id = await crawl(cli, site)
    gone = await cli.run("delete", JOB_ID, job_id)
    twice = await cli.run("delete", job_id)
    status = await cli.run("status", job_id)
    listed = await cli.run("jobs")
    libraries = await cli.run("libraries")

    assert gone.code == 2
    assert JOB_ID in gone.err
    assert [job["job_id"] for job in gone.lines] == [job_id]
    assert (twice.code, status.code) == (2, 2)
    assert listed.lines == []
    assert [library["library_id"] for library in libraries.lines] == ["seasons"]
    assert "Traceback" not in gone.err + twice.err + status.err


@HERE
async def test_a_job_that_has_not_ended_is_not_deleted(cli: Cli, site: SiteServer) -> None:
    """And it is said what to do first."""
    site.hold(_START)
    try:
        created = await cli.run("crawl", site.url(_START), "--library", "seasons", "--no-wait")
        job_id = created.lines[0]["job_id"]
        refused = await cli.run("delete", job_id)
        again = await cli.run("retry", job_id)
        status = (await cli.run("status", job_id)).lines[0]
        await cli.run("cancel", job_id)
    finally:
        site.release(_START)

    assert (refused.code, again.code) == (2, 2)
    assert "only a job that has ended can be deleted" in refused.err
    assert status["state"] in ("queued", "running")
