"""No-break spaces: spaces in prose, themselves in code, whichever way they are replaced."""

import pytest

from runnel.extraction import markdown
from runnel.extraction.reading import read_page

URL = "https://docs.example.com/"


def markdown_of(html: str) -> str:
    return read_page(f"<main>{html}</main>".encode(), url=URL).markdown.strip("\n")


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<h2>Chapter\xa05.\xa0Data</h2>", "## Chapter 5. Data"),
        ("<p>see\xa0<code>x</code>, page\xa05", "see `x`, page 5"),
        ("<p>1.\xa0no list", "1\\. no list"),
        ("<p>a \xa0 b\xa0", "a b"),
        ("<p><strong>Date:\xa0</strong>today", "**Date:** today"),
        ("<p><em>5.\xa0x</em> a<em>b\xa0c</em>d", "*5. x* a*b c*d"),
        ("<p>a\xa0b<pre>c\xa0d</pre>", "a b\n\n```\nc\xa0d\n```"),
        ("<p>a\xa0b<p>the text &amp;#160;", "a b\n\nthe text \\&#160;"),
        ("<p>a\xa0b<table><tr><td>c\xa0d<td>e<tr><td>f</table>", "a b\n\n| c d | e |\n| --- | --- |\n| f |  |"),
    ],
)
def test_no_break_spaces_are_spaces_in_prose(html: str, expected: str) -> None:
    """They are invisible, break searches, and turn a page's emphasis into HTML."""
    assert markdown_of(html) == expected


@pytest.mark.parametrize(
    "text", ["5.\xa0x", "a\xa0b", "-\xa0x", "x\xa0-\xa0y", "(a)\xa0b", "#\xa0x", "a_\xa0b", "1.\xa02.\xa0x"]
)
def test_the_short_way_says_what_the_long_way_says(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replacing in the Markdown is only for speed."""
    html = f"<p>{text}<ul><li>{text}</ul><blockquote>{text}</blockquote><h2>{text}</h2>"
    short = markdown_of(html)
    monkeypatch.setattr(markdown, "are_between_words", lambda _text: False)

    assert short == markdown_of(html)
