"""Which part of a page is its own text, and what in it is furniture.

Laws: the selectors are tried in order and the first hit with text counts; a page that matches none is judged by content
density, and that judgement counts only when it keeps most of the page's text (it is made for articles and loses the
greater part of an API reference); what is left is the whole body. Furniture is removed from the tree: read links first.
"""

from typing import Final

import turbohtml

from runnel.extraction.contents import Contents

#: The frames of known generators, most exact first. An `article` counts only when it is the only one.
MAIN_PARTS: Final = (
    "article[role=main]",
    "main article",
    "[role=main]",
    "main",
    "article",
    "div.body",
    "#main-content",
    "#mw-content-text",
    "#content",
    ".md-content",
    ".theme-doc-markdown",
    ".document",
)

#: What no reader of the text misses: controls, permalink marks, edit links, line numbers. Each class costs a pass in C
#: over the part (16 us in 80 KB), so the list names what stands inside main parts, not what stands around them.
FURNITURE: Final = (
    "nav", "footer", "script", "style", "template", "noscript", "iframe", "object", "button", "input", "select",
    "textarea", "svg", "a.headerlink", "a.anchor", ".mw-editsection", ".editsection", ".skip-link", "td.linenos",
    "span.linenos",
)  # fmt: skip

#: Those that no index helps to find, to be asked for at once.
UNINDEXED: Final = frozenset(selector for selector in MAIN_PARTS if selector[0] in "[.#")
ANY_UNINDEXED: Final = ", ".join(sorted(UNINDEXED))

#: What stands around a main part that no selector finds.
SURROUNDINGS: Final = (
    ".navheader, .navfooter, .sphinxsidebar, .t-navbar, .breadcrumbs, .breadcrumb, .prev-next-area, "
    ".rst-footer-buttons, .pagination-nav, .sidebar, [role=navigation], [role=search], body > header"
)

#: Names all of those and a few more, with half the conditions: each costs as much as the walk itself.
MAYBE_SURROUNDINGS: Final = (
    '[class*="nav" i], [class*="sidebar" i], [class*="breadcrumb" i], [class*="prev-next-area" i], '
    '[class*="rst-footer-buttons" i], [role], body > header'
)

#: A form this long (in characters of text) is a page that stands in a form, not a search box.
LONG_FORM: Final = 500

#: The share of the body's text that a judgement by density must keep.
DENSITY_KEEPS: Final = 0.5


def choose_main_part(tree: turbohtml.Document, contents: Contents) -> turbohtml.Element | None:
    """Return the element that holds the page's own text, freed of furniture; None when the page has no body."""
    has_unindexed = tree.select_one(ANY_UNINDEXED) is not None
    for selector in MAIN_PARTS:
        if has_unindexed or selector not in UNINDEXED:
            hit = _only_hit(tree, selector)
            if hit is not None:
                return _freed(hit, contents)
    body = tree.select_one("body")
    return None if body is None else _own_text(body, contents)


def _without_surroundings(body: turbohtml.Element) -> turbohtml.Element:
    for element in body.select(MAYBE_SURROUNDINGS):
        if element.matches(SURROUNDINGS):
            element.decompose()
    return body


def _own_text(body: turbohtml.Element, contents: Contents) -> turbohtml.Element:
    """Return what is left of a body whose main part has no mark; DocBook's is the whole body but its navigation."""
    is_docbook = body.select_one(".navheader") is not None
    freed = _freed(_without_surroundings(body), contents)
    return freed if is_docbook else _densest(freed)


def _only_hit(tree: turbohtml.Document, selector: str) -> turbohtml.Element | None:
    if not selector.endswith("article"):
        hit = tree.select_one(selector)
        return hit if hit is not None and _has_text(hit) else None
    hits = tree.select(selector)
    return hits[0] if len(hits) == 1 and _has_text(hits[0]) else None


def _has_text(element: turbohtml.Element) -> bool:
    return next(iter(element.stripped_strings), None) is not None


def _freed(main: turbohtml.Element, contents: Contents) -> turbohtml.Element:
    furniture = contents.any_of(*FURNITURE)
    if furniture:
        main.remove(furniture)
    for form in main.select("form") if contents.any_of("form") else ():
        if len(form.text) < LONG_FORM:
            form.decompose()
    return main


def _densest(body: turbohtml.Element) -> turbohtml.Element:
    candidate = body.main_content()
    keeps = candidate is not None and len(candidate.text) >= DENSITY_KEEPS * len(body.text)
    return candidate if candidate is not None and keeps else body
