"""
The bench: `python -m tests.bench.run` (`make bench`).

* all tools run in one go, interleaved, the first of a round changing from round to round, because machines differ and
  drift: only ratios within a round are compared;
* a run that failed is shown as failed, never left out;
* nothing is asserted: figures are for reading. They are also written to `tests/bench/results/`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

from tests.bench import aws_cost, cold_start, frontier, latency, readers, recovery, verdicts
from tests.bench.sites import GENERATED_PAGES, MissingPackage, Site, install_packages, make_sites, reachable, serve
from tests.bench.tools import OURS, RUNNEL_FLAGS, TOOLS, Run, command_of, run_tool
from tools.build_artefacts import ProgramMissing

RESULTS = Path(__file__).parent / "results"

#: The real sites, on which tools are compared.
COMPARED = ("python", "postgres")

#: Tables of their own, which need no site: what AWS would bill, how long a function takes to start, what a new driver
#: needs, what a verdict costs, what a million URLs weigh, what is made of a slow site's time (beside Scrapy).
ALONE = ("aws-cost", "cold-start", "recovery", "verdicts", "frontier", "latency", "readers")

#: The small crawl that is subtracted from the full one, so that start-up does not count as cost of a page.
MARGINAL_BASE = 1_000


#: Exit codes of a crawl that came to its end; 3 is runnel's for "done, but some pages failed", as recall then shows.
GOOD_ENDS = (0, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One run in figures."""

    site: str
    tool: str
    round: int
    watched: bool  # its memory was looked at, which takes time
    ok: bool
    pages: int
    pages_per_s: float
    cpu_s_per_1000: float
    cpu_s: float
    wall_s: float
    peak_pss_mb: float
    recall: float
    error: str


def main() -> None:
    """Run what the options name and print the tables."""
    options = parse_options()
    print_alone(options.only, options.repeat)
    if not set(options.only) - set(ALONE):
        return
    try:
        install_packages()
    except MissingPackage as error:
        sys.exit(f"bench: {error}")
    with tempfile.TemporaryDirectory(prefix="bench-sites-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # nginx may read it as another user
        sites = make_sites(folder, generated=options.pages)
        rest = folder / "written"
        rest.mkdir()
        print_conditions(options)
        with serve(sites) as base:
            rows = compare(sites, base, rest, options)
            marginal = measure_marginal(sites["generated"], base, rest, options)
    print_report(rows)
    print_marginal(marginal)
    print(f"\nwritten to {write_results(rows + marginal)}")


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.run", description="Measure crawls and print ratios.")
    sites = (*COMPARED, "generated", *ALONE)
    parser.add_argument(
        "--only", action="append", choices=sites, help="only this site or table (repeatable; default: all)"
    )
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="rounds (default: %(default)s)")
    parser.add_argument("--tools", default=",".join(TOOLS), help="comma-separated (default: %(default)s)")
    parser.add_argument("--pages", type=int, default=GENERATED_PAGES, metavar="N", help="size of the generated site")
    options = parser.parse_args()
    options.only = options.only or list(sites)
    options.tools = [tool for tool in options.tools.split(",") if tool]
    if unknown := set(options.tools) - set(TOOLS):
        parser.error(f"unknown tools: {', '.join(sorted(unknown))}")
    return options


def print_alone(wanted: list[str], repeat: int) -> None:
    """Print the tables that need no other crawler."""
    tables: dict[str, Callable[[], object]] = {
        "aws-cost": lambda: aws_cost.print_bills(*asyncio.run(aws_cost.measure())),
        "recovery": recovery.measure,
        "verdicts": verdicts.main,
        "frontier": frontier.measure,
        "latency": lambda: latency.measure(repeat),
        "readers": readers.measure,
        "cold-start": print_cold_start,
    }
    for name, print_table in tables.items():
        if name in wanted:
            print_table()


def print_cold_start() -> None:
    """Print how long the functions take to start, where they can be built."""
    try:
        cold_start.report(cold_start.measure())
    except ProgramMissing as error:
        print(f"cold start: not measured: {error}\n")


def compare(sites: dict[str, Site], base: str, rest: Path, options: argparse.Namespace) -> list[Row]:
    """Crawl each real site with each tool, interleaved; in the last round only their memory is measured."""
    names = [name for name in COMPARED if name in options.only]
    wanted = {name: reachable(sites[name]) for name in names}
    rows = []
    for number in range(options.repeat + 1):
        watched = number == options.repeat
        for name in names:
            for tool in rotated(options.tools, number):
                run = run_tool(tool, base + sites[name].start, rest, watch_memory=watched)
                rows.append(make_row(run, name, number, wanted[name], watched=watched))
                print_progress(rows[-1])
    return rows


def rotated(tools: list[str], number: int) -> list[str]:
    """Return the tools in another order for each round, so that none profits from its place."""
    shift = number % len(tools) if tools else 0
    return tools[shift:] + tools[:shift]


