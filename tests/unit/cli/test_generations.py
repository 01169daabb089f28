"""What people read of generations: pages that differ, where a report leads, and what is left over."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from runnel.cli.generations import show_changes
from runnel.cli.integrity import _summary
from runnel.cli.main import cli
from runnel.cli.report import _diff_of
from runnel.cli.terminal import Talk


def on_terminal() -> Any:
    return SimpleNamespace(wants_json=False, talk=Talk())


async def each(*changes: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    for change in changes:
        yield change


async def test_a_page_that_has_moved_says_from_where_and_where_to(capsys: pytest.CaptureFixture[str]) -> None:
    """With the lines that differ, of which there may be none; whatever stands in its address."""
    added = {"kind": "added", "url": "http://h/new", "moved_from": "http://h/old\x1b", "diff": "---\n+++\n@@\n-a\n+b"}
    removed = {"kind": "removed", "url": "http://h/old", "moved_to": "http://h/new"}
    count = await show_changes(on_terminal(), each(added, removed, {"kind": "changed", "url": "http://h/x"}))

    assert count == 3
    assert capsys.readouterr() == (
        (
            "added    http://h/new  (was http://h/old\\u001b)\n  @@\n  -a\n  +b\n"
            "removed  http://h/old  (now http://h/new)\n"
            "changed  http://h/x\n"
        ),
        "3 pages differ.\n",
    )


def test_a_job_is_compared_with_the_present_generation_only() -> None:
    """Two ways to say what is compared would contradict each other."""
    answer = CliRunner().invoke(cli, ["diff", "docs", "--job", "j", "--to", "3"])

    assert answer.exit_code == 2
    assert "leave out --from and --to" in answer.output


@pytest.mark.parametrize(
    ("flaw", "kind", "said"),
    [("orphan", "page", "nothing is damaged"), ("orphan", "file", "--repair"), ("missing", "page", "--repair")],
)
def test_what_is_left_over_is_not_called_damage(flaw: str, kind: str, said: str) -> None:
    """Every library with more than five generations has some."""
    left, other = {"flaw": "orphan", "kind": "index"}, {"flaw": flaw, "kind": kind}
    found = {"library_id": "docs", "checked": 9, "found": 2, "findings": [other, left], "lost": []}

    assert said in _summary(found, repair=False)


def test_a_report_leads_to_its_pages() -> None:
    """To those of its generation, or of the result that was not published."""
    report = {"library_id": "docs", "job_id": "j", "generation": 4}

    assert _diff_of(report) == "runnel diff docs --to 4"
    assert _diff_of({**report, "generation": None}) == "runnel diff docs --job j"
