"""Pages built like those of documentation products, in words of ours, beside what one would write by hand."""

from pathlib import Path

import pytest

from runnel.extraction.reading import read_page

PAGES = sorted((Path(__file__).resolve().parents[2] / "data" / "structures").glob("*.html"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_reads_as_if_written_by_hand(page: Path) -> None:
    """Their sidebars, tabs, notes, code boxes and marks are all built differently."""
    reading = read_page(page.read_bytes(), url=f"https://docs.example.com/docs/{page.name}")

    assert reading.markdown == page.with_suffix(".md").read_text(encoding="utf-8")


def test_all_are_there() -> None:
    """A lost page would be a test that cannot fail."""
    assert [page.stem for page in PAGES] == [
        "antora", "aws", "bookstack", "code_boxes", "confluence", "devsite", "discourse", "docsify", "docsy",
        "docusaurus", "fumadocs", "furo", "gitbook", "github", "justthedocs", "material", "mdn", "mintlify",
        "mslearn", "nextra", "notion", "readme_io", "readthedocs", "redoc", "sphinx_book", "starlight", "vitepress",
        "wordpress", "zendesk",
    ]  # fmt: skip
