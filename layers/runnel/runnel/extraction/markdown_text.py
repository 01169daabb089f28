"""Markdown that somebody else has written, made fit to be stored: a page's twin, or a page that is Markdown itself.

Laws (tests/unit/extraction/test_markdown_twin.py, test_plain.py):

* links become absolute, what nobody sees goes, code stays as it stands;
* text with markup that could hide or run something is not stored so: `clean_markdown` gives nothing;
* any bytes give an answer; the time is linear in their number.
"""

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from runnel.extraction.hidden import strip_unseen
from runnel.extraction.links import WEB, LinkResolver
from runnel.extraction.markdown import UNSAFE_SCHEMES
from runnel.extraction.page import Hidden

_FENCE: Final = re.compile(r"[ >\t]*(?:[-*+] +|\d{1,9}[.)] +)*(`{3,}|~{3,})")
_LIST: Final = re.compile(r" {0,3}(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")
_HEADING: Final = re.compile(r" {0,3}#{1,6}[ \t]+(.*)")
_TOP_HEADING: Final = re.compile(r" {0,3}#[ \t]+(.*)")
_TITLE: Final = re.compile(r"^title:[ \t]*(.*)$", re.MULTILINE)
#: Raw markup that hides, runs or embeds, and targets that do.
_UNSAFE: Final = re.compile(
    r"<(?:script|style|template|noscript|iframe|object|embed|form|svg|meta|link|base)\b"
    r"|<[a-z][^<>]*[\s\"'](?:hidden|style|on[a-z]+)\b"
    r"|[<(\"'=]\s*(?:" + "|".join(UNSAFE_SCHEMES) + ")",
    re.IGNORECASE,
)
#: The target of an inline link or image; brackets within it come in pairs.
_TARGET: Final = re.compile(r"(\]\([ \t]*)(<[^<>\n]*>|[^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)")
_DEFINITION: Final = re.compile(r"( {0,3}\[([^\[\]\n]{1,200})\]:[ \t]*)(<[^<>\n]*>|\S+)(.*)")
_LABEL: Final = re.compile(r"\[([^\[\]\n]{1,200})\]")
_TAG: Final = re.compile(r"<[A-Za-z][^<>]*>")
_ATTRIBUTE: Final = re.compile(r"""(\b(?:href|src)[ \t]*=[ \t]*)(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
#: The targets of links, of definitions, and addresses that stand in angle brackets or in an attribute.
_LEADS: Final = re.compile(
    r"""\]\([ \t]*<?([^\s()<>]+)|^ {0,3}\[[^\[\]\n]{1,200}\]:[ \t]*<?([^\s<>]+)|(?:<|href=")(https?://[^\s<>"]+)"""
)
_IMAGE: Final = re.compile(r"!\[[^\[\]\n]*\]\([^()\n]*\)")
_TICKS: Final = re.compile(r"`+")


def markdown_headings(markdown: str) -> Iterator[str]:
    """Give the headings of a text, of every level."""
    for line in _lines(markdown):
        found = None if line.is_code else _HEADING.match(line.text)
        if found is not None:
            yield found[1].rstrip("# \t")


@dataclass(slots=True)
class _Line:
    text: str
    is_code: bool
    #: Where code stands within the line.
    spans: list[tuple[int, int]] = field(default_factory=list)


def first_title(markdown: str) -> str:
    """Give the first heading of the first level; "" when there is none."""
    prose = (line.text for line in _lines(markdown) if not line.is_code)
    found = next((found for text in prose if (found := _TOP_HEADING.match(text)) is not None), None)
    return found[1].rstrip("# \t") if found is not None else ""


def find_links(markdown: str) -> list[str]:
    """Return where cleaned Markdown leads, in order; images lead nowhere."""
    found: dict[str, None] = {}
    for line in _lines(markdown):
        if line.is_code or not ("](" in line.text or "]:" in line.text or "<" in line.text):
            continue
        prose = _IMAGE.sub("", _without_code(line))
        targets = (first or second or third for first, second, third in _LEADS.findall(prose))
        found.update(dict.fromkeys(target.partition("#")[0] for target in targets))
    return [target for target in found if target.startswith(WEB)]


def without_front_matter(text: str) -> tuple[str, str]:
    """Return the text behind the YAML that many twins begin with, and the title that it gives."""
    text = text.lstrip("\n")
    if not text.startswith("---\n"):
        return text, ""
    head, mark, rest = text[4:].partition("\n---\n")
    if not mark:
        return text, ""
    title = _TITLE.search(head)
    return rest, title[1].strip(" \"'") if title else ""


def clean_markdown(text: str, resolver: LinkResolver) -> tuple[str, tuple[Hidden, ...]]:
    """Return the Markdown as it may be stored, and the marks that went.

    It is empty when there is nothing to store: what may not be, or a comment without an end.
    """
    lines = list(_lines(_without_comments(text)))
    prose = "\n".join(_without_code(line) for line in lines if not line.is_code)
    if "<!--" in prose or _UNSAFE.search(prose):
        return "", ()
    used = Counter(label.lower() for label in _LABEL.findall(prose))
    cleaned = (line.text if line.is_code else _clean_line(line, used, resolver) for line in lines)
    whole = "\n".join(line for line in cleaned if line is not None).replace("\0", "\ufffd")
    markdown, unseen = strip_unseen(whole)
    markdown = markdown.strip("\n")
    return f"{markdown}\n" if markdown.strip() else "", unseen


def _without_comments(text: str) -> str:
    """Return the text without the comments that begin outside of code."""
    at = text.find("<!--")
    if at < 0:
        return text
    code = _code_places(text)
    starts = [start for start, _ in code]
    kept, done = [], 0
    while at >= 0:
        place = bisect_right(starts, at) - 1
        if place >= 0 and at < code[place][1]:
            at = text.find("<!--", code[place][1])
            continue
        end = text.find("-->", at + 4)
        if end < 0:  # which the caller will find
            break
        kept.append(text[done:at])
        done = end + 3
        at = text.find("<!--", done)
    return "".join((*kept, text[done:]))


def _code_places(text: str) -> list[tuple[int, int]]:
    """Return where code stands in the whole text, in order."""
    places, at = [], 0
    for line in _lines(text):
        if line.is_code:
            places.append((at, at + len(line.text)))
        places += [(at + start, at + end) for start, end in line.spans]
        at += len(line.text) + 1
    return places


def _lines(text: str) -> Iterator[_Line]:
    """Tell code from prose: fences, and what is indented by four behind an empty line and in no list."""
    fence, is_in_list, is_behind_empty = "", False, True
    for line in text.split("\n"):
        if fence:
            yield _Line(line, is_code=True)
            fence = "" if _closes(line, fence) else fence
            continue
        is_indented, is_empty = line.startswith(("    ", "\t")), not line.strip()
        fence = "" if is_indented and not is_in_list else _opened_fence(line)
        is_code = bool(fence) or (is_indented and is_behind_empty and not is_in_list and not is_empty)
        yield _Line(line, is_code=is_code, spans=[] if is_code else _spans(line))
        is_behind_empty = is_empty or is_code
        if not is_indented and not is_empty:
            is_in_list = _LIST.match(line) is not None or (is_in_list and line.startswith(" "))


def _opened_fence(line: str) -> str:
    found = _FENCE.match(line)
    return "" if found is None or ("`" in found[1] and "`" in line[found.end() :]) else found[1]


def _closes(line: str, fence: str) -> bool:
    found = _FENCE.match(line)
    return found is not None and found[1].startswith(fence) and not line.strip(f" >\t{fence[0]}")


def _spans(line: str) -> list[tuple[int, int]]:
    """Return the code spans of a line: from a run of ticks to the next of the same length."""
    if "`" not in line:
        return []
    runs = [found.span() for found in _TICKS.finditer(line)]
    by_length: defaultdict[int, list[int]] = defaultdict(list)
    for place, (start, end) in enumerate(runs):
        by_length[end - start].append(place)
    spans, place = [], 0
    while place < len(runs):
        start, end = runs[place]
        same = by_length[end - start]
        next_one = bisect_right(same, place)
        if next_one < len(same):
            place = same[next_one]
            spans.append((start, runs[place][1]))
        place += 1
    return spans


def _without_code(line: _Line) -> str:
    return "".join(_between(line.text, line.spans))


def _between(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[str]:
    at = 0
    for start, end in spans:
        yield text[at:start]
        at = end
    yield text[at:]


def _clean_line(line: _Line, used: Counter[str], resolver: LinkResolver) -> str | None:
    """Return a line of prose with absolute targets; None for a definition that nothing refers to: a comment."""
    text = line.text
    if "[" not in text and "<" not in text:
        return text
    definition = _DEFINITION.fullmatch(text)
    if definition is not None and not definition[2].startswith("^"):
        if used[definition[2].lower()] < 2:
            return None
        return f"{definition[1]}{_absolute(definition[3], resolver)}{definition[4]}"
    pieces, at = [], 0
    for start, end in (*line.spans, (len(text), len(text))):
        pieces += [_with_targets(text[at:start], resolver), text[start:end]]
        at = end
    return "".join(pieces)


def _with_targets(prose: str, resolver: LinkResolver) -> str:
    prose = _TARGET.sub(lambda found: f"{found[1]}{_absolute(found[2], resolver)}", prose)
    return _TAG.sub(lambda tag: _ATTRIBUTE.sub(lambda found: _attribute(found, resolver), tag[0]), prose)


def _attribute(found: re.Match[str], resolver: LinkResolver) -> str:
    return f'{found[1]}"{_absolute(found[2] or found[3] or "", resolver)}"'


def _absolute(target: str, resolver: LinkResolver) -> str:
    """Return a target as an absolute URL with its fragment; one that leads within the page, or is none, as it is."""
    inner = target[1:-1] if target.startswith("<") else target
    path, mark, fragment = inner.partition("#")
    if not path:
        return target
    url = resolver.paths[path]
    return target if url is None else f"{url}{mark}{fragment}"
