"""What one page says, read once."""

import gzip
import hashlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runnel.errors import PageUnreadable
from runnel.extraction import links
from runnel.extraction.page import PageReading
from runnel.extraction.reading import read_links, read_page

URL = "https://docs.example.com/guide/intro.html?v=1"

PAGE = """<!doctype html><html lang="en-GB"><head><title> A
 title </title><meta name="Description" content="What it is."><link rel="canonical" href="/guide/intro#top"></head>
<body><nav><a href="/">Home</a></nav><main><h1 id="intro">Intro<a class="headerlink" href="#intro">¶</a></h1>
<p>Three short words. <a href="next.html#part">Next</a></main></body></html>"""


def reading_of(html: str, *, url: str = URL) -> PageReading:
    return read_page(html.encode(), url=url)


def test_one_reading_holds_everything() -> None:
    """The crawl asks a page once; what is not in the reading is lost."""
    reading = reading_of(PAGE)

    assert (reading.title, reading.description, reading.lang) == ("A title", "What it is.", "en-GB")
    assert reading.canonical == "https://docs.example.com/guide/intro"
    assert reading.links == (
        "https://docs.example.com/guide/intro",
        "https://docs.example.com/",
        URL,
        "https://docs.example.com/guide/next.html",
    )
    assert reading.headings == ((1, "Intro", "intro"),)
    assert reading.words == 5
    assert not reading.is_empty
    assert reading.markdown == ("# Intro\n\nThree short words. [Next](https://docs.example.com/guide/next.html#part)\n")


def test_links_alone_say_the_same_but_for_the_markdown() -> None:
    """On Lambda the crawler reads links and the processor reads text: they must not disagree about a page."""
    whole, bare = reading_of(PAGE), read_links(PAGE.encode(), url=URL)

    for field in PageReading.__dataclass_fields__:
        if field in {"utf8", "content_hash", "markdown_gz", "chunks"}:
            assert not getattr(bare, field)
        else:
            assert getattr(bare, field) == getattr(whole, field), field


def test_the_packed_markdown_is_the_markdown_and_carries_no_time() -> None:
    """Content is stored under its hash: the same text must give the same bytes whenever it is packed."""
    reading = reading_of(PAGE)

    assert gzip.decompress(reading.markdown_gz).decode() == reading.markdown
    assert reading.markdown_gz[4:8] == bytes(4)
    assert reading.content_hash == hashlib.sha256(reading.markdown.encode()).hexdigest()
    assert reading.body_hash == hashlib.sha256(PAGE.encode()).hexdigest()


@pytest.mark.parametrize("html", ["", "<main></main>", "<body><nav>Menu</nav><script>text</script>", "<img src=a.png>"])
def test_a_page_without_a_word_is_empty(html: str) -> None:
    """A page that only its scripts would fill must not be stored as if it said something."""
    reading = reading_of(html)

    assert reading.is_empty
    assert reading.words == 0


def test_a_link_comes_once_absolute_and_without_its_fragment() -> None:
    """Half of the anchors of a reference differ in the fragment only; the frontier must not see them all."""
    reading = reading_of("<a href=a#1>1</a><a href='./a#2'>2</a><a href=/b>3</a><area href='?x'><a href='//h/c'>4</a>")

    assert reading.links == (
        "https://docs.example.com/guide/a",
        "https://docs.example.com/b",
        "https://docs.example.com/guide/intro.html?x",
        "https://h/c",
    )


def test_only_the_web_is_followed() -> None:
    """A crawl that queues `mailto:` or `javascript:` reports failures that are none."""
    html = "<a href='mailto:a@b'>m</a><a href='javascript:x()'>j</a><a href='data:text/html,x'>d</a><a href='http://['>b</a>"

    assert reading_of(html + "<a href=ftp://h/>f</a><a href=http://h/>ok</a>").links == ("http://h/",)


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("/other/", "https://docs.example.com/other/a"),
        ("https://cdn.example.org/x/y", "https://cdn.example.org/x/a"),
        ("javascript:x", "https://docs.example.com/guide/a"),
        ("", "https://docs.example.com/guide/a"),
    ],
)
def test_links_are_relative_to_the_base_that_the_page_names(base: str, expected: str) -> None:
    """Both the frontier and the Markdown would be full of dead links."""
    reading = reading_of(f"<base href='{base}'><base href='/second/'><main><a href=a#f>text</a>")

    assert reading.links == (expected,)
    assert f"[text]({expected}#f)" in reading.markdown


