"""The command line as a user has it: a process, its two streams, its exit code, and what is left on the disk."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.site.server import SiteServer
from tests.support.command_line import CRAWL, JOB_ID, PAGES, Cli, Ran, finish, markdown

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")


def one_sentence_and_advice(ran: Ran) -> bool:
    """No traceback, something that went wrong, and something to do."""
    return "Traceback" not in ran.err and "Error: " in ran.err and len(ran.err.splitlines()) >= 2


@pytest.fixture
async def site() -> AsyncIterator[SiteServer]:
    async with SiteServer() as server:
        yield server


@pytest.fixture
def cli(tmp_path: Path, site: SiteServer) -> Cli:
    return Cli(tmp_path, RUNNEL_ALLOW_PRIVATE=site.address)


# --- the good case --------------------------------------------------------------------------------------------------


async def test_a_crawl_leaves_markdown_a_library_and_every_url_with_its_verdict(cli: Cli, site: SiteServer) -> None:
    """The main job, and each command that reads what it left."""
    ran = await cli.run(*CRAWL, site.url(), "--library", "manual", "-o", "out")
    jobs = (await cli.run("jobs")).lines
    urls = (await cli.run("urls", jobs[0]["job_id"])).lines
    pages = (await cli.run("pages", "manual")).lines
    libraries = (await cli.run("libraries")).lines
    events = await cli.run("events", jobs[0]["job_id"])

    # Some pages of the sample site are missing on purpose.
    assert ran.code == 3
    assert [line["seq"] for line in ran.lines] == list(range(1, len(ran.lines) + 1))
    assert ran.lines[-1]["type"] == "job_completed"
    assert f"Markdown: {cli.folder / 'out'}" in ran.err
    assert len(markdown(cli.folder / "out")) == len(pages) == PAGES
    assert {cli.folder / "out" / page["path"] for page in pages} == set(markdown(cli.folder / "out"))
    assert (jobs[0]["state"], jobs[0]["library_id"], jobs[0]["counts"]["seen"]) == ("completed", "manual", len(urls))
    assert libraries[0]["pages"] == PAGES
    assert events.out == ran.out


async def test_a_map_shows_what_a_crawl_would_fetch(cli: Cli, site: SiteServer) -> None:
    """URLs and verdicts, an estimate at the end, and no library, no page and no folder."""
    ran = await cli.run("map", site.url())
    part = await cli.run("map", site.url(), "--pages", "3")
    *urls, last = ran.lines

    assert (ran.code, part.code) == (0, 0)
    assert len([url for url in urls if url["verdict"] == "fetched"]) == last["estimate"]["pages"] == PAGES
    assert last["estimate"]["is_complete"]
    assert not part.lines[-1]["estimate"]["is_complete"]
    assert [url["verdict"] for url in part.lines[:-1]].count("fetched") == 3
    assert None in [url["verdict"] for url in part.lines[:-1]]
    assert (await cli.run("libraries")).lines == []
    assert markdown(cli.folder) == []


async def test_a_dry_run_leaves_its_log_and_nothing_else(cli: Cli, site: SiteServer) -> None:
    """The same events as a real one, no library, no folder, no raw response."""
    ran = await cli.run(*CRAWL, site.url(), "--dry-run", "-o", "out")
    raw = [path for path in (cli.folder / "home").rglob("*") if path.is_file() and "raw" in path.parts]

    assert ran.code == 3
    assert (ran.lines[-1]["type"], ran.lines[-1]["dry_run"], ran.lines[-1]["pages"]) == ("job_completed", True, PAGES)
    assert {"sent_to_processing", "batch_processed", "library_published"} <= {line["type"] for line in ran.lines}
    assert (await cli.run("libraries")).lines == []
    assert not (cli.folder / "out").exists()
    assert raw == []


async def test_one_page_is_printed_by_its_url(cli: Cli, site: SiteServer) -> None:
    """Piped into another program it is the Markdown and nothing else."""
    await cli.run(*CRAWL, site.url(), "--library", "manual", "--no-output", "-q")
    page = site.url("/docs/guide/light.html")
    got = await cli.run("get", "manual", page)
    missing = await cli.run("get", "manual", site.url("/docs/none.html"))

    assert got.code == 0
    assert got.out.startswith("# Light\n")
    assert not markdown(cli.folder)
    assert missing.code == 2
    assert one_sentence_and_advice(missing)


async def test_a_limit_that_was_reached_is_success_and_is_said(cli: Cli, site: SiteServer) -> None:
    """The user got what was asked for."""
    ran = await cli.run("crawl", site.url("/docs/guide/"), "--limit", "3")

    assert ran.code == 0
    assert "limit was reached" in ran.err
    assert ran.lines[-1]["counts"]["fetched"] == 3


async def test_urls_come_from_standard_input_too(cli: Cli, site: SiteServer) -> None:
    """`-` is how lists are piped in."""
    ran = await cli.run("crawl", "-", "--limit", "1", "-q", stdin=f"# a list\n{site.url()}\n\n")

    assert ran.code == 0
    assert ran.err == ""


async def test_a_reader_who_leaves_does_not_end_the_crawl(cli: Cli, site: SiteServer) -> None:
    """`| head -1` is about the events; the pages are wanted all the same."""
    site.hold("/docs/")
    async with cli.running(*CRAWL, site.url(), "-o", "out") as process:
        assert process.stdout is not None
        await process.stdout.readline()
        process.stdout._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001  # as a pipe's reader does
        site.release("/docs/")
        assert process.stderr is not None
        said = (await process.stderr.read()).decode()
        code = await process.wait()

    assert code == 3
    assert "Traceback" not in said
    assert len(markdown(cli.folder / "out")) == PAGES


@pytest.mark.parametrize("redirect", [">/dev/full", "2>/dev/full", "2>&-", ">&- 2>&-"])
async def test_a_standard_stream_that_takes_nothing_does_not_end_the_crawl(
    cli: Cli, site: SiteServer, redirect: str
) -> None:
    """A full disk behind `>`, or no stream at all: what was to be said is lost, and nothing else."""
    ran = await cli.run_redirected(*CRAWL, site.url(), "-o", "out", redirect=redirect)

    assert ran.code == 3
    assert "Traceback" not in ran.err
    assert ("cannot be written (No space left on device)" in ran.err) is (redirect == ">/dev/full")
    assert len(markdown(cli.folder / "out")) == PAGES


async def test_data_that_could_not_be_written_is_an_error(cli: Cli) -> None:
    """Whoever keeps a list must not take half of it for the whole."""
    ran = await cli.run_redirected("config", "--json", redirect=">/dev/full")

    assert ran.code == 4
    assert ran.err.startswith("Error: Standard output cannot be written: No space left on device.")
    assert "Traceback" not in ran.err


# --- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["not a url", "foo", "ftp://files.example/", "mailto:a@b.c"])
async def test_what_is_no_web_address_is_refused_before_there_is_a_job(cli: Cli, url: str) -> None:
    """Usage: exit code 2, and nothing left behind."""
    ran = await cli.run("crawl", url)

    assert ran.code == 2
    assert ran.out == ""
    assert one_sentence_and_advice(ran)


async def test_a_url_without_scheme_is_taken_as_https_and_that_is_said(cli: Cli) -> None:
    """Nobody types https."""
    ran = await cli.run("crawl", "docs.example.invalid/guide/")

    assert "Taking docs.example.invalid/guide/ as https://docs.example.invalid/guide/" in ran.err
    assert ran.code == 6
    assert ran.lines[0]["sources"][0]["url"] == "https://docs.example.invalid/guide/"


async def test_an_unknown_job_is_said_to_be_unknown(cli: Cli) -> None:
    """On every command that takes one."""
    commands = ("status", "watch", "pause", "resume", "cancel", "events", "urls")
    ran = [await cli.run(command, JOB_ID) for command in commands]

    assert {one.code for one in ran} == {2}
    assert {one.out for one in ran} == {""}
    assert all(one_sentence_and_advice(one) for one in ran)


async def test_a_home_that_cannot_be_written_is_a_wrong_setting(tmp_path: Path) -> None:
    """Exit code 4, before any job."""
    (tmp_path / "file").write_text("")
    ran = await Cli(tmp_path, RUNNEL_HOME=str(tmp_path / "file" / "home")).run("crawl", "https://docs.example.invalid/")

    assert ran.code == 4
    assert one_sentence_and_advice(ran)
    assert "RUNNEL_HOME" in ran.err


async def test_an_output_folder_that_cannot_be_made_is_a_wrong_setting(cli: Cli, site: SiteServer) -> None:
    """Found before anything is fetched."""
    (cli.folder / "file").write_text("")
    ran = await cli.run(*CRAWL, site.url(), "-o", "file/out")

    assert ran.code == 4
    assert site.requests == []
    assert one_sentence_and_advice(ran)


@pytest.mark.parametrize("options", [("--limit", "0"), ("--scope", "world")])
async def test_a_wrong_option_is_usage(cli: Cli, site: SiteServer, options: tuple[str, ...]) -> None:
    """Exit code 2, nothing fetched."""
    ran = await cli.run(*CRAWL, site.url(), *options)

    assert ran.code == 2
    assert "Traceback" not in ran.err
    assert site.requests == []


async def test_a_second_crawl_of_the_same_library_is_told_of_the_first(cli: Cli, site: SiteServer) -> None:
    """This job already runs: 2, and how to watch it."""
    site.hold("/docs/")
    async with cli.running(*CRAWL, site.url()) as first:
        await site.wait_held("/docs/")
        second = await cli.run(*CRAWL, site.url())
        job_id = (await cli.run("jobs")).lines[0]["job_id"]
        site.release("/docs/")
        done = await finish(first)

    assert second.code == 2
    assert f"runnel watch {job_id}" in second.err
    assert second.out == ""
    assert done.code == 3
    assert done.lines[-1]["counts"]["fetched"] == PAGES


# --- remote ---------------------------------------------------------------------------------------------------------


async def test_a_server_that_is_not_there_is_named(cli: Cli) -> None:
    """7, on every command."""
    ran = await cli.run("jobs", "--remote", "http://127.0.0.1:9")

    assert ran.code == 7
    assert one_sentence_and_advice(ran)
