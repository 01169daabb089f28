"""Crawls that are interrupted, killed or taken over: the same command goes on, and the library is the same."""

import asyncio
import os
import shlex
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.site.server import EVERY, SiteServer
from tests.support.command_line import CRAWL, PAGES, Cli, finish, markdown

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")


@pytest.fixture
async def site() -> AsyncIterator[SiteServer]:
    async with SiteServer() as server:
        yield server


@pytest.fixture
def cli(tmp_path: Path, site: SiteServer) -> Cli:
    return Cli(tmp_path, RUNNEL_ALLOW_PRIVATE=site.address)


def is_gapless(*runs: list[dict[str, Any]]) -> bool:
    """Whether what several runs printed is the log from 1 to its end."""
    numbers = [line["seq"] for lines in runs for line in lines]
    return numbers == list(range(1, len(numbers) + 1))


async def test_ctrl_c_pauses_and_the_same_command_goes_on(cli: Cli, site: SiteServer) -> None:
    """130, the way on, and the whole site in the end."""
    site.hold("/docs/guide/light.html")
    async with cli.running(*CRAWL, site.url(), "-o", "out") as process:
        await site.wait_held("/docs/guide/light.html")
        process.send_signal(signal.SIGINT)
        site.release("/docs/guide/light.html")
        interrupted = await finish(process)
    state = (await cli.run("jobs")).lines[0]
    again = await cli.run(*CRAWL, site.url(), "-o", "out")

    assert interrupted.code == 130
    assert f"runnel resume {state['job_id']}" in interrupted.err
    assert state["state"] == "paused"
    assert again.code == 3
    assert again.lines[-1]["counts"]["fetched"] == PAGES
    assert again.lines[-1]["job_id"] == state["job_id"]
    assert is_gapless((await cli.run("events", state["job_id"])).lines)
    assert len(markdown(cli.folder / "out")) == PAGES


async def test_the_command_that_ctrl_c_prints_goes_on(tmp_path: Path, site: SiteServer) -> None:
    """With what the first one was allowed to do, too: without that every page left would fail as a private address."""
    cli = Cli(tmp_path)
    site.hold("/docs/guide/light.html")
    async with cli.running(*CRAWL, site.url(), "-o", "out", "--allow-private", site.address) as process:
        await site.wait_held("/docs/guide/light.html")
        process.send_signal(signal.SIGINT)
        site.release("/docs/guide/light.html")
        interrupted = await finish(process)
    resumed = await cli.run(*shlex.split(interrupted.err.partition("can go on: runnel ")[2]))

    assert resumed.code == 3
    assert resumed.lines[-1]["type"] == "job_completed"
    assert len(markdown(cli.folder / "out")) == PAGES


async def test_a_second_ctrl_c_leaves_at_once(cli: Cli, site: SiteServer) -> None:
    """Whoever presses it twice means it; the stores bear it."""
    site.hold(EVERY)
    async with cli.running(*CRAWL, site.url()) as process:
        await site.wait_held(EVERY)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        async for line in process.stderr:
            if b"Ctrl-C again" in line:
                break
        process.send_signal(signal.SIGINT)
        ran = await finish(process)

    assert ran.code == 130
    assert "can go on: runnel resume" in ran.err


async def test_a_second_ctrl_c_leaves_the_terminal_as_it_was(tmp_path: Path, site: SiteServer) -> None:
    """The live display hides the cursor; nobody types well without one."""
    pty = pytest.importorskip("pty")
    site.hold(EVERY)
    ours, theirs = pty.openpty()
    cli = Cli(tmp_path, RUNNEL_ALLOW_PRIVATE=site.address, TERM="xterm")
    process = await cli.start(*CRAWL, site.url(), stderr=theirs)
    os.close(theirs)
    shown = b""
    for awaited in (b"found", b"Ctrl-C again", b"resume"):
        while awaited not in shown:
            shown += await asyncio.to_thread(os.read, ours, 4096)
        if awaited != b"resume":
            process.send_signal(signal.SIGINT)
    await process.communicate()
    os.close(ours)

    assert process.returncode == 130
    assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_sigterm_hands_the_work_back_without_a_pause(cli: Cli, site: SiteServer, number: signal.Signals) -> None:
    """143; a server, or the same command, takes the job up at once. So it is when the terminal goes away."""
    site.hold("/docs/guide/light.html")
    async with cli.running(*CRAWL, site.url(), "-o", "out") as process:
        await site.wait_held("/docs/guide/light.html")
        process.send_signal(number)
        site.release("/docs/guide/light.html")
        terminated = await finish(process)
    state = (await cli.run("jobs")).lines[0]
    again = await cli.run(*CRAWL, site.url(), "-o", "out")

    assert terminated.code == 143
    assert state["state"] == "running"
    assert again.code == 3
    assert len(markdown(cli.folder / "out")) == PAGES


async def test_kill_and_the_same_command_give_the_same_library(cli: Cli, site: SiteServer) -> None:
    """Kill anything: the job is taken up at once, and nothing is missing."""
    site.hold("/docs/guide/light.html")
    async with cli.running(*CRAWL, site.url(), "-o", "out") as process:
        await site.wait_held("/docs/guide/light.html")
        process.kill()
        await finish(process)
    site.release("/docs/guide/light.html")
    again = await cli.run(*CRAWL, site.url(), "-o", "out")
    log = (await cli.run("events", again.lines[-1]["job_id"])).lines

    assert again.code == 3
    assert again.lines[-1]["counts"]["fetched"] == PAGES
    assert is_gapless(log)
    assert len(markdown(cli.folder / "out")) == PAGES


async def test_another_process_pauses_watches_and_cancels(cli: Cli, site: SiteServer) -> None:
    """Control needs no server: the stores are shared."""
    site.hold(EVERY)
    async with cli.running(*CRAWL, site.url()) as process:
        await site.wait_held(EVERY)
        job_id = (await cli.run("jobs")).lines[0]["job_id"]
        asked = await cli.run("cancel", job_id)
        site.release(EVERY)
        cancelled = await finish(process)
    watched = await cli.run("watch", job_id)

    assert asked.code == 0
    assert cancelled.code == watched.code == 3
    assert watched.lines[-1]["type"] == "job_cancelled"
    assert (await cli.run("status", job_id)).lines[0]["state"] == "cancelled"
