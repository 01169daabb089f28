"""What an HTML fragment and a Markdown text say alike: elements and text, freed of what no Markdown can hold.

Equal structures mean: the same blocks, emphasis, links with the same targets, and text, in the same order. Left aside:
boxes without meaning (`div`, `span`), elements that HTML does not know, links and images that show nothing, and whether
a cell is a heading's (a table of pipes always has such a row).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urljoin

import can_ada
from markdown_it import MarkdownIt
from selectolax.lexbor import LexborHTMLParser, LexborNode

RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
RENDERER.validateLink = lambda url: bool(url)  # type: ignore[method-assign]  # noqa: PLW0108

SAME = {"b": "strong", "i": "em", "s": "del", "strike": "del", "th": "td", "kbd": "code", "samp": "code"}
KEPT = frozenset(
    {"a", "blockquote", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "img", "li", "ol", "pre", "strong",
     "table", "td", "tr", "ul", "hr"}
)  # fmt: skip
BOXES = frozenset({"p", "div", "thead", "tbody"})

Part = tuple[str, ...]


def structure_of_markdown(text: str, *, url: str) -> list[Part]:
    """Return the structure of a Markdown text, rendered by another project's program."""
    return structure_of_html(RENDERER.render(text), url=url)


def structure_of_html(html: str, *, url: str) -> list[Part]:
    """Return the structure of the body of *html*, which stands at *url*."""
    body = LexborHTMLParser(f"<body>{html}").body
    walk = _Walk(url)
    if body is not None:
        walk.into(body, is_code=False)
    said = [(part[0], " ".join(part[1].split())) if part[0] == "text" else part for part in walk.parts]
    return [part for part in said if part != ("text", "")]


@dataclass(slots=True)
class _Walk:
    url: str
    parts: list[Part] = field(default_factory=list)

    def into(self, node: LexborNode, *, is_code: bool) -> None:
        for child in node.iter(include_text=True):
            if child.tag == "-text":
                self._text(child.text(deep=False) or "")
            elif child.tag == "br":
                self._text("\n")
            elif child.tag not in ("-comment", "script", "style", "textarea"):
                self._element(child, is_code=is_code)

    def _element(self, node: LexborNode, *, is_code: bool) -> None:
        tag = SAME.get(node.tag or "", node.tag or "")
        if tag == "pre":
            text = (node.text(deep=True) or "").strip("\n")
            self.parts += [("pre", text)] if text.strip() else []
            return
        is_kept = tag in KEPT and (tag not in ("a", "strong", "em") or _shows(node)) and not (tag == "code" and is_code)
        if tag == "img":
            self._image(node)
            return
        if tag in BOXES:
            self._text(" ")
        if is_kept:
            self.parts.append((f"<{tag}>", self._target(node.attributes.get("href") or "") if tag == "a" else ""))
        self.into(node, is_code=is_code or tag == "code")
        if is_kept:
            self.parts.append((f"</{tag}>",))
        if tag in BOXES:
            self._text(" ")

    def _image(self, node: LexborNode) -> None:
        source = node.attributes.get("src")
        if source:
            alt = " ".join((node.attributes.get("alt") or "").split())
            self.parts.append(("img", self._target(source), alt))

    def _target(self, href: str) -> str:
        joined = urljoin(self.url, href.strip())
        try:
            return unquote(str(can_ada.parse(joined).href))
        except ValueError:
            return unquote(joined)

    def _text(self, text: str) -> None:
        if self.parts and self.parts[-1][0] == "text":
            self.parts[-1] = ("text", f"{self.parts[-1][1]}{text}")
        else:
            self.parts.append(("text", text))


def _shows(node: LexborNode) -> bool:
    return bool((node.text(deep=True) or "").strip()) or any(image.attributes.get("src") for image in node.css("img"))
