"""Which pages an address of Markdown may belong to (llmstxt.org, and what its followers write)."""

import pytest

from runnel.domain.markdown_twins import is_markdown_name, pages_of_twin

_SITE = "https://a.example"


@pytest.mark.parametrize(
    ("twin", "pages"),
    [
        ("/x.md", ("/x", "/x.html", "/x/", "/x.htm")),
        ("/x.html.md", ("/x.html",)),
        ("/x.htm.md", ("/x.htm",)),
        ("/d/index.html.md", ("/d/", "/d", "/d/index.html", "/d/index.htm", "/d/index")),
        ("/d/index.md", ("/d/", "/d", "/d/index.html", "/d/index.htm", "/d/index")),
        ("/d/.md", ()),
        ("/x", ()),
        ("/x.md?raw=1", ()),
        ("/x.MD", ()),
    ],
)
def test_the_likeliest_page_comes_first(twin: str, pages: tuple[str, ...]) -> None:
    """An address decides nothing by itself: the texts are compared."""
    assert pages_of_twin(f"{_SITE}{twin}") == tuple(f"{_SITE}{page}" for page in pages)


def test_names_of_markdown_files() -> None:
    """Servers that know no type for them send text."""
    assert is_markdown_name(f"{_SITE}/README.MD?raw=1")
    assert is_markdown_name(f"{_SITE}/a.markdown")
    assert is_markdown_name(f"{_SITE}/docs/llms.txt")
    assert not is_markdown_name(f"{_SITE}/a.md/")
