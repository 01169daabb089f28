"""The URL queue: three kinds of items, each read as a whole.

A URL that stands packed with others may do so twice (by a writer and by its successor): it is reported once.
"""

from runnel.adapters.dynamodb import conditions as c
from runnel.adapters.dynamodb.attributes import text
from runnel.adapters.dynamodb.items import ruled_out_from_item, url_from_item, verdicts_from_item
from runnel.adapters.dynamodb.keys import job_pk
from runnel.adapters.dynamodb.table import Table
from runnel.domain.verdicts import QueuedUrl, RuledOut, UrlVerdict, newest


class DynamoDBUrlQueue:
    """`UrlQueue` on `U#` and `V#` items."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def urls(self, tenant: str, job_id: str) -> list[QueuedUrl]:
        items = await self._table.query(c.OF_KIND, {":pk": text(job_pk(tenant, job_id)), ":kind": text("U#")})
        return [url_from_item(item) for item in items]

    async def verdicts(self, tenant: str, job_id: str) -> list[UrlVerdict]:
        """Hashes begin with a hexadecimal digit, packed verdicts with `=`, packed URLs without a fetch with `+`."""
        values = {":pk": text(job_pk(tenant, job_id)), ":low": text("V#0"), ":high": text("V#g")}
        items = await self._table.query(c.BETWEEN, values)
        found = {verdict.url: verdict for item in items for verdict in verdicts_from_item(item)}
        return list(found.values())

    async def ruled_out(self, tenant: str, job_id: str) -> list[RuledOut]:
        items = await self._table.query(c.OF_KIND, {":pk": text(job_pk(tenant, job_id)), ":kind": text("V#+")})
        return newest(one for item in items for one in ruled_out_from_item(item))
