"""Libraries in SQLite: who may change them, and the pointer to what they show."""

import sqlite3

from runnel.adapters.sqlite.database import Database, one
from runnel.adapters.sqlite.rows import from_library, from_pointers, to_json, to_library
from runnel.domain.libraries import Library, Pointer
from runnel.errors import LibraryBusy, LibraryNotFound

#: Publishers remembered besides the active job: more than can publish while one job is active.
_PUBLISHERS_KEPT = 20

_INSERT = """
INSERT INTO libraries
  (tenant, library_id, created_at, sources, generation, pointer, published, active_job, revision, settings)
VALUES
  (:tenant, :library_id, :created_at, :sources, :generation, :pointer, :published, :active_job, :revision, :settings)
ON CONFLICT DO NOTHING
"""
_GET = "SELECT * FROM libraries WHERE tenant = :tenant AND library_id = :library_id"
_LIST = "SELECT * FROM libraries WHERE tenant = ? ORDER BY library_id"
_CLAIM = """
UPDATE libraries SET active_job = :job_id
WHERE tenant = :tenant AND library_id = :library_id AND (active_job IS NULL OR active_job = :job_id)
"""
_RENEW = """
UPDATE libraries SET active_job = :name
WHERE tenant = :tenant AND library_id = :library_id AND active_job IN (:claim, :name)
"""
_FREE = """
UPDATE libraries SET active_job = NULL
WHERE tenant = :tenant AND library_id = :library_id AND active_job = :job_id
"""
_DELETE = "DELETE FROM libraries WHERE tenant = :tenant AND library_id = :library_id AND active_job = :job_id"
# pointer_conditional: the last condition.
_MOVE_POINTER = """
UPDATE libraries SET generation = :generation, pointer = :pointer, published = :published
WHERE tenant = :tenant AND library_id = :library_id AND generation = :base
"""
# An edit is conditional on all that may have changed; another library of the new name stops it (OR IGNORE).
_EDIT = """
UPDATE OR IGNORE libraries SET library_id = :library_id, sources = :sources, generation = :generation,
  pointer = :pointer, published = :published, active_job = :active_job, revision = :revision, settings = :settings
WHERE tenant = :tenant AND library_id = :old_id AND revision = :old_revision AND generation = :old_generation
  AND active_job IS :old_job
"""


class SqliteLibraries:
    """`Libraries` in the file."""

    def __init__(self, database: Database) -> None:
        """Keep libraries in *database*."""
        self._database = database

    async def ensure(self, library: Library) -> Library:
        row = from_library(library)

        def insert(connection: sqlite3.Connection) -> Library:
            connection.execute(_INSERT, row)
            return to_library(one(connection.execute(_GET, row)))

        return await self._database.write(insert)

    async def get(self, tenant: str, library_id: str) -> Library | None:
        key = {"tenant": tenant, "library_id": library_id}
        return await self._database.read(lambda connection: _find(connection, key))

    async def list_libraries(self, tenant: str) -> list[Library]:
        rows = await self._database.read(lambda connection: connection.execute(_LIST, (tenant,)).fetchall())
        return [to_library(row) for row in rows]

    async def edit(self, seen: Library, wanted: Library) -> bool:
        row = from_library(wanted) | {
            "old_id": seen.library_id,
            "old_revision": seen.revision,
            "old_generation": seen.pointer.generation,
            "old_job": seen.active_job,
        }
        return await self._database.write(lambda connection: connection.execute(_EDIT, row).rowcount == 1)

    async def claim(self, tenant: str, library_id: str, job_id: str) -> None:
        asked = {"tenant": tenant, "library_id": library_id, "job_id": job_id}

        def claim(connection: sqlite3.Connection) -> None:
            if connection.execute(_CLAIM, asked).rowcount:
                return
            library = _find(connection, asked)
            if library is None:
                raise LibraryNotFound
            raise LibraryBusy(job_id=library.active_job or "")

        await self._database.write(claim)

    async def renew(self, tenant: str, library_id: str, claim: str, name: str) -> bool:
        asked = {"tenant": tenant, "library_id": library_id, "claim": claim, "name": name}
        return await self._database.write(lambda connection: connection.execute(_RENEW, asked).rowcount == 1)

    async def delete(self, tenant: str, library_id: str, job_id: str) -> bool:
        asked = {"tenant": tenant, "library_id": library_id, "job_id": job_id}
        return await self._database.write(lambda connection: connection.execute(_DELETE, asked).rowcount == 1)

    async def free(self, tenant: str, library_id: str, job_id: str) -> None:
        asked = {"tenant": tenant, "library_id": library_id, "job_id": job_id}
        await self._database.write(lambda connection: connection.execute(_FREE, asked).rowcount)

    async def move_pointer(self, library: Library, pointer: Pointer, *, job_id: str) -> bool:
        key: dict[str, object] = {"tenant": library.tenant, "library_id": library.library_id}

        def move(connection: sqlite3.Connection) -> bool:
            stored = _find(connection, key)
            if stored is None:
                return False
            asked = key | {
                "base": library.pointer.generation,
                "generation": pointer.generation,
                "pointer": from_pointers(pointer, stored.keeping(pointer)),
                "published": to_json(_published(stored) | {job_id: pointer.generation}),
            }
            return bool(connection.execute(_MOVE_POINTER, asked).rowcount)

        return await self._database.write(move)


def _published(library: Library) -> dict[str, int]:
    """Who has published, without those of long ago: the row must not grow with every crawl [by_each_job]."""
    newest = sorted(library.published, key=library.published.__getitem__)[-_PUBLISHERS_KEPT:]
    return {job: library.published[job] for job in library.published if job in newest or job == library.active_job}


def _find(connection: sqlite3.Connection, key: dict[str, str] | dict[str, object]) -> Library | None:
    row = one(connection.execute(_GET, key))
    return None if row is None else to_library(row)
