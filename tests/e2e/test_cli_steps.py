"""The steps of a crawl as separate commands, and a replay: after the first of them there is no network."""

import os
import re
from pathlib import Path

import pytest

from tests.site.server import SiteServer
from tests.support.command_line import Cli

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")


def texts(folder: Path) -> dict[str, str]:
    """The files of an output folder, but for the moment of each fetch and the library's name."""
    return {
        path.relative_to(folder).as_posix(): re.sub(
            r"^(fetched_at|library): .*\n", "", path.read_text(), flags=re.MULTILINE
        )
        for path in folder.rglob("*.md")
    }


async def test_steps_alone_make_the_folder_of_one_crawl_and_a_replay_changes_nothing(tmp_path: Path) -> None:
    """The site is down from the download on."""
    async with SiteServer() as site:
        cli = Cli(tmp_path, RUNNEL_ALLOW_PRIVATE=site.address)
        url = site.url()
        await cli.run("crawl", url, "--library", "whole", "-o", "whole")
        download = await cli.run("crawl", url, "--library", "steps", "-o", "steps", "--steps", "download")
    nothing = texts(tmp_path / "steps")
    early = await cli.run("crawl", "--library", "steps", "--steps", "index")
    process = await cli.run("crawl", "--library", "steps", "-o", "steps", "--steps", "process")
    index = await cli.run("crawl", "--library", "steps", "--no-output", "--steps", "index")
    again = await cli.run("crawl", "--library", "steps", "--steps", "process")
    before = texts(tmp_path / "steps")
    diff = await cli.run("replay", "steps", "--diff")
    replay = await cli.run("replay", "steps")
    libraries = (await cli.run("libraries")).lines

    assert [ran.code for ran in (download, early, process, index, again, diff, replay)] == [3, 2, 0, 0, 2, 0, 0]
    assert nothing == {}
    assert f"{len(before)} pages made from stored responses" in process.err
    assert "--steps process" in early.err
    assert "--steps download" in again.err
    assert before == texts(tmp_path / "whole") == texts(tmp_path / "steps")
    assert len(before) > 10
    assert diff.out == ""
    assert "0 pages differ" in diff.err
    assert {one["library_id"]: (one["generation"], one["pages"]) for one in libraries} == {
        "whole": (1, len(before)), "steps": (2, len(before)),
    }  # fmt: skip
