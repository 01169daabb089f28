"""`runnel why` as a user has it, here and through a server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.site.server import SiteServer
from tests.support.command_line import Cli


@pytest.fixture
async def site() -> AsyncIterator[SiteServer]:
    async with SiteServer() as server:
        yield server


async def test_a_missing_page_is_explained_from_the_command_line(tmp_path: Path, site: SiteServer) -> None:
    """By the job that saw it, and for one that none saw by what the latest would have done."""
    cli = Cli(tmp_path, RUNNEL_ALLOW_PRIVATE=site.address)
    ran = await cli.run("crawl", site.url(), "--no-output")
    job = ran.lines[-1]["job_id"]
    private = (await cli.run("why", site.url("/docs/private/keys.html"))).lines[0]
    gone = (await cli.run("why", site.url("/docs/gone.html"), "--job", job)).lines[0]
    never = (await cli.run("why", site.url("/elsewhere/"))).lines[0]
    nowhere = await cli.run("why", site.url("/docs/"), "--library", "none")
    both = await cli.run("why", site.url("/docs/"), "--library", "none", "--job", job)
    file = (await cli.run("why", site.url("/docs/files/wiring-diagram.pdf"))).lines[0]
    files = (await cli.run("urls", job, "--reason", "asset")).lines

    assert (private["verdict"], private["reason"], private["judged"]) == ("skipped", "robots", False)
    assert "Disallow: /docs/private/" in private["rule"]
    assert private["parent"] in private["path"]
    assert (gone["error"]["category"], gone["status"], gone["job_id"]) == ("http_4xx", 404, job)
    assert (never["judged"], never["reason"]) == (True, "out_of_scope")
    assert "--scope hostname" in never["advice"]
    assert (file["content_type"], file["rule"]) == ("application/pdf", "document: .pdf")
    assert [one["content_length"] for one in files] == [file["content_length"]] != [None]
    assert (nowhere.code, both.code) == (2, 2)
    assert "runnel why URL" in ran.err
    assert "  skipped " in ran.err
