"""Globs over paths and URLs, matched in time linear in the text.

`*` any characters but `/`, and at least one when it is a whole segment; `**` as a whole segment any number of segments,
also none; elsewhere like `*`; `?` one character but `/`; `[a-z]`, `[!a-z]` one character of a set; `{a,b}`, `{1..3}`
either. A backslash takes the next character literally. A pattern that ends in `*` or a set also matches with a `/`
after it. Letters with marks are compared as URLs write them (percent-encoded).

Laws (tests/unit/domain/test_globs.py):

* matching never backtracks: a pattern from a user or an API client cannot make it slow;
* any text is a pattern; one that makes no sense matches itself.

How: a pattern becomes a nondeterministic automaton; its subset automaton is built lazily, one dictionary look-up a
character once it is warm. Patterns that are plain text, or plain text before `/**`, need no automaton.
"""

import re
import string
from collections.abc import Callable
from functools import lru_cache
from typing import Final
from urllib.parse import quote

#: Alternatives that braces may multiply to; more and the braces stand for themselves.
MAX_ALTERNATIVES: Final = 100

_MAX_CACHED_STATES: Final = 2_000
_SPECIAL: Final = re.compile(r"[*?\[{\\]")
#: The innermost braces: a list, or a range of letters or numbers.
_BRACES: Final = re.compile(r"(?<!\\)\{(?:([^{}]*,[^{}]*)|([a-zA-Z])\.\.([a-zA-Z])|(\d{1,3})\.\.(\d{1,3}))\}")

#: What a step of the automaton takes: one character, as a test.
_Test = Callable[[str], bool]
#: A state's moves: (test, next state).
_Moves = list[tuple[_Test, int]]

Matcher = Callable[[str], bool]


@lru_cache(maxsize=1_000)
def compile_glob(pattern: str) -> Matcher:
    """Give a function that tells whether the whole of a text matches *pattern*."""
    pattern = quote(pattern, safe=string.printable, errors="replace")  # a lone surrogate is no letter
    if not _SPECIAL.search(pattern):
        return pattern.__eq__
    if pattern.endswith("/**") and not _SPECIAL.search(pattern[:-3]):
        return _below(pattern[:-3])
    matchers = [_Automaton(plain).matches for plain in _alternatives(pattern)]
    return matchers[0] if len(matchers) == 1 else lambda text: any(matches(text) for matches in matchers)


def _below(folder: str) -> Matcher:
    """Match *folder* itself and everything below it."""
    prefix = folder + "/"
    return lambda text: text.startswith(prefix) or text == folder


def _alternatives(pattern: str) -> list[str]:
    """Write `{a,b}` out, the innermost first; the pattern itself when that would be too many."""
    done: list[str] = []
    todo = [pattern]
    while todo:
        if len(todo) + len(done) > MAX_ALTERNATIVES:
            return [pattern]
        current = todo.pop()
        braces = _BRACES.search(current)
        if braces is None:
            done.append(current)
        else:
            head, tail = current[: braces.start()], current[braces.end() :]
            todo.extend(head + choice + tail for choice in _choices(braces))
    return done


def _choices(braces: re.Match[str]) -> list[str]:
    """List what stands in a pair of braces."""
    listed, first_letter, last_letter, first, last = braces.groups()
    if listed is not None:
        return listed.split(",")
    if first_letter is not None:
        return [chr(code) for code in range(ord(first_letter), ord(last_letter) + 1)]
    return [str(number) for number in range(int(first), int(last) + 1)]


