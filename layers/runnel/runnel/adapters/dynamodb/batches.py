"""Processor batches: one item each, changed by single conditional writes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from runnel.adapters.dynamodb import conditions as c
from runnel.adapters.dynamodb.attributes import moment, number, text
from runnel.adapters.dynamodb.failures import ConditionFailed
from runnel.adapters.dynamodb.items import batch_from_item, indexes_to_value
from runnel.adapters.dynamodb.keys import batch_key, job_pk, key_of
from runnel.adapters.dynamodb.table import Table
from runnel.domain.libraries import Batch


class DynamoDBBatches:
    """`Batches` on `B#` items."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def get_many(self, tenant: str, job_id: str, batch_ids: tuple[str, ...]) -> dict[str, Batch]:
        keys = [batch_key(tenant, job_id, batch_id) for batch_id in dict.fromkeys(batch_ids)]
        batches = [batch_from_item(item) for item in await self._table.batch_get(keys)]
        return {batch.batch_id: batch for batch in batches}

    async def list_batches(self, tenant: str, job_id: str) -> list[Batch]:
        items = await self._table.query(c.OF_KIND, {":pk": text(job_pk(tenant, job_id)), ":kind": text("B#")})
        return [batch_from_item(item) for item in items]

    async def add_part(self, tenant: str, job_id: str, batch_id: str, part: str, indexes: tuple[int, ...]) -> bool:
        batch = await self._write(
            batch_key(tenant, job_id, batch_id),
            "SET pt.#part = if_not_exists(pt.#part, :indexes)",
            condition=c.both(c.PRESENT, c.NOT_CLOSED),
            values={":indexes": indexes_to_value(indexes)},
            names={"#part": part},
        )
        return batch is not None

    async def count_try(self, tenant: str, job_id: str, batch_id: str, *, seen: int, now: datetime) -> Batch | None:
        return await self._write(
            batch_key(tenant, job_id, batch_id),
            "SET tr = :next, iv = :now",
            condition=c.both(c.PRESENT, c.SAME_TRIES),
            values={":next": number(seen + 1), ":now": moment(now), ":seen": number(seen)},
        )

    async def close(self, tenant: str, job_id: str, batch_id: str, *, seen: Batch) -> bool:
        """A batch that was seen done stays so; one seen undone is undone as long as it has no further part."""
        if seen.is_done:
            return False
        batch = await self._write(
            batch_key(tenant, job_id, batch_id),
            "SET cl = :yes",
            condition=c.both(c.PRESENT, c.NOT_CLOSED, c.SAME_PARTS),
            values={":yes": {"BOOL": True}, ":parts": number(len(seen.parts))},
        )
        return batch is not None

    async def _write(
        self, key: dict[str, Any], change: str, *, condition: str, values: Mapping[str, Any],
        names: Mapping[str, str] | None = None,
    ) -> Batch | None:  # fmt: skip
        """One write of a batch; None when the condition is not met."""
        try:
            item = await self._table.update(key, change, condition=condition, values=values, names=names)
        except ConditionFailed:
            return None
        return batch_from_item(key_of(key) | item)
