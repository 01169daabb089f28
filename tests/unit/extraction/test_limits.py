"""What is refused unread: a page that no reader could have been meant for."""

import pytest

from runnel.errors import PageUnreadable
from runnel.extraction.limits import MAX_DEPTH, MAX_NODES
from runnel.extraction.reading import read_links, read_page


def nested(depth: int, deepest: bytes = b"<b>x") -> bytes:
    """A page whose elements lie so deep, html and body included, beside enough others to be looked at."""
    return b"<html><body>" + b"<p>x" * MAX_DEPTH + b"<div>" * (depth - 3) + deepest


@pytest.mark.parametrize("deepest", [b"<b>x", b"x<!-- --><b>x", b"x<br>x<b>x</b>x<br>"])
def test_a_page_is_read_down_to_the_deepest_element_that_browsers_make(deepest: bytes) -> None:
    """The bound itself is still a page; one more is none, whatever stands beside it."""
    assert read_page(nested(MAX_DEPTH, deepest), url="https://example.com/").words > 0
    for read in (read_page, read_links):
        with pytest.raises(PageUnreadable) as refused:
            read(nested(MAX_DEPTH + 1, deepest), url="https://example.com/")

        assert (refused.value.category, "512 deep" in refused.value.message) == ("too_large", True)


def test_a_page_of_too_many_tags_is_refused_before_it_is_parsed() -> None:
    """A tree takes some two hundred bytes a tag: it must not be made to be thrown away."""
    with pytest.raises(PageUnreadable) as refused:
        read_page(b"<p>" * (MAX_NODES + 1), url="https://example.com/")

    assert (refused.value.category, "1,000,000 tags" in refused.value.message) == ("too_large", True)
    assert read_links(b"<br>" * MAX_NODES, url="https://example.com/").links == ()
