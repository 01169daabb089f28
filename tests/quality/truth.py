"""
What a page truly holds: counted over the tree of another parser, with selectors that its generator's row names.

Only this file and `generators.py` decide what is true; the extractor is not imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote, urljoin

from selectolax.lexbor import LexborHTMLParser, LexborNode

from tests.quality.figures import Found, code_text, squeezed, words_of
from tests.quality.generator import NEVER, NOTES, Generator

#: Elements that stand beside their neighbours' text without a space between.
INLINE = frozenset({
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins",
    "kbd", "label", "mark", "nobr", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt",
    "u", "var", "wbr",
})  # fmt: skip
LANGUAGE = re.compile(r"(?:^|\s)(?:language|lang|highlight|source|brush:)-?\s*([A-Za-z][\w+#.-]*)")
NO_LANGUAGE = frozenset({
    "default", "none", "text", "plaintext", "plain", "txt", "nohighlight", "wrapper", "source", "content",
    "notranslate",
})  # fmt: skip
SAME_LANGUAGE = {"python3": "python", "ipython3": "python", "ipython": "python", "pycon3": "pycon",
                 "shell-session": "console"}  # fmt: skip
#: What permalinks show.
MARKS = frozenset({"", "¶", "#", "§", "🔗", "◆", "\uf0c1"})
HEADING = re.compile(r"h[1-6]")
CHARSET = re.compile(rb"<meta[^>]*charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)
#: A number or letter that is raised, and what it can be raised on: Markdown writes `2^10`, of two words.
POWER = re.compile(r"[-+\u2212]?(?:\d{1,4}|[a-z])")
BASE = re.compile(r"(?:(?:^|[^A-Za-z])[A-Za-z]{1,2}|[^A-Za-z])\s*$|^$")


def read_truth(body: bytes, *, url: str, generator: Generator) -> Found | None:
    """Return what the page at *url* holds; None when it has no main part, as a page that only redirects."""
    tree = LexborHTMLParser(_in_utf_8(body))
    base = tree.css_first("base[href]")
    reader = _Reader(urljoin(url, base.attributes["href"] or "") if base else url)
    navigation = [link for selector in generator.nav for box in tree.css(selector) for link in reader.links(box)]
    parts = _parts(tree, generator)
    for link in tree.css('a[href^="#"]'):
        if squeezed(text_of(link)) in MARKS:
            link.decompose()
    for node in _held(parts, (*NEVER, *generator.drop)):
        node.decompose()
    for node in _held(parts, (*NOTES, *generator.optional)):
        reader.note_optional(node)
        node.decompose()
    for part in parts:
        reader.read(part, generator)
    reader.found.navigation.update(navigation)
    for known in (*reader.found.links, *reader.found.optional_links):
        del reader.found.navigation[known]
    return reader.found if parts else None


def _in_utf_8(body: bytes) -> bytes:
    """Return *body* in UTF-8: the parser reads nothing else, whatever a page says of itself."""
    said = CHARSET.search(body[:1_024])
    is_western = said is not None and said[1].lower() in (b"iso-8859-1", b"latin1", b"windows-1252", b"us-ascii")
    return body.decode("windows-1252", "replace").encode() if is_western else body


def _held(parts: list[LexborNode], selectors: tuple[str, ...]) -> Iterator[LexborNode]:
    """Yield what the selectors find in the parts and what is still there when its turn comes."""
    for selector in selectors:
        for node in [node for part in parts for node in part.css(selector)]:
            if node.parent is not None:
                yield node


def _parts(tree: LexborHTMLParser, generator: Generator) -> list[LexborNode]:
    main = next((node for selector in generator.main if (node := tree.css_first(selector))), None)
    if main is None:
        return []
    return [*(node for selector in generator.also if (node := tree.css_first(selector))), main]


class _Reader:
    """Counts one page."""

    def __init__(self, base: str) -> None:
        self._base = base
        self.found = Found()

    def note_optional(self, node: LexborNode) -> None:
        """Count what may come out or not."""
        self.found.optional += words_of(text_of(node))
        self.found.optional_links.update(self.links(node))

    def read(self, part: LexborNode, generator: Generator) -> None:
        """Count the part of a page that is left of it."""
        found = self.found
        found.words += words_of(text_of(part))
        for block_selector, line_selector in _pairs(generator.lines):
            self._read_lined(part, block_selector, line_selector)
        self._read_code(part, generator)
        for node in part.css("h1, h2, h3, h4, h5, h6"):
            text = squeezed(text_of(node))
            if text and not _is_title_of_box(node):
                found.headings.append((int((node.tag or "h1")[1]), text))
        found.links += self.links(part)
        found.tables += [shape for table in part.css("table") if (shape := _shape(table))]

    def _read_lined(self, part: LexborNode, block_selector: str, line_selector: str) -> None:
        inner = block_selector.rpartition(" ")[2]
        blocks = part.css(block_selector)
        known = {block.mem_id for block in blocks}
        for block in blocks:
            if _is_inside(block, known):
                continue
            lines = [_raw(line).replace("\xa0", " ") for line in block.css(line_selector) if not line.css(inner)]
            text = code_text("\n".join(lines))
            if text.strip():
                self.found.code.append((text, ""))
                for link in block.css("a"):
                    link.unwrap()

    def _read_code(self, part: LexborNode, generator: Generator) -> None:
        blocks = [block for selector in generator.code for block in part.css(selector)]
        for block in (block for block in blocks if len(block.css("pre")) <= 1):  # mdBook nests one in another
            for gutter in (gutter for selector in generator.gutter for gutter in block.css(selector)):
                gutter.decompose()
            text = code_text(_raw(block))
            if text.strip():
                self.found.code.append((text, _language(block)))

    def links(self, box: LexborNode) -> list[tuple[str, str]]:
        """Return text and target of the links in *box* that can be one in Markdown."""
        found = []
        for node in box.css("a[href]"):
            href = (node.attributes.get("href") or "").strip()
            text = squeezed(text_of(node))
            if text and _is_followable(href) and not _is_inside_code(node) and not _is_own_link(node, href):
                try:
                    found.append((text, normal(urljoin(self._base, href))))
                except ValueError:
                    continue
        return found


def normal(url: str) -> str:
    """Return *url* with the spellings that mean the same made one."""
    site, mark, fragment = url.partition("#")
    if site.count("/") == 2 and site.startswith("http"):
        site += "/"
    return unquote(f"{site}{mark}{fragment}").removesuffix("#")


def text_of(node: LexborNode) -> str:
    """Return the text of *node*, with a space wherever a browser would part it."""
    parts: list[str] = []
    _collect(node, parts)
    return "".join(parts)


def _collect(node: LexborNode, parts: list[str]) -> None:
    for child in node.iter(include_text=True):
        if child.tag == "-text":
            parts.append(child.text(deep=False) or "")
        elif child.tag in INLINE:
            if "classifier" in (child.attributes.get("class") or ""):  # its style puts " : " before it
                parts.append(" ")
            is_power = child.tag == "sup" and POWER.fullmatch(child.text(deep=True) or "") is not None
            if is_power and child.css_first("a") is None and BASE.search("".join(parts[-2:])) is not None:
                parts.append("^")
            parts.append('"' if child.tag == "q" else "")
            _collect(child, parts)
            parts.append('"' if child.tag == "q" else "")
        elif child.tag != "-comment":
            parts.append(" ")
            _collect(child, parts)
            parts.append(" ")


def _raw(node: LexborNode) -> str:
    for line_break in node.css("br"):
        line_break.replace_with("\n")
    for block in node.css("div, p, li"):  # each is a line of its own, as a browser shows it
        following = block.next
        if following is not None and not (block.text(deep=True) or "").endswith("\n"):
            block.insert_after("\n")
    return node.text(deep=True) or ""


def _is_inside(node: LexborNode, known: set[int]) -> bool:
    """Say whether *node* stands in one of the elements that are *known*."""
    box = node.parent
    while box is not None:
        if box.mem_id in known:
            return True
        box = box.parent
    return False


def _pairs(names: tuple[str, ...]) -> list[tuple[str, str]]:
    return list(zip(names[::2], names[1::2], strict=True))


def _language(block: LexborNode) -> str:
    code = block.css_first("code")
    around: LexborNode | None = block
    boxes = [code] if code is not None else []
    for _ in range(3):
        if around is not None:
            boxes.append(around)
            around = around.parent
    for box in boxes:
        attributes = box.attributes
        named = attributes.get("data-lang") or attributes.get("data-language")
        for name in [named] if named else LANGUAGE.findall(attributes.get("class") or ""):
            if name.lower() not in NO_LANGUAGE:
                return SAME_LANGUAGE.get(name.lower(), name.lower())
    return ""


def _is_followable(href: str) -> bool:
    return not href.lower().startswith(("javascript:", "data:", "vbscript:"))


def _is_inside_code(node: LexborNode) -> bool:
    box = node.parent
    while box is not None:
        if box.tag in ("code", "pre", "kbd", "samp"):
            return True
        box = box.parent
    return any(node.css("pre"))


def _is_own_link(node: LexborNode, href: str) -> bool:
    """Say whether a link is a heading's to itself."""
    box = node.parent
    if not href.startswith("#") or box is None:
        return False
    return HEADING.fullmatch(box.tag or "") is not None or node.css_first("h1, h2, h3, h4, h5, h6") is not None


