"""What Runnel makes of the tables of standards bodies and other projects: `make conformance` prints the counts.

* A table gives each of its core rows as right or wrong; nothing knows a row by its id but `EXCEPTIONS`.
* `EXCEPTIONS` names the rows whose answer is not ours, each with its reason; a test fails when one of them comes right,
  and when any other is wrong.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import turbohtml

from runnel.adapters.http.answer import content_type_of
from runnel.domain.globs import compile_glob
from runnel.errors import FetchFailed
from runnel.extraction.charset import parse_html
from runnel.extraction.links import find_base
from runnel.extraction.reading import read_links
from runnel.fetching.addresses import is_public
from runnel.fetching.assets import asset_kind
from runnel.fetching.canonical import canonicalize
from runnel.fetching.sitemaps import Sitemap, parse_sitemap
from runnel.robots.rules import parse_robots
from tests.support.conformance import FOLDER, conformance_rows

Row = dict[str, Any]
#: Of each row: its id, and whether our answer is the table's.
Verdicts = Iterator[tuple[str, bool]]

_OPTION: Final = "asked with an option of the tool (no tags to ignore): a refresh in noscript or script is none"
_QUOTED: Final = "the standard reads the quoted part of a value and ignores what is wrong behind it"
_SEARCHED: Final = "w3lib stops at `<body>`, the standard after 1,024 bytes"
_NOT_DECLARED: Final = "by the standard only `http-equiv=content-type` declares an encoding in `content`"
_BLANK: Final = "`< meta` is text by the standard"
_UTF_32: Final = "the standard knows no UTF-32"

EXCEPTIONS: Final[Mapping[str, str]] = {
    "L044": "Scrapy takes ftp, no crawler of the web does",
    **dict.fromkeys(("CT009", "CT015", "CT016"), _QUOTED),
    **dict.fromkeys(("MD006", "MD023"), _BLANK),
    **dict.fromkeys(("MD011", "MD027"), _SEARCHED),
    **dict.fromkeys(("MD012", "MD013", "MD028"), _NOT_DECLARED),
    **dict.fromkeys(("H021", "H022"), _UTF_32),
    "H025": "the standard reads `utf-16` without a byte-order mark as little-endian",
    "M019": "a page of HTML in place of a robots.txt: `*<BR>` is no name (google/robotstxt says so too)",
    "M024": "a line that is an address alone: it says no `Sitemap`",
    "MR002": "a tag that never ends is no tag by the standard (eof-in-tag)",
    **dict.fromkeys(("MR020", "MR022"), _OPTION),
}


def _core(name: str) -> Iterable[Row]:
    return (row for row in conformance_rows(name) if row.get("tier", "core") == "core")


def _bytes(row: Row, name: str) -> bytes:
    value = row[name] if name in row else row[f"{name}_b64"]
    if isinstance(value, dict):
        return base64.b64decode(value["b64"])
    return base64.b64decode(value) if name not in row else str(value).encode()


def _robots() -> Verdicts:
    for row in _core("robots/robots_cases.jsonl"):
        rules = parse_robots(_bytes(row, "robots"), status=200)
        yield row["id"], rules.allows(row["url"], row["agent"]).allowed == row["allowed"]


def _robots_dialects() -> Verdicts:
    """Engines differ: one of their answers, or the one that the row's author wants."""
    for row in conformance_rows("robots/robots_cases.jsonl"):
        if row["tier"] == "dialect":
            rules = parse_robots(_bytes(row, "robots"), status=200)
            answers = {row["allowed"], *row["oracles"].values()}
            yield row["id"], rules.allows(row["url"], row["agent"]).allowed in answers


