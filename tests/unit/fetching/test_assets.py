"""Files are recorded, not fetched."""

import pytest

from runnel.fetching.assets import asset_kind


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://h/manual.PDF?download=1", "document: .pdf"),
        ("https://h/a.b/logo.svg", "image: .svg"),
        ("https://h/v1.2.tar.gz", "archive: .gz"),
        ("https://h/page.html", None),
        ("https://h/release-1.2", None),
        ("https://h/.json", None),
        ("https://h/json/", None),
        ("https://h/?file=x.pdf", None),
    ],
)
def test_a_file_is_known_by_the_ending_of_its_path(url: str, kind: str | None) -> None:
    """A query, a folder or a version number must not cost a page."""
    assert asset_kind(url) == kind
