"""The event log and the driver's flush in SQLite.

A flush is ONE transaction: URL items, the segment, verdicts, batches and `applied_seq` come into being together. So no
other process ever sees a part of it, and a repetition finds either nothing or everything.
"""

import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime
from hashlib import sha256
from itertools import chain

from runnel.adapters.sqlite.database import Database, one
from runnel.adapters.sqlite.rows import from_time, from_verdict, pack_ruled_out, pack_urls
from runnel.domain.segments import Effects, Flush, Segment, decode_segment, encode_segment
from runnel.errors import SegmentTaken

# append_conditional: the first sequence number is part of the key.
_APPEND = """
INSERT INTO segments (tenant, job_id, first, last, data) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""
# read_back: what stands in a place that is taken.
_READ_BACK = "SELECT data FROM segments WHERE tenant = ? AND job_id = ? AND first = ?"
# mid_segment: from the last segment that begins at `after + 1` or before it.
_READ = """
SELECT data FROM segments
WHERE tenant = :tenant AND job_id = :job_id AND last > :after AND first >= COALESCE(
  (SELECT MAX(first) FROM segments WHERE tenant = :tenant AND job_id = :job_id AND first <= :after + 1), 0)
ORDER BY first LIMIT :limit
"""
# Of jobs that ended long ago; a slice, so that no transaction is long.
_FORGETTABLE = """
SELECT segments.rowid FROM jobs CROSS JOIN segments USING (tenant, job_id)
WHERE json_extract(jobs.ending, '$.ended_at') < ? LIMIT ?
"""
_FORGET = f"DELETE FROM segments WHERE rowid IN ({_FORGETTABLE})"  # noqa: S608 - our own words
_FORGET_SLICE = 500
_PUT_URLS = """
INSERT INTO urls (tenant, job_id, first, term, packed) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET packed = excluded.packed
"""
# Many rows in one statement: each statement gives the interpreter away and fights for it again.
_PUT_VERDICTS = """
INSERT INTO verdicts (tenant, job_id, url, verdict) VALUES {rows}
ON CONFLICT DO UPDATE SET verdict = excluded.verdict
"""
_ROWS_A_STATEMENT = 100
_PUT_RULED_OUT = """
INSERT INTO ruled_out (tenant, job_id, digest, packed) VALUES (?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""
# batch_insert: never over what processors have noted.
_PUT_BATCH = """
INSERT INTO batches (tenant, job_id, batch_id, pages) VALUES (?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""
# applied_last, meta_fenced: a driver that was replaced changes nothing.
_APPLY = """
UPDATE jobs SET applied_seq = :applied
WHERE tenant = :tenant AND job_id = :job_id AND owner = :owner AND term = :term
"""


class SqliteEventLog:
    """`EventLog` in the file."""

    def __init__(self, database: Database) -> None:
        """Keep segments in *database*."""
        self._database = database

    async def append(self, tenant: str, job_id: str, segment: Segment) -> None:
        await self._database.write(lambda connection: _append(connection, (tenant, job_id), segment))

    async def read(self, tenant: str, job_id: str, *, after: int = 0, limit: int | None = None) -> list[Segment]:
        asked = {"tenant": tenant, "job_id": job_id, "after": after, "limit": -1 if limit is None else limit}

        def select(connection: sqlite3.Connection) -> list[Segment]:
            return [decode_segment(row["data"]) for row in connection.execute(_READ, asked).fetchall()]

        return await self._database.read(select)

    async def forget(self, *, before: datetime) -> None:
        moment = from_time(before)
        while await self._database.read(lambda connection: one(connection.execute(_FORGETTABLE, (moment, 1)))):
            await self._database.write(
                lambda connection: connection.execute(_FORGET, (moment, _FORGET_SLICE)).rowcount, durable=False
            )


class SqliteJournal:
    """`Journal` in the file: steps (1) to (4) in one transaction, then `committed`, then the invocations."""

    def __init__(self, database: Database) -> None:
        """Make flushes durable in *database*."""
        self._database = database

    async def commit(
        self, flush: Flush, *, committed: Callable[[], None], invoke: Callable[[str], Awaitable[None]]
    ) -> None:
        await self._database.write(lambda connection: _commit(connection, flush))
        committed()
        for batch in flush.effects.batches:
            await invoke(batch.batch_id)

    async def redo(self, tenant: str, job_id: str, effects: Effects, *, applied: tuple[str, int, int]) -> None:
        def put(connection: sqlite3.Connection) -> None:
            _put_effects(connection, (tenant, job_id), effects)
            _apply(connection, (tenant, job_id), applied)

        await self._database.write(put)


def _commit(connection: sqlite3.Connection, flush: Flush) -> None:
    job, segment = (flush.tenant, flush.job_id), flush.segment
    if flush.new_urls:
        connection.execute(_PUT_URLS, (*job, segment.first, segment.term, pack_urls(flush.new_urls)))
    _append(connection, job, segment)
    _put_effects(connection, job, flush.effects)
    _apply(connection, job, (segment.owner, segment.term, segment.last))


def _append(connection: sqlite3.Connection, job: tuple[str, str], segment: Segment) -> None:
    data = encode_segment(segment)
    if connection.execute(_APPEND, (*job, segment.first, segment.last, data)).rowcount:
        return
    if one(connection.execute(_READ_BACK, (*job, segment.first)))["data"] != data:
        raise SegmentTaken


def _put_effects(connection: sqlite3.Connection, job: tuple[str, str], effects: Effects) -> None:
    verdicts = [(*job, verdict.url, from_verdict(verdict)) for verdict in effects.verdicts]
    for start in range(0, len(verdicts), _ROWS_A_STATEMENT):
        part = verdicts[start : start + _ROWS_A_STATEMENT]
        statement = _PUT_VERDICTS.format(rows=", ".join(["(?, ?, ?, ?)"] * len(part)))
        connection.execute(statement, [*chain.from_iterable(part)])
    if effects.ruled_out:
        packed = pack_ruled_out(effects.ruled_out)
        connection.execute(_PUT_RULED_OUT, (*job, sha256(packed).digest(), packed))
    connection.executemany(_PUT_BATCH, ((*job, batch.batch_id, batch.pages) for batch in effects.batches))


def _apply(connection: sqlite3.Connection, job: tuple[str, str], applied: tuple[str, int, int]) -> None:
    owner, term, seq = applied
    connection.execute(_APPLY, {"tenant": job[0], "job_id": job[1], "owner": owner, "term": term, "applied": seq})
