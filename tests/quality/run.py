"""
Markdown quality on documentation that nobody wrote for us: `python -m tests.quality.run` (`make quality`).

* each generator's pages are drawn by a fixed seed, so that two runs read the same ones;
* packages are downloaded by apt and unpacked beside this file, never installed;
* `--golden` compares with `golden.md` and fails when a figure fell; `--write` keeps the figures there;
* pages whose package has their reStructuredText are measured beside that as well;
* pages are read with what their site repeats, as `runnel.extraction.profile` learns it; `--alone` without.
"""

from __future__ import annotations

import argparse
import gzip
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from urllib.parse import unquote

from runnel.extraction.learning import SAMPLE as SAMPLE_PAGES
from runnel.extraction.profile import NO_PROFILE, SamplePage, SiteProfile, learn
from runnel.extraction.reading import read_links, read_page
from tests.quality.fourth_generators import FOURTH_HELD_OUT, FOURTH_TUNED
from tests.quality.generator import Generator
from tests.quality.generators import HELD_OUT, TUNED
from tests.quality.later_generators import LATER_HELD_OUT, LATER_TUNED
from tests.quality.outcome import read_outcome
from tests.quality.report import fallen_figures, format_table, write_golden
from tests.quality.score import Score, add_page
from tests.quality.sources import (
    SourceScore,
    add_source,
    fallen_sources,
    find_source,
    format_sources,
    write_sources,
)
from tests.quality.third_generators import THIRD_TUNED
from tests.quality.truth import read_truth

CACHE = Path(__file__).parent / ".cache"
GOLDEN = Path(__file__).parent / "golden.md"
GOLDEN_SOURCES = Path(__file__).parent / "golden_sources.md"
SAMPLE = 40
SEED = 20_260
#: Longer pages take the judge longer than anyone waits, and say nothing new.
LONGEST_BYTES = 600_000

#: All generators, those that are only measured last.
HELD_OUT_ROWS = (*HELD_OUT, *LATER_HELD_OUT, *FOURTH_HELD_OUT)
ROWS = (*TUNED, *LATER_TUNED, *THIRD_TUNED, *FOURTH_TUNED, *HELD_OUT_ROWS)

Pages = list[tuple[str, bytes]]
Tool = Callable[[bytes, str], str]


def main() -> None:
    """Run what the options name and print the table."""
    options = parse_options()
    chosen = [row for row in ROWS if not options.only or row.name in options.only or row.package in options.only]
    scores: dict[str, Score] = {}
    beside: dict[str, SourceScore] = {}
    for generator in chosen:
        pages = sample(generator, options.sample)
        started = time.perf_counter()
        tool = ours if options.alone else ours_with_profile(generator)
        scores[generator.name] = measure(generator, pages, tool, verbose=options.verbose)
        if generator.sources:
            beside[generator.name] = measure_sources(generator, pages, tool, verbose=options.verbose)
        print(f"{generator.name}: {len(pages)} pages, {time.perf_counter() - started:.1f} s", file=sys.stderr)
    held_out = {row.name for row in HELD_OUT_ROWS}
    print(format_table(scores, held_out))
    if beside:
        print(format_sources(beside))
    if options.write:
        write_golden(scores, GOLDEN, held_out)
        if beside:
            write_sources(beside, GOLDEN_SOURCES)
    if options.golden and (fallen := fallen_figures(scores, GOLDEN) + fallen_sources(beside, GOLDEN_SOURCES)):
        sys.exit("quality: worse than the kept table:\n" + "\n".join(fallen))


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.quality.run", description="Measure Markdown quality.")
    parser.add_argument("--only", action="append", metavar="NAME", help="only this generator or package (repeatable)")
    parser.add_argument("--sample", type=int, default=SAMPLE, metavar="N", help="pages a generator (%(default)s)")
    parser.add_argument("--golden", action="store_true", help="fail when a figure is below the kept table's")
    parser.add_argument("--write", action="store_true", help="keep the figures as the table to compare with")
    parser.add_argument("--alone", action="store_true", help="each page by itself, without what its site repeats")
    parser.add_argument("--verbose", action="store_true", help="say what went wrong, page by page")
    return parser.parse_args()


