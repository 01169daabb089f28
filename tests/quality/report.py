"""The table that `make quality` prints and keeps."""

from __future__ import annotations

from pathlib import Path

from tests.quality.score import FIGURES, Score, Share

TITLES = {
    "code": "code", "language": "language", "headings": "headings", "found": "links found", "right": "links right",
    "tables": "tables", "words": "words kept", "precision": "precision", "navigation": "navigation pages",
}  # fmt: skip


def format_table(scores: dict[str, Score], held_out: set[str]) -> str:
    """Return the figures as a Markdown table, those of the held-out generators last."""
    lines = [
        "| generator | " + " | ".join(TITLES[name] for name in FIGURES) + " |",
        "| --- |" + " --- |" * len(FIGURES),
    ]
    for name in sorted(scores, key=lambda name: name in held_out):
        cells = " | ".join(cell_of(figure, getattr(scores[name], figure)) for figure in FIGURES)
        lines.append(f"| {name}{' (held out)' if name in held_out else ''} | {cells} |")
    return "\n".join(lines) + "\n"


def cell_of(figure: str, share: Share) -> str:
    """Return a figure as the table has it: percent, or pages of pages."""
    if figure == "navigation":
        return f"{share.good}/{share.all}"
    percent = share.percent
    # Rounded down: 100.0 means all of them.
    return "-" if percent is None else f"{int(percent * 10) / 10:.1f}"


def write_golden(scores: dict[str, Score], file: Path, held_out: set[str]) -> None:
    """Keep the table, for later runs to compare with."""
    head = (
        "# Markdown quality\n\nWritten by `make quality ARGS=--write`; percent, rounded down; navigation in pages.\n\n"
    )
    file.write_text(head + format_table(scores, held_out), encoding="utf-8")


def fallen_figures(scores: dict[str, Score], file: Path) -> list[str]:
    """Return which figures are worse than the kept ones, in words."""
    kept = _rows(file.read_text(encoding="utf-8"))
    now = _rows(format_table(scores, set()))
    fallen = []
    for name, cells in now.items():
        for figure, old, new in zip(FIGURES, kept.get(name, []), cells, strict=False):
            if _is_worse(figure, old, new):
                fallen.append(f"{name}, {TITLES[figure]}: {old} became {new}")
    return fallen


def _rows(table: str) -> dict[str, list[str]]:
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return {cells[0].removesuffix(" (held out)"): cells[1:] for cells in lines[2:]}


def _is_worse(figure: str, old: str, new: str) -> bool:
    if "-" in (old, new):
        return old != new
    if figure == "navigation":
        return int(new.partition("/")[0]) > int(old.partition("/")[0])
    return float(new) < float(old)
