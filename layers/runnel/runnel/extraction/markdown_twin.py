"""A page's Markdown twin in the place of what was made from its HTML (docs/adr/0026).

Laws (tests/unit/extraction/test_markdown_twin.py):

* a twin is taken only when it is Markdown of the same page: it has the page's words and its headings;
* it passes the same hygiene as any page: links absolute, what nobody sees taken out, code as it stands; a twin with
  markup that could hide or run something is not taken, for the page made from the HTML is safe;
* any bytes give a reading; the time is linear in their number.
"""

import hashlib
import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from runnel.errors import PageUnreadable
from runnel.extraction.chunks import split_chunks
from runnel.extraction.controls import drop_controls
from runnel.extraction.hidden import strip_unseen
from runnel.extraction.links import LinkResolver
from runnel.extraction.markdown import UNSAFE_SCHEMES
from runnel.extraction.page import Hidden, PageReading, pack_markdown
from runnel.extraction.plain import decode_text

#: Of the page's words so many must stand in the twin, and of its headings.
_LEAST_WORDS: Final = 0.6
_LEAST_HEADINGS: Final = 0.5
#: A twin of less than half the page's words is a summary; one of many times as many is a manual.
_SHORTEST, _LONGEST = 0.5, 5.0
#: So many hidden pieces are told of a page.
_TOLD: Final = 23
#: Words that a twin may have beyond that: a page of a few words says little about its length.
_SLACK: Final = 200

_WORD: Final = re.compile(r"\w{3,}")
_NAME: Final = re.compile(r"\w+")
_FENCE: Final = re.compile(r"[ >\t]*(?:[-*+] +|\d{1,9}[.)] +)*(`{3,}|~{3,})")
_LIST: Final = re.compile(r" {0,3}(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")
_HEADING: Final = re.compile(r" {0,3}#{1,6}[ \t]+(.*)")
_TITLE: Final = re.compile(r"^title:[ \t]*(.*)$", re.MULTILINE)
#: HTML in the place of Markdown.
_DOCUMENT: Final = re.compile(r"\s*<(?:!doctype|html|head|body|\?xml)\b", re.IGNORECASE)
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
_TICKS: Final = re.compile(r"`+")


def adopt_twin(page: PageReading, body: bytes, *, url: str, charset: str | None = None) -> PageReading | None:
    """Return the *page* with the text of its twin; None when the twin is not to be taken.

    Args:
        page: What the page's HTML says, Markdown included.
        body: The twin as it came.
        url: The twin's address: its links are relative to it.
        charset: What the HTTP header named, if it did.
    """
    text, title = _without_front_matter(decode_text(body, charset).replace("\r\n", "\n"))
    if _DOCUMENT.match(text):
        return None
    try:
        markdown, unseen = _cleaned(text, LinkResolver(url))
    except PageUnreadable:
        return None
    if not markdown or not _is_same_page(page, markdown, title):
        return None
    packed = drop_controls(markdown.encode("utf-8", "replace"))
    return replace(
        page,
        words=len(markdown.split()),
        chunks=len(split_chunks(markdown, page.headings, url=url)),
        hidden=(*unseen, *page.hidden)[:_TOLD],
        markdown=packed.decode(),
        content_hash=hashlib.sha256(packed).hexdigest(),
        markdown_gz=pack_markdown(packed),
    )


# ---- the same page?


def _is_same_page(page: PageReading, markdown: str, title: str) -> bool:
    words = len(markdown.split())
    if not page.words * _SHORTEST <= words <= page.words * _LONGEST + _SLACK:
        return False
    mine, theirs = _words(page.markdown), _words(markdown)
    return len(mine & theirs) >= _LEAST_WORDS * len(mine) and _has_its_headings(page, markdown, title)


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def _has_its_headings(page: PageReading, markdown: str, title: str) -> bool:
    """Whether the twin has the page's headings; of a page with none or one, at least its title."""
    mine = [name for _, text, _ in page.headings if (name := _name(text))]
    theirs = [name for text in (title, *_headings(markdown)) if (name := _name(text))]
    shared = sum(name in set(theirs) for name in mine)
    if mine and shared >= _LEAST_HEADINGS * len(mine):
        return True
    return len(mine) <= 1 and (not theirs or any(name in _name(page.title) for name in theirs[:2]))


def _name(text: str) -> str:
    return " ".join(_NAME.findall(text.lower()))


def _headings(markdown: str) -> Iterator[str]:
    for line in _lines(markdown):
        found = None if line.is_code else _HEADING.match(line.text)
        if found is not None:
            yield found[1].rstrip("# \t")


# ---- hygiene


@dataclass(slots=True)
class _Line:
    text: str
    is_code: bool
    #: Where code stands within the line.
    spans: list[tuple[int, int]] = field(default_factory=list)


def _without_front_matter(text: str) -> tuple[str, str]:
    """Return the text behind the YAML that many twins begin with, and the title that it gives."""
    text = text.lstrip("\n")
    if not text.startswith("---\n"):
        return text, ""
    head, mark, rest = text[4:].partition("\n---\n")
    if not mark:
        return text, ""
    title = _TITLE.search(head)
    return rest, title[1].strip(" \"'") if title else ""


def _cleaned(text: str, resolver: LinkResolver) -> tuple[str, tuple[Hidden, ...]]:
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
