"""Where a page leads: each link of the whole tree, resolved as a browser would.

Laws: a link is an absolute http or https URL without its fragment; each comes once, in document order; hrefs are made
distinct before they are joined, for half of a page's anchors differ in the fragment only. The base is the first
`<base href>` when that is an http(s) URL, else the page's own URL.
"""

from typing import Final, cast

import can_ada
import turbohtml

from runnel.errors import PageUnreadable

#: Beyond this many links a page is a trap, or a list that a sitemap serves better.
MAX_LINKS: Final = 10_000

#: Anchors, image maps and framesets: what a reader can follow.
HREFS: Final = "//a/@href | //area/@href | //frame/@src"
WEB: Final = ("http://", "https://")
ANCHORS_ONLY: Final = "//a/@href"


class _Paths(dict[str, str | None]):
    """What each href without its fragment is, joined to one base; a dictionary, for most are asked for again."""

    def __init__(self, base: can_ada.URL) -> None:
        super().__init__()
        self._base = base

    def __missing__(self, path: str) -> str | None:
        try:
            joined: str | None = (self._base + path).href
        except ValueError:
            joined = None
        self[path] = joined
        return joined


class LinkResolver:
    """Joins the hrefs of one page to its base, each distinct one once."""

    def __init__(self, base: str) -> None:
        """Join to *base*; raises `PageUnreadable` when that is no URL."""
        self.paths = _Paths(_parsed(base))

    def absolute(self, href: str) -> str | None:
        """Return *href* as an absolute URL of any scheme, without its fragment; None when it is no URL."""
        return self.paths[href.partition("#")[0]]

    def web(self, href: str) -> str | None:
        """Return *href* as an http(s) URL without its fragment; None when it is none."""
        url = self.absolute(href)
        return url if url is not None and url.startswith(WEB) else None


def find_base(tree: turbohtml.Document, *, url: str) -> str:
    """Return the URL that the page's links are relative to; raises `PageUnreadable` when *url* is no URL."""
    element = tree.select_one("base[href]")
    return url if element is None else LinkResolver(url).web(element.attr("href") or "") or url


def find_links(tree: turbohtml.Document, resolver: LinkResolver) -> tuple[tuple[str, ...], bool]:
    """Return the distinct links of the page in document order, and whether the list was cut at `MAX_LINKS`."""
    is_plain = tree.select_one("area") is None and tree.select_one("frame") is None
    hrefs = cast("list[str]", tree.xpath(ANCHORS_ONLY if is_plain else HREFS))
    paths = dict.fromkeys([href.partition("#")[0] for href in dict.fromkeys(hrefs)])
    joined = dict.fromkeys(map(resolver.paths.__getitem__, paths))
    links = [url for url in joined if url is not None and url.startswith(WEB)]
    return tuple(links[:MAX_LINKS]), len(links) > MAX_LINKS


def _parsed(url: str) -> can_ada.URL:
    try:
        return can_ada.parse(url)
    except ValueError as exc:
        raise PageUnreadable("The page's own address is not a URL.") from exc
