"""Jobs and leases in SQLite: META is one row, and every contended write is one conditional UPDATE."""

import json
import sqlite3
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from runnel.adapters.sqlite.database import Database, one
from runnel.adapters.sqlite.rows import from_ending, from_job, from_time, to_job
from runnel.domain.jobs import TERMINAL, Ending, Job, JobState, Lease, Sign, Wish
from runnel.errors import InputInvalid, LeaseLost

_OVER = "(" + ", ".join(f"'{state.value}'" for state in sorted(TERMINAL)) + ")"

_INSERT = """
INSERT INTO jobs (tenant, job_id, library_id, created_at, request, state, owner, term, beat, wish, wish_no,
  publishing, applied_seq, spent_s, spent_usd, ending, deleted)
VALUES (:tenant, :job_id, :library_id, :created_at, :request, :state, :owner, :term, :beat, :wish, :wish_no,
  :publishing, :applied_seq, :spent_s, :spent_usd, :ending, :deleted)
ON CONFLICT DO NOTHING
"""
_GET_ANY = "SELECT * FROM jobs WHERE tenant = :tenant AND job_id = :job_id"
_GET = f"{_GET_ANY} AND NOT deleted"
# Newest first, after the cursor; one row more than asked says whether there are more.
_LIST = """
SELECT * FROM jobs
WHERE tenant = :tenant AND NOT deleted AND (created_at, job_id) < (:created_at, :job_id)
  AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
  AND (:library_id IS NULL OR library_id = :library_id)
ORDER BY created_at DESC, job_id DESC LIMIT :limit + 1
"""
_ACTIVE = f"SELECT tenant, job_id FROM jobs WHERE state NOT IN {_OVER}"  # noqa: S608 - our own words
# A job whose end stands in its log alone is none of these: its META is repaired first.
_ENDED = f"""
SELECT tenant, job_id FROM jobs
WHERE state IN {_OVER} AND NOT deleted AND json_extract(ending, '$.ended_at') < :before
"""  # noqa: S608 - our own words
# wish_number: only over the number that was read; not while it publishes, nor when it is over.
_SET_WISH = f"""
UPDATE jobs SET wish = :wish, wish_no = wish_no + 1,
  state = CASE WHEN :wish IS NULL AND state = 'paused' THEN 'running' ELSE state END
WHERE tenant = :tenant AND job_id = :job_id AND wish_no = :seen AND NOT publishing AND state NOT IN {_OVER}
RETURNING *
"""  # noqa: S608 - our own words
# take_conditional: owner, term and beat as last seen.
_TAKE = """
UPDATE jobs SET owner = :owner, term = term + 1, beat = beat + 1
WHERE tenant = :tenant AND job_id = :job_id AND owner IS :seen_owner AND term = :term AND beat = :beat
RETURNING *
"""
# meta_fenced: a driver's writes are conditional on owner and term.
_FENCE = "tenant = :tenant AND job_id = :job_id AND owner = :owner AND term = :term"
_RENEW = f"UPDATE jobs SET beat = beat + 1 WHERE {_FENCE} RETURNING beat"  # noqa: S608 - our own words
# pause_conditional: the last condition.
_RELEASE = f"""
UPDATE jobs SET owner = NULL, state = COALESCE(:state, state), ending = COALESCE(:ending, ending),
  spent_s = COALESCE(:spent_s, spent_s), spent_usd = COALESCE(:spent_usd, spent_usd)
WHERE {_FENCE} AND (NOT :only_if_paused OR wish IS 'pause')
RETURNING 1
"""  # noqa: S608 - our own words
_UPDATE = f"""
UPDATE jobs SET state = COALESCE(:state, state), publishing = COALESCE(:publishing, publishing),
  spent_s = COALESCE(:spent_s, spent_s), spent_usd = COALESCE(:spent_usd, spent_usd)
WHERE {_FENCE} AND (NOT :only_without_wish OR wish IS NULL)
RETURNING *
"""  # noqa: S608 - our own words
_REPAIR = """
UPDATE jobs SET owner = NULL, state = :state, ending = :ending WHERE tenant = :tenant AND job_id = :job_id
"""

