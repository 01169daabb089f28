"""What stands on a page around its text: navigation, controls, marks; found by what it is made of, not only by name.

Laws: a name (class, id, role) only raises a suspicion; what goes is decided by the block itself, by how much of its
text stands in links and by what else it holds, so that a section called "menu" or "header" keeps its prose. No block
goes that holds the greater part of the page. Each question costs a walk of the tree at most.
"""

import re
from functools import lru_cache
from typing import Final

import turbohtml

from runnel.extraction.bars import (
    HEADED_TAGS,
    LONGEST_BAR,
    MANY_LINKS,
    NAV_LABEL,
    SEPARATORS,
    WORDS_A_LINK,
    is_bar,
    says_only_nav_words,
)
from runnel.extraction.contents import Contents

#: What no reader of the text misses: controls, edit links, text for screen readers only, line numbers.
FURNITURE: Final = (
    "nav", "footer", "script", "style", "template", "noscript", "iframe", "object", "button", "input", "select",
    "textarea", "svg", "span.mw-editsection", "span.editsection", "a.skip-link", "a.srclink", "a.sl-anchor-link",
    "span.sr-only", "span.visually-hidden", "span.lang", "span.theme-doc-version-badge", "div.line-numbers-wrapper",
    "td.linenos", "span.linenos", "div.article-author", "div.article-relatives", "div.article-comments",
    "div.comments-area", "div.comment-respond", "div.sharedaddy", "div.more-topics__list",
    "img[onclick]",
)  # fmt: skip

#: Roles that say outright what a block is.
ROLES: Final = frozenset({"navigation", "search", "contentinfo", "menu", "menubar", "toolbar", "dialog", "alertdialog"})

#: Words of class names and ids that stand for navigation.
STRONG: Final = re.compile(
    r"(?:^|[-_])(?:nav|navbar|navigation|navigationbar|navheader|navfooter|navpath|navset\w*|sidebar|sphinxsidebar|"
    r"breadcrumbs?|crumbs|pagination|paginator|pager|prevnext|prev|menu\w*|\w+menu|toolbar|topbar|skip|search\w*|"
    r"footer|switcher|edit|feedback|share|social|cookie|tocset|globaltoc)(?:$|[-_])"
    r"|nav(?:$|[-_]|bar|igation|header|footer)|breadcrumb|pagination|sidebar"
)

#: A block of such a name is navigation when it is short, whatever share of it stands in links.
NAVIGATION: Final = re.compile(r"(?:[a-z]*[-_])?[a-z]*nav(?:bar|igation)?")

#: A box of such a name stands beside the text, whatever it says.
BESIDE: Final = re.compile(r"(?:[a-z]+[-_])?side-?bar(?:[-_](?:left|right|inner|content))?")

#: Names of what a text has itself: the foot of a card is no page's.
OF_TEXT: Final = re.compile(r"(?:card|panel|table|modal)-(?:footer|header)")

#: Words that often stand for navigation, and as often for text: the block must be little but links.
WEAK: Final = re.compile(
    r"(?:\w+-)*\w*toc(?:[-_]\w+)*|(?:page-?|local-?|table-?of-?)?contents?|(?:inline-?)?topic-?list|(?:page|site)?[-_]?header|head|related|summary|links|top|bottom|path|index"
)

#: A suspected block whose text stands in links to this share is navigation; a weak suspicion needs the greater one.
MOSTLY_LINKS: Final = 0.5
LITTLE_BUT_LINKS: Final = 0.75

#: A block with this much of the body's text is no furniture, whatever its name.
GREATER_PART: Final = 0.5

#: What is called a bar at the side is one when it holds no more than this share of half the text.
TINY_BESIDE: Final = 0.1

#: No label of a folded part is longer.
LONGEST_LABEL: Final = 40

