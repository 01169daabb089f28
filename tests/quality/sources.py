"""
Pages beside the reStructuredText that they were made from: what their authors wrote is the truth, not the HTML.

Judged are code, to the letter and with the language that the source states, and headings, in order and by level.
What a directive brings from elsewhere is not judged, and counted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.quality.figures import Found
from tests.quality.report import cell_of
from tests.quality.rst import Source, plain_code, plain_heading, read_source, skipped_in_words
from tests.quality.score import Share, in_order

HEAD = "| generator | pages | code | language | headings | not in the sources |"
FIGURES = ("code", "language", "headings")
TITLE = (
    "# Markdown beside the sources\n\n"
    "Written by `make quality ARGS=--write`; percent of what the authors wrote, rounded down, and of how many.\n\n"
)
#: What is brought from elsewhere most often; the rest is added up.
MOST_NAMED = 5


@dataclass(slots=True, kw_only=True)
class SourceScore:
    """The figures of one generator's pages beside their sources."""

    pages: int = 0
    code: Share = field(default_factory=Share)
    language: Share = field(default_factory=Share)
    headings: Share = field(default_factory=Share)
    skipped: Counter[str] = field(default_factory=Counter)


def find_source(folder: Path, sources: str, url: str) -> Source | None:
    """Return what the source of the page at *url* says; None when the package has none for it."""
    path = url.removeprefix("https://docs.example/").removesuffix(".html")
    file = folder / sources / f"{path}.rst.txt"
    return read_source(file.read_text(encoding="utf-8")) if file.is_file() else None


def add_source(score: SourceScore, source: Source, outcome: Found) -> dict[str, object]:
    """Add one page to *score*; returns what went wrong."""
    said = Counter((plain_code(text), language) for text, language in outcome.code)
    texts = Counter(plain_code(text) for text, _ in outcome.code)
    lost, unnamed = [], []
    for text, language in source.code:
        is_there, is_named = texts[text] > 0, said[text, language] > 0
        texts[text] -= is_there
        score.code.add(is_there, 1)
        if not is_there:
            lost.append(text)
        if language:
            said[text, language] -= is_named
            score.language.add(is_named, 1)
            if is_there and not is_named:
                unnamed.append((language, text))
    headings = [(level, plain_heading(text)) for level, text in outcome.headings]
    kept = in_order(source.headings, headings)
    score.headings.add(len(kept), len(source.headings))
    score.skipped += source.skipped
    score.pages += 1
    missing = list((Counter(source.headings) - Counter(kept)).elements())
    return {"source's code": lost, "source's language": unnamed, "source's headings": missing}


def format_sources(scores: dict[str, SourceScore]) -> str:
    """Return the figures as a Markdown table."""
    lines = [HEAD, "| --- |" + " --- |" * 5]
    for name, score in scores.items():
        cells = " | ".join(_cell(getattr(score, figure)) for figure in FIGURES)
        lines.append(f"| {name} | {score.pages} | {cells} | {_skipped(score.skipped)} |")
    return "\n".join(lines) + "\n"


def write_sources(scores: dict[str, SourceScore], file: Path) -> None:
    """Keep the table, for later runs to compare with."""
    file.write_text(TITLE + format_sources(scores), encoding="utf-8")


def fallen_sources(scores: dict[str, SourceScore], file: Path) -> list[str]:
    """Return which figures are worse than the kept ones, in words."""
    kept, now = _shares(file.read_text(encoding="utf-8")), _shares(format_sources(scores))
    return [
        f"{name}, source's {figure}: {kept[name][at]} became {cells[at]}"
        for name, cells in now.items()
        for at, figure in enumerate(FIGURES)
        if name in kept and _percent(cells[at]) < _percent(kept[name][at])
    ]


def _cell(share: Share) -> str:
    return f"{cell_of('code', share)} of {share.all}" if share.all else "-"


def _skipped(skipped: Counter[str]) -> str:
    """Name what is brought from elsewhere most often, and add up the rest."""
    rest = sum(skipped.values()) - sum(count for _, count in skipped.most_common(MOST_NAMED))
    named = ", ".join(skipped_in_words(Counter(dict(skipped.most_common(MOST_NAMED)))))
    return (f"{named}, others {rest}" if rest else named) or "-"


def _shares(table: str) -> dict[str, list[str]]:
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return {cells[0]: cells[2:5] for cells in lines[2:]}


def _percent(cell: str) -> float:
    return -1.0 if cell == "-" else float(cell.partition(" ")[0])
