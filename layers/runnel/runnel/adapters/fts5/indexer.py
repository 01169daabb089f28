"""Index segments as SQLite files with an FTS5 table, stored as gzip does (docs/adr/0035); made in memory, in a thread.

* `texts` has a row for each chunk of each page, numbered on through the pages, with its words: of the headings above
  it, of itself but for where its links lead, and the parts of its names (`readTimeout` is found by `timeout` too; the
  tokenizer parts `snake_case` and dotted names). BM25 ranks them.
* `pages` has the number of each page's first chunk, and the page's id. The text itself is not stored: it is the page's
  object, split again by the same rule; how far a chunk's number is from its page's first is its place there.
* Equal pages make equal bytes with equal versions of SQLite; the key of a segment does not depend on its bytes.
"""

import asyncio
import re
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice
from typing import Final

from runnel.errors import PageNotFound
from runnel.extraction.chunks import split_chunks
from runnel.ports.indexer import IndexedPage

_PAGES: Final = "CREATE TABLE pages (first INTEGER PRIMARY KEY, page_id TEXT NOT NULL)"
# content='': the words only. The headings stand before the text, so that they can be weighed by column.
_TEXTS: Final = """
CREATE VIRTUAL TABLE texts USING fts5(path, body, parts, content='', tokenize="unicode61 remove_diacritics 2")
"""
#: Nothing is taken back. A table takes a page of these at least, and a segment has seven: small ones keep it small.
_LAYOUT: Final = ("PRAGMA page_size = 2048", "PRAGMA journal_mode = OFF", "PRAGMA temp_store = MEMORY")
#: Lists of words are longer than a page: fewer are to be made.
_WIDE: Final = "INSERT INTO texts (texts, rank) VALUES ('pgsz', 16000)"
#: All words are held until the end and written once: in parts they would be merged, again and again.
_IN_ONE: Final = "INSERT INTO texts (texts, rank) VALUES ('hashsize', 4194304)"
_ADD_PAGE: Final = "INSERT INTO pages VALUES (?, ?)"
#: The words of all chunks are counted by one statement, and they come to it a hundred at a time: each statement gives
#: the interpreter away, and fights for it again with the maker of another segment.
_HELD: Final = "CREATE TEMP TABLE held (id INTEGER PRIMARY KEY, path, body, parts)"
_HOLD: Final = "INSERT INTO held VALUES {rows}"
_ROW: Final = "(?, ?, ?, ?)"
_ROWS_A_STATEMENT: Final = 100
#: The text comes as the bytes that it is stored in. Alone in its transaction: within one that was begun, FTS5 writes
#: what it holds at each statement of many rows.
_ADD_TEXTS: Final = """
INSERT INTO texts (rowid, path, body, parts) SELECT id, path, CAST(body AS TEXT), CAST(parts AS TEXT) FROM held
"""
_CHECK: Final = "PRAGMA quick_check(1)"
#: Where a link leads is no word of its page; on an index page it is most of what stands there.
_TARGET: Final = re.compile(rb"\]\(<?(?:https?|mailto):[^)> \t\n\r\f\v]*")
#: A character's kind: `a` for a small letter, `A` for a capital, `0` for a digit, a blank for what is in no name.
_KINDS: Final = bytes(
    ord("a" if chr(byte).islower() else "A" if chr(byte).isupper() else "0" if chr(byte).isdigit() else " ")
    if byte < 128
    else ord(" ")
    for byte in range(256)
)
#: By kinds, the capital with which the next word of a name begins.
_SEAM: Final = re.compile(rb"A(?:(?<=[a0]A)|(?<=AA)(?=a))")
_WORDS_OF: Final = re.compile(rb"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
#: Stored, with a check sum: to press lists of places together halves them, and costs a third of making them.
_LEVEL: Final = 0
_GZIP: Final = 31


#: A chunk's number, the headings above it, its own words and the parts of its names.
_Text = tuple[int, str, bytes, bytes]


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
        for statement in (*_LAYOUT, "BEGIN", _PAGES, _TEXTS, _IN_ONE, _WIDE, _HELD):
            connection.execute(statement)
        firsts: list[tuple[int, str]] = []
        _hold(connection, _texts(pages, firsts))
        connection.executemany(_ADD_PAGE, firsts)
        connection.execute("COMMIT")
        connection.execute(_ADD_TEXTS)
        return zlib.compress(connection.serialize(), _LEVEL, _GZIP)
    finally:
        connection.close()


def _hold(connection: sqlite3.Connection, texts: Iterator[_Text]) -> None:
    while rows := list(islice(texts, _ROWS_A_STATEMENT)):
        connection.execute(_HOLD.format(rows=", ".join([_ROW] * len(rows))), [*chain.from_iterable(rows)])


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


def name_parts(text: bytes) -> bytes:
    """The words of the names in *text* that are several words in one."""
    kinds = text.translate(_KINDS)
    parts: list[bytes] = []
    end = 0
    for seam in _SEAM.finditer(kinds):
        place = seam.start()
        if place < end:
            continue  # the name that was taken has more seams than one
        end = kinds.find(b" ", place)
        end = end if end >= 0 else len(kinds)
        parts.append(_words_of(text[kinds.rfind(b" ", 0, place) + 1 : end]))
    return b" ".join(parts)


@lru_cache(maxsize=4_096)
def _words_of(name: bytes) -> bytes:
    return b" ".join(_WORDS_OF.findall(name))


def _texts(pages: Sequence[IndexedPage], firsts: list[tuple[int, str]]) -> Iterator[_Text]:
    """The words of each chunk; the number of each page's first one is put on *firsts*."""
    number = 1
    for page in pages:
        firsts.append((number, page.page_id))
        for chunk in split_chunks(_markdown(page)):
            text = _TARGET.sub(b"](", chunk.markdown)
            yield number, " / ".join(chunk.path), text, name_parts(text)
            number += 1
        number += number == firsts[-1][0]  # no two pages have one number, even those without a word


def _markdown(page: IndexedPage) -> bytes:
    try:
        return zlib.decompress(page.markdown_gz, _GZIP)
    except zlib.error as damaged:
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
