"""
A proxy in front of moto's server that is as strict, as expensive and as unreliable as AWS.

* It refuses what DynamoDB refuses, so that no test passes on a request that AWS would not take.
* It counts capacity as AWS would, says it in `ConsumedCapacity`, and keeps it by kind of item in `used`.
* It injects faults by a plan: a function of the request's number, operation and body. Without a plan all goes well.
* S3 requests pass through, counted, under the same faults.
* Writes go through one at a time: capacity is counted from the item before and after.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import ClientSession, TCPConnector, web
from yarl import URL

from tests.support.dynamodb_rules import (
    Json,
    find_refusal,
    item_size,
    key_of,
    kind_of,
    put_or_key,
    read_units,
    write_units,
)

_TARGET = "X-Amz-Target"
_API = "DynamoDB_20120810."
_SINGLE_WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem"})
_READS = frozenset({"GetItem", "Query", "BatchGetItem"})
#: Headers that belong to one connection or to bytes that we may have changed.
_HOP = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "expect", "x-amz-crc32", "date", "server"}
)


class Fault(StrEnum):
    """What may go wrong with one request."""

    #: Refused, not done: too many requests.
    THROTTLE = "throttle"
    #: Refused, not done: an internal error.
    ERROR = "error"
    #: Not done; the connection ends.
    DROP = "drop"
    #: Done; the connection ends before the answer.
    LOST = "lost"
    #: Done twice; the first answer counts.
    DOUBLE = "double"
    #: A batch of writes: the first half is done, the rest comes back.
    UNPROCESSED = "unprocessed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, numbered from 1 since the plan was made."""

    number: int
    operation: str
    body: Json = field(default_factory=dict)


Plan = Callable[[Call], Fault | None]


def at(faults: Mapping[int, Fault]) -> Plan:
    """Plan a fault for requests by number."""
    return lambda call: faults.get(call.number)


def always(operation: str, fault: Fault) -> Plan:
    """Plan the same fault for every request of one operation."""
    return lambda call: fault if call.operation == operation else None


def crash_after(number: int, last: Fault | None = None) -> Plan:
    """Plan that nothing is done after request *number*, which meets *last* itself."""
    return lambda call: Fault.DROP if call.number > number else last if call.number == number else None


def seeded(seed: int, rate: float, faults: tuple[Fault, ...] = tuple(Fault)) -> Plan:
    """Plan faults at random, the same for the same seed and order of requests."""
    chance = random.Random(seed)
    return lambda _call: chance.choice(faults) if chance.random() < rate else None


@dataclass(slots=True)
class Spent:
    """What the requests have cost since the last `reset`."""

    writes: Counter[str] = field(default_factory=Counter)
    write_units: Counter[str] = field(default_factory=Counter)
    read_units: float = 0.0
    requests: Counter[str] = field(default_factory=Counter)

    @property
    def all_write_units(self) -> float:
        """Write units of all kinds of items together."""
        return sum(self.write_units.values())


class Held:
    """Requests of one operation that wait at the guard until they are released."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self._released = threading.Event()

    def release(self) -> None:
        """Let them go on."""
        self._released.set()

    async def wait(self) -> None:
        """Wait, as a request."""
        self.arrived.set()
        while not self._released.is_set():  # noqa: ASYNC110 - set from another thread, where an asyncio.Event cannot be
            await asyncio.sleep(0.005)


class _Dropped(Exception):
    """The connection is to end without an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def json(self) -> Json:
        body: Json = json.loads(self.data or b"{}")
        return body

    def with_json(self, body: Json) -> _Answer:
        return _Answer(status=self.status, headers=self.headers, data=json.dumps(body).encode())


