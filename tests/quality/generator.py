"""
A row of `generators.py` and of `later_generators.py`: a documentation, and how to know what is true of its pages.

* The truth is a set of selectors of our own over another parser's tree; nothing here is read by the extractor.
* `drop` is furniture inside the main part, `optional` what may be kept or not (it counts for neither side), `nav` what
  must not come out at all.
* The rows of `HELD_OUT` were written from the HTML before the extractor had seen it, and are never tuned on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict, Unpack

#: Marks and scripts that no generator means to be read.
NEVER = ("script", "style", "template", "noscript", "button", "input", "select", "textarea", "svg", "iframe")

#: Marks of footnotes: `[^1]` stands for them, which is no link.
NOTES = (
    "a[role=doc-noteref]", "a.footnote-reference", "a.footnote-ref", "a.footnote", "a[data-footnote-ref]",
    "sup.footnote-reference", "sup.reference", "a[role=doc-backlink]", "a.fn-backref", "a.footnote-backref",
    ".footnote .label", ".footnote a.para", ".mw-cite-backlink", "a[id^=DOCF]", ".footnote h5", 'a[href^="#fntarg"]',
    'a[href^="#fnsrc"]',
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """One generator, and how to know what its pages say."""

    name: str
    package: str  # Debian's; "" for pages of ours
    folder: str  # where the package puts the pages
    main: tuple[str, ...]  # the first that matches is the main part
    also: tuple[str, ...] = ()  # parts of the text that stand before the main part
    drop: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    nav: tuple[str, ...] = ("nav", "[role=navigation]")
    code: tuple[str, ...] = ("pre",)
    gutter: tuple[str, ...] = ()  # inside code
    lines: tuple[str, ...] = ()  # code blocks whose lines are elements of this kind: (block, line) pairs
    skip: tuple[str, ...] = ()  # parts of paths that are no pages of text
    pages: str = "**/*.html"
    sources: str = ""  # the folder of the reStructuredText that the pages were made from


#: Parts of Sphinx's paths that are no pages of text.
SPHINX = ("genindex", "search.html", "modindex", "_static", "_sources", "_modules")


class _Theme(TypedDict, total=False):
    """What a theme of Sphinx has of its own, beside what all have."""

    folder: str
    main: str
    drop: tuple[str, ...]
    optional: tuple[str, ...]
    nav: tuple[str, ...]
    gutter: tuple[str, ...]
    skip: tuple[str, ...]
    sources: str


def sphinx(name: str, package: str, **own: Unpack[_Theme]) -> Generator:
    """Return the row of a theme of Sphinx."""
    return Generator(
        name=name,
        package=package,
        folder=own.get("folder", f"usr/share/doc/{package}/html"),
        main=(own.get("main", "div.body"),),
        drop=("a.headerlink", *own.get("drop", ())),
        optional=("nav.contents", "div.contents", *own.get("optional", ())),
        nav=own.get("nav", ("div.related", "div.sphinxsidebar", "div.footer")),
        gutter=own.get("gutter", ()),
        skip=(*SPHINX, *own.get("skip", ())),
        sources=own.get("sources", ""),
    )
