"""The request budget of each host in SQLite: all processes of the machine share it."""

from datetime import timedelta

from runnel.adapters.sqlite.database import Database, one

# One write: the block begins where the last one ended, or now.
_RESERVE = """
INSERT INTO hosts (host, first_s, next_s) VALUES (:host, :now, :now + :block)
ON CONFLICT DO UPDATE SET first_s = MAX(next_s, :now), next_s = MAX(next_s, :now) + :block
RETURNING first_s
"""


class SqliteHostBudget:
    """`HostBudget` in the file."""

    def __init__(self, database: Database) -> None:
        """Keep budgets in *database*."""
        self._database = database

    async def reserve(self, host: str, *, now_s: float, spacing: timedelta, turns: int) -> float:
        asked = {"host": host, "now": now_s, "block": turns * spacing.total_seconds()}
        row = await self._database.write(lambda connection: one(connection.execute(_RESERVE, asked)), durable=False)
        first_s: float = row["first_s"]
        return first_s