def measure_marginal(site: Site, base: str, rest: Path, options: argparse.Namespace) -> list[Row]:
    """Crawl the generated site with runnel, first a part of it and then all."""
    if "generated" not in options.only or "runnel" not in options.tools:
        return []
    wanted = reachable(site)
    rows = []
    for number in range(options.repeat):
        for limit in (min(MARGINAL_BASE, options.pages // 2), 2 * options.pages):
            run = run_tool("runnel", base + site.start, rest, flags=("--limit", str(limit)))
            rows.append(make_row(run, f"generated/{limit}", number, wanted))
            print_progress(rows[-1])
    return rows


def make_row(run: Run, site: str, number: int, wanted: set[str], *, watched: bool = False) -> Row:
    """Turn a run into figures."""
    cost = run.cost
    found = run.pages if run.paths is None else len(run.paths & wanted)
    ok = cost.returncode in GOOD_ENDS and run.pages > 0
    pages = max(run.pages, 1)
    return Row(
        site=site,
        tool=run.tool,
        round=number,
        watched=watched,
        ok=ok,
        pages=run.pages,
        pages_per_s=run.pages / cost.wall_s,
        cpu_s_per_1000=cost.cpu_s / pages * 1000,
        cpu_s=cost.cpu_s,
        wall_s=cost.wall_s,
        peak_pss_mb=cost.peak_pss_bytes / 1e6,
        recall=found / len(wanted),
        error="" if ok else f"exit {cost.returncode}: {(cost.stderr.strip().splitlines() or ['no output'])[-1]}",
    )


def print_conditions(options: argparse.Namespace) -> None:
    """Print under which circumstances the figures come to be."""
    load = os.getloadavg()[0]
    print(
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, ",
        end="",
    )
    print(f"load {load:.1f} before the start, {options.repeat} rounds, interleaved")
    if load > 0.5:
        print("note: the machine is busy; read ratios, not figures")
    for tool in OURS:
        print(f"{tool}:", " ".join(["runnel", *command_of(tool, "URL", Path("DIR"), RUNNEL_FLAGS)[1:]]))
    print()


def print_progress(row: Row) -> None:
    """Print one line to stderr as soon as a run has ended."""
    memory = f" {row.peak_pss_mb:6.0f} MB" if row.peak_pss_mb else ""
    figures = f"{row.pages_per_s:7.1f} pages/s {row.cpu_s_per_1000:6.2f} CPU s/1000{memory}"
    end = figures if row.ok else f"failed: {row.error}"
    print(f"  round {row.round + 1} {row.site:16} {row.tool:12} {end}", file=sys.stderr, flush=True)


def print_report(rows: list[Row]) -> None:
    """Print the medians of each site and tool, and the ratios."""
    for site in unique(row.site for row in rows):
        print(f"\n{site:12} {'pages':>7} {'pages/s':>9} {'CPU s/1000':>11} {'peak PSS MB':>12} {'recall':>8}")
        mine = [row for row in rows if row.site == site]
        for tool in unique(row.tool for row in mine):
            print(format_median(tool, [row for row in mine if row.tool == tool]))
        for tool, other in product(OURS, TOOLS[len(OURS) :]):
            print_ratio(mine, tool, other)


def format_median(tool: str, rows: list[Row]) -> str:
    """Return a line of the table; a tool that failed in any round says so."""
    failed = [row for row in rows if not row.ok]
    if failed:
        return f"  {tool:12} failed in {len(failed)} of {len(rows)} rounds: {failed[-1].error}"
    timed = [row for row in rows if not row.watched]
    speed, cpu = median(timed, lambda r: r.pages_per_s), median(timed, lambda r: r.cpu_s_per_1000)
    pss = max(row.peak_pss_mb for row in rows)
    recall = min(row.recall for row in rows)
    return f"  {tool:12} {rows[0].pages:7d} {speed:9.1f} {cpu:11.2f} {pss:12.0f} {recall:8.1%}"


def print_ratio(rows: list[Row], tool: str, other: str) -> None:
    """Print one of ours against another tool: the median of the ratios of each round."""
    pairs = [
        (ours, theirs)
        for ours in rows
        for theirs in rows
        if (ours.tool, theirs.tool) == (tool, other) and ours.round == theirs.round and ours.ok and theirs.ok
        if not ours.watched
    ]
    if not pairs:
        return
    speed = statistics.median(ours.pages_per_s / theirs.pages_per_s for ours, theirs in pairs)
    cpu = statistics.median(ours.cpu_s_per_1000 / theirs.cpu_s_per_1000 for ours, theirs in pairs)
    print(f"  {f'{tool} / {other}':26} {speed:5.2f} x pages/s, {cpu:.2f} x CPU")


def print_marginal(rows: list[Row]) -> None:
    """Print what one more page costs."""
    if not rows:
        return
    print("\ngenerated site, runnel")
    for site in unique(row.site for row in rows):
        print(format_median(site.removeprefix("generated/"), [row for row in rows if row.site == site]))
    small, full = rows[0::2], rows[1::2]
    pairs = [(a, b) for a, b in zip(small, full, strict=True) if a.ok and b.ok and b.pages > a.pages]
    if pairs:
        wall = statistics.median((b.wall_s - a.wall_s) / (b.pages - a.pages) for a, b in pairs)
        cpu = statistics.median((b.cpu_s - a.cpu_s) / (b.pages - a.pages) for a, b in pairs)
        growth = statistics.median((b.peak_pss_mb - a.peak_pss_mb) * 1000 / (b.pages - a.pages) for a, b in pairs)
        print(f"  one more page: {wall * 1000:.2f} ms, {cpu * 1000:.2f} ms CPU, {growth:.2f} KB at the peak")


def median(rows: list[Row], value: Callable[[Row], float]) -> float:
    """Return the median of a figure."""
    return statistics.median(map(value, rows))


def unique(names: Iterable[str]) -> list[str]:
    """Return names once each, in order of appearance."""
    return list(dict.fromkeys(names))


def write_results(rows: list[Row]) -> Path:
    """Write all runs as JSON and return the file."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{time.strftime('%Y%m%dT%H%M%S')}.json"
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    file.write_text(json.dumps({"machine": machine, "runs": [asdict(row) for row in rows]}, indent=1))
    return file.relative_to(Path(__file__).parents[2])


if __name__ == "__main__":
    main()
