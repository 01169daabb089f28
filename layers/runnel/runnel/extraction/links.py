"""Where a page leads: each link of the whole tree, resolved as a browser would.

Laws: a link is an absolute http or https URL without its fragment; each comes once, those of the head first (`next`,
`alternate`, `canonical`), then anchors, image maps and frames in document order; hrefs are made distinct before they
are joined, for half of a page's anchors differ in the fragment only. A link that stands there only with
`rel=nofollow` is told apart. The base is the first `<base href>` when that is an http(s) URL, else the page's own URL.
An alternate that is Markdown is the page in another form (its Markdown twin), and no link.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, cast

import can_ada
import turbohtml

from runnel.errors import PageUnreadable
from runnel.extraction.charset import codec_of

#: Beyond this many links a page is a trap, or a list that a sitemap serves better.
MAX_LINKS: Final = 10_000

#: Anchors, image maps and frames: what a reader can follow, or has before his eyes.
HREFS: Final = "//a/@href | //area/@href | //frame/@src | //iframe/@src"
OTHER_THAN_ANCHORS: Final = ("area", "frame", "iframe")
WEB: Final = ("http://", "https://")
ANCHORS_ONLY: Final = "//a/@href"
#: Anchors that may ask robots not to follow them: asking for the word itself costs ten times as much, and so do two
#: tags in one question, for which the parser has no index.
WITH_RELATION: Final = "a[rel], area[rel]"
ANCHORS_WITH_RELATION: Final = "a[rel]"
AREAS_WITH_RELATION: Final = "area[rel]"
BEHIND_NOSCRIPT: Final = "noscript + base[href]"
#: Relations of a `<link>` that lead to pages.
HEAD_LINKS: Final = 'link[rel~="canonical" i][href], link[rel~="next" i][href], link[rel~="alternate" i][href]'
#: An alternate of another type is a feed, a file for another program; one that is a stylesheet is no page either.
PAGE_TYPES: Final = frozenset({"", "text/html", "application/xhtml+xml"})
#: An alternate of these is the page itself as Markdown.
TWIN_TYPES: Final = frozenset({"text/markdown", "text/x-markdown"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLinks:
    """Where a page leads."""

    links: tuple[str, ...]
    #: Those that stand there with `rel=nofollow` only.
    nofollow: tuple[str, ...]
    #: There are more than `MAX_LINKS`.
    truncated: bool
    #: Where the page says that it stands as Markdown.
    twin: str | None = None


class _Paths(dict[str, str | None]):
    """What each href without its fragment is, joined to one base; a dictionary, for most are asked for again."""

    def __init__(self, base: can_ada.URL, codec: str | None) -> None:
        super().__init__()
        self._base = base
        self._codec = codec

    def __missing__(self, path: str) -> str | None:
        written = path
        if self._codec is not None and "?" in path and not path.isascii():
            written = _in_the_pages_encoding(path, self._codec)
        try:
            joined: str | None = (self._base + written).href
        except ValueError:
            joined = None
        self[path] = joined
        return joined


class LinkResolver:
    """Joins the hrefs of one page to its base, each distinct one once."""

    def __init__(self, base: str, *, encoding: str | None = None) -> None:
        """Join to *base* on a page of this *encoding*; raises `PageUnreadable` when that is no URL."""
        is_legacy = encoding is not None and not encoding.lower().startswith("utf-")
        self.paths = _Paths(_parsed(base), codec_of(encoding) if encoding is not None and is_legacy else None)
        #: The hrefs that have been taken apart: path, mark, fragment.
        self.parted: dict[str, tuple[str, str, str]] = {}

    def absolute(self, href: str) -> str | None:
        """Return *href* as an absolute URL of any scheme, without its fragment; None when it is no URL."""
        return self.paths[href.partition("#")[0]]

    def web(self, href: str) -> str | None:
        """Return *href* as an http(s) URL without its fragment; None when it is none."""
        url = self.absolute(href)
        return url if url is not None and url.startswith(WEB) else None


def find_base(tree: turbohtml.Document, body: bytes, *, url: str) -> str:
    """Return what the links of the page *body* are relative to; raises `PageUnreadable` when *url* is no URL."""
    element = tree.select_one("base[href]")
    if element is not None and tree.select_one(BEHIND_NOSCRIPT) is not None:
        # The parser lets it out of a noscript, as browsers without scripts do; what readers have are the others.
        element = turbohtml.parse(body, encoding=tree.encoding, positions=False, scripting=True).select_one(
            "base[href]"
        )
    return url if element is None else LinkResolver(url).web(element.attr("href") or "") or url


def find_links(tree: turbohtml.Document, resolver: LinkResolver) -> FoundLinks:
    """Return the distinct links of the page, at most `MAX_LINKS`."""
    is_plain = not any(tree.select_one(tag) is not None for tag in OTHER_THAN_ANCHORS)
    hrefs = cast("list[str]", tree.xpath(ANCHORS_ONLY if is_plain else HREFS))
    nofollow = _nofollow(tree)
    shunned = dict.fromkeys(_joined(nofollow, resolver)) if nofollow else {}
    if shunned:
        hrefs = _without(hrefs, nofollow)
    in_head, twin = _head_links(tree)
    links = dict.fromkeys(_joined([*in_head, *hrefs], resolver))
    kept = tuple(links)[:MAX_LINKS]
    apart = tuple(url for url in shunned if url not in links)[: MAX_LINKS - len(kept)]
    return FoundLinks(
        links=kept, nofollow=apart, truncated=len(links) > MAX_LINKS, twin=resolver.web(twin) if twin else None
    )


def _joined(hrefs: Iterable[str], resolver: LinkResolver) -> list[str]:
    parted = {href: href.partition("#") for href in dict.fromkeys(hrefs)}
    resolver.parted.update(parted)
    joined = map(resolver.paths.__getitem__, dict.fromkeys([path for path, _, _ in parted.values()]))
    return [url for url in joined if url is not None and url.startswith(WEB)]


def _nofollow(tree: turbohtml.Document) -> list[str]:
    """Return the hrefs of the anchors that ask robots not to follow them."""
    has_areas = tree.select_one(AREAS_WITH_RELATION) is not None
    elements = tree.select(WITH_RELATION if has_areas else ANCHORS_WITH_RELATION)
    return [
        element.attr("href") or "" for element in elements if "nofollow" in (element.attr("rel") or "").lower().split()
    ]


def _without(hrefs: list[str], shunned: list[str]) -> list[str]:
    """Take out one href for each anchor with `nofollow`; the same href of another anchor stays."""
    times = Counter(shunned)
    stand = Counter(filter(times.__contains__, hrefs))
    gone = {href for href, count in times.items() if stand[href] <= count}
    return [href for href in hrefs if href not in gone]


def _head_links(tree: turbohtml.Document) -> tuple[list[str], str]:
    """Return the addresses of `<link>` elements that lead to pages, and the first that leads to the Markdown twin."""
    found, twin = [], ""
    for element in tree.select(HEAD_LINKS):
        kind = (element.attr("type") or "").partition(";")[0].strip().lower()
        if kind in TWIN_TYPES:
            twin = twin or (element.attr("href") or "").strip()
        elif kind in PAGE_TYPES and "stylesheet" not in (element.attr("rel") or "").lower():
            found.append(element.attr("href") or "")
    return found, twin


def _in_the_pages_encoding(href: str, codec: str) -> str:
    """Return *href* with its query escaped as the page's encoding writes it: the standard has that for old ones."""
    path, _, query = href.partition("?")
    return f"{path}?{''.join(char if char.isascii() else _escaped(char, codec) for char in query)}"


def _escaped(char: str, codec: str) -> str:
    try:
        return "".join(f"%{byte:02X}" for byte in char.encode(codec))
    except UnicodeEncodeError:  # `&#1046;`, escaped as the standard has it
        return f"%26%23{ord(char)}%3B"


def _parsed(url: str) -> can_ada.URL:
    try:
        return can_ada.parse(url)
    except ValueError as exc:
        raise PageUnreadable("The page's own address is not a URL.") from exc
