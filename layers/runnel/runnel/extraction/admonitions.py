"""Notes and warnings as GitHub's alerts: `> [!NOTE]`, with their own title in bold when it says more than the kind.

Laws: only a box that its class names as an admonition becomes one; nothing of its text is lost. The alert's mark passes
the renderer as private-use characters, for it would escape the brackets.
"""

import re
from operator import itemgetter
from typing import Final

import turbohtml

from runnel.extraction.contents import Contents
from runnel.extraction.metadata import one_line

#: How generators mark one: Sphinx and Material for MkDocs, GitHub, Docusaurus, Starlight, VitePress, Antora, Mintlify,
#: GitBook; then the bare class names of DocBook, Asciidoctor, and folded boxes.
BOXES: Final = (
    ".admonition", ".markdown-alert", ".theme-admonition", ".starlight-aside", ".custom-block", ".admonitionblock",
    ".callout", ".hint", "div.note", "div.tip", "div.important", "div.warning", "div.caution", "details.note",
    "details.tip", "details.info", "details.warning", "details.danger", "div.alert", ".confluence-information-macro",
    "div[data-callout]", "blockquote.callout", "div.NOTE", "div.TIP", "div.IMPORTANT", "div.WARNING", "div.CAUTION",
    "blockquote.note", "blockquote.tip", "blockquote.important", "blockquote.warning", "blockquote.caution",
    "p.callout", "p.tip", "p.important", "p.warning", "p.caution", ".awsdocs-note", "aside.note", "aside.tip",
    "aside.important", "aside.warning", "aside.caution",
)  # fmt: skip

TITLES: Final = (
    ".admonition-title, .markdown-alert-title, h3.title, p.title, summary, .starlight-aside__title, "
    ".custom-block-title, .callout-heading, .alert-heading, .alert-title, "
    ".awsdocs-note-title, "
    'td.icon, [class*="admonitionHeading"], details > p:first-child'
)

#: GitHub knows five kinds; the others are told by the nearest.
KINDS: Final = {
    "note": "NOTE", "info": "NOTE", "information": "NOTE", "primary": "NOTE", "seealso": "NOTE", "abstract": "NOTE",
    "example": "NOTE", "admonition": "NOTE",
    "tip": "TIP", "hint": "TIP", "success": "TIP", "okay": "TIP",
    "important": "IMPORTANT", "question": "IMPORTANT",
    "warning": "WARNING", "warn": "WARNING", "attention": "WARNING",
    "caution": "CAUTION", "danger": "CAUTION", "error": "CAUTION", "failure": "CAUTION", "bug": "CAUTION",
}  # fmt: skip

#: Names that stand beside a more exact one.
SAYS_LEAST: Final = frozenset({"admonition", "note"})

#: What parts the kind from the name of the box in a class.
LAST_PART: Final = re.compile("[-_]")

#: What only shows the kind again.
ICONS: Final = ".callout-icon, .aui-icon"

#: How far within a box its kind may be said once more.
LABEL_WITHIN: Final = 3

OPEN, CLOSE = "\ue0f0", "\ue0f1"
MARK: Final = re.compile(f"{OPEN}([A-Z]+){CLOSE}\n([ >]*>) ?\n")


def mark_admonitions(main: turbohtml.Element, contents: Contents) -> None:
    """Turn each admonition of *main* into a quotation that begins with its mark."""
    boxes = contents.any_of(*BOXES)
    for box in main.select(boxes) if boxes else ():
        kind = _kind(box)
        if kind and _has_text(box) and box.closest("td, th") is None:  # no cell holds a quotation
            _mark(box, kind)


def restore_admonitions(markdown: str) -> str:
    """Write the marks that `mark_admonitions` left as GitHub's."""
    if OPEN not in markdown:
        return markdown
    marked = MARK.sub(r"[!\1]\n", markdown)
    return marked.replace(OPEN, "[!").replace(CLOSE, "]")


def _kind(box: turbohtml.Element) -> str:
    """Return the alert of the most exact class: `admonition` itself says least and counts last."""
    classes = (box.attr("class") or "").lower().split()
    names = [
        (name in SAYS_LEAST, name != written, name) for written in classes for name in LAST_PART.split(written)[-1:]
    ]
    kinds = [KINDS[name] for _, _, name in sorted(names, key=itemgetter(0, 1)) if name in KINDS]
    if not kinds:
        kinds = [
            KINDS[name]
            for name in [(box.attr("data-callout-type") or box.attr("data-callout") or "").lower()]
            if name in KINDS
        ]
    return kinds[0] if kinds else ""


def _has_text(box: turbohtml.Element) -> bool:
    return next(iter(box.stripped_strings), None) is not None


def _mark(box: turbohtml.Element, kind: str) -> None:
    for icon in box.select(ICONS):
        icon.decompose()
    title = box.select_one(TITLES) or _label(box, kind)
    said = ""
    if title is not None:
        said = one_line(title.text)
        title.decompose()
    cell = box.select_one("td.content")
    if cell is not None:  # Antora lays its boxes out as tables
        box.set_inner_html("")
        box.extend([child.extract() for child in list(cell.children)])
    if said and said.rstrip(":").upper() != kind:
        box.insert(0, _bold_line(said))
    box.tag = "blockquote"
    opening = turbohtml.Element("p")
    opening.append(turbohtml.Text(f"{OPEN}{kind}{CLOSE}"))
    box.insert(0, opening)


def _label(box: turbohtml.Element, kind: str) -> turbohtml.Element | None:
    """Return what *box* begins with when that only names its *kind* again: "Note:"."""
    inner: turbohtml.Element = box
    for _ in range(LABEL_WITHIN):
        first = next((node for node in inner.children if not node.text.isspace() and node.text), None)
        if not isinstance(first, turbohtml.Element):
            return None
        if first.text.strip().rstrip(":").upper() == kind:
            return first
        inner = first
    return None


def _bold_line(text: str) -> turbohtml.Element:
    line, bold = turbohtml.Element("p"), turbohtml.Element("strong")
    bold.append(turbohtml.Text(text))
    line.append(bold)
    return line