def _robots_meta() -> Verdicts:
    """Sitemaps as addresses, resolved against the file's own, and the pause between two requests."""
    for row in conformance_rows("robots/robots_meta.jsonl"):
        rules = parse_robots(_bytes(row, "robots"), status=200)
        sitemaps = {canonicalize(sitemap, base="http://domain.com/robots.txt") for sitemap in rules.sitemaps}
        is_same = sitemaps == {canonicalize(sitemap) for sitemap in row["sitemaps"]}
        yield row["id"], is_same and rules.crawl_delay_s(row["agent"]) == row["crawl_delay_s"]


def _urls() -> Verdicts:
    for row in conformance_rows("url/wpt_url_cases.jsonl"):
        if row["crawlable"]:
            yield row["id"], canonicalize(row["input"], base=row["base"]) == canonicalize(row["href_nofragment"])


def _refused_urls() -> Verdicts:
    for row in conformance_rows("url/wpt_url_cases.jsonl"):
        if row.get("failure") and row["http_related"]:
            yield row["id"], canonicalize(row["input"], base=row["base"]) is None


def _same_urls() -> Verdicts:
    for row in _core("url/canonical_crawler_commons.jsonl"):
        yield row["id"], canonicalize(row["input"]) == canonicalize(row["expected"] or "")


def _resolution() -> Verdicts:
    for name in ("url/rfc3986_resolution.jsonl", "url/resolve_crawler_commons.jsonl"):
        for row in _core(name):
            yield row["id"], canonicalize(row["input"], base=row["base"]) == canonicalize(row["expected"])


_URL_FIELDS: Final = frozenset({"url", "input", "expected", "href", "base", "expected_url", "whatwg"})


def _idempotence() -> Verdicts:
    """Every text in the folder that might be a URL."""
    for path in sorted(FOLDER.rglob("*.jsonl")):
        rows: list[Any] = conformance_rows(path.relative_to(FOLDER).as_posix())
        for number, row in enumerate(rows):
            for name, text in row.items() if isinstance(row, dict) else ():
                if name in {"url", "input", "expected", "href", "base", "expected_url", "whatwg"} and isinstance(
                    text, str
                ):
                    once = canonicalize(text)
                    yield f"{path.stem}:{number}:{name}", once is None or canonicalize(once) == once


def _globs() -> Verdicts:
    for row in _core("glob/picomatch_simple.jsonl"):
        yield row["id"], compile_glob(row["pattern"])(row["path"]) == row["match"]


def _sitemaps() -> Verdicts:
    for row in _core("sitemap/crawler_commons.jsonl"):
        if not any(row["options"][name] for name in ("allow_partial", "allow_doctype")):
            yield row["id"], _read_sitemap(row) == _wanted_sitemap(row)


def _read_sitemap(row: Row) -> tuple[object, ...] | None:
    body = base64.b64decode(row["body_b64"]) if row.get("body_b64") else row["body"].encode()
    try:
        found: Sitemap = parse_sitemap(body, url=row["url"])
    except FetchFailed:
        return None
    return found.sitemaps if row["index"] else tuple((page.url, page.lastmod) for page in found.urls)


def _wanted_sitemap(row: Row) -> tuple[object, ...] | None:
    if row.get("expected_error"):
        return None
    wanted = tuple((canonicalize(item["loc"]), item["lastmod"]) for item in row["items"])
    return tuple(address for address, _ in wanted) if row["index"] else wanted


def _label(label: str | None) -> str | None:
    """The standard's name of a label, None when it has none; Python writes a hyphen less."""
    names = json.loads((FOLDER / "charset/whatwg_labels.json").read_text(encoding="utf-8"))
    found = names.get((label or "").strip().lower()) or names.get((label or "").replace("iso8859", "iso-8859").lower())
    return str(found) if found else None


def _prescan() -> Verdicts:
    for row in conformance_rows("charset/html5lib_prescan.jsonl"):
        found = parse_html(_bytes(row, "html"), charset=None).encoding
        yield row["id"], _label(found) == _label(row["expected_encoding"])


def _charset_headers() -> Verdicts:
    for row in _core("charset/http_header_w3lib.jsonl"):
        header = str(row["content_type"] or "").removeprefix("Content-Type: ")
        charset = content_type_of(header)[1]
        yield row["id"], _decoder(charset) == _decoder(row["expected"])