#: A footer says its few words without links, too.
LONGEST_FOOTER: Final = 600
#: A form this long (in characters of text) is a page that stands in a form, not a search box.
LONG_FORM: Final = 500

#: Links to the source of an entry, or to its editor: what their classes hold, how that is asked, what they say.
SOURCE_NAMES: Final = re.compile(r"src|source|edit|viewcode")
SOURCE_LINKS: Final = 'a[class*="src" i], a[class*="source" i], a[class*="edit" i], a[class*="viewcode" i]'
SOURCE_LABEL: Final = re.compile(
    r"\W*(?:(?:view |show |edit )?(?:src|source(?: code)?|edit)|edit (?:this )?page|suggest (?:an )?edits?)\W*",
    re.IGNORECASE,
)

#: How a page's last lines begin that are about the site, not about the page.
COLOPHON: Final = re.compile(
    r"\W*(?:copyright\b|©|all rights reserved|generated (?:by|on)|retrieved from|produced by|powered by|"
    r"built with|created using|last (?:updated|modified|change)|this page (?:was|is) (?:generated|last)|page last|"
    r"updated\b.{1,30}\b(?:ago|\d{4})\W*$|edit (?:this page|on \w+)\b|suggest (?:an )?edits?\b|"
    r"(?:feedback\W*)?(?:was|did|is) this (?:page|article|guide|doc\w*|information) (?:helpful|useful|help))",
    re.IGNORECASE,
)


def remove_furniture(body: turbohtml.Element, contents: Contents) -> int:
    """Free *body* from all that its names, its roles and its make-up show to be furniture.

    Returns how many characters of text it had before; 0 when nothing asked for that.
    """
    size = _remove_suspects(body, contents)
    if contents.any_of("header"):
        _remove_headers(body)
    if contents.any_of("a[hreflang]"):
        _remove_translations(body)
    if any(map(_names_source, contents.link_classes)):
        _remove_source_links(body)
    if any("logo" in classes for classes in contents.link_classes):
        _remove_logos(body)
    furniture = contents.any_of(*FURNITURE)
    if furniture:
        body.remove(furniture)
    for form in contents.within(body, "form"):
        if len(form.text) < LONG_FORM:
            form.decompose()
    return size


def _remove_suspects(body: turbohtml.Element, contents: Contents) -> int:
    suspects = [(box, suspicion > 1) for box, names in contents.boxes if (suspicion := _suspected(box, names))]
    size = len(body.text) if suspects else 0
    for box, is_strong in suspects:
        # One within another that has gone already is done with.
        if box.closest("body") is None or not _is_navigation(box, is_strong=is_strong, limit=GREATER_PART * size):
            continue
        if not is_strong or box.attr("role") in ROLES or not _is_in_headed_section(box):
            if not is_strong:
                _keep_title(box)
            _drop(box)
    return size


def _drop(box: turbohtml.Element) -> None:
    """Drop *box*, and with it the folded part that held nothing else but its label."""
    around = box.parent
    box.decompose()
    if isinstance(around, turbohtml.Element) and around.tag == "details" and len(around.text.strip()) <= LONGEST_LABEL:
        around.decompose()


def _keep_title(box: turbohtml.Element) -> None:
    """Put the title that a list of contents stands below, in one *box* with it, before the box."""
    title = box.select_one("h1")
    if title is not None and link_share(title, title.text) == 0:
        box.insert_before(title.extract())


def _is_in_headed_section(box: turbohtml.Element) -> bool:
    """Say whether *box* stands in a section that begins with its heading: its author put it there, not a template."""
    section = box.closest("section[id]")
    first = (
        next((child for child in section.children if isinstance(child, turbohtml.Element)), None) if section else None
    )
    return first is not None and (first.tag in HEADED_TAGS or first.tag == "span")


def _outside(block: turbohtml.Element, text: str) -> str:
    """Return what *text*, that of *block*, says outside of its links."""
    for link in block.select("a[href]"):
        text = text.replace(link.text, " ", 1)
    return text.strip()


