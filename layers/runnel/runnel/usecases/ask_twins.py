"""A page's Markdown twin: what its authors wrote, where the site offers it (docs/adr/0026).

Laws (tests/unit/usecases/test_ask_twins.py):

1. A page that declares no twin costs no request, unless the operator wants each to be asked (`ask`).
2. The twin lies on the page's own host; scope and robots.txt rule over its address; it is asked for within the page's
   deadline, once, and no redirect is followed.
3. Whatever goes wrong with it, the page stays: a twin is a better reading, and no URL of the crawl.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runnel.domain.markdown_twins import MarkdownTwins
from runnel.domain.payloads import CrawlTarget
from runnel.domain.retries import REFUSALS
from runnel.errors import FetchFailed
from runnel.fetching.answers import retry_after_s
from runnel.fetching.canonical import canonicalize
from runnel.fetching.llms import LISTS
from runnel.ports.clock import Clock
from runnel.ports.fetcher import FetchResponse
from runnel.usecases.follow_redirects import Arrived, Hops

if TYPE_CHECKING:
    from runnel.extraction.page import PageReading

MARKDOWN_TYPES: Final = frozenset({"text/markdown", "text/x-markdown"})
#: What a declared twin may come as: many servers know no type for `.md`.
_DECLARED_TYPES: Final = MARKDOWN_TYPES | {"text/plain"}
#: Longer than any page that is read as one; what is longer is a manual in one piece.
MAX_TWIN_BYTES: Final = 1_000_000

#: One link of a Link header (RFC 8288): target, then parameters up to the comma before the next target.
_LINK: Final = re.compile(r"<([^<>]*)>([^<]*)")
_IS_ALTERNATE: Final = re.compile(r""";\s*rel\s*=\s*"?[^";]*\balternate\b""", re.IGNORECASE)
_IS_MARKDOWN: Final = re.compile(r""";\s*type\s*=\s*"?text/(?:x-)?markdown\b""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TwinAnswer:
    """What came of asking: the twin, or how long the site wants to be left alone."""

    response: FetchResponse | None = None
    refused_s: float | None = None


NO_TWIN: Final = TwinAnswer()


async def ask_twin(
    hops: Hops, clock: Clock, target: CrawlTarget, arrived: Arrived, *, reading: "PageReading", how: MarkdownTwins
) -> TwinAnswer:
    """Ask for the twin of a page that has come, as far as *how* has it."""
    address = _declared(arrived.response, reading) if how != "off" else None
    if address is None and how == "ask":
        address = arrived.response.url
    if address is None:
        return NO_TWIN
    is_page_itself = address == arrived.response.url
    try:
        response = await hops.ask_beside(
            target,
            arrived,
            address,
            types=MARKDOWN_TYPES if is_page_itself else _DECLARED_TYPES,
            most_bytes=MAX_TWIN_BYTES + 1,
        )
    except FetchFailed:
        return NO_TWIN
    if response is not None and response.status in REFUSALS:
        return TwinAnswer(refused_s=retry_after_s(response.headers.get("retry-after", ""), now=clock.now()) or 0.0)
    is_whole = response is not None and response.status == 200 and 0 < len(response.body) <= MAX_TWIN_BYTES
    return TwinAnswer(response) if is_whole else NO_TWIN


def _declared(response: FetchResponse, reading: "PageReading") -> str | None:
    """Give the address that the page's head or its Link header declares; a list of all pages is no twin of one."""
    found = reading.twin or _in_header(response.headers.get("link", ""))
    address = canonicalize(found, base=response.url) if found else None
    return None if address is None or address.rsplit("/", 1)[-1] in LISTS else address


def _in_header(header: str) -> str | None:
    if "markdown" not in header.lower():
        return None
    links = _LINK.findall(header)
    return next((to for to, what in links if _IS_ALTERNATE.search(what) and _IS_MARKDOWN.search(what)), None)
