"""`runnel serve` and `--remote`: the same commands against a server give the same output and the same codes."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.site.server import SiteServer
from tests.support.command_line import CRAWL, JOB_ID, PAGES, Cli, finish


@asynccontextmanager
async def serving(cli: Cli, *options: str) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    async with cli.running("serve", "--port", "0", *options) as process:
        assert process.stderr is not None
        line = (await process.stderr.readline()).decode()
        found = re.search(r"http://[^\s/]+:\d+", line)
        assert found is not None, line + (await process.stderr.read()).decode()
        yield found[0], process


@pytest.fixture
async def site() -> AsyncIterator[SiteServer]:
    async with SiteServer() as server:
        yield server


@pytest.fixture
def cli(tmp_path: Path, site: SiteServer) -> Cli:
    return Cli(tmp_path, RUNNEL_ALLOW_PRIVATE=site.address)


@pytest.mark.slow
async def test_every_command_gives_the_same_through_a_server(cli: Cli, site: SiteServer) -> None:
    """One output, one set of exit codes, wherever the job runs."""
    async with serving(cli) as (url, _):
        remote = ("--remote", url)
        crawled = await cli.run(*CRAWL, site.url(), "--library", "manual", *remote)
        job_id = crawled.lines[0]["job_id"]
        for command in (
            ("jobs",),
            ("status", job_id),
            ("events", job_id),
            ("urls", job_id, "--verdict", "failed"),
            ("libraries",),
            ("pages", "manual"),
            ("get", "manual", site.url("/docs/guide/light.html")),
            ("watch", job_id),
            ("status", JOB_ID),
            ("pause", job_id),
            ("get", "manual", "none"),
            ("pages", "none"),
        ):
            here, there = await cli.run(*command), await cli.run(*command, *remote)

            assert (here.out, here.code) == (there.out, there.code), command
            assert "Traceback" not in here.err + there.err, command

    assert crawled.code == 3
    assert crawled.lines[-1]["counts"]["fetched"] == PAGES


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_server_takes_up_a_job_whose_process_has_gone(cli: Cli, site: SiteServer, number: int) -> None:
    """Kill anything: somebody goes on. Only Ctrl-C asks for a pause."""
    site.hold("/docs/")
    async with cli.running(*CRAWL, site.url()) as process:
        await site.wait_held("/docs/")
        process.send_signal(number)
        if number == signal.SIGTERM:
            assert process.stderr is not None
            async for line in process.stderr:
                if b"handing" in line:
                    break
            site.release("/docs/")
        await finish(process)
    site.release("/docs/")
    job_id = (await cli.run("jobs")).lines[0]["job_id"]
    async with serving(cli) as (url, _):
        watched = await cli.run("watch", job_id, "--remote", url)

    assert watched.code == 3
    assert watched.lines[-1]["counts"]["fetched"] == PAGES


async def test_a_server_that_is_terminated_hands_its_jobs_back(cli: Cli, site: SiteServer) -> None:
    """143, quickly, with the job still there to be taken up."""
    site.hold("/docs/")
    async with serving(cli) as (url, process):
        created = await cli.run(*CRAWL, site.url(), "-c", "1", "--no-wait", "--remote", url)
        await site.wait_held("/docs/")
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        async for line in process.stderr:
            if b"handed back" in line:
                break
        site.release("/docs/")
        terminated = await finish(process)
    state = (await cli.run("status", created.lines[0]["job_id"])).lines[0]
    again = await cli.run(*CRAWL, site.url())

    assert terminated.code == 143
    assert state["state"] == "running"
    assert again.lines[-1]["counts"]["fetched"] == PAGES


async def test_a_server_for_others_needs_a_token(cli: Cli) -> None:
    """An open crawler is somebody else's weapon."""
    refused = await cli.run("serve", "--host", "0.0.0.0", "--port", "0")  # noqa: S104  # that is the question
    token = (await cli.run("token", "create")).out.strip()
    async with serving(cli, "--host", "0.0.0.0") as (url, _):  # noqa: S104
        there = ("--remote", url.replace("0.0.0.0", "127.0.0.1"))  # noqa: S104
        without = await cli.run("jobs", *there)
        with_token = await Cli(cli.folder, RUNNEL_TOKEN=token).run("jobs", *there)

    assert refused.code == 4
    assert "runnel token create" in refused.err
    assert without.code == 7
    assert without.out == ""
    assert with_token.code == 0


async def test_a_port_that_is_taken_is_named(cli: Cli, site: SiteServer) -> None:
    """One sentence."""
    ran = await cli.run("serve", "--port", site.address.rpartition(":")[2])

    assert ran.code == 4
    assert "--port 0" in ran.err


async def test_doctor_says_whether_a_server_answers(cli: Cli) -> None:
    """The first thing to try when something remote fails."""
    async with serving(cli) as (url, _):
        good = await cli.run("doctor", "--remote", url)
    bad = await cli.run("doctor", "--remote", url)

    assert good.code == 0
    assert [finding["ok"] for finding in good.lines] == [True, True]
    assert bad.code == 7
    assert bad.lines[0]["advice"]
