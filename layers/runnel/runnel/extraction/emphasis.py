"""Emphasis that the renderer wrote as HTML, as Markdown: `**clé**`, where CommonMark reads it so.

Laws: the renderer writes the emphasis of a paragraph as HTML as soon as one piece meets a character beyond ASCII; here
each becomes asterisks where CommonMark opens and closes at them, and mostly plain text where it would not. Nothing
changes in code, and no text anywhere.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from runnel.extraction.fences import ANY_FENCE, change_prose

#: What is looked at in a paragraph: an escaped character; a span of code, the usual one first; mere words between
#: tags, before which asterisks open whatever stands there; a tag.
TOKEN: Final = re.compile(
    r"\\.|`[^`]+`(?!`)|(`+)(?!`).*?(?<!`)\1(?!`)"
    r"|<(?P<kind>em|strong)>(?P<words>[^\W_][^<`\\]*)</(?P=kind)>|</?(?:em|strong)>",
    re.DOTALL,
)

TAGS: Final = ("<em>", "</em>", "<strong>", "</strong>")

#: How the renderer writes emphasis within emphasis.
DELIMITERS: Final = ("_", "*")

#: Stand for asterisks until their white space is outside of them, and what meets is one.
OPEN: Final = {"<em>": "\ue0f8", "<strong>": "\ue0f9", "": ""}
CLOSE: Final = {"<em>": "\ue0fa", "<strong>": "\ue0fb", "": ""}
ASTERISKS: Final = (("\ue0f8", "*"), ("\ue0fa", "*"), ("\ue0f9", "**"), ("\ue0fb", "**"))
INNER_SPACE: Final = re.compile(" ?([\ue0f8\ue0f9]+)( +)|( +)([\ue0fa\ue0fb]+) ?")
MEETING: Final = re.compile("\ue0fa\ue0f8|\ue0fb\ue0f9")
#: One of these stands where there is either: looking for all costs less than one search for a pattern.
UNEVEN: Final = ("\ue0f8 ", "\ue0f9 ", " \ue0fa", " \ue0fb", "\ue0fa\ue0f8", "\ue0fb\ue0f9")


def write_emphasis(markdown: str) -> str:
    """Return *markdown* with asterisks for its tags of emphasis; a page with a table in HTML stays as it is."""
    if not ("<em>" in markdown or "<strong>" in markdown) or "<table" in markdown:
        return markdown
    return "\n\n".join(_blocks(markdown.split("\n\n")))


def _blocks(blocks: list[str]) -> Iterator[str]:
    """Yield *blocks*, parted by empty lines, with marks for their tags, but what stands in code."""
    fence = ""
    for block in blocks:
        if fence or ANY_FENCE in block:
            changed, fence = change_prose(block, _paragraph, fence=fence)
            yield changed
        else:
            yield _paragraph(block)


class _Opened(NamedTuple):
    """A tag whose end is to come."""

    tag: str
    at: int  # its place among the pieces
    can_stand: bool  # asterisks would open there


def _paragraph(text: str) -> str:
    """Return *text* with asterisks for its tags where they would be read, and mostly without the others."""
    if "<" not in text:
        return text
    pieces: list[str] = []
    opened: list[_Opened] = []
    end = 0
    for token in TOKEN.finditer(text):
        if token.lastgroup:
            kind, words = token["kind"], token["words"]
            tag = f"<{kind}>" if words[-1].isalnum() or _closes(text, token.end("words"), token.end()) else ""
            pieces += (text[end : token.start()], OPEN[tag], words, CLOSE[tag])
        elif token[0][0] == "<":
            pieces += (text[end : token.start()], "")
            _take_tag(text, token, pieces, opened)
        else:
            continue
        end = token.end()
    return _with_asterisks("".join([*pieces, text[end:]])) if pieces else text


def _with_asterisks(marked: str) -> str:
    if any(map(marked.__contains__, UNEVEN)):
        marked = MEETING.sub("", INNER_SPACE.sub(_swap, marked))
    for mark, asterisks in ASTERISKS:  # four searches take a fraction of one `translate`
        marked = marked.replace(mark, asterisks)
    return marked


def _take_tag(text: str, token: re.Match[str], pieces: list[str], opened: list[_Opened]) -> None:
    """Open, or close what is open: *pieces* end with the place of the tag."""
    tag = token[0]
    if tag[1] != "/":
        opened.append(_Opened(tag, len(pieces) - 1, _opens(text, token.start(), token.end())))
    elif opened and opened[-1].tag == tag.replace("/", ""):
        opening = opened.pop()
        says = any(map(str.strip, islice(pieces, opening.at + 1, None)))
        if says and opening.can_stand and _closes(text, token.start(), token.end()):
            pieces[opening.at], pieces[-1] = OPEN[opening.tag], CLOSE[opening.tag]
        elif pieces[opening.at + 1][:1] in DELIMITERS:  # they may need what stands around them
            pieces[opening.at], pieces[-1] = opening.tag, tag


def _swap(found: re.Match[str]) -> str:
    return f"{found[2]}{found[1]}" if found[1] else f"{found[4]}{found[3]}"


def _opens(text: str, start: int, end: int) -> bool:
    """Say whether asterisks would open in the place of a tag, from *start* to *end*."""
    if text[end : end + 1].isalnum():  # whatever stands outside
        return True
    inside = _after(text, end, skips_space=True)
    outside = " " if text[end : end + 1].isspace() else _before(text, start)
    return inside != "" and _flanks(outside, inside)


def _closes(text: str, start: int, end: int) -> bool:
    """Say whether asterisks would close in the place of a tag, from *start* to *end*."""
    if text[start - 1].isalnum():
        return True
    inside = _before(text, start, skips_space=True)
    outside = " " if text[start - 1].isspace() else _after(text, end)
    return _flanks(outside, inside)


def _before(text: str, end: int, *, skips_space: bool = False) -> str:
    """Return the character before *end* that is no tag's, "" at the beginning."""
    while end:
        tag = next((tag for tag in TAGS if text.endswith(tag, 0, end)), "") if text[end - 1] == ">" else ""
        if not tag and not (skips_space and text[end - 1].isspace()):
            return text[end - 1]
        end -= len(tag) or 1
    return ""


def _after(text: str, start: int, *, skips_space: bool = False) -> str:
    """Return the character from *start* on that is no tag's, "" at the end."""
    while start < len(text):
        tag = next((tag for tag in TAGS if text.startswith(tag, start)), "") if text[start] == "<" else ""
        if not tag and not (skips_space and text[start].isspace()):
            return text[start]
        start += len(tag) or 1
    return ""


def _flanks(outside: str, inside: str) -> bool:
    """Say whether asterisks between a character *outside*, "" for none, and one *inside* belong to the latter."""
    return not _is_mark(inside) or not outside or outside.isspace() or _is_mark(outside)


def _is_mark(character: str) -> bool:
    """Say whether *character* is a punctuation mark or a symbol, as CommonMark has it."""
    return not character.isalnum() and unicodedata.category(character or " ")[0] in "PS"
