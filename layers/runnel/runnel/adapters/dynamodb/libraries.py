"""Libraries: one item each, and one in its tenant's list."""

from typing import Any

from runnel.adapters.dynamodb import conditions as c
from runnel.adapters.dynamodb.attributes import Item, number, text
from runnel.adapters.dynamodb.failures import ConditionFailed
from runnel.adapters.dynamodb.keys import library_key, make_key, tenant_pk
from runnel.adapters.dynamodb.library_items import (
    kept_to_value,
    library_from_item,
    library_to_item,
    pointer_to_attributes,
    published_to_value,
)
from runnel.adapters.dynamodb.table import Table
from runnel.domain.libraries import Library, Pointer
from runnel.errors import LibraryBusy, LibraryNotFound, StoreUnavailable

#: Publishers remembered besides the active job: more than can publish while one job is active.
_PUBLISHERS_KEPT = 20


class DynamoDBLibraries:
    """`Libraries` on the library's META."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def ensure(self, library: Library) -> Library:
        """The list item comes last and is put again by every call, so that a lost one is found by the next."""
        stored = library
        try:
            await self._table.put(library_to_item(library), condition=c.ABSENT)
        except ConditionFailed as taken:
            if taken.item is None:
                raise StoreUnavailable("The library was deleted while it was created.") from taken
            stored = library_from_item(taken.item)
        await self._table.put(make_key(tenant_pk(library.tenant), f"L#{library.library_id}"))
        return stored

    async def get(self, tenant: str, library_id: str) -> Library | None:
        item = await self._table.get(library_key(tenant, library_id))
        return None if item is None else library_from_item(item)

    async def list_libraries(self, tenant: str) -> list[Library]:
        listed = await self._table.query(c.OF_KIND, {":pk": text(tenant_pk(tenant)), ":kind": text("L#")})
        keys = [library_key(tenant, item["sk"]["S"].removeprefix("L#")) for item in listed]
        libraries = [library_from_item(item) for item in await self._table.batch_get(keys)]
        return sorted(libraries, key=lambda library: library.library_id)

    async def edit(self, seen: Library, wanted: Library) -> bool:
        """Another name is another item: then the old one goes and the new one comes in one transaction."""
        condition, values = _as_seen(seen)
        try:
            if wanted.library_id == seen.library_id:
                await self._put_over(library_to_item(wanted), condition, values)
            else:
                await self._move(seen, wanted, condition, values)
        except ConditionFailed:
            return False
        return True

    async def _put_over(self, item: Item, condition: str, values: dict[str, Any]) -> None:
        await self._table.call(
            "put_item",
            TableName=self._table.name,
            Item=item,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
        )

    async def _move(self, seen: Library, wanted: Library, condition: str, values: dict[str, Any]) -> None:
        name, tenant = self._table.name, tenant_pk(seen.tenant)
        old = {
            "TableName": name,
            "Key": library_key(seen.tenant, seen.library_id),
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
        new = {"TableName": name, "Item": library_to_item(wanted), "ConditionExpression": c.ABSENT}
        await self._table.call(
            "transact_write_items",
            TransactItems=[
                {"Delete": old},
                {"Put": new},
                {"Delete": {"TableName": name, "Key": make_key(tenant, f"L#{seen.library_id}")}},
                {"Put": {"TableName": name, "Item": make_key(tenant, f"L#{wanted.library_id}")}},
            ],
        )

    async def claim(self, tenant: str, library_id: str, job_id: str) -> None:
        try:
            await self._table.update(
                library_key(tenant, library_id),
                "SET aj = :job",
                condition=c.both(c.PRESENT, c.CLAIMABLE),
                values={":job": text(job_id)},
            )
        except ConditionFailed as refused:
            if refused.item is None:
                raise LibraryNotFound from refused
            raise LibraryBusy(job_id=library_from_item(refused.item).active_job or "") from refused

    async def renew(self, tenant: str, library_id: str, claim: str, name: str) -> bool:
        values = {":job": text(claim), ":name": text(name)}
        try:
            await self._table.update(
                library_key(tenant, library_id), "SET aj = :name", condition=c.RENEWABLE, values=values
            )
        except ConditionFailed:
            return False
        return True

    async def delete(self, tenant: str, library_id: str, job_id: str) -> bool:
        """The list item goes last: a list passes over one whose library has gone."""
        key = library_key(tenant, library_id)
        try:
            await self._table.call(
                "delete_item",
                TableName=self._table.name,
                Key=key,
                ConditionExpression=c.CLAIMED,
                ExpressionAttributeValues={":job": text(job_id)},
            )
        except ConditionFailed:
            return False
        await self._table.batch_delete([make_key(tenant_pk(tenant), f"L#{library_id}")])
        return True

    async def free(self, tenant: str, library_id: str, job_id: str) -> None:
        try:
            await self._table.update(
                library_key(tenant, library_id), "REMOVE aj", condition=c.CLAIMED, values={":job": text(job_id)}
            )
        except ConditionFailed:
            return

    async def move_pointer(self, library: Library, pointer: Pointer, *, job_id: str) -> bool:
        new = pointer_to_attributes(pointer)
        published = _recent(library) | {job_id: pointer.generation}
        try:
            await self._table.update(
                library_key(library.tenant, library.library_id),
                "SET g = :generation, po = :pointer, kp = :kept, pj = :published",
                condition=c.both(c.PRESENT, c.SAME_GENERATION),
                values={
                    ":generation": new["g"],
                    ":pointer": new["po"],
                    ":kept": kept_to_value(library.keeping(pointer)),
                    ":published": published_to_value(published),
                    ":base": number(library.pointer.generation),
                },
            )
        except ConditionFailed:
            return False
        return True


def _as_seen(library: Library) -> tuple[str, dict[str, Any]]:
    """The condition that nothing of a library has changed, with its values."""
    values: dict[str, Any] = {":base": number(library.pointer.generation)}
    parts = [c.PRESENT, c.SAME_GENERATION]
    if library.revision:
        parts.append(c.SAME_REVISION)
        values[":revision"] = number(library.revision)
    else:
        parts.append(c.NEVER_EDITED)
    if library.active_job is None:
        parts.append(c.UNCLAIMED)
    else:
        parts.append(c.CLAIMED)
        values[":job"] = text(library.active_job)
    return c.both(*parts), values


def _recent(library: Library) -> dict[str, int]:
    """Who has published, without those of long ago: the item must not grow with every crawl [by_each_job]."""
    newest = sorted(library.published, key=lambda job_id: library.published[job_id])[-_PUBLISHERS_KEPT:]
    return {job: library.published[job] for job in library.published if job in newest or job == library.active_job}