def is_colophon(block: turbohtml.Element) -> bool:
    """Say whether *block*, the last of a part, is about the site: its copyright, its generator."""
    text = block.text
    return len(text) <= LONGEST_FOOTER and COLOPHON.match(text) is not None and not _is_of_section(block)


def _is_of_section(block: turbohtml.Element) -> bool:
    """Say whether *block* is a paragraph of a section: then its author wrote it, though it be a copyright."""
    box = block.parent if block.tag == "p" else None
    return isinstance(box, turbohtml.Element) and (box.tag == "section" or box.attr("class") == "section")


def link_share(block: turbohtml.Element, text: str) -> float:
    """Return which share of *text*, the text of *block*, stands in links; white space does not count.

    A block with a link for every few words is taken to be all links: to add up a long list costs more than it tells.
    """
    links = block.select("a")
    if len(links) >= MANY_LINKS and len(text) <= WORDS_A_LINK * len(links):
        return 1.0
    total = len(text) - text.count(" ") - text.count("\n")
    if total <= 0:
        return 0.0
    linked = [link.text for link in links]
    return sum(len(said) - said.count(" ") - said.count("\n") for said in linked) / total


def _remove_headers(body: turbohtml.Element) -> None:
    """Remove what a page has above its text when that is mostly links; a title in it stays."""
    for header in body.select("header"):
        text = header.text
        if link_share(header, text) >= MOSTLY_LINKS and header.select_one("pre, p, main, article") is None:
            title = header.select_one("h1")
            if title is not None and link_share(title, title.text) > 0 and _is_all_of_links(header, title):
                continue  # the links are those of the title: `Garden / Valve / open`
            if title is not None:
                header.insert_before(title.extract())
            header.decompose()


def _is_all_of_links(header: turbohtml.Element, title: turbohtml.Element) -> bool:
    """Say whether all links of *header* stand in its *title*."""
    return len(title.select("a")) == len(header.select("a"))


def _remove_translations(body: turbohtml.Element) -> None:
    """Remove the bars that lead to the page in other languages."""
    links = body.select("a[hreflang]")
    for bar in dict.fromkeys(link.closest("ul, p, div") for link in links) if len(links) > 1 else ():
        if bar is not None and len(bar.text) <= LONGEST_BAR and not bar.select("h1, h2, h3, pre"):
            bar.decompose()


@lru_cache(maxsize=4096)
def _names_source(classes: str) -> bool:
    return SOURCE_NAMES.search(classes.lower()) is not None


def _remove_logos(body: turbohtml.Element) -> None:
    """Remove the links that show nothing but the site's logo."""
    for link in body.select('a[class*="logo"]'):
        if not link.text.strip():
            link.decompose()


def _remove_source_links(body: turbohtml.Element) -> None:
    """Remove the links that lead to the source of what they stand beside: "[src]", "Source", "Edit"."""
    for link in body.select(SOURCE_LINKS):
        if SOURCE_LABEL.fullmatch(link.text) is not None:
            link.decompose()


def _suspected(box: turbohtml.Element, names: str) -> int:
    """Return 2 for a strong suspicion, 1 for a weak one; the ids of sections are the text's own anchors."""
    if box.attr("role") in ROLES:
        return 2
    own_id = box.attr("id") if box.tag != "section" else None
    return _suspicion(names, own_id or "") if names or own_id else 0


@lru_cache(maxsize=4096)
def _suspicion(classes: str, own_id: str) -> int:
    names = [name for name in f"{classes} {own_id}".lower().split() if not OF_TEXT.fullmatch(name)]
    if any(map(STRONG.search, names)):
        return 2
    return 1 if any(map(WEAK.fullmatch, names)) else 0


