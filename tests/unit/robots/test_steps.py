"""A long robots.txt is read in steps: none of them is long, and the result is that of one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.robots.rules import parse_robots, read_robots
from runnel.robots.steps import PORTION, run_through, sort
from tests.unit.robots.step_costs import AGENT, FILES, steps_s

URLS = [f"https://h/docs/section{n % 97}/page{n}/x.html?a={n}" for n in range(0, 3_000, 7)]


@pytest.fixture(scope="module")
def costs_s() -> dict[str, tuple[float, float]]:
    """Measured in a process of its own: in one that has run a thousand tests a step costs four times as much."""
    program = [sys.executable, "-m", "tests.unit.robots.step_costs"]
    told = subprocess.run(program, cwd=Path(__file__).parents[3], check=True, capture_output=True, text=True).stdout
    costs: dict[str, tuple[float, float]] = json.loads(told)
    return costs


@pytest.mark.parametrize("name", FILES)
def test_no_step_is_long(name: str, costs_s: dict[str, tuple[float, float]]) -> None:
    """The event loop has to answer in between, whoever wrote the file.

    A machine that is slow is slow in all steps: the longest is held against all of those of a long file.
    """
    longest_s, whole_s = costs_s[name]

    assert longest_s <= whole_s / 3


def test_a_long_file_takes_many_steps_and_a_usual_one_a_single_one() -> None:
    """Turns are given often enough, and nothing is put off for the sake of those who need not wait."""
    usual = b"User-agent: *\n" + b"Disallow: /private/\n" * (PORTION // 2)

    assert len(steps_s(FILES["10,000 rules"])) > 60
    assert len(steps_s(usual)) == 1


@pytest.mark.parametrize("name", FILES)
def test_the_steps_give_what_one_gives(name: str) -> None:
    """Asked for an agent that nothing was prepared for, and for the one that it was."""
    body = FILES[name]
    whole, stepped = parse_robots(body, status=200), run_through(read_robots(body, status=200, agent=AGENT))

    assert [whole.allows(url, AGENT) for url in URLS] == [stepped.allows(url, AGENT) for url in URLS]
    assert whole.crawl_delay_s(AGENT) == stepped.crawl_delay_s(AGENT)
    assert whole.content_signals(AGENT) == stepped.content_signals(AGENT)


@given(st.lists(st.integers(0, 50), max_size=60), st.booleans(), st.integers(1, 9))
def test_parts_that_are_merged_are_in_order(numbers: list[int], reverse: bool, part: int) -> None:  # noqa: FBT001
    """As `sorted` has it, equal items too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("runnel.robots.steps._SORTED", part)
        pairs = [(number, place) for place, number in enumerate(numbers)]
        items = list(pairs)
        run_through(sort(items, key=lambda pair: pair[0], reverse=reverse))

    assert items == sorted(pairs, key=lambda pair: pair[0], reverse=reverse)
