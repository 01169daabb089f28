"""A long robots.txt is read in steps: none of them is long, and the result is that of one."""

import gc
import random
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.robots.rules import MAX_ROBOTS_BYTES, parse_robots, read_robots
from runnel.robots.steps import PORTION, run_through, sort

AGENT = "Runnel/1.0"
URLS = [f"https://h/docs/section{n % 97}/page{n}/x.html?a={n}" for n in range(0, 3_000, 7)]


def _file(line: str, *, first: str = "User-agent: *\n") -> bytes:
    """As many lines as count, numbered."""
    lines, size = [first], len(first)
    while size < MAX_ROBOTS_BYTES - 2 * len(line):
        lines.append(line.replace("#", str(len(lines))) + "\n")
        size += len(lines[-1])
    return "".join(lines).encode()


_LETTERS = random.Random(1)  # the same at every run
FILES = {
    "10,000 rules": _file("Disallow: /docs/section#/page/of/the/manual/#/"),
    "the shortest rules": _file("Allow:/#"),
    "rules with stars": _file("Disallow: /docs/*/section#*page#/*.html$"),
    "escaped rules": _file("Disallow: /docs/%e4%bd%a0/é#/*"),
    "a name for each rule": _file("User-agent: bot#\nDisallow: /x"),
    "one name, again and again": _file("User-agent: *\nCrawl-delay: #\nDisallow: /#"),
    "one line of names": b"User-agent: " + b"a b " * 120_000 + b"\nDisallow: /x\n",
    "long lines of names": _file("User-agent: " + "a b " * 500),
    "lines that say nothing": _file("a*"),
    "one long rule": b"User-agent: *\nDisallow: /" + b"a*" * 250_000,
    "signals": _file("Content-Signal: search=yes, ai-input=no, #"),
    "one line of signals": b"User-agent: *\nContent-Signal: " + b"ai-input=no," * 40_000,
    "rules that begin with each other": b"User-agent: *\n" + b"".join(b"Allow: /%s\n" % (b"a" * n) for n in range(990)),
    "any letters": b"User-agent: *\n" + bytes(_LETTERS.choices(range(10, 256), k=MAX_ROBOTS_BYTES)),
}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """No collection among the steps: one of a process that has run a thousand tests costs more than any of them."""
    gc.disable()
    yield
    gc.enable()


def _steps_s(body: bytes) -> list[float]:
    """What each step costs, in seconds of this thread."""
    steps = read_robots(body, status=200, agent=AGENT)
    costs_s: list[float] = []
    while True:
        began_s = time.thread_time()
        try:
            next(steps)
        except StopIteration:
            return [*costs_s, time.thread_time() - began_s]
        costs_s.append(time.thread_time() - began_s)


@pytest.mark.parametrize("name", FILES)
def test_no_step_is_long(name: str) -> None:
    """The event loop has to answer in between, whoever wrote the file.

    A machine that is slow is slow in all steps: the longest is held against all of those of a long file.
    """
    longest_s, whole_s = (min(figures) for figures in zip(*(_longest_and_whole_s(name) for _ in range(5)), strict=True))

    assert longest_s <= whole_s / 3


def _longest_and_whole_s(name: str) -> tuple[float, float]:
    return max(_steps_s(FILES[name])), sum(_steps_s(FILES["10,000 rules"]))


def test_a_long_file_takes_many_steps_and_a_usual_one_a_single_one() -> None:
    """Turns are given often enough, and nothing is put off for the sake of those who need not wait."""
    usual = b"User-agent: *\n" + b"Disallow: /private/\n" * (PORTION // 2)

    assert len(_steps_s(FILES["10,000 rules"])) > 60
    assert len(_steps_s(usual)) == 1


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
