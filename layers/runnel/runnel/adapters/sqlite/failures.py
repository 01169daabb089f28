"""What SQLite may raise, said in our errors; no other module lets theirs out.

* A file that is busy or broken off is `StoreUnavailable`, a full disk `DiskFull`: the same call may succeed later.
* A file that cannot be opened, written or read as ours is `ConfigInvalid`: only a person can change that.
* Anything else is a mistake of ours: `RunnelError`, code `unexpected`.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from runnel.errors import ConfigInvalid, DiskFull, RunnelError, StoreUnavailable

#: Primary result codes that only a person can change, and what he should know.
_FOR_A_PERSON = {
    sqlite3.SQLITE_PERM: "may not be used by this user",
    sqlite3.SQLITE_READONLY: "cannot be written",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    sqlite3.SQLITE_AUTH: "may not be used by this user",
    sqlite3.SQLITE_NOTADB: "is no database; move it away, or set RUNNEL_HOME to another folder",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore it from a copy, or move it away and crawl again",
    sqlite3.SQLITE_FORMAT: "is no database that this version can read; set RUNNEL_HOME to another folder",
    sqlite3.SQLITE_NOLFS: "is too large for this file system",
}
#: Primary result codes that may pass by themselves.
_MAY_PASS = {
    sqlite3.SQLITE_BUSY: "is being written by another process",
    sqlite3.SQLITE_LOCKED: "is being written by another task",
    sqlite3.SQLITE_IOERR: "could not be read or written",
    sqlite3.SQLITE_PROTOCOL: "could not be locked",
    sqlite3.SQLITE_INTERRUPT: "was interrupted",
    sqlite3.SQLITE_ABORT: "was interrupted",
    sqlite3.SQLITE_NOMEM: "needs more memory than there is",
    sqlite3.SQLITE_SCHEMA: "has just been changed by another process",
}


@contextmanager
def translated(path: object) -> Iterator[None]:
    """Raise what SQLite raises inside as one of our errors; *path* is named in it."""
    try:
        yield
    except sqlite3.Error as exc:
        raise _error_of(exc, path) from exc


def _error_of(exc: sqlite3.Error, path: object) -> RunnelError:
    # Python's own complaints carry no code; the low byte of SQLite's is the primary one.
    code = getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_MISUSE) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return DiskFull(f"The store {path} cannot grow: the disk is full.")
    if code in _MAY_PASS:
        return StoreUnavailable(f"The store {path} {_MAY_PASS[code]}.")
    if code in _FOR_A_PERSON:
        return ConfigInvalid(f"The store {path} {_FOR_A_PERSON[code]}.")
    return RunnelError(f"The store {path} refused what we asked: {exc}.")
