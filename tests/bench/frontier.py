"""
A frontier of a million URLs: what a driver holds in memory, and how long it takes to read it from the laptop's file.

    python -m tests.bench.frontier [urls]

* One process fills the file as a driver would have, another takes the job over; that one is measured, from its start to
  the moment before its first fetch.
* The bars: 400 MB over what the process has before it begins (its peak, the reading included), 20 s of processor time.
"""

from __future__ import annotations

import asyncio
import pickle
import resource
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from runnel.adapters.sqlite.database import Database
from runnel.adapters.sqlite.stores import SqliteStores
from runnel.usecases.services import Services
from tests.bench.recovery import STORES, fill, recover
from tests.site.server import SiteServer
from tests.support.real_home import real_home

URLS = 1_000_000
MOST_MB = 400.0
MOST_S = 20.0


def measure(urls: int = URLS) -> None:
    """Fill and recover, each in a process of its own, and print what it took."""
    with tempfile.TemporaryDirectory(prefix="bench-frontier-") as folder:
        for step in ("fill", "recover"):
            command = [sys.executable, "-m", "tests.bench.frontier", str(urls), step, folder]
            subprocess.run(command, check=True, cwd=Path(__file__).parents[2])


async def _fill(folder: Path, urls: int) -> None:
    async with _services(folder) as services:
        job = await fill(services, urls, crawled=0)
    (folder / "job").write_bytes(pickle.dumps(job))


async def _recover(folder: Path) -> None:
    job = pickle.loads((folder / "job").read_bytes())  # noqa: S301  # our own, a moment ago
    async with _services(folder) as services:
        before_mb = _peak_mb()
        cpu_s, took_s, known = await recover(services, job)
        grown_mb = _peak_mb() - before_mb
    scale = known / URLS
    is_good = grown_mb <= MOST_MB * scale and cpu_s <= MOST_S * scale
    print(f"frontier of {known} URLs: {grown_mb:.0f} MB, recovered in {cpu_s:.1f} s of CPU, {took_s:.1f} s in all")
    print(f"  (bars for {URLS} URLs: {MOST_MB:g} MB, {MOST_S:g} s): {'ok' if is_good else 'TOO MUCH'}\n", flush=True)


@asynccontextmanager
async def _services(folder: Path) -> AsyncIterator[Services]:
    stores = SqliteStores(Database.open(folder / "runnel.db"))
    async with SiteServer() as site, real_home(site) as home:
        yield replace(home.services, **{name: getattr(stores, name) for name in STORES})
    await stores.close()


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000


def main() -> None:
    """Measure, or be one of the two processes."""
    urls = int(sys.argv[1]) if len(sys.argv) > 1 else URLS
    if len(sys.argv) <= 2:
        measure(urls)
    elif sys.argv[2] == "fill":
        asyncio.run(_fill(Path(sys.argv[3]), urls))
    else:
        asyncio.run(_recover(Path(sys.argv[3])))


if __name__ == "__main__":
    main()
