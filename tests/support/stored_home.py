"""The made-up site of `ScriptedHome` over the real stores of AWS: our adapters, the guard, and moto's server behind it.

Requests take real time here, so the clock runs by itself, twenty times as fast as the machine's; `advance` waits for a
little and jumps over a lot. What a test looks at and damages past the use cases (`home.state`) is read from the table
and the bucket themselves.
"""

import asyncio
import itertools
import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from runnel.adapters.dynamodb.items import job_from_items, segment_from_item
from runnel.adapters.dynamodb.keys import job_pk, library_key, make_key, meta_key
from runnel.adapters.dynamodb.library_items import library_from_item
from runnel.domain import events as e
from runnel.domain.jobs import Job
from runnel.domain.libraries import Library
from runnel.testing.clock import START
from tests.support.dynamodb_guard import Guard, running_guard
from tests.support.dynamodb_stores import (
    AwsStores,
    close_stores,
    make_clients,
    objects_past_the_guard,
    open_stores,
    past_the_guard,
    shared_moto,
)
from tests.support.homes import STORES, ScriptedHome
from tests.support.killable_process import Process
from tests.support.moto_server import create_bucket, create_table
from tests.support.scripted_ports import ClockBell

#: How much faster than the machine's our clock runs.
_SPEED = 20.0
#: Sleepers look at the clock so often, in real seconds: it may have jumped.
_LOOK_S = 0.02
#: What is more than this is jumped over, in seconds.
_A_LOT_S = 20.0

_numbers = itertools.count(1)

Record = TypeVar("Record")


