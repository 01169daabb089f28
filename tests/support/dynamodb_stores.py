"""The AWS stores as the contract suites get them: our adapters, the guard, and moto's server behind it.

* Every bundle has a table and a bucket of its own: moto keeps one state per process.
* Waiting is moved, not slept: a backoff is noted in `clock.slept` and is over at once.
"""

from __future__ import annotations

import asyncio
import atexit
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from runnel.adapters.dynamodb.batches import DynamoDBBatches
from runnel.adapters.dynamodb.bus import DynamoDBBus
from runnel.adapters.dynamodb.client import make_client as make_dynamodb
from runnel.adapters.dynamodb.host_budget import DynamoDBHostBudget
from runnel.adapters.dynamodb.job_store import DynamoDBJobStore
from runnel.adapters.dynamodb.journal import DynamoDBEventLog, DynamoDBJournal
from runnel.adapters.dynamodb.libraries import DynamoDBLibraries
from runnel.adapters.dynamodb.stores import DynamoDBStores
from runnel.adapters.dynamodb.tokens import DynamoDBTokens
from runnel.adapters.dynamodb.url_queue import DynamoDBUrlQueue
from runnel.adapters.s3.client import make_client as make_s3
from runnel.adapters.s3.content_store import S3ContentStore
from runnel.adapters.s3.raw_store import S3RawStore
from runnel.testing.clock import FixedIds
from tests.support.dynamodb_guard import Guard, running_guard
from tests.support.moto_server import MotoServer, client_arguments, create_bucket, create_table, start_moto

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client

_numbers = itertools.count(1)


@dataclass(slots=True)
class PassingClock:
    """A clock that nobody waits for: whoever sleeps moves it and goes on."""

    at: datetime = datetime(2030, 1, 1, tzinfo=UTC)
    slept: list[timedelta] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, duration: timedelta) -> None:
        """Move the clock and let others run."""
        self.slept.append(duration)
        self.at += duration
        await asyncio.sleep(0)

    async def wait(self, event: asyncio.Event, at_most: timedelta) -> bool:
        """Move the clock, unless the event is set."""
        if not event.is_set():
            await self.sleep(at_most)
        return event.is_set()


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsStores:
    """Every port that AWS fills, and the guard that stands before it."""

    dynamodb: DynamoDBStores
    content: S3ContentStore
    raw: S3RawStore
    guard: Guard
    clock: PassingClock
    table: str
    bucket: str

    @property
    def jobs(self) -> DynamoDBJobStore:
        return self.dynamodb.jobs

    @property
    def leases(self) -> DynamoDBJobStore:
        return self.dynamodb.leases

    @property
    def log(self) -> DynamoDBEventLog:
        return self.dynamodb.log

    @property
    def queue(self) -> DynamoDBUrlQueue:
        return self.dynamodb.queue

    @property
    def journal(self) -> DynamoDBJournal:
        return self.dynamodb.journal

    @property
    def batches(self) -> DynamoDBBatches:
        return self.dynamodb.batches

    @property
    def libraries(self) -> DynamoDBLibraries:
        return self.dynamodb.libraries

    @property
    def bus(self) -> DynamoDBBus:
        return self.dynamodb.bus

    @property
    def hosts(self) -> DynamoDBHostBudget:
        return self.dynamodb.hosts

    @property
    def tokens(self) -> DynamoDBTokens:
        return self.dynamodb.tokens


@cache
def shared_moto() -> MotoServer:
    """Return the one server of this process; it ends with the process."""
    server = start_moto()
    atexit.register(server.stop)
    return server


@cache
def past_the_guard() -> DynamoDBClient:
    """Return a client of the shared server itself."""
    return shared_moto().dynamodb()


@cache
def objects_past_the_guard() -> S3Client:
    """Return a client of the shared server's objects."""
    return shared_moto().s3()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gate:
    """A running guard, and clients that go through it."""

    guard: Guard
    clients: tuple[DynamoDBClient, S3Client]


#: Gates that nobody uses: to make one takes as long as all else that a test of a store does.
_idle_gates: list[_Gate] = []


@asynccontextmanager
async def make_stores() -> AsyncIterator[AwsStores]:
    """Make stores on a fresh table and bucket, behind a guard that is theirs as long as they are."""
    name = f"runnel-{next(_numbers)}"
    create_table(past_the_guard(), name)
    create_bucket(objects_past_the_guard(), name)
    gate = _idle_gates.pop() if _idle_gates else _open_gate()
    stores = open_stores(gate.guard, name, gate.clients)
    try:
        yield stores
    finally:
        close_stores(stores)
        gate.guard.calm()
        await asyncio.to_thread(_wait_for_threads, stores)  # the next to have the gate must not count their requests
        gate.guard.reset()
        _idle_gates.append(gate)


def _open_gate() -> _Gate:
    """Start a guard; it ends with the process."""
    running = running_guard(shared_moto().endpoint_url)
    guard = running.__enter__()
    atexit.register(running.__exit__, None, None, None)
    return _Gate(guard=guard, clients=make_clients(guard))


def _wait_for_threads(stores: AwsStores) -> None:
    """Wait for requests under way, as closing a store does not."""
    buckets = (stores.content._bucket, stores.raw._bucket)  # noqa: SLF001 - what only this test needs
    lanes = stores.dynamodb._table._lanes.values()  # noqa: SLF001
    for threads in (*lanes, *(bucket._threads for bucket in buckets)):  # noqa: SLF001
        threads.shutdown(wait=True)


def make_clients(guard: Guard) -> tuple[DynamoDBClient, S3Client]:
    """Make clients that go through *guard*: they hold no state, and take a third of a second to make."""
    arguments = client_arguments(guard.endpoint_url)
    return make_dynamodb(**arguments), make_s3(path_style=True, **arguments)


def open_stores(guard: Guard, name: str, clients: tuple[DynamoDBClient, S3Client] | None = None) -> AwsStores:
    """Open the table and the bucket *name* through *guard*, as another process would: nothing is shared but them."""
    dynamodb, s3 = clients or make_clients(guard)
    clock, ids = PassingClock(), FixedIds(jitter=1.0)
    return AwsStores(
        dynamodb=DynamoDBStores(dynamodb, name, clock=clock, ids=ids),
        content=S3ContentStore(s3, name, clock=clock, ids=ids),
        raw=S3RawStore(s3, name, clock=clock, ids=ids),
        guard=guard,
        clock=clock,
        table=name,
        bucket=name,
    )


def close_stores(stores: AwsStores) -> None:
    """End the threads of every store."""
    stores.dynamodb.close()
    stores.content.close()
    stores.raw.close()
