"""A disk that is full: one sentence, the way on, and no job that pretends to run. Needs the right to mount."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.site.server import SiteServer
from tests.support.command_line import CRAWL, PAGES, Cli, markdown

#: Makes a small disk below a folder, or makes it larger.
Mount = Callable[..., Awaitable[None]]


@pytest.fixture
async def site() -> AsyncIterator[SiteServer]:
    async with SiteServer() as server:
        yield server


@pytest.fixture
async def mount() -> AsyncIterator[Mount]:
    async with AsyncExitStack() as stack:

        async def mount_small(folder: Path, size: str, *, again: bool = False) -> None:
            folder.mkdir(exist_ok=True)
            options = f"remount,size={size}" if again else f"size={size}"
            if shutil.which("mount") is None or await _run("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)):
                pytest.skip("a small disk needs Linux and the right to mount")
            if not again:
                stack.push_async_callback(_run, "umount", "--lazy", str(folder))

        yield mount_small


async def _run(*command: str) -> int:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    return await process.wait()


async def test_a_full_home_puts_the_job_to_rest_and_room_lets_it_go_on(
    tmp_path: Path, site: SiteServer, mount: Mount
) -> None:
    """Nobody waits for room without being told, and nothing is lost."""
    disk = tmp_path / "disk"
    await mount(disk, "1400k")
    cli = Cli(tmp_path, RUNNEL_ALLOW_PRIVATE=site.address, RUNNEL_HOME=str(disk / "home"))
    stopped = await cli.run(*CRAWL, site.url(), "--no-output")
    job = (await cli.run("jobs")).lines[0]
    await mount(disk, "20m", again=True)
    done = await cli.run(*CRAWL, site.url(), "--no-output")

    assert stopped.code == 4
    assert "is full" in stopped.err
    assert f"runnel resume {job['job_id']}" in stopped.err
    assert "Traceback" not in stopped.err
    assert job["state"] == "paused"
    assert done.code == 3
    assert done.lines[-1]["counts"]["fetched"] == PAGES


async def test_a_full_output_folder_costs_files_not_pages(tmp_path: Path, site: SiteServer, mount: Mount) -> None:
    """The library has them all; what the folder lacks is said, and comes with the next crawl."""
    out = tmp_path / "out"
    await mount(out, "48k")
    cli = Cli(tmp_path, RUNNEL_ALLOW_PRIVATE=site.address)
    ran = await cli.run("crawl", site.url("/docs/guide/"), "-o", "out", "--library", "guide")
    pages = (await cli.run("pages", "guide")).lines
    few = len(markdown(out))
    await mount(out, "20m", again=True)
    again = await cli.run("crawl", site.url("/docs/guide/"), "-o", "out", "--library", "guide")

    assert ran.code == 3
    assert ran.lines[-1]["type"] == "job_completed"
    assert "lacks pages" in ran.err
    assert "Traceback" not in ran.err
    assert "Unexpected" not in ran.err
    assert few < len(pages)
    assert again.code == 0
    assert len(markdown(out)) == len(pages)
