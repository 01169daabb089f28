"""Emphasis comes out as Markdown wherever CommonMark reads it, in any script, and as text elsewhere."""

import pytest
from markdown_it import MarkdownIt

from runnel.extraction.emphasis import write_emphasis
from runnel.extraction.reading import read_page


def markdown_of(html: str) -> str:
    page = f"<!doctype html><body><main>{html}</main>"
    return read_page(page.encode(), url="https://docs.example.com/a").markdown.rstrip("\n")


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>la <strong>clé</strong> et <em>été</em></p>", "la **clé** et *été*"),
        ("<p>这是<b>粗体</b>文字</p>", "这是**粗体**文字"),
        ("<p>a <strong><em>é</em></strong> b</p>", "a ***é*** b"),
        ("<p><em>é</em><strong>b</strong></p>", "*é*__b__"),
        ("<p>é<em>a</em><em>é</em></p>", "é*a*_é_"),
        ("<p>x <b>é </b>y <i> é</i></p>", "x **é** y *é*"),
        ("<dl><dt>f(<em>*k</em>, <em>a</em>)<dd>It runs.</dl>", "**f(*\\*k*, *a*)**\n\nIt runs."),
        ("<h2><em>É</em></h2>", "## *É*"),
        ("<table><tr><th>a<th><b>é</b><tr><td>1<td>2</table>", "| a | **é** |\n| --- | --- |\n| 1 | 2 |"),
        ("<p><b><a href=x>é</a></b>é</p>", "[é](https://docs.example.com/x)é"),
    ],
)
def test_letters_of_any_script_are_emphasised(html: str, expected: str) -> None:
    """One accent at an edge made the whole paragraph HTML."""
    assert markdown_of(html) == expected


@pytest.mark.parametrize("html", ["a<strong>(b)</strong>c", "<strong>5</strong>é", "文<b>“引”</b>文", "x <b>y.</b>Z é"])
def test_what_would_not_be_read_back_is_text(html: str) -> None:
    """Asterisks that a reader sees are worse than no emphasis; the words are the same."""
    rendered = MarkdownIt("commonmark").render(markdown_of(f"<p>{html} <i>é</i></p>"))
    expected = html.replace("<strong>", "").replace("</strong>", "").replace("<b>", "").replace("</b>", "")

    assert "*" not in rendered
    assert rendered.replace("<strong>", "").replace("</strong>", "") == f"<p>{expected} <em>é</em></p>\n"


@pytest.mark.parametrize(
    "html",
    ["<pre>&lt;em&gt;a&lt;/em&gt;\n\n&lt;em&gt;é</pre>", "<ul><li>x<pre>&lt;strong&gt;é\n\n&lt;/strong&gt;</pre></ul>"],
)
def test_code_keeps_its_tags(html: str) -> None:
    """A page about HTML shows HTML."""
    said = markdown_of(f"<p>É <b>é</b> <code>&lt;em&gt;é&lt;/em&gt;</code> &lt;em&gt;</p>{html}<p><b>é</b></p>")
    code = next(token for token in MarkdownIt("commonmark").parse(said) if token.type == "fence").content

    assert said.startswith("É **é** `<em>é</em>` \\<em>")
    assert said.endswith("**é**")
    assert code.replace("<", "&lt;").replace(">", "&gt;").strip("\n") in html


def test_emphasis_within_emphasis_keeps_what_it_needs() -> None:
    """CommonMark reads no `__` between letters."""
    said = markdown_of("<p>foo<strong><strong><strong>bar</strong></strong></strong>baz</p>")

    assert "bar" in MarkdownIt("commonmark").render(said)
    assert "_" not in MarkdownIt("commonmark").render(said)


def test_a_line_break_stays_within() -> None:
    """It is one emphasis over two lines."""
    assert markdown_of("<p><b>é<br>é</b></p>") == "**é  \né**"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("a <em>é</em><em>b</em> c", "a *éb* c"),
        ("a <em>é</em><strong>b</strong> c", "a *é***b** c"),
        ("a <em>é", "a é"),
        ("a </em> é <em>b</em>", "a  é *b*"),
        ("a <em></em>é <em>b</em>", "a é *b*"),
        ("<table><tr><td><em>é</em></table>", "<table><tr><td><em>é</em></table>"),
        ("<strong>", ""),
        ("a <em> é</em>b <strong>c </strong>d", "a *é*b **c** d"),
        ("foo<strong>__**bar**__</strong>baz", "foo<strong>__**bar**__</strong>baz"),
    ],
)
def test_whatever_the_renderer_wrote_no_asterisk_is_seen(written: str, expected: str) -> None:
    """Pieces that meet become one, a tag without its partner goes; tables in HTML stay as they are."""
    assert write_emphasis(written) == expected