def _is_title_of_box(node: LexborNode) -> bool:
    """Say whether a heading is the title of a note, which becomes an alert's."""
    parent = node.parent
    classes = (parent.attributes.get("class") or "").split() if parent is not None else []
    return bool({"note", "tip", "important", "warning", "caution", "admonition"} & set(classes))


def _shape(table: LexborNode) -> tuple[str, ...]:
    """Return a plain table's rows as "cells first-word"; () for one with spans, blocks or layout."""
    if table.css_first(
        "table table, pre, .fragment, .RktBlk, ul, ol, dl, [colspan], [rowspan], h1, h2, h3, h4, h5, h6, blockquote"
    ):
        return ()
    if any(box.tag in ("table", "pre") for box in _above(table)) or len(table.css("table")) > 1:
        return ()
    rows = [[cell for cell in row.iter() if cell.tag in ("td", "th")] for row in table.css("tr")]
    rows = [row for row in rows if row]
    if len(rows) < 2 or max(map(len, rows)) < 2 or len({len(row) for row in rows}) > 1:
        return ()
    return tuple(f"{len(row)} {_first_word(text_of(row[0]))}" for row in rows)


def _first_word(text: str) -> str:
    return next(iter(words_of(text)), "")


def _above(node: LexborNode) -> list[LexborNode]:
    found = []
    box = node.parent
    while box is not None:
        found.append(box)
        box = box.parent
    return found
