"""`runnel verify` on a laptop whose disk has lost things."""

import os
import sqlite3
from pathlib import Path

import pytest

from tests.site.server import SiteServer
from tests.support.command_line import Cli

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")


async def test_what_a_disk_has_lost_is_found_mended_and_not_found_again(tmp_path: Path) -> None:
    """Without the site: from the raw responses. A home that cannot be read says so in a sentence."""
    async with SiteServer() as site:
        cli = Cli(tmp_path, RUNNEL_ALLOW_PRIVATE=site.address)
        await cli.run("crawl", site.url(), "--library", "manual", "-o", "out", "--limit", "5")
    home, file = tmp_path / "home" / "runnel.db", min((tmp_path / "out").rglob("*.md"))
    whole = file.read_bytes()
    file.write_bytes(whole[:40])
    with sqlite3.connect(home) as db:
        db.execute(
            "UPDATE objects SET body = x'00' WHERE key = (SELECT min(key) FROM objects WHERE key LIKE 'pages/%')"
        )
    db.close()
    seen = await cli.run("verify", "manual")
    mended = await cli.run("verify", "manual", "--repair")
    again = await cli.run("verify", "manual")
    home.write_bytes(home.read_bytes()[:4096] + b"nonsense" * 4096)
    broken = await cli.run("verify", "manual")

    assert (seen.code, mended.code, again.code) == (3, 0, 0)
    assert {(one["flaw"], one["kind"]) for one in seen.lines[0]["findings"]} == {
        ("corrupt", "page"),
        ("corrupt", "file"),
    }
    assert "runnel verify manual --repair" in seen.err
    assert {one["fate"] for one in mended.lines[0]["findings"]} == {"repaired"}
    assert again.lines[0]["found"] == 0
    assert file.read_bytes() == whole
    assert broken.code == 4
    assert "Traceback" not in broken.err
    assert "damaged; restore it from a copy, or move it away and crawl again" in broken.err
