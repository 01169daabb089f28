"""The table that `make quality` prints and keeps."""

from __future__ import annotations

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
        cells = " | ".join(_cell(figure, getattr(scores[name], figure)) for figure in FIGURES)
        lines.append(f"| {name}{' (held out)' if name in held_out else ''} | {cells} |")
    return "\n".join(lines) + "\n"


def _cell(figure: str, share: Share) -> str:
    if figure == "navigation":
        return f"{share.good}/{share.all}"
    percent = share.percent
    # Rounded down: 100.0 means all of them.
    return "-" if percent is None else f"{int(percent * 10) / 10:.1f}"
