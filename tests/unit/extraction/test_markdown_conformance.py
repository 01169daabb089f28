"""Our Markdown, rendered by another program, says what the page said: CommonMark's examples, Turndown's cases."""

from typing import Any

import pytest

from runnel.extraction.reading import read_page
from tests.support.conformance import conformance_rows
from tests.support.markdown_structure import structure_of_html, structure_of_markdown

URL = "https://base.example/dir/page"

#: Rows where we differ, each with its reason.
OTHER_COMMONMARK = {
    "CM148": "a table that holds code is opened, for no cell of pipes can",
    "CM193": "the table is empty once the parser has moved the code out of it, and nothing is left of it",
}
OTHER_TURNDOWN = {
    "TD057": "Turndown takes a `pre` without `code` for text; documentation means code",
}


def markdown_of(html: str) -> str:
    return read_page(f"<!doctype html><meta charset=utf-8><main>{html}</main>".encode(), url=URL).markdown


def different(rows: list[dict[str, Any]], known: dict[str, str], *, expects_markdown: bool) -> dict[str, str]:
    """Return the Markdown of the rows whose structure got lost, but for the known ones."""
    wrong = {}
    for row in rows:
        markdown = markdown_of(row["html"])
        expected = (
            structure_of_markdown(row["expected"], url=URL)
            if expects_markdown
            else structure_of_html(row["html"], url=URL)
        )
        if structure_of_markdown(markdown, url=URL) != expected and row["id"] not in known:
            wrong[row["id"]] = markdown
    return wrong


def test_the_examples_of_commonmark_survive_the_round_trip() -> None:
    """Each is a corner of the syntax where escaping goes wrong."""
    assert (
        different(conformance_rows("html2md/commonmark_examples.jsonl"), OTHER_COMMONMARK, expects_markdown=False) == {}
    )


def test_what_turndown_expects_is_what_we_say() -> None:
    """Dialects are questions of style: only rows of meaning count."""
    rows = [row for row in conformance_rows("html2md/turndown_cases.jsonl") if row["tier"] == "semantic"]

    assert different(rows, OTHER_TURNDOWN, expects_markdown=True) == {}


@pytest.mark.parametrize("html", ["<p><img></p>", "<pre></pre>", "<pre>\n\n</pre>", "<p><a href=x></a></p>"])
def test_what_shows_nothing_leaves_nothing(html: str) -> None:
    """An empty fence or image is noise."""
    assert markdown_of(html) == ""
