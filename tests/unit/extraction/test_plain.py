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
