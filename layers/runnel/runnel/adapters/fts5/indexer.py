"""Index segments as SQLite files with an FTS5 table, packed; made in memory, in a thread.

* `chunks` has a row for each chunk of each page: the page's id, the chunk's place in it and its id. The text itself is
  not stored: it is the page's object, split again by the same rule.
* `texts` has the words: of the headings above a chunk, of the chunk but for where its links lead, and the parts of its
  names (`readTimeout` is found by `timeout` too; the tokenizer parts `snake_case` and dotted names). BM25 ranks them.
* Equal pages make equal bytes with equal versions of SQLite; the key of a segment does not depend on its bytes.
"""

import asyncio
import re
import sqlite3
import string
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from runnel.errors import PageNotFound
from runnel.extraction.chunks import split_chunks
from runnel.ports.indexer import IndexedPage

_CHUNKS: Final = (
    "CREATE TABLE chunks (id INTEGER PRIMARY KEY, page_id TEXT NOT NULL, place INTEGER NOT NULL, chunk_id TEXT)"
)
# content='': the words only. The headings stand before the text, so that they can be weighed by column.
_TEXTS: Final = """
CREATE VIRTUAL TABLE texts USING fts5(path, body, parts, content='', tokenize="unicode61 remove_diacritics 2")
"""
#: Nothing is taken back, and wide pages are fewer to make.
_LAYOUT: Final = ("PRAGMA page_size = 32768", "PRAGMA journal_mode = OFF")
_WIDE: Final = "INSERT INTO texts (texts, rank) VALUES ('pgsz', 32000)"
#: All words are held until the end and written once: in parts they would be merged, again and again.
_IN_ONE: Final = "INSERT INTO texts (texts, rank) VALUES ('hashsize', 4194304)"
_ADD_CHUNK: Final = "INSERT INTO chunks VALUES (?, ?, ?, ?)"
_ADD_TEXT: Final = "INSERT INTO texts (rowid, path, body, parts) VALUES (?, ?, ?, ?)"
_CHECK: Final = "PRAGMA quick_check(1)"
#: The capital with which the next word of a name begins: one that must be a capital first of all is found at the speed
#: of a search.
_SEAM: Final = re.compile(r"[A-Z](?:(?<=[a-z0-9][A-Z])|(?<=[A-Z][A-Z])(?=[a-z]))")
#: Where a link leads is no word of its page; on an index page it is most of what stands there.
_TARGET: Final = re.compile(r"\]\(<?(?:https?|mailto):[^)\s>]*")
_NAME: Final = re.compile(r"[A-Za-z0-9]+")
_WORDS_OF: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
_OF_NAMES: Final = frozenset(string.ascii_letters + string.digits)
#: Lists of places repeat little: to look for runs alone halves the time and leaves a tenth more.
_LEVEL: Final = 1
_GZIP: Final = 31


class Fts5Indexer:
    """`Indexer` over the SQLite of this process."""

    async def build(self, pages: Sequence[IndexedPage]) -> bytes:
        return await asyncio.to_thread(build_segment, pages)

    async def is_whole(self, segment: bytes) -> bool:
        return await asyncio.to_thread(is_segment, segment)


def build_segment(pages: Sequence[IndexedPage]) -> bytes:
    """Make a segment; blocks."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for statement in _LAYOUT:
            connection.execute(statement)
        connection.execute("BEGIN")
        connection.execute(_CHUNKS)
        connection.execute(_TEXTS)
        connection.execute(_IN_ONE)
        connection.execute(_WIDE)
        chunks: list[tuple[int, str, int, str]] = []
        connection.executemany(_ADD_TEXT, _texts(pages, chunks))
        connection.executemany(_ADD_CHUNK, chunks)
        connection.execute("COMMIT")
        return _pack(connection.serialize())
    finally:
        connection.close()


def _pack(body: bytes) -> bytes:
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    return packer.compress(body) + packer.flush()


def open_segment(segment: bytes) -> sqlite3.Connection:
    """A segment, to be searched; raises `zlib.error` and `sqlite3.Error` when it is damaged."""
    body = zlib.decompress(segment, _GZIP)
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        connection.deserialize(body)
    except BaseException:
        connection.close()
        raise
    return connection


def name_parts(text: str) -> str:
    """The words of the names in *text* that are several words in one."""
    parts: list[str] = []
    end = 0
    for seam in _SEAM.finditer(text):
        start = seam.start()
        if start < end:
            continue  # the name that was taken has more seams than one
        while start > end and text[start - 1] in _OF_NAMES:
            start -= 1
        name = _NAME.match(text, start)
        assert name is not None  # noqa: S101  # it begins with a letter or a digit
        end = name.end()
        parts.append(_words_of(name[0]))
    return " ".join(parts)


@lru_cache(maxsize=4_096)
def _words_of(name: str) -> str:
    return " ".join(_WORDS_OF.findall(name))


def _texts(
    pages: Sequence[IndexedPage], chunks: list[tuple[int, str, int, str]]
) -> Iterator[tuple[int, str, str, str]]:
    """The words of each chunk, whose row is put on *chunks*."""
    for page in pages:
        for place, chunk in enumerate(split_chunks(_markdown(page), (), url=page.url)):
            number = len(chunks) + 1
            chunks.append((number, page.page_id, place, chunk.chunk_id))
            text = _TARGET.sub("](", chunk.text)
            yield number, " / ".join(chunk.path), text, name_parts(text)


def _markdown(page: IndexedPage) -> str:
    try:
        return zlib.decompress(page.markdown_gz, _GZIP).decode()
    except (zlib.error, UnicodeDecodeError) as damaged:
        raise PageNotFound(f"The Markdown of {page.url} is damaged.") from damaged


def is_segment(segment: bytes) -> bool:
    """Whether these bytes can be searched; blocks."""
    try:
        connection = open_segment(segment)
    except (zlib.error, sqlite3.Error):
        return False
    try:
        return bool(connection.execute(_CHECK).fetchone()[0] == "ok")
    except sqlite3.Error:
        return False
    finally:
        connection.close()
