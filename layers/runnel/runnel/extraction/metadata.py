"""What a page says about itself in its head: title, description, language, version, last change, its wishes to robots.

Laws: text is on one line, and no longer than a list of pages bears; a missing fact is the empty string or None, never a
guess but for the title (`<title>`, then `og:title`, then the first `h1`). `none` in a robots meta means both noindex
and nofollow; wishes to one named robot (`googlebot`) are not for us.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import turbohtml

from runnel.extraction.controls import short_line
from runnel.extraction.links import LinkResolver
from runnel.extraction.modified import find_modified
from runnel.extraction.refreshes import refresh_of

#: Whom a `<meta name>` must address for us to obey it.
ROBOTS_NAMES: Final = ("robots", "runnel")

#: Names of `<meta>` that state the version of what is documented, not of the tool that made the page.
VERSION_NAMES: Final = ("docsearch:version", "doc:version", "docs-version", "product-version", "version")
LONGEST_VERSION: Final = 40


class Refresh(NamedTuple):
    """Where a page sends its reader, after how many seconds, and how that is written."""

    target: str
    seconds: float
    written: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The facts of one head."""

    title: str
    description: str
    lang: str
    site: str  # how the site calls itself
    version: str  # of what the page documents
    modified: str  # RFC 3339 in UTC, or a date
    nofollow: bool
    noindex: bool
    canonical: str | None
    refresh: Refresh | None  # where `<meta http-equiv=refresh>` leads
    without_scripts: Refresh | None  # the same, for readers without scripts only


def read_metadata(tree: turbohtml.Document, resolver: LinkResolver) -> Metadata:
    """Read the head of a page."""
    named = _named_metas(tree)
    refresh, without_scripts = _refreshes(tree, resolver)
    wishes = {wish for name in ROBOTS_NAMES for wish in _wishes(named.get(name, ""))}
    return Metadata(
        title=_title(tree) or named.get("og:title", "") or _first_heading(tree),
        description=named.get("description", "") or named.get("og:description", ""),
        lang=_lang(tree),
        site=named.get("og:site_name", "") or named.get("application-name", ""),
        version=next((named[name][:LONGEST_VERSION] for name in VERSION_NAMES if named.get(name)), ""),
        modified=find_modified(tree, named),
        nofollow=bool(wishes & {"nofollow", "none"}),
        noindex=bool(wishes & {"noindex", "none"}),
        canonical=_canonical(tree, resolver),
        refresh=refresh,
        without_scripts=without_scripts,
    )


def one_line(text: str) -> str:
    """Return *text* with each run of white space as one space."""
    return " ".join(text.split())


def _named_metas(tree: turbohtml.Document) -> dict[str, str]:
    """Return content by lower-case name or property; wishes to robots add up, of other names the first counts."""
    named: dict[str, str] = {}
    for meta in tree.select("meta[content]"):
        name = (meta.attr("name") or meta.attr("property") or meta.attr("itemprop") or "").strip().lower()
        content = short_line(meta.attr("content") or "")
        if name in ROBOTS_NAMES and name in named:
            named[name] += f",{content}"
        elif name:
            named.setdefault(name, content)
    return named


def _wishes(content: str) -> list[str]:
    return content.lower().replace(",", " ").split()


def _title(tree: turbohtml.Document) -> str:
    element = tree.select_one("head > title")
    return "" if element is None else short_line(element.text)


def _first_heading(tree: turbohtml.Document) -> str:
    element = tree.select_one("h1")
    return "" if element is None else short_line(element.text)


def _lang(tree: turbohtml.Document) -> str:
    root = tree.root
    return "" if root is None else short_line(root.attr("lang") or root.attr("xml:lang") or "")


def _canonical(tree: turbohtml.Document, resolver: LinkResolver) -> str | None:
    element = tree.select_one('link[rel~="canonical" i][href]')
    return None if element is None else resolver.web(element.attr("href") or "")


def _refreshes(tree: turbohtml.Document, resolver: LinkResolver) -> tuple[Refresh | None, Refresh | None]:
    """Return where refreshes lead, for every reader and for those without scripts: of several the first each."""
    found: list[Refresh | None] = [None, None]
    for meta in tree.select("meta[http-equiv]"):
        if (meta.attr("http-equiv") or "").strip().lower() != "refresh":
            continue
        told = refresh_of(meta.attr("content") or "")
        target = resolver.web(told[1]) if told is not None else None
        place = int(_is_in_noscript(meta))
        if told is not None and target is not None and found[place] is None:
            found[place] = Refresh(target, told[0], told[1])
    return found[0], found[1]


def does_script_lead_to(tree: turbohtml.Document, written: str) -> bool:
    """Whether a script of the page holds an address as it is written."""
    quoted = (f'"{written}', f"'{written}")
    return any(quote in script.text for script in tree.select("script") for quote in quoted)


def _is_in_noscript(element: turbohtml.Element) -> bool:
    return any(isinstance(above, turbohtml.Element) and above.tag == "noscript" for above in element.ancestors)
