"""What the commands of libraries say and leave, as processes over real stores."""

import os
import zipfile
from pathlib import Path

import pytest

from tests.site.server import SiteServer
from tests.support.command_line import Cli, Ran, markdown

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")


def assert_refused(ran: Ran, code: int, *said: str) -> None:
    """One sentence and what to try next; nothing on standard output."""
    assert (ran.code, ran.out) == (code, "")
    assert "Traceback" not in ran.err
    assert ran.err.count("Error:") == 1
    for part in said:
        assert part in ran.err


async def test_a_library_is_changed_told_exported_renamed_and_gone_back_to(tmp_path: Path) -> None:
    """One life of a library: every family of commands once, and what each of them refuses."""
    async with SiteServer() as site:
        cli = Cli(tmp_path, RUNNEL_ALLOW_PRIVATE=site.address)
        await cli.run("crawl", site.url(), "--library", "manual", "-o", "out")
        added = await cli.run("source", "add", "manual", site.url("/elsewhere/"), "--id", "more")
        removed = await cli.run("source", "remove", "manual", "more")
        renamed = await cli.run("library", "rename", "manual", "handbook")
        again = await cli.run("crawl", "--library", "handbook", "-o", "out", "--mode", "incremental", "--json")
    report = await cli.run("report", again.lines[-1]["job_id"], "-o", "report.zip")
    export = await cli.run("export", "handbook", "-o", "guide.zip", "--format", "zip")
    verified = await cli.run("verify", "handbook")
    back = await cli.run("rollback", "handbook")
    difference = await cli.run("diff", "handbook", "--from", "1", "--to", "2")
    files = sorted(path.relative_to(tmp_path / "out").as_posix() for path in markdown(tmp_path / "out"))

    assert [ran.code for ran in (added, removed, renamed, report, export, verified, back, difference)] == [0] * 8
    assert (added.lines[0]["source_id"], renamed.lines[0]["former_names"]) == ("more", ["manual"])
    assert report.lines[0]["sums"]["unchanged"] == len(files) > 10
    assert zipfile.ZipFile(tmp_path / "report.zip").namelist()[0] == "report.json"
    assert sorted(zipfile.ZipFile(tmp_path / "guide.zip").namelist()) == files
    assert verified.lines[0]["well"]
    assert back.lines[0]["generation"] == 3
    assert "0 pages differ" in difference.err


async def test_what_is_not_there_or_cannot_be_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """Exit code 2 for what was asked, 4 for where it was to go."""
    async with SiteServer() as site:
        cli = Cli(tmp_path, RUNNEL_ALLOW_PRIVATE=site.address)
        await cli.run("crawl", site.url(), "--library", "manual", "--no-output", "--limit", "2")
    (tmp_path / "file.zip").write_text("mine")
    for command in ("verify", "replay", "diff", "pages", "rollback"):
        assert_refused(await cli.run(command, "nothing"), 2, "no library 'nothing'", "Try: runnel")
    assert_refused(await cli.run("report", "nothing"), 2, "no job 'nothing'", "Try: runnel jobs")
    assert_refused(await cli.run("source", "remove", "manual", "x"), 2, "no source 'x'; it has: main")
    assert_refused(await cli.run("library", "rename", "manual", "../evil"), 2, "cannot be a library's name")
    assert_refused(await cli.run("rollback", "manual", "7"), 2, "Generation 7", "kept: 1")
    assert_refused(await cli.run("export", "manual", "-o", "file.zip"), 4, "is a file; name a folder")
    assert_refused(await cli.run("export", "manual", "-o", ".", "--format", "zip"), 4, "is a folder; name a file")

    assert (tmp_path / "file.zip").read_text() == "mine"
