"""Any bytes: what reads the words of strangers gives an answer or raises an error of ours, and nothing else.

Fixed seeds in the default run; `make soak` searches long and at random.
"""

from contextlib import suppress
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from runnel.adapters.http.answer import Answer, content_type_of
from runnel.domain.globs import compile_glob
from runnel.domain.payloads import ScopeRules
from runnel.domain.scope import Scope
from runnel.errors import FetchFailed, InputInvalid, PageUnreadable
from runnel.extraction.reading import read_links, read_page
from runnel.fetching.answers import retry_after_s, robots_wishes, sniff_type
from runnel.fetching.canonical import canonicalize, host_key, may_share_secrets, url_hash
from runnel.fetching.decoding import BodyDecoder, BodyLimits
from runnel.fetching.sitemaps import parse_sitemap
from runnel.robots.rules import parse_robots
from runnel.usecases.create_job import parse_start_url

NOW = datetime(2026, 1, 1, tzinfo=UTC)

#: Text with what breaks parsers in it: surrogates, controls, separators, and pieces of real syntax.
PIECES = (
    *("http://", "https://", "://", "//", "/", "..", "?", "#", "@", ":", "[", "]", "%", "%00", "%zz", "\\", "xn--"),
    *("a", "A.example", "127.0.0.1", "0x7f", "[::1]", ":99999", "é", "\u202e", "\ud800", "\0", " ", "&", "=", "\t"),
    *("*", "**", "{", "}", ",", "{1..9999999}", "!", "(", ")", "|", "^", "$", "-", "User-agent: *\n", "Disallow: "),
    *("<", ">", "<a href=", "<base href=", "'", '"', "<!--", "<![CDATA[", "<table>", "<td rowspan=9>", "<p>", "</b>"),
    *("<urlset>", "<url><loc>", "</loc>", "<!ENTITY x 'y'>", "&amp;", "&#x110000;", "<meta charset=", "utf-16", "\r"),
)
TEXT = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
BYTES = st.one_of(st.binary(max_size=200), TEXT.map(lambda text: text.encode("utf-8", "surrogatepass")))


@given(TEXT, st.none() | TEXT)
def test_the_canonicaliser(url: str, base: str | None) -> None:
    """A spelling of its own that stays, and never another host."""
    once = canonicalize(url, base=base)

    if once is not None:
        assert once.isascii()
        assert canonicalize(once) == once
        assert host_key(once)
        assert len(url_hash(once)) == 32
        assert may_share_secrets(once, once)


@given(TEXT)
def test_the_start_url(text: str) -> None:
    """What a user types is taken or refused in words."""
    with suppress(InputInvalid):
        assert canonicalize(parse_start_url(text)) is not None


@given(TEXT, TEXT)
def test_the_globs_and_the_scope(pattern: str, path: str) -> None:
    """A pattern is from a user, a path from a stranger."""
    assert compile_glob(pattern)(path) in (True, False)
    rules = ScopeRules(start_urls=("https://h/docs/",), include=(pattern,), exclude=(path,))
    ruling = Scope.of(rules).judge("https://h/docs/x?y=z")

    assert ruling is None or ruling.rule


@given(BYTES, TEXT, st.integers(min_value=0, max_value=599))
def test_the_robots_txt(body: bytes, agent: str, status: int) -> None:
    """Any file gives an answer for any agent."""
    rules = parse_robots(body, status=status)
    decision = rules.allows("https://h/docs/x?y=z", agent)

    assert decision.allowed or decision.line is None or decision.line
    assert (rules.crawl_delay_s(agent) or 0.0) >= 0


@given(BYTES, st.integers(min_value=1, max_value=20))
def test_the_sitemap(body: bytes, most: int) -> None:
    """At most what was asked for, and every address one that can be crawled."""
    try:
        sitemap = parse_sitemap(body, url="https://h/sitemap.xml", most=most)
    except FetchFailed:
        return
    addresses = [*(page.url for page in sitemap.urls), *sitemap.sitemaps]

    assert len(addresses) <= most
    assert all(canonicalize(address) == address for address in addresses)


@given(BYTES, st.none() | TEXT)
def test_the_html_pipeline(body: bytes, charset: str | None) -> None:
    """Links and Markdown out of anything, whatever the header said of it."""
    for read in (read_links, read_page):
        try:
            reading = read(body, url="https://h/docs/", charset=charset)
        except PageUnreadable:
            continue

        assert all(link.startswith(("http://", "https://")) for link in reading.links)
        assert reading.markdown.encode() or not reading.markdown


@given(BYTES, st.sampled_from(["", "gzip", "deflate", "gzip, deflate", "br", "x" * 50]))
def test_the_body_decoder(body: bytes, coding: str) -> None:
    """A coding that lies is `decode`, never a foreign error."""
    with suppress(FetchFailed):
        decoder = BodyDecoder(coding, BodyLimits(wire_bytes=100, decoded_bytes=1_000))
        decoder.feed(body)
        assert len(decoder.finish()) <= 1_000


@given(st.lists(BYTES, max_size=5), st.booleans())
def test_the_answer_of_a_server(pieces: list[bytes], is_http: bool) -> None:  # noqa: FBT001
    """HTTP or not, in whatever pieces."""
    answer = Answer(BodyLimits(wire_bytes=500), frozenset({"text/html"}))
    with suppress(FetchFailed):
        for piece in ([b"HTTP/1.1 200 OK\r\n"] if is_http else []) + pieces:
            answer.feed(piece)
        answer.end()
        assert len(answer.body()) <= 50_000


@given(TEXT)
def test_the_headers_of_an_answer(text: str) -> None:
    """Each is a stranger's word."""
    kind, charset = content_type_of(text)
    waits_s = retry_after_s(text, now=NOW)

    assert kind == kind.strip().lower()
    assert charset is None or charset
    assert waits_s is None or 0 <= waits_s <= 86_400
    assert robots_wishes(text) in {(a, b) for a in (True, False) for b in (True, False)}
    assert sniff_type(text.encode("utf-8", "surrogatepass"))
