"""
The same pages through other tools: `make quality-peers` puts their figures beside ours.

* A tool of others is never a dependency: `uv run --with` brings each for this run, in the versions of the Makefile.
* Selectors find the main part as most crawlers do: the first of `SELECTORS` that the page has, less `DROPPED`.
* A cell is ours when no peer has a better figure; `peers.md` keeps the table, and every cell that is not ours with its
  reason, without which the run fails.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser

from tests.quality.report import TITLES, cell_of
from tests.quality.run import ROWS, Tool, measure, ours_with_profile, sample
from tests.quality.score import FIGURES, Score, Share

KEPT = Path(__file__).parent / "peers.md"
OURS = "Runnel"
SAMPLE = 8

#: How crawlers find the main part by name.
SELECTORS: Final = ("main", "article", "[role=main]", "#content", ".content", ".document", ".body", "body")
DROPPED: Final = "script, style, nav, footer, header, aside, noscript, a.headerlink"

#: Why a peer has the better figure, cell by cell.
REASONS: Final[Mapping[tuple[str, str], str]] = {
    ("javadoc", "words"): "captions that the page hides by `display:none` are left out, as hidden text is everywhere",
    (
        "Scaladoc",
        "precision",
    ): "words of the filters above its members are kept: only their style is a menu's",
    ("LDoc", "words"): "a line with its author and copyright, the last of a page, is left out as the site's",
    (
        "Sphinx, Read the Docs' theme",
        "precision",
    ): "the judge reads the numbers of lines of one block with its words",
    ("Material for MkDocs", "words"): "`generated on`, the last line of two pages, is left out as the generator's",
    ("YARD", "words"): "held out, so not looked into; labels of such links, and of links to sources, are left out",
}


def selected(body: bytes, url: str) -> str:
    """Return the HTML of the part that selectors choose, its links absolute, as users of a converter do it."""
    tree = LexborHTMLParser(body)
    part = next((node for selector in SELECTORS if (node := tree.css_first(selector)) is not None), None)
    if part is None:
        return ""
    for node in part.css(DROPPED):
        if node.parent is not None:
            node.decompose()
    for name in ("href", "src"):
        for node in part.css(f"[{name}]"):
            node.attrs[name] = _joined(url, node.attributes.get(name) or "")
    return part.html or ""


def _joined(url: str, target: str) -> str:
    try:
        return urljoin(url, target)
    except ValueError:
        return target


def trafilatura(body: bytes, url: str) -> str:
    """Return what trafilatura extracts as Markdown, with links and tables."""
    library = import_module("trafilatura")
    options = {"output_format": "markdown", "include_links": True, "include_tables": True, "include_formatting": True}
    return str(library.extract(body, url=url, **options) or "")


def html_to_markdown(body: bytes, url: str) -> str:
    """Return what html-to-markdown makes of the selected part."""
    library = import_module("html_to_markdown")
    converted = library.convert(selected(body, url))
    return converted if isinstance(converted, str) else str(getattr(converted, "content", None) or "")


def markdownify(body: bytes, url: str) -> str:
    """Return what markdownify makes of the selected part."""
    library = import_module("markdownify")
    return str(library.markdownify(selected(body, url), heading_style="ATX"))


PEERS: Final[Mapping[str, Tool]] = {
    "trafilatura": trafilatura,
    "selectors + html-to-markdown": html_to_markdown,
    "selectors + markdownify": markdownify,
}


def main() -> None:
    """Measure all tools on the same pages; print the table, and keep it with `--write`."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.quality.peers", description="Measure other tools beside ours."
    )
    parser.add_argument("--only", action="append", metavar="NAME", help="only this generator or package (repeatable)")
    parser.add_argument("--sample", type=int, default=SAMPLE, metavar="N", help="pages a generator (%(default)s)")
    parser.add_argument("--write", action="store_true", help="keep the table")
    options = parser.parse_args()
    scores: dict[str, dict[str, Score]] = {}
    for generator in ROWS:
        if options.only and generator.name not in options.only and generator.package not in options.only:
            continue
        pages = sample(generator, options.sample)
        tools: dict[str, Callable[[bytes, str], str]] = {OURS: ours_with_profile(generator), **PEERS}
        scores[generator.name] = {name: measure(generator, pages, tool, verbose=False) for name, tool in tools.items()}
        print(f"{generator.name}: {len(pages)} pages", file=sys.stderr)
    said = format_peers(scores)
    print(said)
    if options.write:
        KEPT.write_text(said, encoding="utf-8")
    if unexplained := [loss for loss in losses(scores) if not reason_of(*loss[:2])]:
        sys.exit(f"quality-peers: cells without a reason in tests/quality/peers.py: {unexplained}")


def is_better(figure: str, one: Share, other: Share) -> bool:
    """Say whether *one* is a better figure than *other*, beyond what the table shows."""
    if figure == "navigation":
        return one.good < other.good
    return one.percent is not None and other.percent is not None and int(one.percent * 10) > int(other.percent * 10)


def losses(scores: Mapping[str, Mapping[str, Score]]) -> list[tuple[str, str, str]]:
    """Return generator, figure and peer of each cell in which a peer has the better figure."""
    return [
        (generator, figure, peer)
        for generator, tools in scores.items()
        for figure in FIGURES
        for peer in tools
        if peer != OURS and is_better(figure, getattr(tools[peer], figure), getattr(tools[OURS], figure))
    ]


def reason_of(generator: str, figure: str) -> str:
    """Return why the cell is not ours; "" when nobody has said."""
    return REASONS.get((generator, figure), "")


def format_peers(scores: Mapping[str, Mapping[str, Score]]) -> str:
    """Return the table, how many cells are ours, and the others with their reasons."""
    lines = ["# Markdown quality beside other tools", "", "Written by `make quality-peers ARGS=--write`.", ""]
    lines += ["| generator | tool | " + " | ".join(TITLES[name] for name in FIGURES) + " |"]
    lines += ["| --- | --- |" + " --- |" * len(FIGURES)]
    for generator, tools in scores.items():
        for tool, score in tools.items():
            cells = " | ".join(cell_of(figure, getattr(score, figure)) for figure in FIGURES)
            lines.append(f"| {generator} | {tool} | {cells} |")
    lost = losses(scores)
    cells_lost = {loss[:2] for loss in lost}
    count = len(scores) * len(FIGURES)
    lines += ["", f"Best, alone or with others, in {count - len(cells_lost)} of {count} cells.", ""]
    lines += [
        f"- {each}, {TITLES[figure]}: {peer} is better; {reason_of(each, figure)}." for each, figure, peer in lost
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


if __name__ == "__main__":
    main()
