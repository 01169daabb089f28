"""The judge of Markdown quality: it says what fell, and which cells are another tool's."""

from pathlib import Path

import pytest

from tests.quality import run
from tests.quality.peers import OURS, format_peers, is_better, losses, reason_of
from tests.quality.score import Score, Share

PACKAGE, FOLDER = "mkdocs-doc", "usr/share/doc/mkdocs/html"
WORDS = "The valve opens when the bed is dry. " * 20
#: What the page hides counts as lost, so that a figure is below 100.
HIDDEN = "<p style='display:none'>Rust eats iron.</p>"


@pytest.fixture
def quality(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package as apt would have brought it, and a table of its own to keep."""
    pages = tmp_path / PACKAGE / FOLDER
    pages.mkdir(parents=True)
    for name in ("index", "valves", "pumps"):
        text = f"<title>{name}</title><div role=main><h1>{name}</h1><p>{WORDS}</p>{HIDDEN}</div>"
        (pages / f"{name}.html").write_text(text, encoding="utf-8")
    monkeypatch.setattr(run, "CACHE", tmp_path)
    monkeypatch.setattr(run, "GOLDEN", tmp_path / "golden.md")
    measure_quality(monkeypatch, "--write")
    return tmp_path / "golden.md"


def measure_quality(monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
    monkeypatch.setattr("sys.argv", ["quality", "--only", PACKAGE, *options])
    run.main()


def test_figures_that_are_no_worse_pass(quality: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kept table is what this very tree gives, or a little less."""
    measure_quality(monkeypatch, "--golden")
    kept = quality.read_text(encoding="utf-8")
    quality.write_text(kept.replace("| 100.0 |", "| 99.0 |", 1), encoding="utf-8")

    measure_quality(monkeypatch, "--golden")


@pytest.mark.parametrize(
    ("figure", "better", "said"), [(-3, "99.9", "words kept"), (1, "97.0", "code"), (-1, None, "navigation pages")]
)
def test_a_figure_that_fell_is_red(
    quality: Path, monkeypatch: pytest.MonkeyPatch, figure: int, better: str | None, said: str
) -> None:
    """Each is named with what it was and what it is; one that nothing is left of fell, too."""
    *head, row = quality.read_text(encoding="utf-8").rstrip("\n").split("\n")
    cells = row.strip("| ").split(" | ")
    cells[figure] = better or "-1/3"
    quality.write_text("\n".join([*head, f"| {' | '.join(cells)} |"]), encoding="utf-8")

    with pytest.raises(SystemExit, match=f"MkDocs, {said}: {cells[figure]} became"):
        measure_quality(monkeypatch, "--golden")


def test_a_cell_is_lost_only_to_a_better_figure() -> None:
    """What the table shows as equal is equal; of navigation fewer pages are better."""
    assert is_better("words", Share(999, 1000), Share(990, 1000))
    assert not is_better("words", Share(99_991, 100_000), Share(99_990, 100_000))
    assert not is_better("words", Share(), Share(1, 2))
    assert is_better("navigation", Share(1, 9), Share(2, 9))
    assert not is_better("navigation", Share(2, 9), Share(2, 9))


def test_the_table_of_peers_counts_the_cells_and_names_the_lost_with_their_reason() -> None:
    """A loss without a reason would be one that nobody looked at."""
    ours, theirs = Score(words=Share(9, 10), precision=Share(8, 10)), Score(words=Share(5, 10), precision=Share(9, 10))
    scores = {"Scaladoc": {OURS: ours, "selectors": theirs}}
    said = format_peers(scores)

    assert losses(scores) == [("Scaladoc", "precision", "selectors")]
    assert "in 8 of 9 cells" in said
    assert "- Scaladoc, precision: selectors is better; words of the filters" in said
    assert reason_of("Scaladoc", "code") == ""
