"""
An unchanged site crawled again, beside its first crawl: whole commands on postgresql-doc, served by nginx.

    python -m tests.bench.recrawl [site]
"""

import json
import sys
import tempfile
from pathlib import Path

from tests.bench.measure import run_measured
from tests.bench.sites import make_sites, serve

#: An unchanged site is crawled at least so many times as fast as the first time.
LEAST_RATIO = 3.0


def measure(name: str = "postgres") -> tuple[float, float, dict[str, int]]:
    """Seconds of a first crawl and of an incremental one, and the counts of the latter."""
    with tempfile.TemporaryDirectory() as folder:
        sites = make_sites(Path(folder), generated=1)
        site = next(site for key, site in sites.items() if key.startswith(name))
        with serve(sites) as base:
            taken = []
            counts: dict[str, int] = {}
            for mode in ("full", "incremental"):
                runnel = str(Path(sys.executable).with_name("runnel"))
                flags = ("--library", "docs", "-o", "out", "--mode", mode, "--json", "--limit", "20000")
                command = [runnel, "crawl", f"{base}{site.start}", *flags]
                environment = {
                    "RUNNEL_HOME": f"{folder}/home",
                    "RUNNEL_ALLOW_PRIVATE": base.removeprefix("http://"),
                    "PYTHONDONTWRITEBYTECODE": "",
                }
                cost = run_measured(command, cwd=Path(folder), environment=environment)
                if cost.returncode not in (0, 3):
                    raise RuntimeError(cost.stderr[-2_000:])
                taken.append(cost.wall_s)
                print(f"{mode}: {cost.wall_s:.2f} s wall, {cost.cpu_s:.2f} s CPU", file=sys.stderr)
                counts = json.loads(cost.stdout.splitlines()[-1])["counts"]
            return taken[0], taken[1], counts


if __name__ == "__main__":
    first_s, again_s, counts = measure(*sys.argv[1:])
    print(f"re-crawl: first {first_s:.2f} s, again {again_s:.2f} s, {first_s / again_s:.1f} times as fast; {counts}")
