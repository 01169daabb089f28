"""What makes index segments: the same from the same pages, and searchable."""

import gzip
import sqlite3
from contextlib import closing

import pytest

from runnel.adapters.fts5.indexer import Fts5Indexer, name_parts, open_segment
from runnel.errors import PageNotFound
from runnel.extraction.chunks import split_chunks
from runnel.ports.indexer import IndexedPage

TEXTS = {
    "a": "# Setting up\n\nCall `readTimeout` before max_wait_time runs out; see os.path.join.\n",
    "c": "# Links\n\n[The guide](https://docs.example.com/innerPart/x.html#frag) [mail](mailto:somebody@example.com)\n",
    "b": "# Größe\n\nThe **size** of a bün.\n\n## Limits\n\n" + "many words " * 400,
}


def page(name: str) -> IndexedPage:
    url = f"https://docs.example.com/{name}"
    return IndexedPage(name, url, gzip.compress(TEXTS[name].encode(), mtime=0))


def found(connection: sqlite3.Connection, query: str) -> list[str]:
    rows = connection.execute(
        "SELECT page_id FROM texts JOIN chunks ON chunks.id = texts.rowid WHERE texts MATCH ? ORDER BY bm25(texts)",
        (query,),
    )
    return [row[0] for row in rows]


async def test_equal_pages_make_equal_bytes_that_are_whole() -> None:
    """Whoever makes a segment makes the same; what was cut or changed is not taken for one."""
    indexer = Fts5Indexer()
    segment = await indexer.build([page("a"), page("b")])

    assert segment == await indexer.build([page("a"), page("b")])
    assert await indexer.is_whole(segment)
    for damaged in (b"", segment[:-20], gzip.compress(b"nonsense" * 1_000)):
        assert not await indexer.is_whole(damaged)


@pytest.mark.parametrize(
    ("query", "pages"),
    [
        ("readtimeout", ["a"]),
        ("timeout", ["a"]),
        ("wait", ["a"]),
        ('"os path join"', ["a"]),
        ("grosse OR größe", ["b"]),
        ("bun", ["b"]),
        ("path: limits", ["b"]),
        ("guide", ["c"]),
        ("frag OR html OR inner OR somebody", []),
        ("absent", []),
    ],
)
async def test_words_names_and_headings_are_found(query: str, pages: list[str]) -> None:
    """Names of programs by each of their words, in any case and with or without accents."""
    with closing(open_segment(await Fts5Indexer().build([page(name) for name in TEXTS]))) as connection:
        assert sorted(set(found(connection, query))) == pages


async def test_each_chunk_is_named_so_that_its_text_can_be_found() -> None:
    """The segment holds no text: page, place and id lead to it."""
    with closing(open_segment(await Fts5Indexer().build([page("b")]))) as connection:
        rows = connection.execute("SELECT page_id, place, chunk_id FROM chunks").fetchall()
    chunks = split_chunks(TEXTS["b"], (), url="https://docs.example.com/b")

    assert rows == [("b", place, chunk.chunk_id) for place, chunk in enumerate(chunks)]


async def test_a_page_that_cannot_be_read_is_said() -> None:
    """A segment without it would hide it."""
    with pytest.raises(PageNotFound):
        await Fts5Indexer().build([IndexedPage("x", "https://docs.example.com/x", b"nonsense")])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("readTimeout", "read Timeout"),
        ("an HTTPServer here", "HTTP Server"),
        ("aB cD", "a B c D"),
        ("éfooBar", "foo Bar"),
        ("plain words, snake_case and CAPITALS", ""),
    ],
)
def test_a_name_of_several_words_is_parted(text: str, parts: str) -> None:
    """Everything else the tokenizer parts by itself."""
    assert name_parts(text) == parts