def ours(body: bytes, url: str, profile: SiteProfile = NO_PROFILE) -> str:
    """Return our Markdown."""
    return read_page(body, url=url, profile=profile).markdown


def ours_with_profile(generator: Generator) -> Tool:
    """Return our tool as it reads the pages of *generator*'s site."""
    return partial(ours, profile=site_profile(generator))


def site_profile(generator: Generator) -> SiteProfile:
    """Return what a crawl of *generator*'s pages would learn: from its start page and the first pages it links to."""
    folder = unpacked(generator.package) / generator.folder
    start = next((path for path in (folder / "index.html", *sorted(_pages(folder, generator))) if path.is_file()), None)
    if start is None:
        return NO_PROFILE
    base = "https://docs.example/"
    links = read_links(_bytes(start), url=base + start.relative_to(folder).as_posix()).links
    files = [folder / unquote(link.removeprefix(base)) for link in links if link.startswith(base)]
    sample_files = dict.fromkeys([start, *(file for file in files if file.suffix == ".html" and file.is_file())])
    return learn(SamplePage(_bytes(file)) for file in islice(sample_files, SAMPLE_PAGES))


def measure(generator: Generator, pages: Pages, tool: Tool, *, verbose: bool) -> Score:
    """Return the figures of *tool* on *pages*."""
    score = Score()
    for url, body in pages:
        truth = read_truth(body, url=url, generator=generator)
        if truth is None or not truth.words:
            continue
        wrong = add_page(score, truth, read_outcome(tool(body, url)))
        if verbose:
            show_wrong(url, wrong)
    return score


def measure_sources(generator: Generator, pages: Pages, tool: Tool, *, verbose: bool) -> SourceScore:
    """Return the figures of *tool* on those of *pages* whose source the package has."""
    folder = unpacked(generator.package) / generator.folder
    score = SourceScore()
    for url, body in pages:
        source = find_source(folder, generator.sources, url)
        if source is None:
            continue
        wrong = add_source(score, source, read_outcome(tool(body, url)))
        if verbose:
            show_wrong(url, wrong)
    return score


def show_wrong(url: str, wrong: dict[str, object]) -> None:
    """Print what went wrong on one page."""
    print(f"--- {url}")
    for name, value in wrong.items():
        if value:
            print(f"    {name}: {str(value)[:600]}")


def sample(generator: Generator, count: int) -> Pages:
    """Return *count* pages of *generator*, the same each time."""
    folder = unpacked(generator.package) / generator.folder
    files = sorted(path for path in _pages(folder, generator) if not path.is_symlink())
    drawn = random.Random(SEED).sample(files, min(count, len(files)))
    return [(f"https://docs.example/{path.relative_to(folder).as_posix()}", _bytes(path)) for path in sorted(drawn)]


def unpacked(package: str) -> Path:
    """Return where *package* lies unpacked, downloading it first when it is not there."""
    folder = CACHE / package
    if not folder.is_dir():
        if shutil.which("apt-get") is None:
            sys.exit(f"quality: apt-get is needed to download {package}")
        CACHE.mkdir(exist_ok=True)
        subprocess.run(["apt-get", "download", "-qq", package], check=True, cwd=CACHE)
        archive = next(CACHE.glob(f"{package}_*.deb"))
        subprocess.run(["dpkg-deb", "-x", archive.name, f"{package}.part"], check=True, cwd=CACHE)
        (CACHE / f"{package}.part").rename(folder)
        archive.unlink()
    return folder


def _pages(folder: Path, generator: Generator) -> Iterator[Path]:
    for path in folder.glob(generator.pages):
        name = path.relative_to(folder).as_posix()
        if not any(part in name for part in generator.skip) and 500 < path.stat().st_size <= LONGEST_BYTES:
            yield path


def _bytes(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


if __name__ == "__main__":
    main()