def _decoder(label: str | None) -> str | None:
    """What reads a label's text: by the standard the decoder of GBK is that of gb18030 (section 10.1.1)."""
    name = _label((label or "").replace("big5hkscs", "big5-hkscs"))
    return "gb18030" if (name or "").lower() == "gbk" else name


#: No UTF-8: what no declaration names is then windows-1252, by the standard, and not what a declaration would name.
_STRANGE: Final = b"\xff"


def _declarations() -> Verdicts:
    for row in conformance_rows("charset/meta_declared_w3lib.jsonl"):
        found = parse_html(_bytes(row, "body") + _STRANGE, charset=None).encoding
        yield row["id"], _label(found) == _label(row["expected"] or "windows-1252")


def _decoded_text() -> Verdicts:
    for row in conformance_rows("charset/html_to_unicode_w3lib.jsonl"):
        header = str(row["content_type"] or "").removeprefix("Content-Type: ")
        page = parse_html(_bytes(row, "body"), charset=content_type_of(header)[1])
        yield row["id"], page.text == turbohtml.parse(row["expected_text"]).text


def _bases() -> Verdicts:
    for row in _core("html/base_url_w3lib.jsonl"):
        if row.get("base"):
            body = _bytes(row, "html")
            yield row["id"], find_base(turbohtml.parse(body), body, url=row["base"]) == row["expected"]


def _refreshes() -> Verdicts:
    for row in _core("html/meta_refresh_w3lib.jsonl"):
        found = read_links(_bytes(row, "html"), url=row.get("base") or "https://none.example/").refresh
        yield row["id"], found == row["expected_url"]


def _links() -> Verdicts:
    for row in _core("html/links_scrapy.jsonl"):
        if not row["extractor_options"]:
            links = read_links(base64.b64decode(row["body_b64"]), url=row["url"], charset=row["encoding"]).links
            followed = [link["url"].partition("#")[0] for link in row["links"] if not link["nofollow"]]
            # Scrapy leaves files out when it reads a page, we when a URL is judged.
            pages = [link for link in links if asset_kind(link) is None]
            yield row["id"], pages == list(dict.fromkeys(followed))


def _addresses() -> Verdicts:
    for row in conformance_rows("ssrf/addresses.jsonl"):
        yield row["ip"], is_public(row["ip"]) == (row["expected"] == "allow")


#: Name → rows, and how many there must be at least.
TABLES: Final[Mapping[str, tuple[Callable[[], Verdicts], int]]] = {
    "robots": (_robots, 777),
    "robots dialects": (_robots_dialects, 89),
    "robots sitemaps and delays": (_robots_meta, 31),
    "URLs": (_urls, 244),
    "URLs refused": (_refused_urls, 100),
    "URLs of crawlers": (_same_urls, 64),
    "resolution": (_resolution, 30),
    "idempotence": (_idempotence, 2_000),
    "globs": (_globs, 1_763),
    "sitemaps": (_sitemaps, 30),
    "charset prescan": (_prescan, 82),
    "charset header": (_charset_headers, 5),
    "charset declared": (_declarations, 33),
    "charset decoding": (_decoded_text, 35),
    "base": (_bases, 8),
    "refresh": (_refreshes, 15),
    "links": (_links, 11),
    "SSRF addresses": (_addresses, 140),
}


def main() -> None:
    """Print `name: passed/total` for each table, and why a row is not counted as passed."""
    for name, (rows, _) in TABLES.items():
        verdicts = list(rows())
        wrong = [row for row, is_right in verdicts if not is_right]
        print(f"{name}: {len(verdicts) - len(wrong)}/{len(verdicts)}")
        for row in wrong:
            print(f"    {row}: {EXCEPTIONS.get(row, 'WRONG')}")


if __name__ == "__main__":
    main()