def test_links_stand_in_the_head_in_maps_and_in_frames_too() -> None:
    """A manual's only way to its next page may be there; feeds, styles and what is only text are no way."""
    html = """<head><link rel=next href=n><link rel="alternate" hreflang=de href=de><link rel=alternate
        type="application/rss+xml" href=feed><link rel="alternate stylesheet" href=s.css><link rel=icon href=i></head>
        <!-- <a href=c1>x</a> --><script>"<a href=c2>x</a>"</script><textarea><a href=c3>x</a></textarea>
        <form action=c4><input name=q></form><a href="mailto:x@y.example">m</a><a href="javascript:go()">j</a>
        <a href="data:text/html,x">d</a><a href=a>a</a><map><area href=b></map><iframe src=f></iframe>"""
    names = [url.rpartition("/")[2] for url in reading_of(html).links]

    assert names == ["n", "de", "a", "b", "f"]


def test_a_page_of_endless_links_is_cut_and_says_so() -> None:
    """A trap must not fill the queue in one go, nor be cut in silence."""
    html = "".join(f"<a href=/{number}>x</a>" for number in range(links.MAX_LINKS + 1))
    reading = reading_of(html)

    assert len(reading.links) == links.MAX_LINKS
    assert reading.links_truncated
    assert not reading_of(html[: html.rindex("<a ")]).links_truncated


def test_links_that_robots_are_asked_not_to_follow_stand_apart_in_document_order() -> None:
    """Areas may bear the wish as well as anchors, and stand between them."""
    links = "<a rel=nofollow href=/a>1</a><map><area rel='x nofollow' href=/b></map><a rel=nofollow href=/c>3</a>"

    assert reading_of(links).nofollow_links == tuple(f"https://docs.example.com/{path}" for path in "abc")


@pytest.mark.parametrize(
    ("metas", "nofollow", "noindex"),
    [
        ("<meta name=robots content='NoIndex'>", False, True),
        ("<meta name=ROBOTS content='nofollow, archive'>", True, False),
        ("<meta name=robots content='none'>", True, True),
        ("<meta name=robots content='noindex'><meta name=robots content='nofollow'>", True, True),
        ("<meta name=runnel content='noindex'>", False, True),
        ("<meta name=googlebot content='noindex'>", False, False),
        ("", False, False),
    ],
)
def test_the_wishes_of_a_page_to_robots_are_read(metas: str, *, nofollow: bool, noindex: bool) -> None:
    """Politeness includes the page's own word."""
    reading = reading_of(metas + "<p>text")

    assert (reading.nofollow, reading.noindex) == (nofollow, noindex)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("0;url=/new#x", "https://docs.example.com/new"),
        ("5; URL='next.html'", "https://docs.example.com/guide/next.html"),
        ("30", None),
        ("0;url=intro.html?v=1", "https://docs.example.com/guide/intro.html?v=1"),
        ("0;url=javascript:x", None),
        (".5; url=/new", "https://docs.example.com/new"),
        ("\u0665; url=/new", None),
    ],
)
def test_a_refresh_leads_to_a_page_or_nowhere(content: str, expected: str | None) -> None:
    """Moved documentation often answers 200 with a refresh; where one leads to the page itself, the crawler stays."""
    assert reading_of(f'<meta http-equiv="refresh" content="{content}">').refresh == expected


def test_a_refresh_of_readers_without_scripts_is_not_for_us() -> None:
    """They are sent to a poorer page; the first that leads anywhere counts."""
    refresh = '<meta http-equiv="Refresh" content="0;url={}">'
    html = f"<noscript>{refresh.format('poor')}</noscript>{refresh.format('ftp://x/')}{refresh.format('rich')}"

    assert reading_of(html).refresh == "https://docs.example.com/guide/rich"


@pytest.mark.parametrize(
    ("body", "leads"),
    [
        ('<script>window.location.replace("latest/" + window.location.hash)</script>Redirecting...', True),
        ("<script>location = 'latest/index.html'</script>", True),
        ('Redirecting to <a href="latest/">latest</a>...', True),
        ("<div id=app></div><script src=app.js></script>", False),
        ("<p>" + "Many words stand here. " * 6 + '<a href="latest/">latest</a>', False),
    ],
)
def test_a_signpost_leads_readers_without_scripts_where_it_leads_all(body: str, *, leads: bool) -> None:
    """At the root of a site with versions (mike, and others): nothing else leads from there to its pages."""
    html = f'<head><noscript><meta http-equiv="refresh" content="1; url=latest/"></noscript></head><body>{body}'
    reading = reading_of(html)

    assert reading.refresh == ("https://docs.example.com/guide/latest/" if leads else None)
    assert reading.refresh_s == (1.0 if leads else 0.0)


