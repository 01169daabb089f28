"""What a page holds, counted the same way in its HTML and in its Markdown."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

WORD = re.compile(r"\w+", re.UNICODE)

#: Marks without width stand inside words where a browser may break them.
NO_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f"))


@dataclass(slots=True, kw_only=True)
class Found:
    """What one page holds."""

    code: list[tuple[str, str]] = field(default_factory=list)  # text, language ("" when none is stated)
    headings: list[tuple[int, str]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)  # text, target
    tables: list[tuple[str, ...]] = field(default_factory=list)  # plain ones: "cells" of each row and its first word
    words: Counter[str] = field(default_factory=Counter)
    optional: Counter[str] = field(default_factory=Counter)  # may come out or not
    optional_links: Counter[tuple[str, str]] = field(default_factory=Counter)
    navigation: Counter[tuple[str, str]] = field(default_factory=Counter)  # links that must not come out


def words_of(text: str) -> Counter[str]:
    """Count the words of *text*, in lower case."""
    return Counter(WORD.findall(text.translate(NO_WIDTH).lower()))


def squeezed(text: str) -> str:
    """Return *text* with each run of white space as one space, and no marks without width."""
    return " ".join(text.translate(NO_WIDTH).split())


def code_text(text: str) -> str:
    """Return code as it is compared: to the letter, but for the ends of lines and those of the block."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