class _Automaton:
    """One pattern without braces."""

    def __init__(self, pattern: str) -> None:
        #: Moves of each state, and the states reached from it without a character.
        self._moves: list[_Moves] = [[]]
        self._free: list[list[int]] = [[]]
        self._build(pattern)
        self._last = len(self._moves) - 1
        self._start = self._closure({0})
        self._known: dict[frozenset[int], dict[str, frozenset[int]]] = {}

    def matches(self, text: str) -> bool:
        """Tell whether the whole of *text* matches."""
        known, state = self._known, self._start
        for char in text:
            steps = known.get(state)
            if steps is None:
                steps = self._remember(state)
            reached = steps.get(char)
            if reached is None:
                reached = steps[char] = self._step(state, char)
            if not reached:
                return False
            state = reached
        return self._last in state

    def _remember(self, state: frozenset[int]) -> dict[str, frozenset[int]]:
        """Make room for the steps of a state first met; start over when hostile input has filled the cache."""
        if len(self._known) >= _MAX_CACHED_STATES:
            self._known.clear()
        return self._known.setdefault(state, {})

    def _step(self, state: frozenset[int], char: str) -> frozenset[int]:
        """Give all states that *char* leads to."""
        return self._closure({goal for one in state for test, goal in self._moves[one] if test(char)})

    def _closure(self, states: set[int]) -> frozenset[int]:
        """Add what is reached without a character."""
        todo = list(states)
        while todo:
            for goal in self._free[todo.pop()]:
                if goal not in states:
                    states.add(goal)
                    todo.append(goal)
        return frozenset(states)

    def _build(self, pattern: str) -> None:
        """Read the pattern from the left, a piece at a time."""
        at = 0
        while at < len(pattern):
            at = self._piece(pattern, at)
        if pattern.endswith(("*", "]")) and not pattern.endswith("**"):
            self._perhaps_slash()

    def _piece(self, pattern: str, at: int) -> int:
        """Add the piece at *at*; gives where the next one begins."""
        char = pattern[at]
        if char == "*":
            return self._stars(pattern, at)
        if char == "?":
            self._one(_no_slash)
        elif char == "[" and (found := _read_set(pattern, at)) is not None:
            self._one(found[0])
            return found[1]
        elif char == "\\" and at + 1 < len(pattern):
            self._one(pattern[at + 1].__eq__)
            return at + 2
        elif pattern[at:] == "/**" and pattern[at - 1 : at] != "*":
            self._folder_and_below()
            return at + 3
        else:
            self._one(char.__eq__)
        return at + 1

    def _stars(self, pattern: str, at: int) -> int:
        """Add a run of stars: over `/` only when it is a whole segment of two."""
        end = at
        while end < len(pattern) and pattern[end] == "*":
            end += 1
        is_segment = (at == 0 or pattern[at - 1] == "/") and pattern[end : end + 1] in {"", "/"}
        if end - at != 2 or not is_segment:
            if is_segment:
                self._one(_no_slash)
            self._loop(_no_slash)
        elif end < len(pattern):
            self._segments()
            return end + 1
        else:
            self._loop(_anything)
        return end

    def _one(self, test: _Test) -> None:
        """Exactly one character."""
        goal = self._new_state()
        self._moves[goal - 1].append((test, goal))

    def _loop(self, test: _Test) -> None:
        """Any number of characters."""
        goal = self._new_state()
        self._free[goal - 1].append(goal)
        self._moves[goal].append((test, goal))

    def _segments(self) -> None:
        """`**/`: nothing, or any characters up to a slash."""
        start = len(self._moves) - 1
        inside, goal = self._new_state(), self._new_state()
        self._free[start] += [inside, goal]
        self._moves[inside] += [(_anything, inside), ("/".__eq__, goal)]

    def _folder_and_below(self) -> None:
        """`/**` at the end: nothing, or a slash and any characters."""
        start = len(self._moves) - 1
        goal = self._new_state()
        inside = self._new_state()
        self._free[start].append(inside)
        self._moves[start].append(("/".__eq__, goal))
        self._free[goal].append(inside)
        self._moves[goal].append((_anything, goal))

    def _perhaps_slash(self) -> None:
        """A slash at the end, or none."""
        goal = self._new_state()
        self._free[goal - 1].append(goal)
        self._moves[goal - 1].append(("/".__eq__, goal))

    def _new_state(self) -> int:
        self._moves.append([])
        self._free.append([])
        return len(self._moves) - 1


def _no_slash(char: str) -> bool:
    """Any character but the one between segments."""
    return char != "/"


def _anything(_char: str) -> bool:
    """Any character."""
    return True


def _read_set(pattern: str, at: int) -> tuple[_Test, int] | None:
    """Read `[…]` at *at*: its test and where it ends; None when it is not closed."""
    begin = at + 2 if pattern[at + 1 : at + 2] in {"!", "^"} else at + 1
    end = pattern.find("]", begin + 1)
    if end < 0:
        return None
    inside = pattern[begin:end]
    ranges = [(match[1], match[2]) for match in re.finditer(r"(.)-(.)", inside)]
    singles = frozenset(re.sub(r"(.)-(.)", "", inside))
    is_negated = begin == at + 2

    def test(char: str) -> bool:
        is_in = char in singles or any(low <= char <= high for low, high in ranges)
        return char != "/" and is_in is not is_negated

    return test, end + 1
