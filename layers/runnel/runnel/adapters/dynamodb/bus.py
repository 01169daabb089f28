"""The bus: a segment item by its first number, and an item by its key, put together in one transaction.

A place that is taken, or a key that is there, cancels both: then the key is looked up, and without it the end is looked
for again. So two writers of one segment make one, and two segments never share a number.
"""

import zlib
from typing import Any

from runnel.adapters.dynamodb import conditions as c
from runnel.adapters.dynamodb.attributes import Item, binary, get_int, number, text
from runnel.adapters.dynamodb.failures import ConditionFailed
from runnel.adapters.dynamodb.keys import bus_pk, bus_sk, make_key
from runnel.adapters.dynamodb.table import Table
from runnel.domain.bus import BusSegment


class DynamoDBBus:
    """`Bus` in a partition of each tenant."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def append(self, tenant: str, segment: BusSegment) -> None:
        while not await self.has(tenant, segment.key):
            first = await self._last(tenant) + 1
            item = make_key(bus_pk(tenant), bus_sk(first)) | {
                "l": number(first + len(segment.lines) - 1),
                "z": binary(zlib.compress(b"\n".join(segment.lines), 6)),
            }
            try:
                await self._put_both(item, make_key(bus_pk(tenant), f"K#{segment.key}"))
            except ConditionFailed:
                continue
            return

    async def has(self, tenant: str, key: str) -> bool:
        return await self._table.get(make_key(bus_pk(tenant), f"K#{key}")) is not None

    async def read(self, tenant: str, *, after: int = 0, limit: int | None = None) -> list[tuple[int, bytes]]:
        before = await self._table.query(
            c.BETWEEN, _range(tenant, "E#", bus_sk(after + 1)), limit=1, ScanIndexForward=False
        )
        items = before + await self._table.query(c.BETWEEN, _range(tenant, bus_sk(after + 2), "E$"), limit=limit)
        found = [
            (seq, line)
            for item in items
            for seq, line in enumerate(zlib.decompress(item["z"]["B"]).split(b"\n"), int(item["sk"]["S"][2:]))
            if seq > after
        ]
        return found[:limit]

    async def _last(self, tenant: str) -> int:
        found = await self._table.query(c.BETWEEN, _range(tenant, "E#", "E$"), limit=1, ScanIndexForward=False)
        return get_int(found[0], "l") if found else 0

    async def _put_both(self, *items: Item) -> None:
        puts = [{"Put": {"TableName": self._table.name, "Item": i, "ConditionExpression": c.ABSENT}} for i in items]
        await self._table.call("transact_write_items", TransactItems=puts)


def _range(tenant: str, low: str, high: str) -> dict[str, Any]:
    return {":pk": text(bus_pk(tenant)), ":low": text(low), ":high": text(high)}
