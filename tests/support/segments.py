"""What tests ask index segments."""

import sqlite3

#: The page of a row of `texts` is the last one whose first chunk does not come after it.
_FIND = """
SELECT rowid, (SELECT page_id FROM pages WHERE pages.first <= texts.rowid ORDER BY pages.first DESC LIMIT 1)
FROM texts WHERE texts MATCH ? ORDER BY bm25(texts)
"""


def find(segment: sqlite3.Connection, query: str) -> list[tuple[int, str]]:
    """The chunks that hold *query*, best first: their numbers, and the ids of their pages."""
    return segment.execute(_FIND, (query,)).fetchall()
