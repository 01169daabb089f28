"""
SQLite that is locked, full or broken by a plan: what the guard is for DynamoDB.

* A fault comes at the beginning of a transaction (nothing is done) or at its commit: before it, or after it, so that
  the work is done and nobody learns of it.
* `Faults.connect` is what `Database.open` takes for `sqlite3.connect`.
"""

from __future__ import annotations

import random
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from typing import Any


class Fault(StrEnum):
    """What may go wrong with one transaction."""

    #: Another process holds the file.
    LOCKED = "locked"
    #: There is no room left.
    FULL = "full"
    #: The disk failed before the commit.
    BROKEN = "broken"
    #: Committed; the answer is an error all the same.
    LOST = "lost"


_CODES = {
    Fault.LOCKED: (sqlite3.SQLITE_BUSY, "database is locked"),
    Fault.FULL: (sqlite3.SQLITE_FULL, "database or disk is full"),
    Fault.BROKEN: (sqlite3.SQLITE_IOERR, "disk I/O error"),
    Fault.LOST: (sqlite3.SQLITE_IOERR, "disk I/O error"),
}


class Faults:
    """A plan of faults over all connections of a process."""

    def __init__(self, seed: int) -> None:
        """Nothing fails yet."""
        self.hit: Counter[Fault] = Counter()
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._rate = 0.0
        self._kinds: tuple[Fault, ...] = tuple(Fault)

    def fail(self, rate: float, *kinds: Fault) -> None:
        """From now on let this share of the transactions fail, 1.0 = all."""
        with self._lock:
            self._rate, self._kinds = rate, kinds or tuple(Fault)

    def draw(self) -> Fault | None:
        """The fate of one transaction."""
        with self._lock:
            fault = self._chance.choice(self._kinds) if self._chance.random() < self._rate else None
            if fault is not None:
                self.hit[fault] += 1
            return fault

    def connect(self, *arguments: Any, **options: Any) -> sqlite3.Connection:
        """Open a connection whose transactions follow the plan."""
        return sqlite3.connect(*arguments, factory=self._factory(), **options)

    def _factory(self) -> type[sqlite3.Connection]:
        draw: Callable[[], Fault | None] = self.draw

        class Connection(sqlite3.Connection):
            fate: Fault | None = None

            def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
                if sql == "BEGIN IMMEDIATE":
                    self.fate = draw()
                    if self.fate in {Fault.LOCKED, Fault.FULL}:
                        raise _error(self.fate)
                if sql == "COMMIT" and self.fate is Fault.BROKEN:
                    raise _error(Fault.BROKEN)
                cursor = super().execute(sql, *parameters)
                if sql == "COMMIT" and self.fate is Fault.LOST:
                    raise _error(Fault.LOST)
                return cursor

        return Connection


def _error(fault: Fault) -> sqlite3.OperationalError:
    code, message = _CODES[fault]
    error = sqlite3.OperationalError(message)
    error.sqlite_errorcode = code
    return error
