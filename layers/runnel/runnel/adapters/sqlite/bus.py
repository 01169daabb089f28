"""The bus in SQLite: one row a segment."""

import sqlite3
import zlib

from runnel.adapters.sqlite.database import Database, one
from runnel.domain.bus import BusSegment

_HAS = "SELECT 1 FROM bus WHERE tenant = ? AND key = ?"
_LAST = "SELECT coalesce(max(last), 0) AS last FROM bus WHERE tenant = ?"
_INSERT = "INSERT INTO bus (tenant, first, last, key, data) VALUES (?, ?, ?, ?, ?)"
_READ = "SELECT first, data FROM bus WHERE tenant = ? AND last > ? ORDER BY first"


class SqliteBus:
    """`Bus` in the file.

    Segments are not synced by themselves, as objects are not: whoever says in a log what they tell of syncs them too,
    and what a power cut takes before that is told again with the next edit, publication or deletion.
    """

    def __init__(self, database: Database) -> None:
        """Keep records in *database*."""
        self._database = database

    async def append(self, tenant: str, segment: BusSegment) -> None:
        data = zlib.compress(b"\n".join(segment.lines), 1)

        def insert(db: sqlite3.Connection) -> None:
            if one(db.execute(_HAS, (tenant, segment.key))) is None:
                last = one(db.execute(_LAST, (tenant,)))["last"]
                db.execute(_INSERT, (tenant, last + 1, last + len(segment.lines), segment.key, data))

        await self._database.write(insert, durable=False)

    async def has(self, tenant: str, key: str) -> bool:
        return await self._database.read(lambda db: one(db.execute(_HAS, (tenant, key))) is not None)

    async def read(self, tenant: str, *, after: int = 0, limit: int | None = None) -> list[tuple[int, bytes]]:
        def read(db: sqlite3.Connection) -> list[tuple[int, bytes]]:
            found: list[tuple[int, bytes]] = []
            for row in db.execute(_READ, (tenant, after)):
                lines = enumerate(zlib.decompress(row["data"]).split(b"\n"), row["first"])
                found += [(seq, line) for seq, line in lines if seq > after]
                if limit is not None and len(found) >= limit:
                    break
            return found[:limit]

        return await self._database.read(read)
