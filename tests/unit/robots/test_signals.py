"""Content-Signal lines: what a site says about the use of its content."""

import pytest

from runnel.robots.rules import RobotsRules, parse_robots

AGENT = "Runnel/1.0"


def rules_of(text: str) -> RobotsRules:
    """Read *text* as a robots.txt that was there."""
    return parse_robots(text.encode(), status=200)


def signals_of(text: str) -> dict[str, bool]:
    """What the file says to Runnel."""
    return {use: signal.is_allowed for use, signal in rules_of(text).content_signals(AGENT).items()}


@pytest.mark.parametrize(
    ("line", "signals"),
    [
        ("Content-Signal: search=yes, ai-train=no", {"search": True, "ai-train": False}),
        ("content-signal:search=YES,AI-Input = No", {"search": True, "ai-input": False}),
        ("Content-Signal: search=yes,ai-train=no,use=reference", {"search": True, "ai-train": False}),
        ("Content-Signals: /signals.json", {}),
        ("Content-Signal: search, ai-train=maybe, =no", {}),
        ("Content-Signal: search=yes, search=no, search=yes", {"search": False}),
        ("Content-Signal: search=yes\nContent-Signal: search=no\nContent-Signal: ai-input=yes",
         {"search": False, "ai-input": True}),
    ],
)  # fmt: skip
def test_a_line_gives_an_answer_for_each_use_it_names(line: str, signals: dict[str, bool]) -> None:
    """What is not said is neither granted nor refused; where lines contradict each other, `no` holds."""
    assert signals_of(f"User-agent: *\n{line}\nAllow: /\n") == signals


def test_a_group_has_its_own_signals_and_those_of_the_whole_file() -> None:
    """A group that names the agent replaces the one for everybody, as with rules."""
    text = (
        "Content-Signal: ai-train=no, search=no\n"
        "User-agent: *\nContent-Signal: ai-input=no\nAllow: /\n"
        "User-agent: Runnel\nContent-Signal: search=yes\nAllow: /\n"
    )

    assert signals_of(text) == {"ai-train": False, "search": True}


@pytest.mark.parametrize(
    ("signals", "line"),
    [
        ("search=yes, ai-train=no", None),
        ("search=yes, ai-input=no", "2: Content-Signal: search=yes, ai-input=no"),
        ("search=no", "2: Content-Signal: search=no"),
        ("ai-input=yes", None),
    ],
)
def test_a_refusal_is_one_of_what_runnel_makes_of_pages(signals: str, line: str | None) -> None:
    """A library is an index and input of models; Runnel trains none."""
    assert rules_of(f"User-agent: *\nContent-Signal: {signals}\n").refusal(AGENT) == line


def test_a_signal_forbids_no_path_by_itself() -> None:
    """The policy says so: it speaks of the use, not of the fetching."""
    rules = rules_of("User-agent: *\nContent-Signal: search=no, ai-input=no, ai-train=no\n")

    assert rules.allows("https://h/x", AGENT).allowed
