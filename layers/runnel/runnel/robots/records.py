"""The records of a robots.txt: which lines stand under which agents' names (RFC 9309 section 2.2).

Laws (tests/unit/robots/test_records.py):

* any text is accepted; time and memory are linear in its length, however many names share however many rules;
* only a line that allows or disallows ends a run of names; `Crawl-delay` and `Content-Signal` belong to the names right
  above them, to the names of the whole file when none stand above;
* a field may be misspelt as google/robotstxt and protego allow it to be, and its colon may be missing.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from runnel.robots.steps import Steps, pauses

_MISSPELT: Final = ("dissallow", "dissalow", "disalow", "diasllow", "disallaw")  # codespell:ignore

#: What a line may begin with, in lower case, and what is meant by it.
_FIELDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("user-agent", "useragent", "user agent"), "agent"),
    "allow": "allow",
    **dict.fromkeys(("disallow", *_MISSPELT), "disallow"),
    **dict.fromkeys(("sitemap", "sitemaps", "site-map"), "sitemap"),
    **dict.fromkeys(("crawl-delay", "crawl delay"), "crawl-delay"),
    **dict.fromkeys(("content-signal", "content-signals"), "content-signal"),
}

#: The product token that a name begins with: RFC 9309 has letters, `-` and `_`; digits and other letters are met too.
_TOKEN: Final = re.compile(r"[\w-]+")
#: Several of them: no RFC knows such a line, but its writer's wish is plain.
_TOKENS: Final = re.compile(r"[\w-]+(?:[\s,]+[\w-]+)*")
#: Characters of one line's names that count: no list of products is longer.
_MOST_NAMES: Final = 16_384
#: An address in a User-Agent header names no product.
_ADDRESS: Final = re.compile(r"https?://\S*")

#: The name of the groups that are for everybody else.
EVERYBODY: Final = "*"


class Record(NamedTuple):
    """One line that says something: where it stands, its field and its value, and how it is written."""

    number: int
    field: str
    value: str
    line: str

    def __str__(self) -> str:
        """As it is shown: `12: Disallow: /private/ # drafts`."""
        return f"{self.number}: {self.line.strip()[:300]}"


class Run(NamedTuple):
    """Names that follow each other, and what stands below them."""

    #: Shared with the runs that no rule divides from this one.
    rules: list[Record]
    #: Crawl delays and content signals: of these names alone.
    others: list[Record]


class Records(NamedTuple):
    """A robots.txt, read."""

    #: By name, in lower case.
    runs: Mapping[str, Sequence[Run]]
    #: What stands above every name is said to everybody.
    others: Sequence[Record] = ()
    #: As written, each once.
    sitemaps: tuple[str, ...] = ()

    def of(self, agent: str) -> Sequence[Run]:
        """Give the runs that *agent* (a product's name, or a whole User-Agent header) is to obey.

        The longest of the file's names that is a product of the header decides, else `*`.
        """
        products = set(_TOKEN.findall(_ADDRESS.sub(" ", agent).lower()))
        name = max(products & self.runs.keys(), key=lambda one: (len(one), one), default=EVERYBODY)
        return self.runs.get(name, ())


def read_records(text: str) -> Steps[Records]:
    """Read the lines of a robots.txt, in steps; CR, LF and CRLF end one, nothing else does."""
    reader = _Reader()
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for (number, line), is_over in pauses(enumerate(lines, start=1), lambda one: len(one[1])):
        if is_over:
            yield
        record = _record(number, line)
        if record is not None:
            reader.read(record)
    return Records(
        runs=reader.runs,
        others=reader.others,
        sitemaps=tuple(dict.fromkeys(reader.sitemaps)),
    )


def _record(number: int, line: str) -> Record | None:
    text = line.partition("#")[0].strip()
    name, _, value = text.partition(":")
    meaning = _FIELDS.get(name.strip().lower())
    if meaning is None:
        meaning, value = _without_colon(text)
    return None if meaning is None else Record(number, meaning, value.strip(), line)


def _without_colon(text: str) -> tuple[str | None, str]:
    """Read `Disallow /private/`: a field of one or two words, white space, the value."""
    for count in (1, 2):
        words = text.split(None, count)
        field = " ".join(words[:count]).lower()
        if len(words) > count and field in _FIELDS:
            return _FIELDS[field], words[count]
    return None, ""


class _Reader:
    """What the lines so far have said."""

    def __init__(self) -> None:
        self.runs: dict[str, list[Run]] = {}
        self.others: list[Record] = []
        self.sitemaps: list[str] = []
        self._run: Run | None = None
        self._rules: list[Record] = []
        self._is_naming = False
        self._has_ended = False

    def read(self, record: Record) -> None:
        """Take in one line."""
        if record.field == "sitemap":
            self.sitemaps += [record.value] if record.value else []
        elif record.field == "agent":
            self._name(record.value)
        else:
            self._is_naming = False
            self._say(record)

    def _name(self, value: str) -> None:
        """Begin a run, or go on with it; names behind a rule begin rules of their own."""
        if self._run is None or not self._is_naming:
            if self._has_ended:
                self._rules, self._has_ended = [], False
            self._run = Run(self._rules, [])
        self._is_naming = True
        for name in _names(value):
            runs = self.runs.setdefault(name, [])
            if not runs or runs[-1] is not self._run:
                runs.append(self._run)

    def _say(self, record: Record) -> None:
        if record.field in {"allow", "disallow"}:
            self._has_ended = True
            if record.value and self._run is not None:
                self._rules.append(record)
        else:
            (self.others if self._run is None else self._run.others).append(record)


def _names(value: str) -> list[str]:
    """Give the products that a User-agent line names."""
    if value.partition(" ")[0] == EVERYBODY:
        return [EVERYBODY]
    value = value[:_MOST_NAMES].lower()
    if _TOKENS.fullmatch(value):
        return _TOKEN.findall(value)
    found = _TOKEN.match(value)
    return [found[0]] if found is not None else []
