"""Sitemaps as crawler-commons reads them: kinds of files, namespaces, packing, times."""

import base64
from typing import Any

import pytest

from runnel.errors import FetchFailed
from runnel.fetching.canonical import canonicalize
from runnel.fetching.sitemaps import parse_sitemap
from tests.support.conformance import conformance_rows

ROWS = [
    row
    for row in conformance_rows("sitemap/crawler_commons.jsonl")
    if row["tier"] == "core" and not any(row["options"][name] for name in ("allow_partial", "allow_doctype"))
]


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_the_conformance_rows(row: dict[str, Any]) -> None:
    """What others learned from sitemaps of the wild: kinds of files, namespaces, packing, times."""
    body = base64.b64decode(row["body_b64"]) if row.get("body_b64") else row["body"].encode()
    if row.get("expected_error"):
        with pytest.raises(FetchFailed):
            parse_sitemap(body, url=row["url"])
        return
    sitemap = parse_sitemap(body, url=row["url"])

    wanted = [(canonicalize(item["loc"]), item["lastmod"]) for item in row["items"]]
    if row["index"]:
        assert sitemap.sitemaps == tuple(address for address, _ in wanted)
        assert sitemap.urls == ()
    else:
        assert [(page.url, page.lastmod) for page in sitemap.urls] == wanted
        assert sitemap.sitemaps == ()
