"""Pages built to be dear: their cost must stay in proportion to their size."""

import pytest

from runnel.errors import PageUnreadable
from runnel.extraction.reading import read_page


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 50_000 + "x",
        "<ul><li>" * 5_000 + "x",
        "<b><i>" * 10_000 + "x",
        "<table><tr><td>" * 3_000 + "<pre>x",
        "<table>" + "<tr><td colspan=1000 rowspan=1000>x" * 2_000,
        "<table><tr>" + "<td>x" * 3_000 + "<tr><td>y" * 3_000,
        "<table>" + "<tr><td><pre>x</pre>" * 3_000,
        "<h2><a href='#x'>#</a>x</h2>" * 3_000,
        "<div class=note>" * 3_000 + "x",
        "<em>\u2018x\u2019</em>" * 5_000,
        "<a href=x>" * 20_000,
        "<form>x</form>" * 5_000,
        "<p>\xa0" * 20_000,
    ],
    ids=range(13),
)
def test_a_hostile_page_is_read_in_bounds(html: str) -> None:
    """The time-out of the test is the bound: a quadratic step would take minutes here."""
    category, size = "", 0
    try:
        size = len(read_page(html.encode(), url="https://example.com/").markdown)
    except PageUnreadable as refused:
        category = refused.category

    assert category in ("", "too_large")
    assert size < 50 * len(html)
