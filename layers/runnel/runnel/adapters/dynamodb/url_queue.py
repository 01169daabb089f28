"""The URL queue: three kinds of items, each read as a whole.

A URL decided without a fetch may stand in two packed items (one writer's and its successor's): it is reported once.
"""

from runnel.adapters.dynamodb import conditions as c
from runnel.adapters.dynamodb.attributes import text
from runnel.adapters.dynamodb.items import ruled_out_from_item, url_from_item, verdict_from_item
from runnel.adapters.dynamodb.keys import job_pk
from runnel.adapters.dynamodb.table import Table
from runnel.domain.verdicts import QueuedUrl, RuledOut, UrlVerdict


class DynamoDBUrlQueue:
    """`UrlQueue` on `U#` and `V#` items."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def urls(self, tenant: str, job_id: str) -> list[QueuedUrl]:
        items = await self._table.query(c.OF_KIND, {":pk": text(job_pk(tenant, job_id)), ":kind": text("U#")})
        return [url_from_item(item) for item in items]

    async def verdicts(self, tenant: str, job_id: str) -> list[UrlVerdict]:
        """Hashes begin with a hexadecimal digit, packed items with a plus sign."""
        values = {":pk": text(job_pk(tenant, job_id)), ":low": text("V#0"), ":high": text("V#g")}
        return [verdict_from_item(item) for item in await self._table.query(c.BETWEEN, values)]

    async def ruled_out(self, tenant: str, job_id: str) -> list[RuledOut]:
        items = await self._table.query(c.OF_KIND, {":pk": text(job_pk(tenant, job_id)), ":kind": text("V#+")})
        found: dict[str, RuledOut] = {}
        for item in items:
            for one in ruled_out_from_item(item):
                found.setdefault(one.url, one)
        return list(found.values())
