"""A page's Markdown in pieces for a search: along its headings, of bounded length, each with the way to it.

Laws: the chunks of a page hold every block of it once, in order; code and tables are never split, so a chunk may be
longer than its bound when one block is; equal Markdown gives equal chunks, whatever its anchors. A short section takes
in those that stand below or beside it.

Every page is cut twice, when it is read (into how many?) and when it is indexed: hence bytes, as they are stored.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from runnel.extraction.page import Heading

#: The bounds of a chunk, in words.
FEWEST_WORDS: Final = 80
MOST_WORDS: Final = 300

_GAP: Final = b"\n\n"
_LINE: Final = b"\n"
_FENCE_SIGN: Final = b"```"
_FENCE: Final = re.compile(rb"[ >]*(?:[-*+] +|\d+[.)] +)*(`{3,})")
#: Code that is whole: most of it is.
_WHOLE_CODE: Final = re.compile(rb" *```[^`]*\n *```")
_HASH: Final = b"#"
_HEADING: Final = re.compile(rb"(#{1,6}) +")
#: A heading has so many bytes at most; what follows is left out of the way to a chunk.
_LONGEST_HEADING: Final = 1_000
#: What Markdown's marks leave of a heading's text when they are gone.
_MARKS: Final = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|\\([\W_])|[`*]")


class Chunk(NamedTuple):
    """One piece of one page."""

    path: tuple[str, ...]  # the headings above it, outermost first
    anchor: str  # of the nearest heading that has one; "" for none
    markdown: bytes  # in UTF-8
    words: int


@dataclass(slots=True)
class _Section:
    path: tuple[str, ...]
    anchor: str
    blocks: list[bytes]
    #: How many words each block has: gaps and one, which is near enough and costs no list.
    words: list[int]


def split_chunks(markdown: bytes, headings: Sequence[Heading] = ()) -> tuple[Chunk, ...]:
    """Return the chunks of a page.

    Args:
        markdown: the page's, in UTF-8.
        headings: the page's outline, which knows the anchors.
    """
    found: list[Chunk] = []
    for section in _joined(_sections(markdown, headings)):
        start = 0
        for end, words in _pieces(section.words):
            text = _GAP.join(section.blocks[start:end])
            found.append(Chunk(section.path, section.anchor, text, words))
            start = end
    return tuple(found)


def count_chunks(markdown: bytes) -> int:
    """Return how many chunks `split_chunks` makes of a page: which anchors they have makes no difference."""
    return sum([len(_pieces(section.words)) for section in _joined(_sections(markdown, ()))])


def _blocks(markdown: bytes) -> list[bytes]:
    """Return what empty lines part, but for those within a fence."""
    parts = markdown.strip(_LINE).split(_GAP)
    if _FENCE_SIGN in markdown:
        parts = _with_whole_code(parts)
    return [part for part in parts if part and not part.isspace()]


def _with_whole_code(parts: Sequence[bytes]) -> list[bytes]:
    whole: list[bytes] = []
    held: list[bytes] = []
    fence = b""
    for part in parts:
        if not fence and (_FENCE_SIGN not in part or _WHOLE_CODE.fullmatch(part)):
            whole.append(part)
            continue
        held.append(part)
        fence = _fence_after(part, fence)
        if not fence:
            whole.append(_GAP.join(held))
            held = []
    return [*whole, _GAP.join(held)] if held else whole


def _fence_after(part: bytes, fence: bytes) -> bytes:
    """Return the fence that is open after *part*, when *fence* was before it."""
    sign = part.find(fence or _FENCE_SIGN)
    while sign >= 0:
        line = part.rfind(_LINE, 0, sign) + 1
        end = (part.find(_LINE, sign) + 1 or len(part) + 1) - 1
        if not fence:
            opened = _FENCE.match(part, line)
            fence = opened[1] if opened else b""
        elif part[line:end].strip(b" >") == fence:
            fence = b""
        sign = part.find(fence or _FENCE_SIGN, end)
    return fence


def _sections(markdown: bytes, headings: Sequence[Heading]) -> Iterator[_Section]:
    """Yield the page's sections, each with its heading as its first block."""
    blocks = _blocks(markdown)
    words = [block.count(b" ") + (block.count(_LINE) if _LINE in block else 0) + 1 for block in blocks]
    marked = [place for place, block in enumerate(blocks) if block.startswith(_HASH)]
    found = [(place, heading) for place in marked if (heading := _heading(blocks[place]))]
    start, *ends = *(place for place, _ in found), len(blocks)
    if start:
        yield _Section((), "", blocks[:start], words[:start])
    above: list[tuple[int, str]] = []
    anchor, anchors = "", iter(headings)
    for (start, heading), end in zip(found, ends, strict=True):
        above = [each for each in above if each[0] < heading[0]] + [heading]
        anchor = next((each[2] for each in anchors if each[0] == heading[0]), "") or anchor
        yield _Section(tuple([each[1] for each in above]), anchor, blocks[start:end], words[start:end])


def _heading(block: bytes) -> tuple[int, str] | None:
    """Return the level and the text of the heading that a *block* is, if it is one."""
    marks = _HEADING.match(block)
    if marks is None or _LINE in block:
        return None
    written = block[marks.end() : _LONGEST_HEADING].decode(errors="ignore")
    text = _MARKS.sub(r"\1\2", written.rstrip().rstrip("#"))
    return len(marks[1]), " ".join(text.split())


def _joined(sections: Iterator[_Section]) -> Iterator[_Section]:
    """Yield sections long enough: a short one takes in those that follow, as long as they stand below or beside it."""
    held: _Section | None = None
    for section in sections:
        if held is not None and _fits(held, section):
            held.blocks += section.blocks
            held.words += section.words
        else:
            if held is not None:
                yield held
            held = section
    if held is not None:
        yield held


def _fits(held: _Section, section: _Section) -> bool:
    words = sum(held.words)
    is_near = section.path[: len(held.path)] == held.path or (
        held.path[:-1] != () and section.path[:-1] == held.path[:-1]
    )
    return is_near and words < FEWEST_WORDS and words + sum(section.words) <= MOST_WORDS


def _pieces(words: Sequence[int]) -> list[tuple[int, int]]:
    """Return where each piece of a section ends that has blocks of so many *words*, and how many it has itself."""
    if sum(words) <= MOST_WORDS:
        return [(len(words), sum(words))]
    pieces: list[tuple[int, int]] = []
    size = 0
    for place, more in enumerate(words):
        if size >= FEWEST_WORDS and size + more > MOST_WORDS:
            pieces.append((place, size))
            size = 0
        size += more
    return [*pieces, (len(words), size)]
