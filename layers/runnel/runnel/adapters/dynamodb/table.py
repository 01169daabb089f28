"""One table, asked from asyncio: threads, capacity, repetition and batches.

Laws:
1. boto3 blocks, so each request runs in a lane: one pool for log and lease, one for the rest. However many requests of
   the rest hang, a renewal finds a thread.
2. A request is repeated only when it was surely not done (throttled), or when doing it twice changes nothing (reads,
   batches of unconditional puts). Every other failure goes to the caller, who knows how to read back.
3. What a batch left unprocessed is sent again, with full-jitter backoff, a bounded number of times.
4. Reads are strongly consistent, and every page of a query is followed; only an index cannot promise the first.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from runnel.adapters.dynamodb.attributes import Item, Key
from runnel.adapters.dynamodb.failures import BotoFailure, ConditionFailed, Throttled, translate
from runnel.adapters.dynamodb.usage import Usage
from runnel.errors import StoreUnavailable
from runnel.ports.clock import Clock
from runnel.ports.ids import Ids

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")

#: What DynamoDB takes in one batch.
BATCH_WRITE_ITEMS = 25
BATCH_GET_KEYS = 100
#: Sends of one request, the first included.
ATTEMPTS = 5
#: Sends of what a batch left over.
BATCH_ROUNDS = 8
_BACKOFF_FIRST_S = 0.05
_BACKOFF_MOST_S = 2.0
#: Requests that change nothing when they are done twice.
_REPEATABLE = frozenset({"get_item", "query", "batch_get_item", "batch_write_item"})


class Lane(StrEnum):
    """Which threads a request runs in."""

    LOG = "log"
    REST = "rest"


_THREADS = {Lane.LOG: 6, Lane.REST: 16}


class Table:
    """Requests to one table; raises `StoreUnavailable`, `ConfigInvalid`, and `ConditionFailed` where one was given."""

    def __init__(
        self, client: "DynamoDBClient", name: str, *, clock: Clock, ids: Ids, usage: Usage | None = None
    ) -> None:
        self.name = name
        self.clock = clock
        self.usage = usage or Usage()
        self._client = client
        self._ids = ids
        self._lanes = {
            lane: ThreadPoolExecutor(threads, thread_name_prefix=f"dynamodb-{lane}")
            for lane, threads in _THREADS.items()
        }

    def close(self) -> None:
        """End the threads; a request under way is not waited for."""
        for lane in self._lanes.values():
            lane.shutdown(wait=False, cancel_futures=True)

    async def get(self, key: Key, *, lane: Lane = Lane.REST) -> Item | None:
        """The item, strongly consistent."""
        answer = await self.call("get_item", lane=lane, TableName=self.name, Key=key, ConsistentRead=True)
        item: Item | None = answer.get("Item")
        return item or None

    async def put(self, item: Item, *, condition: str | None = None, lane: Lane = Lane.REST) -> None:
        """Store *item*; raises `ConditionFailed` with what stands there when *condition* is not met."""
        arguments: dict[str, Any] = {"TableName": self.name, "Item": item}
        if condition:
            arguments |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        await self.call("put_item", lane=lane, **arguments)

    async def update(
        self, key: Key, change: str, *, condition: str, values: Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None, lane: Lane = Lane.REST,
    ) -> Item:  # fmt: skip
        """One conditional write; the item after it. Raises `ConditionFailed` with what stands there."""
        arguments: dict[str, Any] = {
            "TableName": self.name,
            "Key": key,
            "UpdateExpression": change,
            "ConditionExpression": condition,
            "ReturnValues": "ALL_NEW",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if values:
            arguments["ExpressionAttributeValues"] = dict(values)
        if names:
            arguments["ExpressionAttributeNames"] = dict(names)
        item: Item = (await self.call("update_item", lane=lane, **arguments))["Attributes"]
        return item

    async def query(
        self, condition: str, values: Mapping[str, Any], *, limit: int | None = None, lane: Lane = Lane.REST,
        **arguments: Any,
    ) -> list[Item]:  # fmt: skip
        """The items that meet the key condition, at most *limit*, following every page; strongly consistent."""
        arguments = {
            "TableName": self.name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": dict(values),
            "ConsistentRead": "IndexName" not in arguments,
            **arguments,
        }
        items: list[Item] = []
        while True:
            if limit is not None:
                arguments["Limit"] = limit - len(items)
            page = await self.call("query", lane=lane, **arguments)
            items += page["Items"]
            arguments["ExclusiveStartKey"] = page.get("LastEvaluatedKey")
            if not arguments["ExclusiveStartKey"] or (limit is not None and len(items) >= limit):
                return items

    async def batch_get(self, keys: Sequence[Key]) -> list[Item]:
        """The items that exist among *keys*, in no order; strongly consistent."""
        chunks = _chunks(keys, BATCH_GET_KEYS)
        return [item for items in await _all(self._get_chunk(chunk) for chunk in chunks) for item in items]

    async def batch_put(self, items: Sequence[Item]) -> None:
        """Store every item, unconditionally; the keys must differ."""
        await self._batch_write([{"PutRequest": {"Item": item}} for item in items])

    async def batch_delete(self, keys: Sequence[Key]) -> None:
        """Remove every item; missing ones are fine."""
        await self._batch_write([{"DeleteRequest": {"Key": key}} for key in keys])

    async def call(self, operation: str, *, lane: Lane = Lane.REST, **arguments: Any) -> dict[str, Any]:
        """Send one request; repeat it where law 2 allows."""
        for attempt in range(ATTEMPTS - 1):
            try:
                return await self._send(operation, lane, arguments)
            except StoreUnavailable as failure:
                if not (isinstance(failure, Throttled) or operation in _REPEATABLE):
                    raise
            await self._back_off(attempt)
        return await self._send(operation, lane, arguments)

    async def _send(self, operation: str, lane: Lane, arguments: dict[str, Any]) -> dict[str, Any]:
        request = partial(getattr(self._client, operation), **arguments, ReturnConsumedCapacity="TOTAL")
        try:
            answer: dict[str, Any] = await asyncio.get_running_loop().run_in_executor(self._lanes[lane], request)
        except BotoFailure as failure:
            ours = translate(failure, operation)
            if isinstance(ours, ConditionFailed):
                self.usage.count_refused(operation)
            raise ours from failure
        self.usage.count(operation, answer)
        return answer

    async def _back_off(self, attempt: int) -> None:
        most_s = min(_BACKOFF_MOST_S, _BACKOFF_FIRST_S * 2**attempt)
        await self.clock.sleep(timedelta(seconds=most_s * self._ids.jitter()))

    async def _batch_write(self, requests: Sequence[dict[str, Any]]) -> None:
        await _all(self._write_chunk(chunk) for chunk in _chunks(requests, BATCH_WRITE_ITEMS))

    async def _write_chunk(self, requests: Sequence[dict[str, Any]]) -> None:
        left: dict[str, Any] = {self.name: list(requests)}
        for attempt in range(BATCH_ROUNDS):
            answer = await self.call("batch_write_item", RequestItems=left)
            left = answer.get("UnprocessedItems") or {}
            if not left:
                return
            await self._back_off(attempt)
        raise StoreUnavailable("DynamoDB did not take every item of a batch.")

    async def _get_chunk(self, keys: Sequence[Key]) -> list[Item]:
        left: dict[str, Any] = {self.name: {"Keys": list(keys), "ConsistentRead": True}}
        items: list[Item] = []
        for attempt in range(BATCH_ROUNDS):
            answer = await self.call("batch_get_item", RequestItems=left)
            items += answer["Responses"].get(self.name, [])
            left = answer.get("UnprocessedKeys") or {}
            if not left:
                return items
            await self._back_off(attempt)
        raise StoreUnavailable("DynamoDB did not answer every key of a batch.")


def _chunks(values: Sequence[T], size: int) -> list[Sequence[T]]:
    return [values[start : start + size] for start in range(0, len(values), size)]


async def _all(calls: Iterable[Awaitable[T]]) -> list[T]:
    """Every result; when one failed, its error, once all have come to an end."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]
