"""Sitemaps: what they list, however they are written, and that none of them can do harm."""

import gzip
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.errors import FetchFailed
from runnel.fetching.sitemaps import Sitemap, parse_sitemap

AT = "https://docs.example.com/sitemap.xml"
URLSET = '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{}</urlset>'


def urlset(*addresses: str) -> str:
    """A sitemap of these addresses, as they stand."""
    return URLSET.format("".join(f"<url><loc>{address}</loc></url>" for address in addresses))


def paths(body: bytes | str, **fields: Any) -> list[str]:
    """The paths that a sitemap of the example site lists."""
    sitemap = parse_sitemap(body.encode() if isinstance(body, str) else body, url=AT, **fields)
    return [page.url.removeprefix("https://docs.example.com") for page in sitemap.urls]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html><body><h1>No such page</h1></body></html>",
        "<!doctype html><title>404</title>",
        '{"not": "found"}',
        URLSET.format("<url><loc>https://docs.example.com/a</url>"),
        b"\x1f\x8b\x08not gzip",
        gzip.compress(gzip.compress(b"https://docs.example.com/a")),
    ],
)
def test_what_is_no_sitemap_is_refused(body: bytes | str) -> None:
    """Many sites answer every path with a page: it must not be taken for a list of addresses."""
    with pytest.raises(FetchFailed) as caught:
        paths(body)
    assert caught.value.category == "decode"


def test_a_file_that_breaks_off_gives_what_came_before() -> None:
    """Generators die, connections too: forty thousand addresses are better than none."""
    whole = urlset("https://docs.example.com/a", "https://docs.example.com/b", "https://docs.example.com/c")
    sitemap = parse_sitemap(whole[: whole.index("/c") - 4].encode(), url=AT)

    assert [page.url[-1] for page in sitemap.urls] == ["a", "b"]
    assert sitemap.truncated
    assert not parse_sitemap(whole.encode(), url=AT).truncated


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (urlset("https://docs.example.com/?a=1&b=2"), ["/?a=1&b=2"]),
        (urlset("https://docs.example.com/a?x&nbsp;"), ["/a?x&nbsp;"]),
        (urlset("https://docs.example.com/a\x08"), ["/a"]),
        (urlset("https://docs.example.com/é").encode("latin-1"), ["/%EF%BF%BD"]),
        (urlset("<![CDATA[https://docs.example.com/?a&b]]>", "https://docs.example.com/?c&d"), ["/?a&b", "/?c&d"]),
        (urlset("https://docs.example.com/a") + "<script>x</script>", ["/a"]),
    ],
    ids=["ampersand", "HTML's entities", "control character", "damaged UTF-8", "CDATA stays", "after the end"],
)  # fmt: skip
def test_what_sites_often_break_is_mended(body: bytes | str, wanted: list[str]) -> None:
    """Each of these makes the file no XML, and each has one meaning only."""
    assert paths(body) == wanted


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1", "cp1252"])
def test_charsets_are_understood(encoding: str) -> None:
    """By their mark or by the file's own word."""
    declaration = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'

    assert paths((declaration + urlset("https://docs.example.com/é")).encode(encoding)) == ["/%C3%A9"]
    if encoding.startswith("utf"):
        assert paths("https://docs.example.com/é\nnot one\n".encode(encoding)) == ["/%C3%A9"]


def test_an_unknown_charset_is_our_error() -> None:
    """Not the parser's."""
    for name in ("klingon", "shift_jis", "utf-7"):
        with pytest.raises(FetchFailed):
            paths(f'<?xml version="1.0" encoding="{name}"?>' + urlset("https://docs.example.com/a"))


def test_addresses_are_made_absolute_and_told_once() -> None:
    """Relative ones are against the protocol, and common; what cannot be crawled is none."""
    body = urlset("/a", "b?utm_source=x", "https://docs.example.com/a#part", "mailto:a@b.c", "javascript:x()", "", "  ")

    assert paths(body) == ["/a", "/b"]


def test_more_than_was_asked_for_is_cut_and_that_is_said() -> None:
    """The protocol allows 50,000 a file; not every generator knows."""
    body = urlset(*(f"/{number}" for number in range(20)))
    sitemap = parse_sitemap(body.encode(), url=AT, most=7)

    assert (len(sitemap.urls), sitemap.truncated) == (7, True)
    assert not parse_sitemap(body.encode(), url=AT, most=20).truncated
    assert parse_sitemap(b"https://a.example/1\nhttps://a.example/2", url=AT, most=1).truncated


_BOMB = '<!DOCTYPE urlset [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "head",
    [
        _BOMB + "]>",
        '<!DOCTYPE urlset [<!ENTITY i SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE urlset [<!ENTITY % p SYSTEM "http://127.0.0.1/x.dtd"> %p;]>',
        '<!DOCTYPE urlset [<!ENTITY i "https://docs.example.com/">]>',
    ],
    ids=["bomb", "file", "parameter entity", "harmless"],
)
def test_declared_entities_are_refused(head: str) -> None:
    """They unpack without bound or name files of our machine, and no sitemap needs them."""
    with pytest.raises(FetchFailed, match="entities"):
        paths(head + urlset("&i;"))


def test_a_doctype_without_entities_is_only_a_name() -> None:
    """It is not fetched, and does not stand in the way."""
    assert paths('<!DOCTYPE urlset SYSTEM "http://127.0.0.1/x.dtd">' + urlset("/a")) == ["/a"]


def test_a_packed_bomb_is_too_large() -> None:
    """A megabyte on the wire must not become a gigabyte of memory."""
    bomb = gzip.compress(b" " * 60_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(FetchFailed) as caught:
            paths(bomb)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert caught.value.category == "too_large"
    assert peak_bytes < 60_000_000


def test_endless_fields_and_depths_cost_no_memory() -> None:
    """What is too long to be a URL is not kept, and nesting is only counted."""
    deep = URLSET.format("<url><x>" + "<y>" * 50_000 + "</y>" * 50_000 + "</x><loc>/a</loc></url>")

    assert paths(deep) == ["/a"]
    assert paths(urlset("/" + "a" * 1_000_000, "/b")) == ["/b"]


@given(st.binary(max_size=300))
def test_any_bytes_give_a_sitemap_or_our_error(data: bytes) -> None:
    """Whatever a site answers, the job goes on."""
    for body in (data, gzip.compress(data, mtime=0), b"<urlset>" + data, urlset("/a").encode()[:70] + data):
        try:
            assert isinstance(parse_sitemap(body, url=AT), Sitemap)
        except FetchFailed as failure:
            assert failure.category in ("decode", "too_large")  # noqa: PT017


@given(st.integers(0, 200), st.binary(max_size=4))
def test_a_damaged_sitemap_gives_a_sitemap_or_our_error(at: int, data: bytes) -> None:
    """Damage in the middle reaches states that noise alone does not."""
    whole = ('<?xml version="1.0" encoding="utf-8"?>' + urlset("/a?b&amp;c", "<![CDATA[/d]]>")).encode()
    try:
        sitemap = parse_sitemap(whole[:at] + data + whole[at:], url=AT)
    except FetchFailed as failure:
        assert failure.category == "decode"  # noqa: PT017
    else:
        assert len(sitemap.urls) <= 3


def test_a_comment_before_the_declaration_is_passed_over() -> None:
    """Plugins sign their work there, which XML does not allow."""
    body = b'<!-- made by a plugin -->\n<?xml version="1.0"?><urlset><url><loc>https://a.example/x</loc></url></urlset>'

    assert [page.url for page in parse_sitemap(body, url="https://a.example/sitemap.xml").urls] == [
        "https://a.example/x"
    ]
