"""Which rule of a robots.txt holds for a path (RFC 9309 section 2.2.2): the longest that matches; of two, the allowing.

Laws (tests/unit/robots/test_matching.py):

* `*` stands for any characters, a `$` at the end for the end of the path; nothing else is special;
* a path and a rule are the same in every percent-encoding, but `%2F` is no `/`, `%25` no `%`, and in a rule `%2A` and
  `%24` are the characters;
* nothing goes back: what one path costs grows with its length and with `MOST_STEPS`, not with what the rules are.

Rules without `*` lie in a sorted list, found by bisection. The others are tried in the order of their length until one
matches, and only those whose rarest three characters stand in the path.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeVar

from runnel.robots.records import Record
from runnel.robots.steps import Steps, pauses, sort

#: What the rules with `*` may cost for one path, in steps of about 0.1 µs. More than this no robots.txt in use needs; a
#: path that costs more is forbidden, which hurts nobody but the site that wrote such rules.
MOST_STEPS: Final = 8_000

#: So many rules with `*` are faster gone through than looked up.
_FEW: Final = 64
_GRAM: Final = 3
#: Of a rule, so many parts are considered for its rarest gram, and so many grams at either end of each.
_PARTS: Final = 6
_GRAMS_AN_END: Final = 4

_PATH: Final = re.compile("(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?([^#]*)")
_ESCAPE: Final = re.compile("%[0-9A-Fa-f]{2}|[^!-~]")
#: Characters that say something else when they are not escaped.
_KEPT: Final = frozenset("/%")
_PLAIN: Final = {f"%{code:02X}": chr(code) for code in range(0x21, 0x7F) if chr(code) not in _KEPT}

_Key = TypeVar("_Key")

_INDEX_PAGES: Final = ("/index.html", "/index.htm")


def path_of(url: str) -> str:
    """Give what rules are matched against: path and query of *url*, in the one spelling of `unescape`."""
    found = _PATH.match(url)
    path = unescape(found[1]) if found is not None else ""
    return path if path.startswith("/") else f"/{path}"


def unescape(text: str) -> str:
    """Give the one spelling of a path: what may stand for itself does, all else is escaped."""
    if "%" not in text and text.isascii() and text.isprintable() and " " not in text:
        return text
    return _ESCAPE.sub(_respell, text)


def _respell(found: re.Match[str]) -> str:
    text = found[0]
    if len(text) == 1:
        return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))
    return _PLAIN.get(text.upper(), text.upper())


class _Pattern(NamedTuple):
    """A rule as it is matched."""

    #: The texts between the stars.
    parts: tuple[str, ...]
    #: The path ends with the last of them.
    is_anchored: bool
    #: Octets, and whether it allows: of two rules that match, the greater one holds.
    rank: tuple[int, bool]
    record: Record

    def matches(self, path: str) -> bool:
        """Whether the parts follow each other in *path*: each is taken where it comes first, and never anew."""
        head, tail = self.parts[0], self.parts[-1]
        if not path.startswith(head):
            return False
        at = len(head)
        for part in self.parts[1:-1]:
            at = path.find(part, at)
            if at < 0:
                return False
            at += len(part)
        if self.is_anchored:
            return len(path) - len(tail) >= at and path.endswith(tail)
        return path.find(tail, at) >= 0


class TooCostly(Exception):
    """The rules with `*` cost more than `MOST_STEPS` for this path."""


class Ruleset:
    """The rules of one agent."""

    def __init__(self, exact: "dict[str, _Pattern]", prefixes: "_Prefixes", wildcards: "_Wildcards") -> None:
        """Hold what `prepare_rules` has put in order."""
        self._exact = exact
        self._prefixes = prefixes
        self._wildcards = wildcards

    def judge(self, path: str) -> Record | None:
        """Give the rule that holds for *path*, None when none matches; raises `TooCostly`."""
        found = _better(self._prefixes.longest(path), self._exact.get(path))
        found = _better(found, self._wildcards.first(path, above=found))
        return found and found.record


def prepare_rules(records: Iterable[Record]) -> Steps[Ruleset]:
    """Put the Allow and Disallow lines among *records* in order, in steps."""
    exact: dict[str, _Pattern] = {}
    prefixes: dict[str, _Pattern] = {}
    wildcards: dict[tuple[tuple[str, ...], bool], _Pattern] = {}
    for record, is_over in pauses(records, lambda one: len(one.value)):
        if is_over:
            yield
        for one in _patterns(record):
            if len(one.parts) > 1:
                _keep_better(wildcards, (one.parts, one.is_anchored), one)
            else:
                _keep_better(exact if one.is_anchored else prefixes, one.parts[0], one)
    return Ruleset(exact, (yield from _prepare_prefixes(prefixes)), (yield from _prepare_wildcards(wildcards.values())))


class _Prefixes:
    """Rules that match the beginning of a path."""

    def __init__(self) -> None:
        #: In their order.
        self._texts: list[str] = []
        #: By text: the place of the longest other text that it begins with.
        self._shorter: list[int] = []
        #: By text: the best of its rule and those of the texts that it begins with.
        self._rules: list[_Pattern] = []

    def fill(self, best: dict[str, _Pattern]) -> Steps[None]:
        self._texts += best
        yield from sort(self._texts)
        for (place, text), is_over in pauses(enumerate(self._texts)):
            if is_over:
                yield
            shorter = self._chain(place - 1, text)
            inherited = self._rules[shorter] if shorter >= 0 else None
            self._shorter.append(shorter)
            self._rules.append(_better(inherited, best[text]) or best[text])

    def longest(self, path: str) -> _Pattern | None:
        place = self._chain(bisect_right(self._texts, path) - 1, path)
        return self._rules[place] if place >= 0 else None

    def _chain(self, place: int, path: str) -> int:
        """Go from the text that sorts before *path* to the longest one that it begins with; -1 when there is none."""
        while place >= 0 and not path.startswith(self._texts[place]):
            place = self._shorter[place]
        return place


class _Wildcards:
    """Rules with a `*` that counts."""

    def __init__(self) -> None:
        #: The best first.
        self._patterns: list[_Pattern] = []
        #: Of each the longest part.
        self._longest: list[str] = []
        #: By a text that stands in every path that they match: places of rules. Empty when there are few.
        self._places: dict[str, list[int]] = {}
        self._sizes: list[int] = []

    def fill(self, patterns: Iterable[_Pattern]) -> Steps[None]:
        self._patterns += patterns
        yield from sort(self._patterns, key=lambda one: one.rank, reverse=True)
        if len(self._patterns) <= _FEW:
            self._longest = [max(one.parts, key=len) for one in self._patterns]
        else:
            yield from self._index()

    def _index(self) -> Steps[None]:
        """Put each rule under the rarest of its grams."""
        grams: list[tuple[str, ...]] = []
        frequency: Counter[str] = Counter()
        for pattern, is_over in pauses(self._patterns):
            if is_over:
                yield
            some = tuple(_grams(pattern.parts))
            grams.append(some)
            frequency.update(some)
        for (place, some), is_over in pauses(enumerate(grams)):
            if is_over:
                yield
            self._places.setdefault(min(some, key=frequency.__getitem__), []).append(place)
        self._sizes = sorted({len(gram) for gram in self._places})

    def first(self, path: str, *, above: _Pattern | None) -> _Pattern | None:
        """Give the best rule that matches and is better than *above*; raises `TooCostly`."""
        size, left = len(path), MOST_STEPS
        for place in self._candidates(path):
            pattern = self._patterns[place]
            if above is not None and pattern.rank <= above.rank:
                break
            left -= len(pattern.parts) + (pattern.rank[0] * size >> 8)
            if left < 0:
                raise TooCostly
            if pattern.matches(path):
                return pattern
        return None

    def _candidates(self, path: str) -> Iterable[int]:
        if not self._places:
            return [place for place, text in enumerate(self._longest) if text in path]
        grams = {path[at : at + size] for size in self._sizes for at in range(len(path) - size + 1)}
        return sorted(place for gram in grams & self._places.keys() for place in self._places[gram])


def _prepare_prefixes(best: dict[str, _Pattern]) -> Steps[_Prefixes]:
    prefixes = _Prefixes()
    yield from prefixes.fill(best)
    return prefixes


def _prepare_wildcards(patterns: Iterable[_Pattern]) -> Steps[_Wildcards]:
    wildcards = _Wildcards()
    yield from wildcards.fill(patterns)
    return wildcards


def _grams(parts: Sequence[str]) -> Iterable[str]:
    """Give texts that stand in every path which these parts match, the last ones first: they tell rules apart."""
    grams: dict[str, None] = {}
    for part in parts[: -_PARTS - 1 : -1]:
        if len(part) <= _GRAM:
            grams[part] = None
            continue
        for at in range(len(part) - _GRAM, max(len(part) - _GRAM - _GRAMS_AN_END, -1), -1):
            grams[part[at : at + _GRAM]] = None
        for at in range(_GRAMS_AN_END):
            grams[part[at : at + _GRAM]] = None
    grams.pop("", None)
    return grams


def _patterns(record: Record) -> Iterator[_Pattern]:
    """Read a rule; one that begins with neither `/` nor `*` matches no path.

    A rule that allows an index page allows its directory too, as google/robotstxt has it.
    """
    text, is_allowing = record.value, record.field == "allow"
    if not text.startswith(("/", "*")):
        return
    is_anchored = text.endswith("$")
    head, *others = text[: len(text) - is_anchored].split("*")
    others = others[-MOST_STEPS:]  # with more no path is ever judged: it costs too much
    parts = [unescape(head), *[unescape(part) for part in others if part]]
    octets = sum(map(len, parts)) + len(others) + is_anchored
    if others and not others[-1]:
        is_anchored = False  # a star, and then the end: no end at all
    yield _Pattern(tuple(parts), is_anchored, (octets, is_allowing), record)
    if is_allowing and parts[-1].endswith(_INDEX_PAGES):
        directory = parts[-1][: parts[-1].rindex("/") + 1]
        octets += len(directory) - len(parts[-1]) + 1
        yield _Pattern((*parts[:-1], directory), is_anchored=True, rank=(octets, True), record=record)


def _keep_better(best: dict[_Key, _Pattern], key: _Key, pattern: _Pattern) -> None:
    """Keep the best rule of each key."""
    best[key] = _better(best.get(key), pattern) or pattern


def _better(one: _Pattern | None, other: _Pattern | None) -> _Pattern | None:
    if one is None or other is None:
        return one or other
    return other if other.rank > one.rank else one
