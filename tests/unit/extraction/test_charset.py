"""The encoding of a page is found as a browser finds it."""

import pytest

from runnel.extraction.reading import read_page

URL = "https://example.com/"


@pytest.mark.parametrize(
    ("body", "charset", "expected"),
    [
        (b"<p>\xe4", "latin1", "ä"),
        (b"<p>\x80", "ISO-8859-1", "€"),  # the standard's latin1 is windows-1252
        (b"\xef\xbb\xbf<p>\xc3\xa4", "latin1", "ä"),  # the mark outranks the header
        (b"<meta charset=koi8-r><p>\xc1", None, "\N{CYRILLIC SMALL LETTER A}"),
        (b"<meta charset=koi8-r><p>\xc3\xa4", "utf-8", "ä"),  # the header outranks the page
        (b"<meta charset=koi8-r><p>\xc1", "no-such-charset", "\N{CYRILLIC SMALL LETTER A}"),
        (b"<p>\xc3\xa4", None, "ä"),
        (b"<p>\xe4 b", None, "ä b"),
        (b"<p>\xc3\xa4", '"UTF-8"', "ä"),
    ],
)
def test_the_order_of_the_standard_decides(body: bytes, charset: str | None, expected: str) -> None:
    """A wrong guess makes a page of noise that looks like a success."""
    assert read_page(body, url=URL, charset=charset).markdown.strip() == expected