def _is_navigation(box: turbohtml.Element, *, is_strong: bool, limit: float) -> bool:
    if box.select_one("pre, main, article") is not None or not (is_strong or _leads_within(box)):
        return False
    text = box.text
    size = len(text)
    if not size:
        return False
    share = link_share(box, text)
    if size > limit:  # a list of all pages may well be longer than a page
        return share >= LITTLE_BUT_LINKS and not _holds_all_titles(box)
    if not is_strong:
        return share >= LITTLE_BUT_LINKS or (share > 0 and says_only_nav_words(_outside(box, text)))
    if share >= MOSTLY_LINKS or box.attr("role") in ROLES:
        return True
    is_small = size <= LONGEST_FOOTER
    return is_small and (
        _is_named_navigation(box)
        or _is_named_beside(box, size, limit)
        or _leads_around(box, text)
        or _says_footer(box)
        or (share > 0 and _is_trail(box, text))
    )


def _is_named_navigation(box: turbohtml.Element) -> bool:
    """Say whether *box* is called nothing but navigation, and holds links and nothing that a text has."""
    names = f"{box.attr('class') or ''} {box.attr('id') or ''}".lower().split()
    if not any(map(NAVIGATION.fullmatch, names)) or len(box.select("a[href]")) < 2:
        return False
    return box.select_one("h1, h2, h3, h4, h5, h6, table, dl, code") is None


def _is_named_beside(box: turbohtml.Element, size: int, limit: float) -> bool:
    """Say whether *box* is called a bar at the side of a page, has controls, and is little of it: *limit* is half.

    What an author calls a sidebar, a box beside a paragraph, has none.
    """
    names = f"{box.attr('class') or ''} {box.attr('id') or ''}".lower().split()
    if size > TINY_BESIDE * limit or not any(map(BESIDE.fullmatch, names)):
        return False
    return box.select_one("form, input, button") is not None and box.select_one("h1, table, dl, code") is None


def _is_trail(box: turbohtml.Element, text: str) -> bool:
    """Say whether *box* says no more beside its links than the page's own title, as breadcrumbs do, or who made it."""
    if box.select_one("h1, h2, h3, h4, h5, h6, p, table, dl") is not None:
        return False
    outside = _outside(box, text)
    if COLOPHON.match(outside) is not None:
        return True
    body = box.closest("body")
    title = body.select_one("h1") if body is not None else None
    said = " ".join(title.text.split()) if title is not None else ""
    rest = " ".join(outside.split()).replace(said, " ", 1).strip() if said else outside
    return len(rest) < len(text) - len(outside) and rest != outside


def is_trail_to(block: turbohtml.Element, title: turbohtml.Element) -> bool:
    """Say whether *block* says nothing beside its links but what *title* says."""
    rest = SEPARATORS.sub(" ", _outside(block, block.text))
    return " ".join(rest.split()) in ("", " ".join(title.text.split()).strip(" #\u00b6"))


def _holds_all_titles(box: turbohtml.Element) -> bool:
    """Say whether the page has no title outside of *box*: then its links may be its text."""
    inside = len(box.select("h1"))
    body = box.closest("body")
    return inside > 0 and body is not None and len(body.select("h1")) == inside


def _leads_around(box: turbohtml.Element, text: str) -> bool:
    """Say whether a link of *box* is called "Next" or the like, or *text*, its own, says nothing else."""
    if says_only_nav_words(text):
        return True
    return any(NAV_LABEL.match(link.text) for link in box.select("a[href]"))


def _says_footer(box: turbohtml.Element) -> bool:
    names = f"{box.attr('class')} {box.attr('id')}"
    return "footer" in names and box.select_one("h1, h2, h3, h4, dl, table") is None


def _leads_within(box: turbohtml.Element) -> bool:
    """Say whether the links of *box* lead to places of the same page, or it is a bar."""
    links = box.select("a[href]")
    if links and all((link.attr("href") or "").startswith("#") for link in links):
        return True
    return len(links) > 1 and is_bar(box)
