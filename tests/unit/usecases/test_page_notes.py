"""What the log keeps of a page."""

import pytest

from runnel.domain.payloads import FetchedPage
from runnel.usecases.page_notes import noindex_rule


@pytest.mark.parametrize(("robots_tag", "rule"), [(True, "X-Robots-Tag: noindex"), (False, "noindex")])
def test_the_rule_says_where_a_page_asks_not_to_be_kept(robots_tag: bool, rule: str) -> None:  # noqa: FBT001
    """The header is where nobody looks."""
    page = FetchedPage(
        final_url="https://h/", status=200, content_type="text/html", charset=None, raw=None, body_hash="",
        content_length=0, fetched_at="", noindex=True, robots_tag=robots_tag,
    )  # fmt: skip

    assert noindex_rule(page) == rule