_MARK_DELETED = f"""
UPDATE jobs SET deleted = 1 WHERE tenant = :tenant AND job_id = :job_id AND NOT deleted AND state IN {_OVER} RETURNING *
"""  # noqa: S608 - our own words
_DELETED = "SELECT * FROM jobs WHERE deleted"

# Deleting goes table by table, META last, a slice at a time: no transaction is long, and a kill leaves a job to delete.
_DELETE_SLICE = 5_000
_DELETE_VERDICTS = """
DELETE FROM verdicts WHERE tenant = :tenant AND job_id = :job_id
  AND url IN (SELECT url FROM verdicts WHERE tenant = :tenant AND job_id = :job_id LIMIT :slice)
"""
_DELETE_URLS = """
DELETE FROM urls WHERE rowid IN (SELECT rowid FROM urls WHERE tenant = :tenant AND job_id = :job_id LIMIT :slice)
"""
_DELETE_RULED_OUT = """
DELETE FROM ruled_out
WHERE rowid IN (SELECT rowid FROM ruled_out WHERE tenant = :tenant AND job_id = :job_id LIMIT :slice)
"""
_DELETE_SEGMENTS = """
DELETE FROM segments
WHERE rowid IN (SELECT rowid FROM segments WHERE tenant = :tenant AND job_id = :job_id LIMIT :slice)
"""
_DELETE_BATCHES = """
DELETE FROM batches WHERE tenant = :tenant AND job_id = :job_id
  AND batch_id IN (SELECT batch_id FROM batches WHERE tenant = :tenant AND job_id = :job_id LIMIT :slice)
"""
_DELETE_JOB = "DELETE FROM jobs WHERE tenant = :tenant AND job_id = :job_id AND :slice"
_DELETES = (_DELETE_VERDICTS, _DELETE_RULED_OUT, _DELETE_URLS, _DELETE_BATCHES, _DELETE_SEGMENTS, _DELETE_JOB)


class SqliteJobStore:
    """`JobStore` in the file."""

    def __init__(self, database: Database) -> None:
        """Keep jobs in *database*."""
        self._database = database

    async def create(self, job: Job) -> Job:
        row = from_job(job)

        def insert(connection: sqlite3.Connection) -> Job:
            connection.execute(_INSERT, row)
            return to_job(one(connection.execute(_GET_ANY, row)))

        return await self._database.write(insert)

    async def get(self, tenant: str, job_id: str) -> Job | None:
        key = {"tenant": tenant, "job_id": job_id}
        return await self._database.read(lambda connection: _job_or_none(connection.execute(_GET, key)))

    async def list_jobs(
        self, tenant: str, *, states: frozenset[JobState], library_id: str | None, cursor: str | None, limit: int
    ) -> tuple[list[Job], str | None]:
        created_at, job_id = _decode_cursor(cursor)
        asked = {
            "tenant": tenant,
            "created_at": created_at,
            "job_id": job_id,
            "states": json.dumps(sorted(states)) if states else None,
            "library_id": library_id,
            "limit": limit,
        }
        rows = await self._database.read(lambda connection: connection.execute(_LIST, asked).fetchall())
        return [to_job(row) for row in rows[:limit]], _encode_cursor(rows[limit - 1]) if len(rows) > limit else None

    async def active(self) -> list[tuple[str, str]]:
        rows = await self._database.read(lambda connection: connection.execute(_ACTIVE).fetchall())
        return [(row["tenant"], row["job_id"]) for row in rows]

    async def ended(self, *, before: datetime) -> list[tuple[str, str]]:
        asked = {"before": from_time(before)}
        rows = await self._database.read(lambda connection: connection.execute(_ENDED, asked).fetchall())
        return [(row["tenant"], row["job_id"]) for row in rows]

    async def set_wish(self, tenant: str, job_id: str, wish: Wish | None, *, seen: int) -> Job | None:
        asked = {"tenant": tenant, "job_id": job_id, "wish": wish.value if wish else None, "seen": seen}
        return await self._database.write(lambda connection: _job_or_none(connection.execute(_SET_WISH, asked)))

    async def mark_deleted(self, tenant: str, job_id: str) -> Job | None:
        key = {"tenant": tenant, "job_id": job_id}
        return await self._database.write(lambda connection: _job_or_none(connection.execute(_MARK_DELETED, key)))

    async def deleted(self) -> list[Job]:
        rows = await self._database.read(lambda connection: connection.execute(_DELETED).fetchall())
        return [to_job(row) for row in rows]

    async def delete(self, tenant: str, job_id: str) -> None:
        key = {"tenant": tenant, "job_id": job_id, "slice": _DELETE_SLICE}
        for statement in _DELETES:
            while await self._database.write(_counting(statement, key), durable=False) >= _DELETE_SLICE:
                pass


