"""Links between pages lead to their files, and nothing else is touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.streaming.local_links import LocalPage, anchors_of, rewrite_links

BASE = "https://docs.example.com"
PAGES = {
    f"{BASE}/guide/a.html": LocalPage(path="guide/a.md", anchors={"sec1": "first-section"}),
    f"{BASE}/api/b (1).html": LocalPage(path="api/b (1).md"),
    f"{BASE}/": LocalPage(path="index.md"),
}


def rewrite(markdown: str, path: str = "guide/c.md") -> str:
    return rewrite_links(markdown, path, PAGES.get)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"see [a]({BASE}/guide/a.html).", "see [a](a.md)."),
        (f"[a]({BASE}/guide/a.html#sec1)", "[a](a.md#first-section)"),
        (f"[a]({BASE}/guide/a.html#other)", "[a](a.md#other)"),
        (f'[a]({BASE}/guide/a.html "A title")', '[a](a.md "A title")'),
        (f"[b](<{BASE}/api/b (1).html>)", "[b](../api/b%20%281%29.md)"),
        (f"[home]({BASE}/)", "[home](../index.md)"),
        (f"![a]({BASE}/guide/a.html)", "![a](a.md)"),
        (f"[x]({BASE}/else.html)", f"[x]({BASE}/else.html)"),
        (f"`[a]({BASE}/guide/a.html)`", f"`[a]({BASE}/guide/a.html)`"),
        (f"``[a]({BASE}/guide/a.html)` ``", f"``[a]({BASE}/guide/a.html)` ``"),
        (f"```\n[a]({BASE}/guide/a.html)\n```\n", f"```\n[a]({BASE}/guide/a.html)\n```\n"),
        (f"```\n[a]({BASE}/guide/a.html)", "```\n[a](a.md)"),
        (f"text {BASE}/guide/a.html", f"text {BASE}/guide/a.html"),
    ],
)  # fmt: skip
def test_only_targets_of_links_to_known_pages_change(before: str, after: str) -> None:
    """Code is what people copy; an address in the text is text."""
    assert rewrite(before) == after


def test_a_link_after_code_is_rewritten_too() -> None:
    """What is passed over ends where it ends."""
    text = f"`a` ``` and\n\n~~~~\n```\n~~~~\n[a]({BASE}/guide/a.html) `b` [a]({BASE}/guide/a.html)"

    assert rewrite(text).count("](a.md)") == 2


@given(st.text(alphabet="`~[](<>)\n #ahtps:/", max_size=200))
def test_any_text_without_a_known_address_stays_as_it_is(text: str) -> None:
    """Whatever a page says."""
    assert rewrite(text) == text


def test_anchors_are_those_of_markdown_viewers() -> None:
    """Lower case, no punctuation, dashes; doubles are counted."""
    headings = [("a", "Getting started!"), ("b", "API: `foo_bar`"), ("c", "Getting Started"), ("", "No anchor")]

    assert anchors_of(headings) == {"a": "getting-started", "b": "api-foo_bar", "c": "getting-started-1"}
