"""
What a page's reStructuredText says: its headings and its code, read from the source, without Sphinx.

* A small reader of our own: sections, literal blocks, doctests, and the directives that are code.
* What is made elsewhere (`autoclass`, `include`, `literalinclude`, IPython) has no text here: such directives are
  counted by name, and so are headings with substitutions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

#: Directives whose content is code; the argument of the first three is its language.
CODE = frozenset({"code-block", "sourcecode", "code", "testcode", "testoutput", "doctest"})
NAMES_LANGUAGE = frozenset({"code-block", "sourcecode", "code", "highlight"})
#: Directives whose text is not in the source as the page has it.
ELSEWHERE = frozenset({
    "literalinclude", "include", "parsed-literal", "ipython", "raw", "productionlist", "plot", "csv-table",
    "program-output", "command-output", "ifconfig", "only", "math", "graphviz", "tabularcolumns", "prompt",
    "list-table", "cmake-module", "click", "argparse", "todo", "index", "bibliography",
    "comment",
})  # fmt: skip
#: Of these nothing was to be expected.
WITHOUT_TEXT = frozenset({"index", "tabularcolumns", "math", "raw", "comment", "graphviz", "todo"})
AUTO = re.compile(r"auto\w+")

DIRECTIVE = re.compile(r"\.\.\s+(?:\|[^|]+\|\s+)?([\w.:+-]+?)::(?:\s+(.*))?$")
OTHER_EXPLICIT = re.compile(r"\.\.\s+(?:_|\[|\|)|__\s")
COMMENT = re.compile(r"\.\.(?:\s|$)")
OPTION = re.compile(r":[\w -]+:")
BULLET = re.compile(r"(?:[-*+•]|\(?(?:\d+|#|[a-zA-Z])[.)])\s+")
ADORNMENT = re.compile(r"([!-/:-@[-`{-~])\1+")

#: HTML has no more levels of headings.
DEEPEST = 6

ROLE = re.compile(r"``(.+?)``|(?::([\w:+.-]+):)?`([^`]*)`(?:_{1,2}|:[\w:]+:)?")
TARGET = re.compile(r"\s*<[^<>]*>$")
SUBSTITUTION = re.compile(r"\|[^|\s][^|]*\|")
NUMBER_AT_START = re.compile(r"^(?:\d+ )+")
WORD = re.compile(r"\w+")
DOCTEST_FLAG = re.compile(r"[ \t]*#[ \t]*doctest:.*$")

SAME_LANGUAGE = {"python3": "python", "ipython3": "python", "ipython": "python", "shell-session": "console"}
#: Roles that show their name.
NAMES_ITSELF = frozenset({"rfc", "pep"})
NO_LANGUAGE = frozenset({"", "default", "none", "text", "guess", "plain"})


@dataclass(slots=True)
class Source:
    """What one source says."""

    headings: list[tuple[int, str]] = field(default_factory=list)
    code: list[tuple[str, str]] = field(default_factory=list)  # text, language ("" when none is stated)
    skipped: Counter[str] = field(default_factory=Counter)


def read_source(text: str) -> Source:
    """Return what the source *text* says."""
    return _Reader(text.expandtabs(8)).read()


def plain_heading(text: str) -> str:
    """Return the words of a heading without its number: no typographic quote or dash changes them."""
    return NUMBER_AT_START.sub("", " ".join(WORD.findall(text.lower())))


def plain_code(text: str) -> str:
    """Return code as it is compared: without white space at the ends of its lines, and Sphinx's marks for tests."""
    lines = [line.rstrip() for line in text.split("\n")]
    if any(line.lstrip().startswith(">>>") for line in lines):
        lines = ["" if line.strip() == "<BLANKLINE>" else DOCTEST_FLAG.sub("", line).rstrip() for line in lines]
    return "\n".join(lines).strip("\n")