class RunningClock:
    """A `Clock` that runs by itself, and jumps when a test asks it to."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._jumped_s = 1_000.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (time.monotonic() - self._began_s) * _SPEED + self._jumped_s

    async def sleep(self, duration: timedelta) -> None:
        await self.wait(asyncio.Event(), duration)

    async def wait(self, event: asyncio.Event, at_most: timedelta) -> bool:
        until_s = self.monotonic() + at_most.total_seconds()
        while not event.is_set() and (left_s := until_s - self.monotonic()) > 0:
            try:
                await asyncio.wait_for(event.wait(), min(_LOOK_S, left_s / _SPEED))
            except TimeoutError:
                continue
        return event.is_set()

    async def advance(self, seconds: float) -> None:
        """Let *seconds* pass."""
        if seconds > _A_LOT_S:
            self._jumped_s += seconds
            seconds = _LOOK_S * _SPEED
        await self.sleep(timedelta(seconds=seconds))


@dataclass(slots=True)
class Way:
    """How processes reach the stores of AWS, and what they have opened."""

    guard: Guard
    clients: Any
    opened: list[AwsStores] = field(default_factory=list)


@contextmanager
def way_to_stores() -> Iterator[Way]:
    """A way through a guard of its own; all that was opened is closed in the end."""
    with running_guard(shared_moto().endpoint_url) as guard:
        way = Way(guard, make_clients(guard))
        yield way
        for stores in way.opened:
            close_stores(stores)


class StoredHome(ScriptedHome):
    """A `ScriptedHome` on a table and a bucket of its own."""

    varying = frozenset({"fetched_at"})

    def __init__(self, pages: Mapping[str, Any], *, way: "Way", **options: Any) -> None:
        """Reach the stores by that *way*."""
        self._way = way
        self._name = f"stored-{next(_numbers)}"
        create_table(past_the_guard(), self._name)
        create_bucket(objects_past_the_guard(), self._name)
        super().__init__(pages, **options)
        self.clock = cast("Any", RunningClock())
        self.bell, self.batch_bell = ClockBell(self.clock), ClockBell(self.clock)
        state = SimpleNamespace(objects=_Objects(self._name), jobs=_Jobs(self._name), libraries=_Libraries(self._name))
        self.state = cast("Any", state)
        self.outside = self.process("outside")

    def stores_of(self, process: Process) -> Any:
        """The stores as a process of AWS opens them."""
        stores = open_stores(self._way.guard, self._name, self._way.clients)
        self._way.opened.append(stores)
        return SimpleNamespace(**{name: _Stepping(name, getattr(stores, name), process) for name in STORES})

    def log(self, job: Job) -> list[e.DurableEvent]:
        """The events, in order; they are contiguous, or this fails."""
        query = past_the_guard().query(
            TableName=self._name,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={":pk": {"S": job_pk(job.tenant, job.job_id)}, ":sk": {"S": "E#"}},
        )
        events = [e.decode_event(line) for item in query["Items"] for line in segment_from_item(item).lines]
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        return events


class _Stepping:
    """A store that tells its process before each call, as those in memory do before each step."""

    def __init__(self, name: str, target: Any, process: Process) -> None:
        self._name, self._target, self._process = name, target, process

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._target, method)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def call(*args: Any, **fields: Any) -> Any:
            self._process.step(f"{self._name}.{method}")
            return await found(*args, **fields)

        return call


class _Objects(MutableMapping[tuple[str, str], bytes]):
    """The objects of a bucket by tenant and key."""

    def __init__(self, bucket: str) -> None:
        self._bucket, self._s3 = bucket, objects_past_the_guard()

    def __getitem__(self, place: tuple[str, str]) -> bytes:
        try:
            return self._s3.get_object(Bucket=self._bucket, Key="t/{}/{}".format(*place))["Body"].read()
        except self._s3.exceptions.NoSuchKey as absent:
            raise KeyError(place) from absent

    def __setitem__(self, place: tuple[str, str], body: bytes) -> None:
        self._s3.put_object(Bucket=self._bucket, Key="t/{}/{}".format(*place), Body=body)

    def __delitem__(self, place: tuple[str, str]) -> None:
        self._s3.delete_object(Bucket=self._bucket, Key="t/{}/{}".format(*place))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket)
        for entry in [entry for page in pages for entry in page.get("Contents", ())]:
            _, tenant, key = entry["Key"].split("/", 2)
            yield tenant, key

    def __len__(self) -> int:
        return len(list(iter(self)))


class _Records(MutableMapping[tuple[str, str], Record]):
    """The records of a table by tenant and id: what they are is for a subclass to say."""

    kind: str

    def __init__(self, table: str) -> None:
        self._table, self._dynamodb = table, past_the_guard()

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for item in self._scan():
            parts = item["pk"]["S"].split("#", 3)
            if item["sk"]["S"] == "META" and len(parts) == 4 and parts[2] == self.kind:
                yield parts[1], parts[3]

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __setitem__(self, place: tuple[str, str], record: Record) -> None:
        raise NotImplementedError("A test over these stores damages objects, not records.")

    def __delitem__(self, place: tuple[str, str]) -> None:
        tenant, name = place
        for item in self._scan():
            pk, sk = item["pk"]["S"], item["sk"]["S"]
            if pk == f"T#{tenant}#{self.kind}#{name}" or (pk == f"T#{tenant}" and sk.endswith(f"#{name}")):
                self._dynamodb.delete_item(TableName=self._table, Key={"pk": item["pk"], "sk": item["sk"]})

    def _scan(self) -> list[Any]:
        return [
            item
            for page in self._dynamodb.get_paginator("scan").paginate(TableName=self._table)
            for item in page["Items"]
        ]

    def _get(self, key: Any, place: tuple[str, str]) -> Any:
        found = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        if "Item" not in found:
            raise KeyError(place)
        return found["Item"]


class _Jobs(_Records[Job]):
    kind = "JOB"

    def __getitem__(self, place: tuple[str, str]) -> Job:
        meta = self._get(meta_key(*place), place)
        spec = self._get(make_key(job_pk(*place), f"SPEC#{meta['sp']['S']}"), place) if "sp" in meta else meta
        return job_from_items(meta, spec)


class _Libraries(_Records[Library]):
    kind = "LIB"

    def __getitem__(self, place: tuple[str, str]) -> Library:
        return library_from_item(self._get(library_key(*place), place))
