"""The tables of other projects: encodings, base URLs, links and refreshes."""

import base64
from typing import Any

import turbohtml

from runnel.extraction.charset import parse_html
from runnel.extraction.links import find_base
from runnel.extraction.reading import read_links
from tests.support.conformance import conformance_rows

#: Rows whose answer is a policy of their tool: Scrapy takes ftp and leaves out images, we do neither.
OTHER_LINKS = {"L021", "L044"}

#: Bases inside a noscript of the head, which the standard's parser ends before them when it runs no scripts.
OTHER_BASES = {"B007", "B010"}

#: Refreshes where we do as browsers do, or as our own laws say.
OTHER_REFRESHES = {
    "MR002": "a tag that never ends is no tag",
    "MR012": "the standard encodes a query in UTF-8 here",
    "MR014": "the page leads to itself",
    "MR020": "it stands in noscript",
    "MR022": "it stands in a script",
}


def body_of(row: dict[str, Any], name: str = "html") -> bytes:
    value = row.get(name, row.get("body"))
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else str(value).encode()


def encoding_named(label: str) -> str | None:
    return parse_html(b"x", charset=label).encoding


def test_the_encoding_that_a_page_declares_is_found() -> None:
    """The prescan for `<meta>` has many traps, and this table knows them."""
    wrong = {}
    for row in conformance_rows("charset/html5lib_prescan.jsonl"):
        body = row["html"].encode() if "html" in row else base64.b64decode(row["html_b64"])
        found = parse_html(body, charset=None).encoding
        if found != encoding_named(row["expected_encoding"]):
            wrong[row["id"]] = found

    assert wrong == {}


def test_the_base_of_a_page_is_found() -> None:
    """One wrong base makes every link of a page wrong."""
    wrong = {}
    for row in conformance_rows("html/base_url_w3lib.jsonl"):
        if row.get("tier", "core") == "core" and row.get("base") and row["id"] not in OTHER_BASES:
            found = find_base(turbohtml.parse(body_of(row)), url=row["base"])
            if found != row["expected"]:
                wrong[row["id"]] = found

    assert wrong == {}


def test_the_links_of_a_page_are_found() -> None:
    """What is not found is not crawled."""
    wrong = {}
    for row in conformance_rows("html/links_scrapy.jsonl"):
        if row["tier"] == "core" and not row["extractor_options"] and row["id"] not in OTHER_LINKS:
            links = read_links(base64.b64decode(row["body_b64"]), url=row["url"], charset=row["encoding"]).links
            followed = [link["url"].partition("#")[0] for link in row["links"] if not link["nofollow"]]
            if list(links) != list(dict.fromkeys(followed)):
                wrong[row["id"]] = links

    assert wrong == {}


def test_the_refresh_of_a_page_is_found() -> None:
    """Moved documentation often says so in no other way."""
    wrong = {}
    for row in conformance_rows("html/meta_refresh_w3lib.jsonl"):
        if row.get("tier", "core") == "core" and row["id"] not in OTHER_REFRESHES:
            found = read_links(body_of(row), url=row.get("base") or "https://none.example/").refresh
            if found != row["expected_url"]:
                wrong[row["id"]] = found

    assert wrong == {}
