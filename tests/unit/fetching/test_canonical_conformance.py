"""Canonical URLs against the tables of web-platform-tests, crawler-commons, w3lib and RFC 3986."""

from typing import Any

from runnel.fetching.canonical import canonicalize
from tests.support.conformance import conformance_rows

#: Punycode that no Unicode name encodes to: the table's newest rows let it pass, the parser (and Node's) refuses it.
INVALID_PUNYCODE = {"U0293", "U0294", "U0295", "U0296", "U0297", "U0298", "U0805"}


def test_crawlable_urls_are_read_as_browsers_read_them() -> None:
    """Whatever a browser follows, the crawler must name alike."""
    rows = [row for row in conformance_rows("url/wpt_url_cases.jsonl") if row["crawlable"]]
    wrong = {row["id"] for row in rows if _ours(row) != canonicalize(row["href_nofragment"])}

    assert len(rows) >= 244
    assert wrong <= INVALID_PUNYCODE


def test_what_browsers_refuse_is_refused_without_an_exception() -> None:
    """A broken link must never end a crawl."""
    rows = [row for row in conformance_rows("url/wpt_url_cases.jsonl") if row.get("failure") and row["http_related"]]
    wrong = [row["id"] for row in rows if _ours(row) is not None]

    assert len(rows) > 100
    assert wrong == []


def test_crawler_commons_core_rows_give_the_same_url() -> None:
    """Rows where a crawler's normaliser and WHATWG agree."""
    rows = [row for row in conformance_rows("url/canonical_crawler_commons.jsonl") if row.get("tier", "core") == "core"]
    wrong = [row["id"] for row in rows if canonicalize(row["input"]) != canonicalize(row["expected"] or "")]

    assert wrong == []


def test_references_resolve_as_the_standards_say() -> None:
    """RFC 3986 section 5.4 and crawler-commons, http(s) results only."""
    names = ("url/rfc3986_resolution.jsonl", "url/resolve_crawler_commons.jsonl")
    rows = [row for name in names for row in conformance_rows(name) if row.get("tier", "core") == "core"]
    wrong = [row["id"] for row in rows if _ours(row) != canonicalize(row["expected"])]

    assert len(rows) > 30
    assert wrong == []


def test_no_input_of_w3libs_tables_breaks_the_laws() -> None:
    """Its policy differs from ours; idempotence and no exception hold all the same."""
    for name in ("url/canonical_w3lib.jsonl", "url/safe_url_w3lib.jsonl"):
        for row in conformance_rows(name):
            once = canonicalize(str(row["input"]))

            assert once is None or canonicalize(once) == once


def _ours(row: dict[str, Any]) -> str | None:
    return canonicalize(row["input"], base=row["base"])
