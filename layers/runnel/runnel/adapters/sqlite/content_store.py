"""Objects as rows: a file of its own costs ten times as much to make as a row (docs/adr)."""

import json
import sqlite3
from collections.abc import AsyncIterator, Sequence
from itertools import chain

from runnel.adapters.sqlite.database import Database, one
from runnel.domain.object_keys import check_key, check_name

_PUT = "INSERT INTO objects (tenant, key, body) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body"
_PUT_NEW = "INSERT INTO objects (tenant, key, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
# Many rows in one statement: each statement gives the interpreter away and fights for it again.
_PUT_MANY = "INSERT INTO objects (tenant, key, body) VALUES {rows} ON CONFLICT DO NOTHING"
_ROWS_A_STATEMENT = 100
_GET = "SELECT body FROM objects WHERE tenant = ? AND key = ?"
# Keys as one JSON array: any number of them in one statement. CROSS JOIN: the keys are looked up, not the table read.
_GET_MANY = """
SELECT objects.key, objects.body
FROM json_each(?) AS asked CROSS JOIN objects ON objects.tenant = ? AND objects.key = asked.value
"""
_FIND_MANY = """
SELECT objects.key
FROM json_each(?) AS asked CROSS JOIN objects ON objects.tenant = ? AND objects.key = asked.value
"""
_EXISTS = "SELECT 1 FROM objects WHERE tenant = ? AND key = ?"
_DELETE = "DELETE FROM objects WHERE tenant = ? AND key = ?"
# A prefix is compared as text, not as a pattern; keys are ASCII, so `substr` counts bytes and 0x7f ends the range.
_KEYS = "SELECT key FROM objects WHERE tenant = ? AND key >= ? AND key < ? || char(127) ORDER BY key"


class SqliteContentStore:
    """`ContentStore` in the laptop's one file.

    Objects are not synced by themselves: the log's next durable commit syncs everything written before it.
    """

    def __init__(self, database: Database) -> None:
        """Keep objects in *database*."""
        self._database = database

    async def put(self, tenant: str, key: str, body: bytes, *, if_absent: bool = False) -> bool:
        row = (check_name(tenant), check_key(key), body)
        statement = _PUT_NEW if if_absent else _PUT
        return await self._database.write(lambda db: db.execute(statement, row).rowcount == 1, durable=False)

    async def put_addressed(self, tenant: str, objects: Sequence[tuple[str, bytes]]) -> None:
        rows = [(check_name(tenant), check_key(key), body) for key, body in objects]

        def work(db: sqlite3.Connection) -> None:
            for start in range(0, len(rows), _ROWS_A_STATEMENT):
                part = rows[start : start + _ROWS_A_STATEMENT]
                db.execute(_PUT_MANY.format(rows=", ".join(["(?, ?, ?)"] * len(part))), [*chain.from_iterable(part)])

        await self._database.write(work, durable=False)

    async def get(self, tenant: str, key: str) -> bytes | None:
        place = (check_name(tenant), check_key(key))
        row = await self._database.read(lambda db: one(db.execute(_GET, place)))
        return row["body"] if row else None

    async def get_many(self, tenant: str, keys: Sequence[str]) -> dict[str, bytes]:
        rows = await self._select(_GET_MANY, tenant, keys)
        return {row["key"]: row["body"] for row in rows}

    async def missing(self, tenant: str, keys: Sequence[str]) -> set[str]:
        return set(keys) - {row["key"] for row in await self._select(_FIND_MANY, tenant, keys)}

    async def _select(self, statement: str, tenant: str, keys: Sequence[str]) -> list[sqlite3.Row]:
        asked = json.dumps([check_key(key) for key in keys])
        owner = check_name(tenant)
        return await self._database.read(lambda db: db.execute(statement, (asked, owner)).fetchall())

    async def exists(self, tenant: str, key: str) -> bool:
        place = (check_name(tenant), check_key(key))
        return await self._database.read(lambda db: one(db.execute(_EXISTS, place)) is not None)

    async def delete(self, tenant: str, key: str) -> None:
        place = (check_name(tenant), check_key(key))

        def work(db: sqlite3.Connection) -> None:
            db.execute(_DELETE, place)

        await self._database.write(work, durable=False)

    async def keys(self, tenant: str, prefix: str) -> AsyncIterator[str]:
        bounds = (check_name(tenant), prefix, prefix)
        for row in await self._database.read(lambda db: db.execute(_KEYS, bounds).fetchall()):
            yield row["key"]
