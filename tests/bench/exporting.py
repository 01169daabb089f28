"""
What an export of 10,000 pages costs: the memory of the whole command beside that of one that opens the same stores.

    python -m tests.bench.exporting [pages]
"""

import asyncio
import gzip
import random
import sys
import tempfile
from pathlib import Path

from runnel.domain.payloads import StoredPage
from tests.bench.measure import Cost, run_measured
from tests.bench.publishing import PAGES, fill

#: More than `runnel libraries` needs, at most.
MOST_BYTES = 100 << 20
_FORMATS = ("folder", "zip", "file", "jsonl", "llms", "llms-full")
_WORDS = [
    f"{first}{last}" for first in ("con", "re", "in", "trans", "pro") for last in ("nect", "quest", "form", "vide")
]


def text_of(page: StoredPage) -> bytes:
    """Markdown of about 8 KB with the page's headings and links."""
    words = random.Random(page.page_id)  # the same text each time
    parts = [f"# {page.title}"]
    for heading, link in zip(page.headings, page.links, strict=False):
        text = " ".join(words.choices(_WORDS, k=100))
        parts += [f"## {heading.text}", f"{text} [there]({link}#s3)."]
    return gzip.compress("\n\n".join(parts).encode(), 1, mtime=0)


def measure(pages: int = PAGES) -> tuple[Cost, dict[str, Cost]]:
    """What it costs to list the library, and to export it in each format."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "home").mkdir()
        asyncio.run(fill(folder / "home" / "runnel.db", pages, text_of))
        environment = {"RUNNEL_HOME": str(folder / "home")}
        runnel = str(Path(sys.executable).with_name("runnel"))

        def run(*arguments: str) -> Cost:
            cost = run_measured([runnel, *arguments], cwd=folder, environment=environment)
            if cost.returncode:
                raise RuntimeError(cost.stderr[-2_000:])
            return cost

        alone = run("libraries")
        return alone, {kind: run("export", "docs", "-o", f"out-{kind}", "--format", kind) for kind in _FORMATS}


if __name__ == "__main__":
    alone, costs = measure(int(sys.argv[1]) if len(sys.argv) > 1 else PAGES)
    for kind, cost in costs.items():
        more = (cost.peak_pss_bytes - alone.peak_pss_bytes) / (1 << 20)
        print(f"export {kind}: {cost.wall_s:.1f} s, {cost.cpu_s:.1f} s CPU, {more:.0f} MB more memory")
    print(f"at most {MOST_BYTES >> 20} MB more than the {alone.peak_pss_bytes >> 20} MB of `runnel libraries`")
