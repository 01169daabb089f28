"""One SQLite file, `RUNNEL_HOME/runnel.db`: how it is opened, written and read.

Laws:
1. One thread of a process writes, another reads; each has its own connection. No call blocks the event loop.
2. A write is one transaction that begins by taking the write lock; it happened as a whole or not at all.
3. A durable write is on the disk when it returns; any other survives the death of every process, not a power cut.
4. Nothing of sqlite3 leaves this folder: its errors become ours.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, Self, TypeVar

from runnel.adapters.sqlite.failures import translated
from runnel.adapters.sqlite.schema import MIGRATIONS, check_ours, migrate, version_of
from runnel.errors import ConfigInvalid, DiskFull, StoreUnavailable

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

#: How long a transaction waits for the write lock, in seconds.
BUSY_TIMEOUT_S = 5.0
#: STRICT tables came with 3.37, RETURNING with 3.35.
_OLDEST_SQLITE = (3, 37, 0)

# Readers and the writer do not wait for each other.
_WAL = "PRAGMA journal_mode = WAL"
_JOURNAL_MODE = "PRAGMA journal_mode"
_READ_ONLY = "PRAGMA query_only = ON"
# FULL syncs the log of writes at each commit; NORMAL only when it is folded back.
_SYNC_FULL = "PRAGMA synchronous = FULL"
_SYNC_NORMAL = "PRAGMA synchronous = NORMAL"
_BEGIN = "BEGIN IMMEDIATE"
_COMMIT = "COMMIT"
_ROLLBACK = "ROLLBACK"
# Changes when another connection, of whatever process, has committed.
_DATA_VERSION = "PRAGMA data_version"


class Database:
    """The file, open; made by `open`."""

    def __init__(self, path: Path, *, writer: sqlite3.Connection, reader: sqlite3.Connection) -> None:
        """Take two connections to *path*, one for each thread."""
        self._path = path
        self._writer = writer
        self._reader = reader
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="sqlite-write")
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="sqlite-read")
        self._is_closed = False
        #: Called in the writer's thread when there is no room left to write.
        self.on_full: Callable[[], None] = _take_note_of_nothing

    @classmethod
    def open(cls, path: Path, *, connect: Callable[..., sqlite3.Connection] = sqlite3.connect) -> Self:
        """Open *path*, made and migrated as needed; blocks, up to the busy time-out while others do the same.

        Raises:
            ConfigInvalid: The file cannot be ours: not writable, damaged, newer, or SQLite is too old.
            StoreUnavailable: Another process kept it locked.
        """
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            raise ConfigInvalid(f"SQLite {sqlite3.sqlite_version} is too old; Runnel needs 3.37.")
        _make_folder(path.parent)
        connections: list[sqlite3.Connection] = []
        try:
            with translated(path):
                for _ in range(2):
                    connections.append(_connect(path, connect))
                    _prepare(connections[0], path)
                connections[1].execute(_READ_ONLY)
        except BaseException:
            for connection in connections:
                connection.close()
            raise
        return cls(path, writer=connections[0], reader=connections[1])

    async def write(self, work: Work[T], *, durable: bool = True) -> T:
        """Run *work* in one transaction; what it raises undoes all of it.

        Raises:
            StoreUnavailable: The file is locked, full or closed; nothing happened, unless the disk itself failed.
        """
        return await self._run(self._writing, partial(self._transaction, work, _SYNC_FULL if durable else _SYNC_NORMAL))

    async def read(self, work: Work[T]) -> T:
        """Run *work*, one statement that reads; it sees everything committed by any process before."""
        return await self._run(self._reading, partial(self._look, work))

    async def data_version(self) -> int:
        """A number that changes with every commit to the file, whoever made it."""
        return await self.read(_read_data_version)

    async def close(self) -> None:
        """Finish what is under way and close the file; harmless when it is closed."""
        self._is_closed = True
        await asyncio.to_thread(self._close)

    async def _run(self, executor: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        if self._is_closed:
            raise StoreUnavailable("The store is closed.")
        return await asyncio.get_running_loop().run_in_executor(executor, call)

    def _transaction(self, work: Work[T], synchronous: str) -> T:
        try:
            return self._commit(work, synchronous)
        except DiskFull:
            self.on_full()
            raise

    def _commit(self, work: Work[T], synchronous: str) -> T:
        connection = self._writer
        with translated(self._path):
            _roll_back(connection)  # what an earlier call could not undo at once
            connection.execute(synchronous)
            try:
                connection.execute(_BEGIN)
                result = work(connection)
                connection.execute(_COMMIT)
            except BaseException:
                with suppress(sqlite3.Error):  # the error that brought us here says more
                    _roll_back(connection)
                raise
            return result

    def _look(self, work: Work[T]) -> T:
        with translated(self._path):
            return work(self._reader)

    def _close(self) -> None:
        for executor in (self._writing, self._reading):
            executor.shutdown()
        # The reader first: who closes last folds the log of writes into the file.
        for connection in (self._reader, self._writer):
            connection.close()


def one(cursor: sqlite3.Cursor) -> Any:
    """The only row, or None; the statement is finished either way."""
    rows = cursor.fetchall()
    return rows[0] if rows else None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigInvalid(f"The folder {folder} cannot be made: {exc.strerror}.") from exc


def _connect(path: Path, connect: Callable[..., sqlite3.Connection]) -> sqlite3.Connection:
    connection = connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute(_ROLLBACK)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    check_ours(connection, path)  # before the first change: a file that is not ours stays as it is
    _enter_wal(connection, path)
    if version_of(connection) == len(MIGRATIONS):
        return
    connection.execute(_BEGIN)
    try:
        migrate(connection)
        connection.execute(_COMMIT)
    finally:
        _roll_back(connection)


def _enter_wal(connection: sqlite3.Connection, path: Path) -> None:
    """Change a new file's mode; SQLite does not wait when two processes do so at once, so we try again."""
    for _ in range(50):
        try:
            mode = connection.execute(_JOURNAL_MODE).fetchone()[0]
            if mode == "wal" or connection.execute(_WAL).fetchone()[0] == "wal":
                return
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
        Event().wait(BUSY_TIMEOUT_S / 50)
    raise ConfigInvalid(f"The store {path} cannot be shared by processes: is it on a network file system?")


def _read_data_version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute(_DATA_VERSION).fetchone()[0]
    return version


def _take_note_of_nothing() -> None:
    """Nobody asked to be told."""
