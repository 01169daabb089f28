"""The request budget of each host in SQLite: all processes of the machine share it."""

import sqlite3
from functools import partial

from runnel.adapters.sqlite.database import Database, one
from runnel.domain.host_book import Ask, HostBook, Share

_READ = "SELECT book FROM host_books WHERE host = ?"
_WRITE = "INSERT INTO host_books (host, book, ends_s) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET book = ?, ends_s = ?"
# Hosts that nobody asks any more: the taker of a new one clears them away.
_FORGET = "DELETE FROM host_books WHERE ends_s < ?"
_KEEP_S = 86_400


class SqliteHostBudget:
    """`HostBudget` in the file; the write lock puts the takers in a row."""

    def __init__(self, database: Database) -> None:
        """Keep books in *database*."""
        self._database = database

    async def take(self, host: str, ask: Ask) -> Share:
        return await self._database.write(partial(_take, host, ask), durable=False)

    async def leave(self, host: str, taker: str) -> None:
        await self._database.write(partial(_leave, host, taker), durable=False)


def _take(host: str, ask: Ask, connection: sqlite3.Connection) -> Share:
    text = _read(connection, host)
    if text is None:
        connection.execute(_FORGET, (ask.now_s - _KEEP_S,))
    book, share = HostBook.decode(text).take(ask)
    _write(connection, host, book)
    return share


def _leave(host: str, taker: str, connection: sqlite3.Connection) -> None:
    text = _read(connection, host)
    if text is not None:
        _write(connection, host, HostBook.decode(text).leave(taker))


def _read(connection: sqlite3.Connection, host: str) -> str | None:
    row = one(connection.execute(_READ, (host,)))
    return None if row is None else row["book"]


def _write(connection: sqlite3.Connection, host: str, book: HostBook) -> None:
    text, ends_s = book.encode(), book.ends_s
    connection.execute(_WRITE, (host, text, ends_s, text, ends_s))
