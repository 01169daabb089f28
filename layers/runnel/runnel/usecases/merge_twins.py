"""Markdown that a site offers beside its pages, and that was found by a link or in `llms.txt`: one page, not two.

Laws (tests/unit/usecases/test_merge_twins.py):

1. A page whose address is that of another one with `.md` (`pages_of_twin`) becomes a further name of it, when it is
   Markdown of the same text; the text is that of the page itself (docs/adr/0032).
2. What is decided depends on the two texts alone: not on who came first, nor on how either was found.
3. A page whose HTML is not there, or says something else, stays a page of its own.
"""

import asyncio
from collections.abc import Mapping

from runnel.domain.markdown_twins import pages_of_twin
from runnel.domain.payloads import StoredPage
from runnel.usecases.patience import sure
from runnel.usecases.process_pages import page_key
from runnel.usecases.read_library import unpack
from runnel.usecases.services import Services

#: Pairs whose texts are read at a time.
_AT_ONCE = 50


async def merge_twins(services: Services, tenant: str, pages: dict[str, StoredPage]) -> dict[str, StoredPage]:
    """The pages, by URL, without those that are the Markdown of another."""
    pairs = _pairs(pages)
    merged: dict[str, str] = {}
    for start in range(0, len(pairs), _AT_ONCE):
        some = pairs[start : start + _AT_ONCE]
        texts = await _texts(services, tenant, [pages[url] for pair in some for url in pair])
        merged |= await asyncio.to_thread(_same, some, pages, texts, merged)
    for twin, url in merged.items():
        others = {*pages[url].aliases, twin, *pages[twin].aliases}
        pages[url] = pages[url].model_copy(update={"aliases": tuple(sorted(others))})
    return {url: page for url, page in pages.items() if url not in merged}


def _pairs(pages: Mapping[str, StoredPage]) -> list[tuple[str, str]]:
    """Each page that may be Markdown of another, with that one; most sites have none, and most names no other's."""
    candidates = {url: pages_of_twin(url) for url in pages if url.endswith(".md")}
    if not candidates:
        return []
    shown = {name: url for url, page in pages.items() for name in (*page.aliases, url)}
    return [
        (twin, page)
        for twin, names in candidates.items()
        for page in dict.fromkeys(shown[name] for name in names if name in shown)
        if page != twin and not page.endswith(".md")
    ]


async def _texts(services: Services, tenant: str, pages: list[StoredPage]) -> dict[str, str]:
    """The texts by content hash, as far as they are there."""
    keys = {page_key(page.content_hash): page.content_hash for page in pages}
    bodies = await sure(services, lambda: services.content.get_many(tenant, list(keys)))
    unpacked = {name: unpack(bodies[key]) for key, name in keys.items() if key in bodies}
    return {name: text for name, text in unpacked.items() if text is not None}


def _same(
    pairs: list[tuple[str, str]], pages: Mapping[str, StoredPage], texts: Mapping[str, str], known: Mapping[str, str]
) -> dict[str, str]:
    """By twin: the page that it is the Markdown of, the likeliest of those that have its text."""
    from runnel.extraction.markdown_twin import is_same_text

    found: dict[str, str] = {}
    for twin, url in pairs:
        mine, theirs = texts.get(pages[url].content_hash), texts.get(pages[twin].content_hash)
        if twin in known or twin in found or mine is None or theirs is None:
            continue
        if is_same_text(mine, theirs, title=pages[url].title):
            found[twin] = url
    return found
