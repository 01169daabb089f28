"""Formulas as TeX between dollars, as GitHub and most readers of Markdown show them.

Laws: where a page holds the TeX of a formula, that and nothing else comes out, on one line and unescaped; a formula
without TeX stays the text that it is. The TeX passes the renderer as private-use characters.
"""

import re
from typing import Final

import turbohtml

from runnel.extraction.contents import Contents
from runnel.extraction.metadata import one_line

#: Where TeX stands: MathJax's scripts; MathML with its source; Sphinx and Material, in TeX's own brackets.
SCRIPT: Final = 'script[type^="math/tex"]'
BRACKETED: Final = ("span.math", "div.math", "span.arithmatex", "div.arithmatex")
FORMULAS: Final = (SCRIPT, "math", *BRACKETED)

SOURCE: Final = 'annotation[encoding="application/x-tex"]'
BRACKETS: Final = re.compile(r"\s*(?:\\\((.*)\\\)|\\\[(.*)\\\]|\$\$(.*)\$\$)\s*", re.DOTALL)

OPEN, CLOSE = "\ue0f4", "\ue0f5"
MARK: Final = re.compile(f"{OPEN}(\\d+){CLOSE}")


def mark_formulas(tree: turbohtml.Document, contents: Contents) -> list[str]:
    """Put a mark in the place of each formula of *tree*; returns what the marks stand for."""
    found: list[str] = []
    names = contents.any_of(*FORMULAS)
    for element in tree.select(names) if names else ():
        tex, is_block = _tex(element)
        if tex and element.closest("body") is not None:
            whole = element.closest(".katex-display, .katex, .MathJax, mjx-container") or element
            _drop_preview(whole)
            box = turbohtml.Element("p" if is_block else "span")
            box.append(turbohtml.Text(f"{OPEN}{len(found)}{CLOSE}"))
            whole.replace_with(box)
            found.append(f"$${tex}$$" if is_block else f"${tex}$")
    return found


def restore_formulas(markdown: str, formulas: list[str]) -> str:
    """Write the formulas in the places of their marks."""
    if not formulas:
        return markdown

    def formula(mark: re.Match[str]) -> str:
        at = int(mark[1])
        return formulas[at] if at < len(formulas) else ""

    return MARK.sub(formula, markdown)


def _tex(element: turbohtml.Element) -> tuple[str, bool]:
    """Return the TeX of *element*, "" for none, and whether it stands on a line of its own."""
    if element.tag == "script":
        return one_line(element.text), "mode=display" in (element.attr("type") or "")
    if element.tag == "math":
        source = element.select_one(SOURCE)
        is_block = element.attr("display") == "block" or element.closest(".katex-display") is not None
        return one_line(source.text if source is not None else element.attr("alttext") or ""), is_block
    bracketed = BRACKETS.fullmatch(element.text)
    if bracketed is None:
        return "", False
    return one_line(next(group for group in bracketed.groups() if group is not None)), bracketed[1] is None


def _drop_preview(formula: turbohtml.Element) -> None:
    """Remove what MathJax shows until its script has run, and what it has made of it."""
    before = formula.previous_sibling
    for _ in range(2):
        above = before.previous_sibling if before is not None else None
        if isinstance(before, turbohtml.Element) and "MathJax" in (before.attr("class") or ""):
            before.decompose()
        before = above
