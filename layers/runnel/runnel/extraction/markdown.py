"""A main part as Markdown: the one place that knows which library writes it.

Laws: GitHub's dialect; code is fenced and its text stays byte for byte, with the language that the page names; links
and images are absolute and right, with their fragments; a link that runs code or carries its own data is its text only;
text that looks like markup comes out as text. The tree is changed on the way: this is the last reader of a page.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import turbohtml

from runnel.extraction.admonitions import BOXES, restore_admonitions
from runnel.extraction.code_blocks import name_language
from runnel.extraction.contents import Contents
from runnel.extraction.emphasis import write_emphasis
from runnel.extraction.footnotes import Footnote, format_footnote, restore_references
from runnel.extraction.hidden import strip_unseen
from runnel.extraction.links import LinkResolver
from runnel.extraction.page import Hidden
from runnel.extraction.spaces import NO_BREAK_SPACE, are_between_words, replace_in_markdown, replace_in_tree
from runnel.extraction.tables import PARTED, SPANNED, expand_spans, pad_rows, part_tables

#: Boxes that hold no meaning of their own: a heading's link to itself, lists that only lay out an API page.
LAYOUT: Final = (
    "a.header", "ul.blockList", "ul.blockListLast", "ul.block-list", "ul.member-list", "ul.details-list",
    "ul.summary-list",
)  # fmt: skip

#: Where an image that is loaded late has its source.
LAZY_NAMES: Final = ("data-src", "data-original", "data-lazy-src")
LAZY: Final = tuple(f"img[{name}]" for name in LAZY_NAMES)

#: What makes a term of a definition list more than a line.
BLOCKS: Final = "p, div, pre, ul, ol, dl, table, h1, h2, h3, h4, h5, h6, img"

#: The type of a term in lists of docutils; what parts them stands in the style sheet.
CLASSIFIER: Final = "span.classifier"

#: What rendering wants to know of a tree's contents.
RENDERED: Final = (*LAYOUT, *LAZY, CLASSIFIER, "table", *SPANNED)

#: Schemes that a link of Markdown may not have: they run code, or carry the target in the link itself.
UNSAFE_SCHEMES: Final = ("javascript:", "vbscript:", "data:", "blob:", "about:")

#: How a table begins that stands in an item of a list: before the rule of another stands no space, or one.
INDENTED_TABLE: Final = "  | --- "

#: Stands for such a target until its link is gone; no URL holds this character, for URLs are ASCII.
UNSAFE_MARK: Final = "\ue0f2"

#: A power or an index of one number or letter: without a mark `2<sup>10</sup>` reads 210.
POWER: Final = re.compile(r"[-+\u2212]?(?:\d{1,4}|[a-z])")

#: What such a power stands behind: no word.
BASE: Final = re.compile(r"(?:(?:^|[^A-Za-z])[A-Za-z]{1,2}|[^A-Za-z])\s*$|^$")

#: Links that show nothing: icons gone with the furniture, and what is left where a page nests one link in another.
BARE_LINKS: Final = ".//a[@href][not(normalize-space())][not(.//img)]"


class _Style(turbohtml.Markdown):
    """A style that the renderer unpacks once, not once a page (9 us); without that method it is any other."""

    def _unpack(self) -> dict[str, object]:
        return UNPACKED or super()._unpack()


UNPACKED: dict[str, object] = {}
STYLE: Final = _Style(tables=turbohtml.Markdown.Tables(cell_blocks="text"))
UNPACKED |= STYLE._unpack()  # noqa: SLF001  # our own method


def render_markdown(
    main: turbohtml.Element, contents: Contents, resolver: LinkResolver, *, notes: Sequence[Footnote], text: str
) -> tuple[str, tuple[Hidden, ...]]:
    """Render *main*, whose furniture is gone, with links resolved by *resolver*; ends with one newline unless empty.

    *text* is the text of *main* and its *notes*, for the caller has it. Returns also what was left out for nobody can
    see it.
    """
    targets = _Targets(resolver)
    markdown = _render_part(main, contents, targets, text)
    if notes:
        said = ((note.label, _render_part(note.block, contents, targets, note.block.text)) for note in notes)
        markdown = "\n\n".join([markdown.strip("\n"), *(format_footnote(label, each) for label, each in said)])
    markdown = restore_references(write_emphasis(markdown))
    if contents.any_of(*BOXES):
        markdown = restore_admonitions(markdown)
    markdown, unseen = strip_unseen(markdown)
    markdown = markdown.strip("\n")
    return f"{markdown}\n" if markdown.strip() else "", unseen


def _render_part(part: turbohtml.Element, contents: Contents, targets: "_Targets", text: str) -> str:
    layout = contents.any_of(*LAYOUT)
    if layout:
        part.strip_tags(layout)
    _name_languages(contents.within(part, "pre"))
    _mark_powers(contents.within(part, "sup"))
    if contents.any_of("table"):
        expand_spans(part, contents)
    if contents.any_of(CLASSIFIER):
        _part_classifiers(part)
    _embolden_terms(contents.within(part, "dt"))
    if contents.any_of(*LAZY):
        _load_lazy_images(part)
    _make_absolute(part, targets)
    return _rendered(part, text, targets)


def _embolden_terms(terms: Iterable[turbohtml.Element]) -> None:
    """Make the terms of definition lists bold, each on its own line, so that they stand out from what they mean."""
    for term in terms:
        if term.text.strip() and term.select_one(BLOCKS) is None:
            term.strip_tags("strong, b")
            term.wrap_children(turbohtml.Element("strong"))


def _part_classifiers(part: turbohtml.Element) -> None:
    """Write what a style sheet puts between a term and its type: `C : float`, not `Cfloat`."""
    for classifier in part.select(CLASSIFIER):
        before = classifier.previous_sibling
        if before is not None and not before.text[-1:].isspace():
            classifier.insert_before(turbohtml.Text(" : "))


def _load_lazy_images(part: turbohtml.Element) -> None:
    """Give the images that wait for a script to load them the source that they wait for."""
    for image in part.select("img"):
        source = image.attr("src") or ""
        if not source or source.startswith("data:"):
            named = next((image.attr(name) for name in LAZY_NAMES if image.attr(name)), None)
            image.attrs["src"] = named or source


def _rendered(main: turbohtml.Element, text: str, targets: "_Targets") -> str:
    """Render *main*, whose text is *text*, with plain spaces; and again when a small change makes more expressible."""
    has_no_breaks = NO_BREAK_SPACE in text
    in_markdown = has_no_breaks and are_between_words(text)
    if has_no_breaks and not in_markdown:
        replace_in_tree(main)
    markdown = main.to_markdown(STYLE)
    if in_markdown:
        replaced = replace_in_markdown(markdown, main)
        if replaced is None:
            replace_in_tree(main)
        markdown = main.to_markdown(STYLE) if replaced is None else replaced
    if not _make_expressible(main, markdown, targets):
        return markdown
    if has_no_breaks:
        replace_in_tree(main)
    return PARTED.sub("", main.to_markdown(STYLE))


def _make_expressible(main: turbohtml.Element, markdown: str, targets: "_Targets") -> bool:
    """Change what the renderer wrote as HTML, or as nothing, in *markdown*; returns whether there was anything."""
    changed = False
    if "<" in markdown:
        changed = "<table" in markdown and pad_rows(main)
        if "](<" in markdown:
            changed = _trim_targets(main, targets) or changed
    if INDENTED_TABLE in markdown:
        changed = part_tables(main) or changed
    if "[](" in markdown:
        changed = _drop_bare_links(main) or changed
    return changed


def _drop_bare_links(main: turbohtml.Element) -> bool:
    links = [link for link in main.xpath_iter(BARE_LINKS) if isinstance(link, turbohtml.Element)]
    for link in links:
        link.decompose()
    return bool(links)


def _trim_targets(main: turbohtml.Element, targets: "_Targets") -> bool:
    """Drop the white space around targets, which rewriting leaves where it stood; returns whether there was any.

    A link without a target leads to the page itself, and an image without one shows nothing.
    """
    trimmed = False
    for element in main.select("a[href], img"):
        name = "href" if element.tag == "a" else "src"
        target = element.attr(name) or ""
        if not target.strip() and element.tag == "img":
            element.decompose()
        elif target != target.strip() or not target:
            element.attrs[name] = target.strip() or targets[""]
        else:
            continue
        trimmed = True
    return trimmed


def _name_languages(blocks: Iterable[turbohtml.Element]) -> None:
    for block in blocks:
        if block.text.strip():
            name_language(block)
        else:
            block.decompose()


def _mark_powers(raised: Iterable[turbohtml.Element]) -> None:
    for element in raised:
        if POWER.fullmatch(element.text) and element.select_one("a") is None and _is_raised(element):
            element.insert(0, turbohtml.Text("^"))


def _is_raised(exponent: turbohtml.Element) -> bool:
    """Say whether what stands before *exponent* can be raised to a power: a word cannot, it has a note."""
    before = exponent.previous_sibling
    return before is None or BASE.search(before.text) is not None


class _Targets(dict[str, str]):
    """What each target of a page becomes; a dictionary, for most are asked for more than once, in C.

    Those of its links are made at once: to be asked for each costs as much again.
    """

    def __init__(self, resolver: LinkResolver) -> None:
        urls = _Urls(resolver)
        parted = resolver.parted.items()
        super().__init__({href: f"{urls[path]}{mark}{fragment}" for href, (path, mark, fragment) in parted})
        self._urls = urls

    def __missing__(self, href: str) -> str:
        path, mark, fragment = href.partition("#")  # the parser has taken the white space off its ends
        return self.setdefault(href, f"{self._urls[path]}{mark}{fragment}")

    @property
    def has_unsafe(self) -> bool:
        """Whether there is one that nobody should follow."""
        return UNSAFE_MARK in self._urls.values()


class _Urls(dict[str, str]):
    """The URL of each path, or a mark for what nobody should follow."""

    def __init__(self, resolver: LinkResolver) -> None:
        super().__init__()
        self._paths = resolver.paths

    def __missing__(self, path: str) -> str:
        url = self._paths[path]
        self[path] = target = UNSAFE_MARK if url is None or url.startswith(UNSAFE_SCHEMES) else url
        return target


def _make_absolute(main: turbohtml.Element, targets: _Targets) -> None:
    """Resolve every link and image source; those that nobody should follow lose their markup."""
    main.rewrite_links(targets.__getitem__)
    if targets.has_unsafe:
        for link in main.select(f'a[href*="{UNSAFE_MARK}"]'):
            if not any(map(str.isalnum, link.text)) and link.select_one("img") is None:
                link.decompose()  # a sign to click on: [-]
        main.strip_tags(f'a[href*="{UNSAFE_MARK}"]')
        main.remove(f'img[src*="{UNSAFE_MARK}"]')