class _Reader:
    def __init__(self, text: str) -> None:
        self._lines = [line.rstrip() for line in text.split("\n")]
        self._styles: list[tuple[str, bool]] = []
        self._highlight = ""
        self.found = Source()

    def read(self) -> Source:
        at = 0
        while at < len(self._lines):
            at = self._step(at)
        return self.found

    def _step(self, at: int) -> int:
        """Read what begins at line *at*; returns where the next thing begins."""
        line = self._lines[at]
        said = line.strip()
        if not said:
            return at + 1
        after = self._heading(at)
        if after:
            return after
        indent = _indent(line)
        directive = DIRECTIVE.match(said)
        if directive:
            return self._directive(at, indent, directive[1].rpartition(":")[2], (directive[2] or "").strip())
        if COMMENT.match(said) and not OTHER_EXPLICIT.match(said):
            return self._block_end(at + 1, indent)
        return self._text(at, indent, said)

    def _text(self, at: int, indent: int, said: str) -> int:
        if said.startswith(">>> "):
            end = next((stop for stop in range(at, len(self._lines)) if not self._lines[stop].strip()), None)
            return self._keep(at, end or len(self._lines), "")
        if said.endswith("::") and said[0] not in "|+" and not self._line(at + 1):
            return self._literal(at + 1, indent + _hang(said))
        return at + 1

    def _heading(self, at: int) -> int:
        """Take a section's title at line *at*; returns the line after it, 0 for none."""
        line, below = self._lines[at], self._line(at + 1)
        is_over = ADORNMENT.fullmatch(line) is not None and len(line) >= 3
        if is_over and below.strip() and self._line(at + 2) == line and len(line) >= len(below.strip()):
            self._take_title(below.strip(), line[0], is_over=True)
            return at + 3
        if line[0] == " " or is_over or not ADORNMENT.fullmatch(below) or len(below) < max(3, len(line) - 1):
            return 0
        if at and self._lines[at - 1].strip() and not self._lines[at - 1].startswith(".."):
            return 0
        self._take_title(line, below[0], is_over=False)
        return at + 2

    def _take_title(self, title: str, mark: str, *, is_over: bool) -> None:
        style = (mark, is_over)
        if style not in self._styles:
            self._styles.append(style)
        if SUBSTITUTION.search(title):
            self.found.skipped["heading with a substitution"] += 1
        elif len(self._styles) > DEEPEST and style not in self._styles[:DEEPEST]:
            self.found.skipped["heading below the sixth level"] += 1
        else:
            self.found.headings.append((self._styles.index(style) + 1, plain_heading(_said(title))))

    def _directive(self, at: int, indent: int, name: str, argument: str) -> int:
        if name == "highlight":
            self._highlight = argument.split(maxsplit=1)[0] if argument else ""
        end = self._block_end(at + 1, indent)
        if name in ELSEWHERE or AUTO.fullmatch(name):
            self.found.skipped[name] += name not in WITHOUT_TEXT
            return end
        if name in CODE:
            body = at + 1
            while body < end and OPTION.match(self._lines[body].strip()):
                if self._lines[body].strip().startswith((":dedent:", ":hide:")):
                    self.found.skipped[f"{name} {self._lines[body].strip()}"] += 1
                    return end
                body += 1
            language = (argument or self._highlight) if name in NAMES_LANGUAGE else ""
            return self._keep(body, end, language, margin=self._margin(at + 1, end))
        if argument.endswith("::") and not self._line(at + 1):
            return self._literal(at + 1, indent + 3)
        return at + 1  # its content is read as any other

    def _literal(self, at: int, indent: int) -> int:
        start = next((stop for stop in range(at, len(self._lines)) if self._lines[stop].strip()), len(self._lines))
        if start == len(self._lines) or _indent(self._lines[start]) <= indent:
            return at
        return self._keep(start, self._block_end(start, indent), self._highlight)

    def _margin(self, start: int, end: int) -> int:
        """Return how far the lines stand in; the options of a directive count."""
        return min((_indent(line) for line in self._lines[start:end] if line), default=0)

    def _keep(self, start: int, end: int, language: str, *, margin: int | None = None) -> int:
        lines = self._lines[start:end]
        margin = self._margin(start, end) if margin is None else margin
        text = plain_code("\n".join(line[margin:] for line in lines))
        if text:
            lower = language.lower()
            self.found.code.append((text, "" if lower in NO_LANGUAGE else SAME_LANGUAGE.get(lower, lower)))
        return max(end, start)

    def _block_end(self, at: int, indent: int) -> int:
        """Return the line after the block below *at* that is indented by more than *indent*."""
        while at < len(self._lines) and (not self._lines[at] or _indent(self._lines[at]) > indent):
            at += 1
        return at

    def _line(self, at: int) -> str:
        return self._lines[at] if at < len(self._lines) else ""


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _hang(said: str) -> int:
    """Return how far the text of a list's item stands in."""
    found = BULLET.match(said)
    return found.end() if found else 0


def _said(title: str) -> str:
    """Return what a title shows of its markup."""
    return ROLE.sub(_shown, title).replace("\\", "")


def _shown(found: re.Match[str]) -> str:
    literal, role, text = found.groups()
    if literal is not None:
        return str(literal)
    if text.startswith("~"):
        return str(text.rpartition(".")[2])
    shown = TARGET.sub("", text) or text
    return f"{role} {shown}" if role in NAMES_ITSELF else str(shown)


def skipped_in_words(skipped: Counter[str]) -> Iterator[str]:
    """Yield what was skipped, most often first."""
    return (f"{name} {count}" for name, count in skipped.most_common() if count)
