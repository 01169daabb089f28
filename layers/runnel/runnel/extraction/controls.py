"""Control characters: no page needs them, and whoever prints a page on a terminal would have them obeyed.

Laws (tests/unit/extraction/test_controls.py): of C0 only tab and line feed are left, of C1 nothing; all else stays.
"""

import re
from typing import Final

#: C0 without tab and line feed, and DEL: no byte of them is part of another character in UTF-8.
C0: Final = bytes([*range(0x09), *range(0x0B, 0x20), 0x7F])

#: C1 in UTF-8, and both in text.
C1: Final = re.compile(rb"\xc2[\x80-\x9f]")
CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")

#: Longer ones are no titles, headings or descriptions, and would stand in every list of pages.
LONGEST_LINE: Final = 1_000


def drop_controls(text: bytes) -> bytes:
    """Return *text*, in UTF-8, without control characters; the same object when it has none."""
    left = text.translate(None, C0)
    if b"\xc2" in left:
        left = C1.sub(b"", left)
    return text if len(left) == len(text) else left


def short_line(text: str) -> str:
    """Return *text* on one line, without control characters, cut where no reader would go on."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_LINE and line.isprintable() else CONTROLS.sub("", line[:LONGEST_LINE])
