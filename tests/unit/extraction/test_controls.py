"""Nothing that a page says acts on the terminal that prints it, or stands in a list without end."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.extraction.controls import LONGEST_LINE, drop_controls, short_line
from runnel.extraction.headings import MOST_HEADINGS
from runnel.extraction.markdown_twin import adopt_twin
from runnel.extraction.page import PageReading
from runnel.extraction.plain import read_plain
from runnel.extraction.reading import read_page

#: Clears the screen, names the window, begins a colour in one character of C1, rings, and goes back.
EVIL = "a\x1b[2Jb\x1b]0;evil\x07c\x9b31md\x08\x7f"
WORDS = " ".join(f"word{n}" for n in range(40))


def controls(text: str) -> list[str]:
    return [char for char in text if unicodedata.category(char) == "Cc" and char not in "\t\n"]


def reading_of(html: str) -> PageReading:
    return read_page(html.encode(), url="https://h/")


@given(st.text())
def test_no_control_character_is_left_and_all_else_stays(text: str) -> None:
    """The law, for any text."""
    kept = drop_controls(text.encode("utf-8", "replace")).decode()

    assert not controls(kept)
    assert kept == "".join(char for char in text.encode("utf-8", "replace").decode() if not controls(char))


@given(st.text())
def test_a_line_is_short_and_of_one_line(text: str) -> None:
    """It stands in lists, front matter and link texts."""
    line = short_line(text)

    assert not controls(line)
    assert len(line) <= LONGEST_LINE
    assert "\n" not in line


def test_a_page_of_html_keeps_none() -> None:
    """In text, code, title, headings and description; written out or as references."""
    page = reading_of(
        f'<html lang="e\x1b"><title>{EVIL}&#27;[0m</title><meta name=description content="{EVIL}">'
        f"<main><h1>{EVIL}</h1><p>{EVIL} {WORDS} &#8;&#27;[2J</p><pre>\tx = 1\n{EVIL}</pre>"
    )

    assert "\tx = 1\n" in page.markdown
    assert not controls("".join([page.markdown, page.title, page.description, page.lang, page.headings[0][1]]))


@pytest.mark.parametrize("kind", ["text/plain", "text/markdown"])
def test_a_page_of_text_keeps_none(kind: str) -> None:
    """The ends of lines of an old Mac are none; a page break of an RFC is."""
    page = read_plain(f"# {EVIL}\r{EVIL}\f{WORDS}".encode(), url="https://h/a", content_type=kind, charset=None)

    assert not controls(page.markdown + page.title)
    assert page.markdown.count("\n") >= 2


def test_a_twin_keeps_none() -> None:
    """The site's own Markdown is as strange as its HTML."""
    page = adopt_twin(reading_of(f"<main><p>{WORDS}"), f"{WORDS} {EVIL}".encode(), url="https://h/a.md")

    assert page is not None
    assert WORDS in page.markdown
    assert not controls(page.markdown)


def test_titles_and_headings_without_end_are_cut() -> None:
    """Megabytes of them would stand in every list of the library's pages."""
    page = reading_of(f"<title>{'T ' * 9000}</title><main><h1>{'H' * 9000}</h1>{'<h2>h</h2>' * 9000}<p>{WORDS}")

    assert len(page.title) == len(page.headings[0][1]) == LONGEST_LINE
    assert len(page.headings) == MOST_HEADINGS


def test_a_language_that_breaks_out_of_its_fence_is_none() -> None:
    """It stands behind the fence, where a new line would end it."""
    evil = "js&#10;```&#10;# injected"

    assert "```\ncode\n```" in reading_of(f'<main><pre data-lang="{evil}">code</pre><p>{WORDS}').markdown
    assert "```\ncode\n```" in reading_of(f'<main><pre class="language-{"x" * 99}">code</pre><p>{WORDS}').markdown


def test_a_number_of_many_digits_is_no_line_number() -> None:
    """Python refuses to read it, which cost the page."""
    digits = "9" * 5000

    assert digits in reading_of(f"<main><table><tr><td><pre>{digits}</pre><td><pre>x</pre></table><p>{WORDS}").markdown
