"""One crawl of everything that a hostile site can do: what is good is kept, what is bad is named, nobody is hurt."""

import asyncio
import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runnel.fetching.canonical import canonicalize
from tests.support.hostile_site.cases import TRAP_NAMES
from tests.support.hostile_site.network import DOMAINS, NAMES
from tests.support.hostile_site.site import HostileSite, hostile_site
from tests.support.process_memory import peak_of_tree

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")

#: Over all processes of the crawl.
MOST_MEMORY_BYTES = 512 * 1024 * 1024
#: Alone it takes half of it: waiting for what never answers, and a thousand pages of traps.
MOST_S = 100.0


@dataclass(frozen=True, slots=True)
class Crawled:
    """What the crawl left."""

    site: HostileSite
    result: dict[str, Any]
    peak_bytes: int

    @property
    def ends(self) -> dict[str, str]:
        """URL → `fetched`, a category, or `skipped:<reason>`."""
        return {record["url"]: _end(record) for record in self.result["records"]}


def _end(record: dict[str, Any]) -> str:
    if record["error"]:
        return str(record["error"]["category"])
    return f"skipped:{record['reason']}" if record["verdict"] == "skipped" else str(record["verdict"])


async def _crawl(site: HostileSite, folder: Path) -> Crawled:
    task = {
        "home": str(folder / "home"),
        "output": str(folder / "out"),
        "result": str(folder / "result.json"),
        "url": site.server.url(),
        "allowed": site.allowed,
        "names": NAMES,
        "deadline_s": 1.5,
        "parse_s": 8.0,
        # A second pass over what stays broken would only wait: tests/unit/usecases/test_attempts.py has it.
        "options": {"allow_domains": DOMAINS, "concurrency": 20, "timeout_s": MOST_S, "retry_batches": 1},
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.hostile_site.crawler_process",
        stdin=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    measuring = asyncio.create_task(peak_of_tree(process.pid))
    await process.communicate(json.dumps(task).encode())
    assert process.returncode == 0
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return Crawled(site, result, await measuring)


@pytest.mark.slow
@pytest.mark.timeout(200)
async def test_a_hostile_site_hurts_nobody_and_loses_no_good_page(tmp_path: Path) -> None:
    """One crawl, for it is the mixture that breaks crawlers: each claim is asserted on the same job."""
    async with hostile_site() as site:
        crawled = await _crawl(site, tmp_path)
        good, bad, hits = site.good(), site.bad(), list(site.around.canary.hits)
    result, ends = crawled.result, crawled.ends

    assert hits == []
    assert result["state"] == "completed"
    assert {url: ends.get(url) for url in good if ends.get(url) != "fetched"} == {}
    assert {url: ends.get(url) for url, kinds in _canonical(bad).items() if ends.get(url) not in kinds} == {}
    missing = {url for url, words in good.items() if words not in _text_of(result, url, site)}
    assert missing == set()
    by_verdict = Counter(record["verdict"] for record in result["records"])
    traps = {str(record["rule"]).partition(":")[0] for record in result["records"] if record["reason"] == "trap"}
    assert traps == TRAP_NAMES
    assert result["counts"]["seen"] == len(result["records"]) == sum(by_verdict.values())
    assert {name: result["counts"][name] for name in by_verdict} == by_verdict
    assert "foreign.example" not in result["asked"]
    assert crawled.peak_bytes < MOST_MEMORY_BYTES
    assert result["elapsed_s"] < MOST_S
    _show(crawled)


def _show(crawled: Crawled) -> None:
    """For the record: `pytest -s` prints it."""
    kinds = Counter(crawled.ends.values())
    lines = [f"{count:7,} {kind}" for kind, count in sorted(kinds.items(), key=lambda one: -one[1])]
    peak_mb, elapsed_s = crawled.peak_bytes // 2**20, crawled.result["elapsed_s"]
    print("", *lines, f"{elapsed_s:.0f} s, {peak_mb} MB, canary hits: 0", sep="\n")  # noqa: T201 - for the record


def _canonical(bad: Any) -> dict[str, frozenset[str]]:
    return {canonicalize(url) or url: kinds for url, kinds in bad.items()}


def _text_of(result: dict[str, Any], url: str, site: HostileSite) -> str:
    """The Markdown of a URL; that of the redirect's goal for the one good page that is reached so."""
    arrived = site.server.url("/docs/hop/0") if url.endswith("/docs/good/chain") else url
    return str(result["pages"].get(arrived, ""))
