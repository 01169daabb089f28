"""All stores that one file holds."""

from pathlib import Path
from typing import Self

from runnel.adapters.sqlite.batches import SqliteBatches
from runnel.adapters.sqlite.bus import SqliteBus
from runnel.adapters.sqlite.content_store import SqliteContentStore
from runnel.adapters.sqlite.database import Database
from runnel.adapters.sqlite.host_budget import SqliteHostBudget
from runnel.adapters.sqlite.job_store import SqliteJobStore, SqliteLeases
from runnel.adapters.sqlite.journal import SqliteEventLog, SqliteJournal
from runnel.adapters.sqlite.libraries import SqliteLibraries
from runnel.adapters.sqlite.tokens import SqliteTokens
from runnel.adapters.sqlite.url_queue import SqliteUrlQueue


class SqliteStores:
    """The ports over one open file."""

    def __init__(self, database: Database) -> None:
        """Share *database*; `close` closes it."""
        self.database = database
        self.jobs = SqliteJobStore(database)
        self.leases = SqliteLeases(database)
        self.log = SqliteEventLog(database)
        self.queue = SqliteUrlQueue(database)
        self.journal = SqliteJournal(database)
        self.batches = SqliteBatches(database)
        self.libraries = SqliteLibraries(database)
        self.content = SqliteContentStore(database)
        self.bus = SqliteBus(database)
        self.hosts = SqliteHostBudget(database)
        self.tokens = SqliteTokens(database)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file at *path*; raises what `Database.open` raises."""
        return cls(Database.open(path))

    async def close(self) -> None:
        """Close the file."""
        await self.database.close()
