"""Links between the pages of a library become links between their files.

Laws (tests/unit/streaming/test_local_links.py):
1. Only the target of a Markdown link or image is changed, never code, text or a title.
2. A fragment that names a heading of the target becomes the anchor that Markdown viewers give this heading.
3. What is no page of the library keeps its address.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from posixpath import dirname, relpath
from typing import Final
from urllib.parse import quote

#: A fenced block, a code span, or the target of a link; of the first two only that they are passed over.
_PARTS: Final = re.compile(
    r"(?P<fence>^(?P<mark>[ ]{0,12}(?:`{3,}|~{3,}))[^\n]*\n(?:.*\n)*?(?P=mark)[`~]*[ ]*(?:\n|\Z))"
    r"|(?P<span>(?<!`)(?P<ticks>`+)(?!`)(?:(?!\n\n).)*?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<open>\]\()(?:<(?P<angled>https?://[^<>\n]*)>|(?P<plain>https?://(?:[^\s()<>]|\([^\s()<>]*\))+))",
    re.MULTILINE | re.DOTALL,
)
_NOT_SLUG: Final = re.compile(r"[^\w\- ]")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPage:
    """Where a page's file lies, and the anchors of its headings by the fragments of the site."""

    path: str
    anchors: Mapping[str, str] = field(default_factory=dict)


#: The page of the library at an address without its fragment, or None.
FindPage = Callable[[str], LocalPage | None]


def rewrite_links(markdown: str, path: str, find: FindPage) -> str:
    """The *markdown* of the file at *path* with its links to pages that *find* knows leading to their files."""

    def rewrite(match: re.Match[str]) -> str:
        url = match["angled"] or match["plain"]
        if url is None:
            return match[0]
        address, _, fragment = url.partition("#")
        page = find(address)
        if page is None:
            return match[0]
        target = quote(relpath(page.path, dirname(path) or "."), safe="/-_.~")
        anchor = page.anchors.get(fragment, fragment)
        return f"{match['open']}{target}{'#' if anchor else ''}{anchor}"

    return _PARTS.sub(rewrite, markdown)


def anchors_of(headings: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The anchors that viewers give to headings (fragment of the site, text), as GitHub makes them."""
    used: dict[str, int] = {}
    anchors: dict[str, str] = {}
    for fragment, text in headings:
        slug = _NOT_SLUG.sub("", text.strip().lower()).replace(" ", "-")
        count = used.get(slug, 0)
        used[slug] = count + 1
        if fragment:
            anchors.setdefault(fragment, f"{slug}-{count}" if count else slug)
    return anchors
