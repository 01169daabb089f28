"""Tokens: one item under the hash, for the look-up, and a copy in the tenant's list."""

from contextlib import suppress

from runnel.adapters.dynamodb import conditions as c
from runnel.adapters.dynamodb.attributes import text
from runnel.adapters.dynamodb.failures import ConditionFailed
from runnel.adapters.dynamodb.items import token_from_item, token_to_item, token_to_list_item
from runnel.adapters.dynamodb.keys import make_key, tenant_pk, token_key
from runnel.adapters.dynamodb.table import Table
from runnel.ports.tokens import Token


class DynamoDBTokens:
    """`Tokens`; what counts is the item under the hash, so it is put first and removed first."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def put(self, token: Token) -> None:
        await self._table.put(token_to_item(token))
        await self._table.put(token_to_list_item(token))

    async def find(self, sha256: str) -> Token | None:
        item = await self._table.get(token_key(sha256))
        return None if item is None else token_from_item(item)

    async def list_tokens(self, tenant: str) -> list[Token]:
        items = await self._table.query(c.OF_KIND, {":pk": text(tenant_pk(tenant)), ":kind": text("TOKEN#")})
        return [token_from_item(item) for item in items]

    async def revoke(self, tenant: str, sha256: str) -> None:
        # A refusal means that it is gone or another tenant's; either way our own list may still name it.
        with suppress(ConditionFailed):
            await self._table.call(
                "delete_item",
                TableName=self._table.name,
                Key=token_key(sha256),
                ConditionExpression=c.SAME_TENANT,
                ExpressionAttributeValues={":tenant": text(tenant)},
            )
        await self._table.batch_delete([make_key(tenant_pk(tenant), f"TOKEN#{sha256}")])
