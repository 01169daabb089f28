"""What makes index segments: the same from the same pages, and searchable."""

import gzip
from contextlib import closing

import pytest

from runnel.adapters.fts5.indexer import Fts5Indexer, name_parts, open_segment
from runnel.errors import PageNotFound
from runnel.extraction.chunks import split_chunks
from runnel.ports.indexer import IndexedPage
from tests.support.segments import find

TEXTS = {
    "a": "# Setting up\n\nCall `readTimeout` before max_wait_time runs out; see os.path.join.\n",
    "c": "# Links\n\n[The guide](https://docs.example.com/innerPart/x.html#frag) [mail](mailto:somebody@example.com)\n",
    "b": "# Größe\n\nThe **size** of a bün.\n\n## Limits\n\n" + "many words " * 400,
}


def page(name: str) -> IndexedPage:
    url = f"https://docs.example.com/{name}"
    return IndexedPage(name, url, gzip.compress(TEXTS[name].encode(), mtime=0))


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
        assert sorted({page_id for _, page_id in find(connection, query)}) == pages


async def test_page_and_place_of_each_chunk_are_found() -> None:
    """The segment holds no text: page and place lead to it. A page without a word has a number all the same."""
    pages = [page("b"), IndexedPage("x", "https://docs.example.com/x", gzip.compress(b"\n", mtime=0)), page("a")]
    with closing(open_segment(await Fts5Indexer().build(pages))) as connection:
        texts = find(connection, "many OR size OR readtimeout")
        firsts = {page_id: first for first, page_id in connection.execute("SELECT first, page_id FROM pages")}
    chunks = len(split_chunks(TEXTS["b"].encode()))

    assert chunks > 1
    assert [(page_id, number - firsts[page_id]) for number, page_id in sorted(texts)] == [
        *(("b", place) for place in range(chunks)),
        ("a", 0),
    ]


async def test_a_segment_that_was_packed_is_opened_too() -> None:
    """Segments of before are."""
    indexer = Fts5Indexer()
    segment = gzip.compress(gzip.decompress(await indexer.build([page("a")])))

    assert await indexer.is_whole(segment)


async def test_a_small_segment_is_small() -> None:
    """A library's crawls leave eight of them at most, beside each other."""
    assert len(await Fts5Indexer().build([page("a")])) < 20_000


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
        ("v2Beta and HTTP2", "v2 Beta"),
        ("twoThings fourMoreThings", "two Things four More Things"),
        ("plain words, snake_case and CAPITALS", ""),
    ],
)
def test_a_name_of_several_words_is_parted(text: str, parts: str) -> None:
    """Everything else the tokenizer parts by itself."""
    assert name_parts(text.encode()) == parts.encode()
