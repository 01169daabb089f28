"""Globs: what they match, and that nobody can make them slow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.domain.globs import _Automaton, compile_glob
from tests.support.conformance import conformance_rows


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("/docs/**", ["/docs/", "/docs/a", "/docs/a/b", "/docs"], ["/docsx", "/doc", "/a/docs/b"]),
        ("**/api/*", ["/api/x", "/a/b/api/x", "/api/x/"], ["/api/", "/api/x/y", "/xapi/y"]),
        ("/a/*/c", ["/a/b/c"], ["/a/c", "/a//c", "/a/b/b/c"]),
        ("/a/**/c", ["/a/c", "/a/b/c", "/a/b/b/c"], ["/ac", "/a/b/cc"]),
        ("/v?/x", ["/v1/x"], ["/v/x", "/v12/x", "/v//x"]),
        ("/x*y", ["/xy", "/xaay"], ["/xa/y"]),
        ("https://*.h/**", ["https://a.h/", "https://a.h/x"], ["https://h/", "http://a.h/"]),
        ("/{en,de}/[a-c]?", ["/en/ax", "/de/cz"], ["/fr/ax", "/en/dx"]),
        ("/v{1..3}/", ["/v1/", "/v3/"], ["/v4/", "/v/"]),
        (r"/a\*b", ["/a*b"], ["/axb"]),
        ("/größe/*", ["/gr%C3%B6%C3%9Fe/x"], ["/größe/x"]),
        ("/plain", ["/plain"], ["/plain/", "/plai"]),
        ("/[open", ["/[open"], ["/o"]),
    ],
)
def test_a_pattern_matches_as_its_documentation_says(pattern: str, matching: list[str], other: list[str]) -> None:
    """Users write them by analogy with what they know."""
    matches = compile_glob(pattern)

    assert [text for text in matching if not matches(text)] == []
    assert [text for text in other if matches(text)] == []


def test_the_table_that_engines_agree_on_is_matched() -> None:
    """1,763 rows in which four engines give the same answer."""
    rows = [row for row in conformance_rows("glob/picomatch_simple.jsonl") if row["tier"] == "core"]
    wrong = [(row["id"], row["pattern"]) for row in rows if compile_glob(row["pattern"])(row["path"]) != row["match"]]

    assert len(rows) >= 1763
    assert wrong == []


@pytest.mark.timeout(20)
def test_a_hostile_pattern_is_matched_in_linear_time() -> None:
    """A backtracking engine would not come back from this one in a lifetime."""
    matches = compile_glob("/" + "**/*a" * 80 + "/b")

    assert not matches("/" + "a/a" * 600)


def test_what_is_remembered_is_bounded() -> None:
    """A pattern with many states must not fill the memory page by page."""
    automaton = _Automaton("*a" + "?" * 14)
    for number in range(3_000):
        automaton.matches(f"{number:012b}".replace("0", "a") * 2)

    assert len(automaton._known) <= 2_000  # noqa: SLF001  # the bound is the claim


def test_braces_cannot_multiply_without_end() -> None:
    """Twenty pairs would be a million patterns."""
    assert not compile_glob("{a,b}" * 20)("a" * 20)


@given(st.text(alphabet="a/*?[]{},!^\\-.", max_size=25), st.text(alphabet="a/b[", max_size=12))
def test_any_text_is_a_pattern(pattern: str, text: str) -> None:
    """Nothing that a client sends may raise."""
    assert compile_glob(pattern)(text) in {True, False}
