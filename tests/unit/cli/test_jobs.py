"""What the lists of the command line show of a URL."""

from types import SimpleNamespace
from typing import Any

import pytest

from runnel.cli.jobs import _url_row


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (
            {"reason": "asset", "content_type": "application/pdf", "content_length": 1_234},
            "asset (application/pdf, 1,234 bytes)",
        ),
        ({"reason": "asset", "content_type": "application/pdf", "content_length": None}, "asset (application/pdf)"),
        ({"reason": "asset"}, "asset"),
        ({"error": {"category": "timeout"}}, "timeout"),
        ({}, None),
    ],
)
def test_a_file_is_shown_with_its_type_and_size(told: dict[str, Any], why: str | None) -> None:
    """As far as they are known; a server of an earlier version tells neither."""
    url = {"url": "https://a.example/x", "verdict": "skipped", "reason": None, "error": None, **told}
    call: Any = SimpleNamespace(wants_json=False)

    assert _url_row(call, url)["why"] == why
