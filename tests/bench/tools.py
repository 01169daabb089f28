"""
The crawlers of the bench, each as one command whose cost can be measured.

* `runnel`: the installed command, durable store, Markdown written;
* `scrapy`: `scrapy_baseline.py` in an environment of its own under `tests/bench/.cache`; `scrapy-set` is the same with
  a set of URLs in place of Scrapy's duplicate filter, a step that few users take;
* `bare`: `bare_loop.py`, which stores nothing.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench.measure import Cost, run_measured

ROOT = Path(__file__).parents[2]
CACHE = Path(__file__).parent / ".cache"

#: Ours as it comes, which ends with an index of the library; and without that last step, which leaves what others do:
#: a file for each page.
OURS = ("runnel", "runnel-files")
TOOLS = (*OURS, "scrapy", "scrapy-set", "bare")

#: What the bench passes to runnel; everything else is its default.
RUNNEL_FLAGS = ("--limit", "20000")

#: Pinned, so that a ratio of today can be compared with one of last year.
SCRAPY_PINS = ("scrapy==2.19.0", "selectolax==1.0.2", "html-to-markdown==3.20.0")

#: The page's address in the front matter of a Markdown file.
_URL_LINE = re.compile(r"^url: ['\"]?(\S+?)['\"]?$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One crawl by one tool."""

    tool: str
    cost: Cost
    pages: int
    paths: frozenset[str] | None  # None: the tool stores nothing


def run_tool(tool: str, url: str, rest: Path, *, flags: Sequence[str] = RUNNEL_FLAGS, watch_memory: bool = True) -> Run:
    """Crawl *url* with one of `TOOLS`; *flags* are runnel's.

    What it writes stays below *rest* until the bench is over: ext4 looks through the files that were deleted within the
    last minutes whenever it makes one, so a tool would pay for what the tool before it had left.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"{tool}-", dir=rest))
    command = command_of(tool, url, folder / "out", flags)
    environment = {
        "RUNNEL_HOME": str(folder / "home"),
        "RUNNEL_ALLOW_PRIVATE": urlsplit(url).netloc,
        # Installed programs run from byte code; compiling their sources at each start is no cost of theirs.
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONUNBUFFERED": "",  # what a developer's shell or a container sets is not how tools are run
    }
    cost = run_measured(command, cwd=ROOT, environment=environment, watch_memory=watch_memory)
    if tool == "bare":
        return Run(tool=tool, cost=cost, pages=int(cost.stdout or 0), paths=None)
    paths = stored_paths(folder / "out")
    return Run(tool=tool, cost=cost, pages=len(paths), paths=paths)


def command_of(tool: str, url: str, out: Path, flags: Sequence[str] = RUNNEL_FLAGS) -> list[str]:
    """Return the command line of a tool."""
    if tool in OURS:
        steps = ["--steps", "download,process"] if tool == "runnel-files" else []
        return [str(Path(sys.executable).with_name("runnel")), "crawl", url, *flags, *steps, "-o", str(out)]
    if tool.startswith("scrapy"):
        own_filter = ["--own-filter"] if tool == "scrapy-set" else []
        at_once = ["--at-once", flags[flags.index("--concurrency") + 1]] if "--concurrency" in flags else []
        return [
            str(scrapy_python()),
            str(ROOT / "tests/bench/scrapy_baseline.py"),
            url,
            str(out),
            *own_filter,
            *at_once,
        ]
    return [sys.executable, "-m", "tests.bench.bare_loop", url]


def stored_paths(folder: Path) -> frozenset[str]:
    """Return the URL paths of the Markdown files below a folder, as their front matter tells."""
    heads = (file.open(encoding="utf-8").read(4096) for file in folder.rglob("*.md"))
    return frozenset(urlsplit(match[1]).path for head in heads if (match := _URL_LINE.search(head)))


def scrapy_python() -> Path:
    """Return the Python that has Scrapy, installing it at the first call."""
    python = CACHE / "venv/bin/python"
    stamp = CACHE / "pins.txt"
    pins = "\n".join(SCRAPY_PINS)
    if stamp.exists() and stamp.read_text() == pins:
        return python
    CACHE.mkdir(exist_ok=True)
    for command in _install_commands(python):
        subprocess.run(command, check=True)
    stamp.write_text(pins)
    return python


def _install_commands(python: Path) -> list[list[str]]:
    venv = str(CACHE / "venv")
    uv = shutil.which("uv")
    if uv is not None:
        return [
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, venv],
            [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), *SCRAPY_PINS],
        ]
    return [
        [sys.executable, "-m", "venv", "--clear", venv],
        [str(python), "-m", "pip", "install", "--quiet", *SCRAPY_PINS],
    ]
