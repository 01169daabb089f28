"""Which rule holds for a path: beside a slow, plain reading of RFC 9309."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.robots.matching import Ruleset, TooCostly, path_of, prepare_rules, unescape
from runnel.robots.records import Record
from runnel.robots.steps import run_through


def ruleset(*lines: str) -> Ruleset:
    """Rules as they are written: `+/x` allows, `-/x` forbids."""
    fields = {"+": "allow", "-": "disallow"}
    records = [Record(number, fields[line[0]], line[1:], line) for number, line in enumerate(lines, start=1)]
    return run_through(prepare_rules(records))


def judged(path: str, *lines: str) -> str | None:
    """The rule that holds for *path*."""
    record = ruleset(*lines).judge(path)
    return None if record is None else ("+" if record.field == "allow" else "-") + record.value


@pytest.mark.parametrize(
    ("pattern", "path", "does_match"),
    [
        ("/fish", "/fish", True),
        ("/fish", "/fish/salmon", True),
        ("/fish", "/Fish", False),
        ("/fish", "/catfish", False),
        ("/fish*", "/fishheads", True),
        ("*fish", "/catfish", True),
        ("*", "/anything", True),
        ("/*", "/", True),
        ("/fish$", "/fish", True),
        ("/fish$", "/fish/", False),
        ("/*.php$", "/a/b.php", True),
        ("/*.php$", "/a/b.php?x", False),
        ("/*.php*$", "/a/b.php?x", True),
        ("/a*b*c", "/a1b2c3", True),
        ("/a*b*c", "/a1c2b3", False),
        ("/a*ba$", "/aba", True),
        ("/ab*ba$", "/aba", False),
        ("/*ab*ba", "/aba", False),
        ("/a**b", "/a--b", True),
        ("/a$b", "/a$b", True),
        ("/a%24", "/a$", True),
        ("/a$", "/a$", False),
        ("/a%2Ab", "/a*b", True),
        ("/a%2Ab", "/a-b", False),
        ("/%62%61z", "/baz", True),
        ("/ツ", "/%E3%83%84", True),
        ("/%e3%83%84", "/ツ", True),
        ("/a b", "/a%20b", True),
        ("/a%2Fb", "/a/b", False),
        ("/a%2fb", "/a%2Fb", True),
        ("/a%25b", "/a%b", False),
        ("/x?y=%3D", "/x?y==", True),
        ("fish", "/fish", False),
        ("http://h/fish", "/http://h/fish", False),
        ("$", "/", False),
    ],
)
def test_a_pattern_matches_what_the_rfc_says(pattern: str, path: str, *, does_match: bool) -> None:
    """RFC 9309 sections 2.2.2 and 2.2.3."""
    assert (judged(unescape(path), f"-{pattern}") is not None) is does_match


def test_the_longest_rule_holds_and_of_two_the_allowing() -> None:
    """The order in the file does not matter."""
    assert judged("/a/b/c", "+/a/b", "-/a") == "+/a/b"
    assert judged("/a/b/c", "-/a/b", "+/a") == "-/a/b"
    assert judged("/a/b", "-/a/b", "+/a/b") == "+/a/b"
    assert judged("/a/b", "-/a/*", "+/a/b") == "+/a/b"
    assert judged("/a/b", "+/a/*b", "-/a/b") == "+/a/*b"
    assert judged("/a/b$", "-/a/b", "+/a") == "-/a/b"
    assert judged("/a", "-/a$", "+/a") == "-/a$"
    assert judged("/fooo", "-/foo***", "+/fooo") == "-/foo***"
    assert judged("/z", "-/a", "-/b*c") is None


def test_an_index_page_that_is_allowed_allows_its_directory() -> None:
    """As google/robotstxt has it: the directory is the same page."""
    rules = ("-/", "+/docs/index.html", "+/*/x/index.htm")

    assert judged("/docs/", *rules) == "+/docs/index.html"
    assert judged("/docs/other", *rules) == "-/"
    assert judged("/a/x/", *rules) == "+/*/x/index.htm"
    assert judged("/docs/", "-/docs/index.html") is None


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://h/a/b?c=d#e", "/a/b?c=d"),
        ("https://h", "/"),
        ("https://h?x", "/?x"),
        ("https://h#x", "/"),
        ("/a/b", "/a/b"),
        ("a/b", "/a/b"),
        ("", "/"),
        ("https://h//a", "//a"),
        ("https://h/a://b", "/a://b"),
        ("https://h/%7Ea%2fb%zz é", "/~a%2Fb%zz%20%C3%A9"),
        ("https://h/\ud800", "/%ED%A0%80"),
    ],
)
def test_the_path_of_a_url(url: str, path: str) -> None:
    """Rules are matched against path and query, in one spelling."""
    assert path_of(url) == path
    assert unescape(unescape(path)) == unescape(path)


PIECES = st.sampled_from(["/", "a", "b", "ab", "aa", "*", "*", "$", "%41", "%2F", "?x=", "index.html"])
PATTERNS = st.lists(PIECES, max_size=7).map(lambda pieces: "/" + "".join(pieces))
PATHS = st.lists(st.sampled_from(["/", "a", "b", "A", "?x=", "index.html", "$"]), max_size=9).map(
    lambda pieces: "/" + "".join(pieces)
)
RULES = st.lists(st.tuples(st.sampled_from("+-"), PATTERNS).map("".join), max_size=12)


@given(rules=RULES, path=PATHS, with_many=st.booleans())
def test_the_answer_is_that_of_a_plain_reading(rules: Sequence[str], path: str, *, with_many: bool) -> None:
    """Sorted texts, grams and chains find what trying every rule would find."""
    many = [f"-/*zz{number}z*" for number in range(70)] if with_many else []
    found = judged(path, *rules, *many)

    assert (found is None or found[0] == "+") is _plainly_allowed(rules, path)


def _plainly_allowed(rules: Sequence[str], path: str) -> bool:
    best = (-1, True)
    for rule in rules:
        for length, pattern in _readings(rule):
            regex = ".*".join(map(re.escape, map(unescape, pattern.removesuffix("$").split("*"))))
            if re.match(regex + ("$" if pattern.endswith("$") else ""), path):
                best = max(best, (length, rule[0] == "+"))
    return best[1]


def _readings(rule: str) -> list[tuple[int, str]]:
    pattern = rule[1:]
    length = sum(len(unescape(part)) for part in pattern.split("*")) + pattern.count("*")
    if rule[0] == "+" and pattern.endswith("/index.html"):
        return [(length, pattern), (length - 9, pattern[:-10] + "$")]
    return [(length, pattern)]


def test_of_many_rules_with_stars_only_those_are_tried_that_can_match() -> None:
    """10,000 of them are looked up by three characters of the path, not gone through."""
    rules = ruleset(*(f"-/*/section{number}/*.pdf$" for number in range(10_000)))
    found = [rules.judge(f"/x/section{number}/y.pdf") for number in range(0, 10_000, 99)]

    assert [record and record.number for record in found] == [number + 1 for number in range(0, 10_000, 99)]
    assert rules.judge("/x/section777/y.html") is None
    assert rules.judge("/*") is None


#: No part of them is missing in `SLOW_PATH`, but none matches it.
SLOW = {
    "many short parts": [f"-/*{'*'.join(format(number, '012b').replace('0', 'a'))}*z" for number in range(4_000)],
    "long parts that nearly fit": [
        f"-/*{'a' * (10 + number % 50)}1{'a' * (number // 50)}*z" for number in range(2_000)
    ],
}
SLOW_PATH = "/z" + "a" * 900 + "1" + "a1" * 500


@pytest.mark.parametrize("kind", SLOW)
def test_rules_made_to_be_slow_are_bounded_in_steps(kind: str) -> None:
    """Not by a clock, so the same file gives the same answer everywhere; what cannot be judged is not fetched."""
    rules = ruleset(*SLOW[kind])

    with pytest.raises(TooCostly):
        rules.judge(SLOW_PATH)
    assert rules.judge("/docs/") is None
    assert all(ruleset(line).judge(SLOW_PATH) is None for line in SLOW[kind][:20])
