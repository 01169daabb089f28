"""What a Markdown holds, as a reader of it sees: through a renderer of CommonMark with GitHub's tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.quality.figures import Found, code_text, squeezed, words_of

RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
RENDERER.validateLink = lambda url: bool(url)  # type: ignore[method-assign]  # noqa: PLW0108  # a judge of text may follow any link
RENDERER.normalizeLinkText = lambda link: link  # type: ignore[method-assign]  # as it is written
ALERT = re.compile(r"\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]")
TAG = re.compile(r"<[^>]*>")
#: How a footnote begins, and each further line of it.
NOTE = re.compile(r"\[\^[^\]]+\]: ?")
FURTHER = "    "


def read_outcome(markdown: str) -> Found:
    """Return what *markdown* holds."""
    found = Found()
    tokens = RENDERER.parse(_open_notes(markdown))
    level = 0
    text: list[str] = []
    for token in tokens:
        if token.type in ("fence", "code_block"):
            found.code.append((code_text(token.content), token.info.strip().split(" ")[0].lower()))
            text.append(token.content)
        elif token.type == "heading_open":
            level = int(token.tag[1])
        elif token.type == "inline":
            said, links = _read_inline(token)
            found.links += links
            text.append(said)
            if level:
                found.headings.append((level, squeezed(said)))
                level = 0
        elif token.type == "html_block":
            text.append(TAG.sub(" ", token.content))
    said = "\n".join(text)
    found.words = words_of(ALERT.sub(" ", said))
    # The mark of an alert stands for the title of the box, where that said no more.
    found.optional = words_of(" ".join(ALERT.findall(said)))
    found.tables = list(_tables(tokens))
    return found


def _open_notes(markdown: str) -> str:
    """Return *markdown* with its footnotes as blocks of the text, as GitHub shows them at its end."""
    lines, is_in_note = [], False
    for line in markdown.split("\n"):
        mark = NOTE.match(line)
        if mark is not None:
            lines.append(line[mark.end() :])
            is_in_note = True
        else:
            is_in_note = is_in_note and (not line or line.startswith(FURTHER))
            lines.append(line.removeprefix(FURTHER) if is_in_note else line)
    return "\n".join(lines)


def _read_inline(token: Token) -> tuple[str, list[tuple[str, str]]]:
    parts: list[str] = []
    links: list[tuple[str, str]] = []
    open_links: list[tuple[str, int]] = []
    for child in token.children or []:
        if child.type in ("text", "code_inline"):
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type == "link_open":
            open_links.append((str(child.attrs.get("href", "")), len(parts)))
        elif child.type == "link_close" and open_links:
            href, start = open_links.pop()
            links.append((squeezed("".join(parts[start:])), unquote(href).removesuffix("#")))
    return "".join(parts), [link for link in links if link[0]]


def _tables(tokens: list[Token]) -> Iterator[tuple[str, ...]]:
    rows: list[str] = []
    cells = 0
    first = ""
    for at, token in enumerate(tokens):
        if token.type == "table_open":
            rows = []
        elif token.type == "tr_open":
            cells, first = 0, ""
        elif token.type in ("td_open", "th_open"):
            if not cells:
                first = next(iter(words_of(_read_inline(tokens[at + 1])[0])), "")
            cells += 1
        elif token.type == "tr_close":
            rows.append(f"{cells} {first}")
        elif token.type == "table_close":
            yield tuple(rows)