class SqliteLeases:
    """`Leases` on the same rows. Their writes are not synced: a lease lost with the power is nobody's."""

    def __init__(self, database: Database) -> None:
        """Keep leases in *database*."""
        self._database = database

    async def take(self, tenant: str, job_id: str, *, owner: str, seen: Sign) -> Job | None:
        asked = {
            "tenant": tenant,
            "job_id": job_id,
            "owner": owner,
            "seen_owner": seen.owner,
            "term": seen.term,
            "beat": seen.beat,
        }
        return await self._write(_TAKE, asked)

    async def renew(self, lease: Lease) -> Lease:
        row = await self._database.write(lambda connection: one(connection.execute(_RENEW, _key(lease))), durable=False)
        if row is None:
            raise LeaseLost
        return replace(lease, beat=row["beat"])

    async def release(
        self, lease: Lease, *, state: JobState | None = None, ending: Ending | None = None,
        only_if_paused: bool = False, spent_s: float | None = None, spent_usd: float | None = None,
    ) -> bool:  # fmt: skip
        asked = _key(lease) | {
            "state": state.value if state else None,
            "ending": from_ending(ending),
            "only_if_paused": only_if_paused,
            "spent_s": spent_s,
            "spent_usd": spent_usd,
        }
        return await self._database.write(lambda connection: one(connection.execute(_RELEASE, asked))) is not None

    async def update(
        self, lease: Lease, *, state: JobState | None = None, publishing: bool | None = None,
        only_without_wish: bool = False, spent_s: float | None = None, spent_usd: float | None = None,
    ) -> Job | None:  # fmt: skip
        asked = _key(lease) | {
            "state": state.value if state else None,
            "publishing": publishing,
            "only_without_wish": only_without_wish,
            "spent_s": spent_s,
            "spent_usd": spent_usd,
        }
        return await self._write(_UPDATE, asked)

    async def repair(self, tenant: str, job_id: str, *, state: JobState, ending: Ending) -> None:
        asked = {"tenant": tenant, "job_id": job_id, "state": state.value, "ending": from_ending(ending)}
        await self._database.write(_counting(_REPAIR, asked))

    async def _write(self, statement: str, asked: Mapping[str, object]) -> Job | None:
        return await self._database.write(
            lambda connection: _job_or_none(connection.execute(statement, asked)), durable=False
        )


def _key(lease: Lease) -> dict[str, object]:
    return {"tenant": lease.tenant, "job_id": lease.job_id, "owner": lease.owner, "term": lease.term}


def _job_or_none(cursor: sqlite3.Cursor) -> Job | None:
    row = one(cursor)
    return None if row is None else to_job(row)


def _counting(statement: str, asked: Mapping[str, object]) -> Callable[[sqlite3.Connection], int]:
    """Work that runs one statement and says how many rows it changed."""
    return lambda connection: connection.execute(statement, asked).rowcount


def _encode_cursor(row: sqlite3.Row) -> str:
    return urlsafe_b64encode(f"{row['created_at']} {row['job_id']}".encode()).decode()


def _decode_cursor(cursor: str | None) -> tuple[str, str]:
    if cursor is None:
        return "~", ""  # after every time
    try:
        created_at, job_id = urlsafe_b64decode(cursor).decode().split(" ")
    except ValueError as exc:
        raise InputInvalid("This cursor is not one of ours.") from exc
    return created_at, job_id