def test_a_base_of_readers_without_scripts_is_not_for_us() -> None:
    """By the standard a parser without scripts lets it out of the noscript; what readers have is the next one."""
    html = '<head><noscript><base href="http://evil.example/"></noscript>{}<body><a href="x">x</a>'
    alone, other = html.format(""), html.format('<base href="/real/">')
    plain = '<head><noscript></noscript><base href="/real/"><body><a href="x">x</a>'

    assert reading_of(alone).links == ("https://docs.example.com/guide/x",)
    assert reading_of(other).links == reading_of(plain).links == ("https://docs.example.com/real/x",)


def test_a_query_is_written_in_the_encoding_of_its_page() -> None:
    """So do browsers on pages of old encodings, and the server expects it; paths are UTF-8 everywhere."""
    html = '<a href="/\u00b5?q=\u00b5&r=\u20ac\u0416#\u00b5">x</a><a href="/y?\u00b5">y</a><a href="/z?a=1">z</a>'
    old = read_links(html.encode("cp1252", "xmlcharrefreplace"), url="https://a.example/", charset="latin1")
    new = read_links(html.encode(), url="https://a.example/", charset="utf-8")

    assert old.links == (
        "https://a.example/%C2%B5?q=%B5&r=%80%26%231046%3B", "https://a.example/y?%B5", "https://a.example/z?a=1",
    )  # fmt: skip
    assert new.links[1:] == ("https://a.example/y?%C2%B5", "https://a.example/z?a=1")


def test_a_title_is_found_where_title_is_missing() -> None:
    """An untitled page is untitled in every list and search result."""
    assert reading_of("<meta property=og:title content=Open><h1>First</h1>").title == "Open"
    assert reading_of("<body><svg><title>icon</title></svg><h1>First  <b>one</b></h1>").title == "First one"


@pytest.mark.parametrize(
    ("html", "anchor"),
    [
        ("<h2 id=own>T</h2>", "own"),
        ("<h2><a name=inside></a>T</h2>", "inside"),
        ("<section id=box><h2>T</h2></section>", "box"),
        ("<div id=docbook><div class=titlepage><div><div><h2>T</h2></div></div></div><p>x</div>", "docbook"),
        ("<section id=box><p>before</p><h2>T</h2></section>", ""),
    ],
)
def test_a_heading_knows_the_anchor_that_leads_to_it(html: str, anchor: str) -> None:
    """A search result points into a page by it."""
    assert reading_of(f"<main>{html}</main>").headings == ((2, "T", anchor),)


def test_a_url_that_is_none_is_our_error() -> None:
    """Callers know one error of reading."""
    with pytest.raises(PageUnreadable):
        read_page(b"<p>x", url="not a url")


FRAGMENTS = st.sampled_from([
    "<p>", "<div>", "</div>", "<main>", "<pre>", "<code>", "<em>", "</em>", "<a href=x>", "<a href='#f'>",
    "<a href=' y '>", "</a>", "<table>", "<tr>", "<td colspan=3>", "<td rowspan=9>", "<th>", "</table>",
    "<ul>", "<li>", "<dl>", "<dt>",
    "<blockquote>", "<h1>", "<h2 id=x>", "<sup>", "<form>", "<svg>", "<math>", "<template>", "<base href=//x>", "<br>",
    "<div class=note>", "<div class='admonition tip'>", "<p class=admonition-title>", "<title>", "<select>", "text",
    "<img src=data:x>", "&lt;", "&nbsp;", "&#xd800;", "\x00", "\ue0f0NOTE\ue0f1", "\ue0f2", "```", "|",
    "*", "_", "\u2019",
])  # fmt: skip


@given(st.lists(FRAGMENTS | st.text(max_size=5), max_size=40).map(" ".join))
@example("<table><tr><td colspan=99999999999999999999>x")
@example("<table><tr><td rowspan='²'>x<tr><td>y")
def test_any_text_is_read_and_nothing_is_raised(html: str) -> None:
    """The web holds every kind of page; one must not end a crawl."""
    reading = read_page(html.encode(errors="surrogatepass"), url=URL)

    assert gzip.decompress(reading.markdown_gz).decode() == reading.markdown


@given(
    st.binary(max_size=300), st.none() | st.text(max_size=12) | st.sampled_from(["utf-16", "gbk", "replacement", "x"])
)
def test_any_bytes_in_any_charset_are_read(body: bytes, charset: str | None) -> None:
    """A header may name any charset, for any bytes."""
    assert read_page(body, url=URL, charset=charset).body_hash == hashlib.sha256(body).hexdigest()
