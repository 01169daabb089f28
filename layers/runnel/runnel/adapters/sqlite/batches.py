"""Processor batches in SQLite; the journal inserts them."""

import json
import sqlite3
from dataclasses import replace
from datetime import datetime

from runnel.adapters.sqlite.database import Database, one
from runnel.adapters.sqlite.rows import from_parts, from_time, to_batch
from runnel.domain.libraries import Batch

_GET = "SELECT * FROM batches WHERE tenant = ? AND job_id = ? AND batch_id = ?"
_GET_MANY = """
SELECT * FROM batches WHERE tenant = ? AND job_id = ? AND batch_id IN (SELECT value FROM json_each(?))
"""
_LIST = "SELECT * FROM batches WHERE tenant = ? AND job_id = ? ORDER BY batch_id"
_SET_PARTS = "UPDATE batches SET parts = ? WHERE tenant = ? AND job_id = ? AND batch_id = ?"
_COUNT_TRY = """
UPDATE batches SET tries = tries + 1, invoked_at = ?
WHERE tenant = ? AND job_id = ? AND batch_id = ? AND tries = ?
RETURNING *
"""
_CLOSE = "UPDATE batches SET closed = 1 WHERE tenant = ? AND job_id = ? AND batch_id = ?"


class SqliteBatches:
    """`Batches` in the file. What is read and written in one transaction here is one write to everybody else."""

    def __init__(self, database: Database) -> None:
        """Keep batches in *database*."""
        self._database = database

    async def get_many(self, tenant: str, job_id: str, batch_ids: tuple[str, ...]) -> dict[str, Batch]:
        asked = (tenant, job_id, json.dumps(batch_ids))
        rows = await self._database.read(lambda connection: connection.execute(_GET_MANY, asked).fetchall())
        return {row["batch_id"]: to_batch(row) for row in rows}

    async def list_batches(self, tenant: str, job_id: str) -> list[Batch]:
        rows = await self._database.read(lambda connection: connection.execute(_LIST, (tenant, job_id)).fetchall())
        return [to_batch(row) for row in rows]

    async def add_part(self, tenant: str, job_id: str, batch_id: str, part: str, indexes: tuple[int, ...]) -> bool:
        key = (tenant, job_id, batch_id)

        def add(connection: sqlite3.Connection) -> bool:
            batch = _find(connection, key)
            if batch is None or batch.closed:
                return False
            if part not in batch.parts:
                grown = replace(batch, parts={**batch.parts, part: indexes})
                connection.execute(_SET_PARTS, (from_parts(grown), *key))
            return True

        return await self._database.write(add)

    async def count_try(self, tenant: str, job_id: str, batch_id: str, *, seen: int, now: datetime) -> Batch | None:
        asked = (from_time(now), tenant, job_id, batch_id, seen)
        row = await self._database.write(lambda connection: one(connection.execute(_COUNT_TRY, asked)))
        return None if row is None else to_batch(row)

    async def close(self, tenant: str, job_id: str, batch_id: str, *, seen: Batch) -> bool:
        key = (tenant, job_id, batch_id)

        def close(connection: sqlite3.Connection) -> bool:
            batch = _find(connection, key)
            if batch is None or batch.closed or batch.is_done or batch.parts != dict(seen.parts):
                return False
            connection.execute(_CLOSE, key)
            return True

        return await self._database.write(close)


def _find(connection: sqlite3.Connection, key: tuple[str, str, str]) -> Batch | None:
    row = one(connection.execute(_GET, key))
    return None if row is None else to_batch(row)