class Guard:
    """The running proxy: what to do to requests, and what they were."""

    def __init__(self, upstream: str) -> None:
        self.endpoint_url = ""
        self.spent = Spent()
        self.calls: list[Call] = []
        self._upstream = upstream
        self._plan: Plan | None = None
        self._held: dict[str, Held] = {}
        self._session: ClientSession | None = None
        self._lock = asyncio.Lock()

    # ---------------------------------------------------------------- for tests

    def fail(self, plan: Plan) -> None:
        """Follow *plan* from the next request on, which has number 1."""
        self.calls = []
        self._plan = plan

    def calm(self) -> None:
        """Let everything go well again."""
        self._plan = None

    def reset(self) -> None:
        """Forget what was counted and called."""
        self.spent, self.calls = Spent(), []

    @contextmanager
    def holding(self, operation: str) -> Iterator[Held]:
        """Hold requests of *operation* for the length of a `with` block, or until they are released."""
        held = self._held[operation] = Held()
        try:
            yield held
        finally:
            del self._held[operation]
            held.release()

    # ---------------------------------------------------------------- as a server

    async def start(self) -> web.AppRunner:
        """Listen on a free loopback port."""
        self._session = ClientSession(auto_decompress=False, connector=TCPConnector(limit=64))
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.endpoint_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    async def stop(self, runner: web.AppRunner) -> None:
        """Stop listening."""
        await runner.cleanup()
        if self._session:
            await self._session.close()

    async def _handle(self, request: web.Request) -> web.Response:
        data = await request.read()
        operation = _name_operation(request)
        body = json.loads(data) if _TARGET in request.headers else {}
        call = Call(number=len(self.calls) + 1, operation=operation, body=body)
        self.calls.append(call)
        self.spent.requests[operation] += 1
        if operation in self._held:
            await self._held[operation].wait()
        try:
            answer = await self._serve(request, call, data)
        except _Dropped:
            if request.transport:
                request.transport.abort()
            return web.Response()
        return web.Response(status=answer.status, headers=answer.headers, body=answer.data)

    async def _serve(self, request: web.Request, call: Call, data: bytes) -> _Answer:
        fault = self._plan(call) if self._plan else None
        if fault is Fault.DROP:
            raise _Dropped
        if fault in {Fault.THROTTLE, Fault.ERROR}:
            return _refuse_for_now(call, fault)
        answer = await self._do(request, call, data, fault)
        if fault is Fault.DOUBLE:
            await self._do(request, call, data, None)
        if fault is Fault.LOST:
            raise _Dropped
        return answer

    async def _do(self, request: web.Request, call: Call, data: bytes, fault: Fault | None) -> _Answer:
        if _TARGET not in request.headers:
            return await self._forward(request, data)
        refusal = find_refusal(call.operation, call.body)
        if refusal:
            return _error(400, "com.amazon.coral.validate#ValidationException", refusal)
        if call.operation in _SINGLE_WRITES:
            return await self._write(request, call)
        if call.operation == "BatchWriteItem":
            return await self._batch_write(request, call.body, partly=fault is Fault.UNPROCESSED)
        answer = await self._forward(request, data)
        return await self._count_read(request, call, answer) if call.operation in _READS else answer

    # ---------------------------------------------------------------- writes

    async def _write(self, request: web.Request, call: Call) -> _Answer:
        body = call.body
        key = {name: (body.get("Item") or body["Key"])[name] for name in ("pk", "sk")}
        table = body["TableName"]
        async with self._lock:
            before = await self._read(request, table, key)
            answer = await self._ask(request, call.operation, body)
            after = await self._read(request, table, key) if answer.status == 200 else before
        return self._charge(answer, body, {kind_of(key): [write_units(before, after)]})

    async def _batch_write(self, request: web.Request, body: Json, *, partly: bool) -> _Answer:
        [(table, requests)] = body["RequestItems"].items()
        done = requests[: len(requests) // 2] if partly else requests
        units: dict[str, list[float]] = {}
        answer = _Answer(status=200, headers={"Content-Type": "application/x-amz-json-1.0"}, data=b"{}")
        if done:
            async with self._lock:
                before = await self._read_many(request, table, [put_or_key(entry) for entry in done])
                answer = await self._ask(request, "BatchWriteItem", {**body, "RequestItems": {table: done}})
            for entry in done:
                item = put_or_key(entry)
                after = item if "PutRequest" in entry else None
                units.setdefault(kind_of(item), []).append(write_units(before.get(key_of(item)), after))
        left = {table: requests[len(done) :]} if len(done) < len(requests) else {}
        if answer.status == 200:
            answer = answer.with_json({**answer.json, "UnprocessedItems": left})
        return self._charge(answer, body, units, batch=table)

    def _charge(
        self, answer: _Answer, body: Json, units: Mapping[str, list[float]], *, batch: str | None = None
    ) -> _Answer:
        for kind, each in units.items():
            self.spent.writes[kind] += len(each)
            self.spent.write_units[kind] += sum(each)  # type: ignore[assignment]  # a Counter counts floats too
        return _tell(answer, body, sum(sum(each) for each in units.values()), batch=batch)

    # ---------------------------------------------------------------- reads

    async def _count_read(self, request: web.Request, call: Call, answer: _Answer) -> _Answer:
        if answer.status != 200:
            return answer
        if call.operation == "BatchGetItem":
            [(table, asked)] = call.body["RequestItems"].items()
            found = answer.json["Responses"].get(table, [])
            sizes = [item_size(item) for item in found] + [0] * (len(asked["Keys"]) - len(found))
            units = sum(read_units(size, consistent=asked.get("ConsistentRead", False)) for size in sizes)
            self.spent.read_units += units
            return _tell(answer, call.body, units, batch=table)
        size = await self._size_read(request, call, answer)
        units = read_units(size, consistent=call.body.get("ConsistentRead", False))
        self.spent.read_units += units
        return _tell(answer, call.body, units)

    async def _size_read(self, request: web.Request, call: Call, answer: _Answer) -> int:
        """Bytes that were read, which is more than what was answered when the request projects or filters."""
        if call.operation == "GetItem":
            return item_size(answer.json.get("Item"))
        shaping = {"ProjectionExpression", "FilterExpression"} & call.body.keys()
        if shaping:
            whole = {name: value for name, value in call.body.items() if name not in shaping}
            answer = await self._ask(request, call.operation, whole)
        return sum(item_size(item) for item in answer.json["Items"])

    # ---------------------------------------------------------------- upstream

    async def _read(self, request: web.Request, table: str, key: Json) -> Json | None:
        answer = await self._ask(request, "GetItem", {"TableName": table, "Key": key, "ConsistentRead": True})
        return answer.json.get("Item")

    async def _read_many(self, request: web.Request, table: str, items: list[Json]) -> dict[tuple[str, str], Json]:
        keys = [{name: item[name] for name in ("pk", "sk")} for item in items]
        answer = await self._ask(request, "BatchGetItem", {"RequestItems": {table: {"Keys": keys}}})
        return {key_of(item): item for item in answer.json.get("Responses", {}).get(table, [])}

    async def _ask(self, request: web.Request, operation: str, body: Json) -> _Answer:
        return await self._forward(request, json.dumps(body).encode(), target=_API + operation)

    async def _forward(self, request: web.Request, data: bytes, *, target: str | None = None) -> _Answer:
        if self._session is None:
            raise RuntimeError("the guard has not been started")
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        if target:
            headers[_TARGET] = target
        url = URL(self._upstream + request.raw_path, encoded=True)
        async with self._session.request(request.method, url, headers=headers, data=data) as response:
            kept = {name: value for name, value in response.headers.items() if name.lower() not in _HOP}
            return _Answer(status=response.status, headers=kept, data=await response.read())


def _name_operation(request: web.Request) -> str:
    """Return DynamoDB's name of the operation, or S3's."""
    if _TARGET in request.headers:
        return request.headers[_TARGET].removeprefix(_API)
    if "list-type" in request.query:
        return "ListObjects"
    return f"{request.method.title()}Object"


def _tell(answer: _Answer, body: Json, units: float, *, batch: str | None = None) -> _Answer:
    """Put the capacity into the answer, where it was asked for."""
    if answer.status != 200 or body.get("ReturnConsumedCapacity", "NONE") == "NONE":
        return answer
    consumed: Any = {"TableName": batch or body.get("TableName"), "CapacityUnits": units}
    return answer.with_json({**answer.json, "ConsumedCapacity": [consumed] if batch else consumed})


def _refuse_for_now(call: Call, fault: Fault | None) -> _Answer:
    if call.operation.endswith(("Object", "Objects")):
        return _Answer(
            status=503,
            headers={"Content-Type": "application/xml"},
            data=b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
        )
    if fault is Fault.THROTTLE:
        kind = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
        return _error(400, kind, "The level of configured provisioned throughput for the table was exceeded")
    return _error(500, "com.amazonaws.dynamodb.v20120810#InternalServerError", "The request processing has failed")


def _error(status: int, kind: str, message: str) -> _Answer:
    data = json.dumps({"__type": kind, "message": message}).encode()
    return _Answer(status=status, headers={"Content-Type": "application/x-amz-json-1.0"}, data=data)


@contextmanager
def running_guard(upstream: str) -> Iterator[Guard]:
    """Run a guard in a thread of its own for the length of a `with` block."""
    guard, loop = Guard(upstream), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="dynamodb-guard", daemon=True)
    thread.start()
    runner = asyncio.run_coroutine_threadsafe(guard.start(), loop).result(10)
    try:
        yield guard
    finally:
        asyncio.run_coroutine_threadsafe(guard.stop(runner), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
