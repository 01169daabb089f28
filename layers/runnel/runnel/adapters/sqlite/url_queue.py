"""The URL queue in SQLite: what the journal has put, unpacked."""

from runnel.adapters.sqlite.database import Database
from runnel.adapters.sqlite.rows import to_verdict, unpack_ruled_out, unpack_urls
from runnel.domain.verdicts import QueuedUrl, RuledOut, UrlVerdict, newest

_URLS = "SELECT first, term, packed FROM urls WHERE tenant = ? AND job_id = ? ORDER BY first, term"
_VERDICTS = "SELECT url, verdict FROM verdicts WHERE tenant = ? AND job_id = ?"
_RULED_OUT = "SELECT packed FROM ruled_out WHERE tenant = ? AND job_id = ? ORDER BY rowid"


class SqliteUrlQueue:
    """`UrlQueue` in the file."""

    def __init__(self, database: Database) -> None:
        """Read from *database*."""
        self._database = database

    async def urls(self, tenant: str, job_id: str) -> list[QueuedUrl]:
        return await self._database.read(
            lambda connection: [
                url for row in connection.execute(_URLS, (tenant, job_id)).fetchall() for url in unpack_urls(row)
            ]
        )

    async def verdicts(self, tenant: str, job_id: str) -> list[UrlVerdict]:
        return await self._database.read(
            lambda connection: [to_verdict(row) for row in connection.execute(_VERDICTS, (tenant, job_id)).fetchall()]
        )

    async def ruled_out(self, tenant: str, job_id: str) -> list[RuledOut]:
        rows = await self._database.read(lambda connection: connection.execute(_RULED_OUT, (tenant, job_id)).fetchall())
        # A redo packs several flushes together: the same URL may stand in two rows.
        return newest(url for row in rows for url in unpack_ruled_out(row["packed"]))
