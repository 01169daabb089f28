"""Where text reaches a terminal: one choke point for what strangers wrote, and one voice on standard error.

Laws (tests/unit/cli/test_terminal.py):

1. No control character of content reaches a terminal; in JSON the escape is JSON's own, so a line stays what it was.
2. Data goes to standard output, everything else to standard error.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TextIO

#: C0 without tab and line feed, DEL and C1, marks that reorder or hide text, line and paragraph separators, lone
#: surrogates, tags. The joiners U+200C and U+200D stay: Persian and emoji need them, and they move nothing.
_HARMFUL: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_STANDARD_ERROR: Final = 2
_LINE_ENDS: Final = re.compile(r"[\t\n]")


def clean(text: str, *, one_line: bool = True) -> str:
    r"""Give *text* with every character that could move the cursor or hide something written as `\uXXXX`."""
    text = _HARMFUL.sub(_escaped, text)
    return _LINE_ENDS.sub(" ", text) if one_line else text


def _escaped(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """The command's voice: how much it says, and whether in colour."""

    quiet: bool = False
    #: How often `-v` was given.
    verbose: int = 0
    no_color: bool = False

    @property
    def is_terminal(self) -> bool:
        """Whether somebody watches standard error."""
        return sys.stderr.isatty()

    def say(self, text: str) -> None:
        """One line, unless the user wants quiet."""
        if not self.quiet:
            self.insist(text)

    def detail(self, text: str) -> None:
        """One line that only `-v` shows."""
        if self.verbose and not self.quiet:
            self.insist(text)

    def insist(self, text: str) -> None:
        """One line in any case: errors, and the way on; whoever does not hear it ends nothing."""
        with hearer_may_leave():
            sys.stderr.write(clean(text) + "\n")
            sys.stderr.flush()


def write_json(value: Mapping[str, Any]) -> None:
    """One JSON line of data."""
    write_line(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str))


def write_line(line: str) -> None:
    """One line of data; escaped only where a terminal would read it."""
    sys.stdout.write((clean(line, one_line=False) if sys.stdout.isatty() else line) + "\n")


def write_raw(*lines: bytes) -> None:
    """Stored lines, byte for byte as every client gets them, in one call to the system; escaped only on a terminal."""
    if sys.stdout.isatty():
        for line in lines:
            write_line(line.decode("utf-8", "replace"))
    else:
        sys.stdout.buffer.write(b"\n".join((*lines, b"")))
    sys.stdout.flush()


def drop_output() -> None:
    """Send what is still written to standard output nowhere: its reader has left, and the last flush must not fail."""
    _send_nowhere(sys.stdout)


@contextmanager
def hearer_may_leave() -> Iterator[None]:
    """Let standard error be a pipe that nobody reads any more, or a terminal that has gone."""
    try:
        yield
    except OSError:
        _send_nowhere(sys.stderr)


def _send_nowhere(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def fill_standard_places() -> None:
    """Give a closed standard stream (`2>&-`) an end: else the next file that is opened takes its place and its text."""
    while (place := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        pass
    os.close(place)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(_STANDARD_ERROR, "w")


def write_table(rows: Iterable[Mapping[str, Any]], columns: tuple[str, ...]) -> None:
    """Rows for a reader: a heading and aligned columns, the last as wide as it is."""
    cells = [columns, *[tuple(_cell(row.get(column)) for column in columns) for row in rows]]
    widths = [max(len(row[at]) for row in cells) for at in range(len(columns))]
    for row in cells:
        write_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return clean(str(value)) if value is not None else "-"
