"""`llms.txt`: the links that a site lists for language models."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.errors import FetchFailed
from runnel.fetching.llms import parse_llms

URL = "https://h.example/llms.txt"

FILE = """\ufeff# The manual

> All of it. See <https://h.example/about?utm_source=llms>.

## Docs
- [Intro](https://h.example/docs/intro.md): how to begin
- [Again](/docs/intro.md#part "the same")
* [Spaces](<docs/b>) and [mail](mailto:a@h.example) and [none]()
- [Other](http://other.example/x)
"""


def test_every_link_of_the_list_is_found_once() -> None:
    """Absolute or not, with a title or in angle brackets; only what can be crawled."""
    links, is_cut = parse_llms(FILE.encode(), url=URL, most=10)

    assert links == (
        "https://h.example/about", "https://h.example/docs/intro.md", "https://h.example/docs/b",
        "http://other.example/x",
    )  # fmt: skip
    assert not is_cut
    assert parse_llms(FILE.encode(), url=URL, most=2) == (links[:2], True)


@pytest.mark.parametrize(
    "body",
    [b"<!doctype html><h1># x</h1><a href='[a](/b)'>x</a>", b"Not found.", b"# A title\n\nNo links.", b"", b"\xff\xfe"],
)
def test_what_is_no_list_is_refused(body: bytes) -> None:
    """Many sites answer anything with their home page, and 200."""
    with pytest.raises(FetchFailed):
        parse_llms(body, url=URL, most=10)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """It comes from outside."""
    for given_body in (body, b"# x\n" + body, b"# x\n[a](" * 20 + body):
        try:
            links, _ = parse_llms(given_body, url=URL, most=5)
        except FetchFailed:
            continue
        assert all(link.startswith(("http://", "https://")) for link in links)
