"""A page's Markdown in pieces for a search: along its headings, of bounded length, each with the way to it.

Laws: the chunks of a page hold every block of it once, in order; code and tables are never split, so a chunk may be
longer than its bound when one block is; equal Markdown at an equal URL gives equal chunks, ids included. A short
section takes in those that stand below or beside it.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from runnel.extraction.page import Heading

#: The bounds of a chunk, in words.
FEWEST_WORDS: Final = 80
MOST_WORDS: Final = 300

HEADING: Final = re.compile(r"(#{1,6}) +(.*?)\s*#*\s*$")
FENCE: Final = re.compile(r"[ >]*(?:[-*+] +|\d+[.)] +)*(`{3,})")
#: What Markdown's marks leave of a heading's text when they are gone.
MARKS: Final = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|\\([\W_])|[`*]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One piece of one page."""

    chunk_id: str  # 16 hex digits of URL, place and text
    path: tuple[str, ...]  # the headings above it, outermost first
    anchor: str  # of the nearest heading that has one; "" for none
    text: str  # Markdown
    words: int


#: One block of Markdown, and how many words it has: gaps and one, which is near enough and costs no list.
_Block = tuple[str, int]


@dataclass(slots=True)
class _Section:
    path: tuple[str, ...]
    anchor: str
    blocks: list[_Block]
    words: int = 0


def split_chunks(markdown: str, headings: Sequence[Heading], *, url: str) -> tuple[Chunk, ...]:
    """Return the chunks of a page.

    Args:
        markdown: the page's.
        headings: the page's outline, which knows the anchors.
        url: the page's own, part of the ids.
    """
    found: list[Chunk] = []
    for section in _joined(_sections(markdown, headings)):
        for blocks, words in _pieces(section):
            text = "\n\n".join(blocks)
            name = f"{url}\n{len(found)}\n{text}".encode("utf-8", "replace")
            chunk_id = hashlib.blake2b(name, digest_size=8).hexdigest()
            found.append(Chunk(chunk_id=chunk_id, path=section.path, anchor=section.anchor, text=text, words=words))
    return tuple(found)


def count_chunks(markdown: str) -> int:
    """Return how many chunks `split_chunks` makes of a page: which anchors they have makes no difference."""
    return sum(len(_pieces(section)) for section in _joined(_sections(markdown, ())))


def _blocks(markdown: str) -> Iterator[_Block]:
    """Yield what blank lines part, but for those within a fence."""
    held: list[str] = []
    fence = ""
    for part in markdown.strip("\n").split("\n\n"):
        if not fence and "```" not in part:
            if part and not part.isspace():
                yield part, part.count(" ") + part.count("\n") + 1
            continue
        held.append(part)
        fence = _fence_after(part, fence)
        if not fence:
            block, held = "\n\n".join(held), []
            yield block, block.count(" ") + block.count("\n") + 1
    if held:
        block = "\n\n".join(held)
        yield block, block.count(" ") + block.count("\n") + 1


def _fence_after(part: str, fence: str) -> str:
    """Return the fence that is open after *part*, when *fence* was before it."""
    for line in part.split("\n"):
        if fence:
            fence = "" if line.strip(" >") == fence else fence
        elif "```" in line and (opened := FENCE.match(line)):
            fence = opened[1]
    return fence


def _sections(markdown: str, headings: Sequence[Heading]) -> Iterator[_Section]:
    """Yield the page's sections, each with its heading as its first block."""
    above: list[tuple[int, str]] = []
    anchors = iter(headings)
    section = _Section((), "", [])
    for block in _blocks(markdown):
        if block[0][0] == "#" and "\n" not in block[0] and (heading := HEADING.match(block[0])):
            if section.blocks:
                yield section
            level, text = len(heading[1]), " ".join(MARKS.sub(r"\1\2", heading[2]).split())
            above = [each for each in above if each[0] < level] + [(level, text)]
            anchor = next((each[2] for each in anchors if each[0] == level), "") or section.anchor
            section = _Section(tuple(each[1] for each in above), anchor, [])
        section.blocks.append(block)
        section.words += block[1]
    if section.blocks:
        yield section


def _joined(sections: Iterator[_Section]) -> Iterator[_Section]:
    """Yield sections long enough: a short one takes in those that follow, as long as they stand below or beside it."""
    held: _Section | None = None
    for section in sections:
        if held is not None and held.words < FEWEST_WORDS and _fits(held, section):
            held.blocks += section.blocks
            held.words += section.words
        else:
            if held is not None:
                yield held
            held = section
    if held is not None:
        yield held


def _fits(held: _Section, section: _Section) -> bool:
    is_near = section.path[: len(held.path)] == held.path or (
        held.path[:-1] != () and section.path[:-1] == held.path[:-1]
    )
    return is_near and held.words + section.words <= MOST_WORDS


def _pieces(section: _Section) -> list[tuple[list[str], int]]:
    """Part *section* where the bound is reached."""
    if section.words <= MOST_WORDS:
        return [([block for block, _ in section.blocks], section.words)]
    pieces: list[tuple[list[str], int]] = []
    for block, words in section.blocks:
        size = pieces[-1][1] if pieces else 0
        if pieces and (size < FEWEST_WORDS or size + words <= MOST_WORDS):
            pieces[-1][0].append(block)
            pieces[-1] = (pieces[-1][0], size + words)
        else:
            pieces.append(([block], words))
    return pieces
