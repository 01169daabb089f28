"""Pages that are text already are kept, not parsed as HTML."""

import gzip

from hypothesis import given
from hypothesis import strategies as st

from runnel.extraction.plain import read_plain

URL = "https://docs.example/notes/CHANGES.txt"


def test_markdown_is_kept_as_it_is() -> None:
    """A site that offers Markdown has written what we would have to guess."""
    text = "# Title #\n\n<b>not a tag</b> `a<b>`\n"
    reading = read_plain(text.encode(), url=URL, content_type="text/markdown", charset=None)

    assert reading.markdown == text
    assert reading.title == "Title"
    assert gzip.decompress(reading.markdown_gz).decode() == text


def test_markdown_tells_its_title_and_its_links() -> None:
    """Comments of code are no titles, images lead nowhere, and what nobody sees goes."""
    text = """---
title: 'From the front'
---
```sh
# no title
[no](no.md)
```
See [one](one.md#part), ![image](image.png), <https://b.example/two>, [three][3] and `[no](no.md)`.
<!-- gone --><a href="four">four</a> [mail](mailto:a@b.example)

[3]: ../three "Three"
"""
    reading = read_plain(
        text.encode(), url="https://docs.example/notes/x.md", content_type="text/markdown", charset=None
    )
    titled = read_plain(
        b"---\ntitle: T\n---\n## Part\n\n# Whole #\n", url=URL, content_type="text/markdown", charset=None
    )

    assert (reading.title, titled.title) == ("From the front", "Whole")
    assert reading.links == (
        "https://docs.example/notes/one.md",
        "https://b.example/two",
        "https://docs.example/notes/four",
        "https://docs.example/three",
    )
    assert "(https://docs.example/notes/one.md#part)" in reading.markdown
    assert "gone" not in reading.markdown
    assert "title:" not in reading.markdown


def test_markdown_that_cannot_be_cleaned_stays_as_it_is() -> None:
    """It is what the page says; a comment without an end hides the rest from nobody who reads it."""
    for text in ("# A\n\n<!-- no end [x](y)\n", "# A\n\n<script>x</script> [x](y)\n"):
        assert read_plain(text.encode(), url=URL, content_type="text/markdown", charset=None).markdown == text
    broken = read_plain(b"# A\n\n[x](y)\n", url="no address", content_type="text/markdown", charset=None)

    assert (broken.markdown, broken.title) == ("# A\n\n[x](y)\n", "A")


def test_plain_text_stands_in_a_fence_that_it_cannot_leave() -> None:
    """Text that looks like Markdown must come out as text."""
    reading = read_plain(b"# no heading\n````\nend", url=URL, content_type="text/plain", charset="latin-1")

    assert reading.markdown == "`````text\n# no heading\n````\nend\n`````\n"
    assert reading.title == "CHANGES.txt"


@given(body=st.binary(max_size=200), charset=st.sampled_from([None, "utf-8", "shift_jis", "no-such", "rot13"]))
def test_any_bytes_give_a_reading(body: bytes, charset: str | None) -> None:
    """A page costs at most itself."""
    reading = read_plain(body, url=URL, content_type="text/plain", charset=charset)

    assert reading.markdown.startswith("```")
