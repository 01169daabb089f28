"""Access tokens in SQLite, by their hash."""

from runnel.adapters.sqlite.database import Database, one
from runnel.adapters.sqlite.rows import from_token, to_token
from runnel.ports.tokens import Token

_PUT = """
INSERT OR REPLACE INTO tokens (sha256, tenant, name, scopes, created_at, expires_at)
VALUES (:sha256, :tenant, :name, :scopes, :created_at, :expires_at)
"""
_FIND = "SELECT * FROM tokens WHERE sha256 = ?"
_LIST = "SELECT * FROM tokens WHERE tenant = ? ORDER BY created_at, sha256"
_REVOKE = "DELETE FROM tokens WHERE tenant = ? AND sha256 = ?"


class SqliteTokens:
    """`Tokens` in the file."""

    def __init__(self, database: Database) -> None:
        """Keep tokens in *database*."""
        self._database = database

    async def put(self, token: Token) -> None:
        await self._database.write(lambda connection: connection.execute(_PUT, from_token(token)).rowcount)

    async def find(self, sha256: str) -> Token | None:
        row = await self._database.read(lambda connection: one(connection.execute(_FIND, (sha256,))))
        return None if row is None else to_token(row)

    async def list_tokens(self, tenant: str) -> list[Token]:
        rows = await self._database.read(lambda connection: connection.execute(_LIST, (tenant,)).fetchall())
        return [to_token(row) for row in rows]

    async def revoke(self, tenant: str, sha256: str) -> None:
        await self._database.write(lambda connection: connection.execute(_REVOKE, (tenant, sha256)).rowcount)
