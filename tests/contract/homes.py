"""How each home's stores are made for a test."""

import importlib.util
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from runnel.adapters.filesystem.raw_store import FolderRawStore
from runnel.adapters.sqlite.database import Database
from runnel.adapters.sqlite.stores import SqliteStores
from runnel.errors import StoreUnavailable
from runnel.testing import MemoryStores
from tests.contract.bundle import Home

Connect = Callable[..., sqlite3.Connection]


class LaptopStores(SqliteStores):
    """One file and a folder beside it."""

    def __init__(self, database: Database, folder: Path) -> None:
        super().__init__(database)
        self.raw = FolderRawStore(folder)

    async def close(self) -> None:
        await self.raw.close()
        await super().close()


def open_stores(path: Path, connect: Connect = sqlite3.connect) -> LaptopStores:
    """Open a laptop's stores as any process of it would."""
    return LaptopStores(Database.open(path, connect=connect), path.parent / "objects")


class Countdown:
    """Counts steps and says when they begin to fail."""

    def __init__(self) -> None:
        self.left: int | None = None

    def start(self, steps: int) -> None:
        self.left = steps

    def stop(self) -> None:
        self.left = None

    def is_over(self) -> bool:
        if self.left is None:
            return False
        self.left -= 1
        return self.left < 0


@asynccontextmanager
async def memory_home(_folder: Path) -> AsyncIterator[Home]:
    countdown, stores = Countdown(), MemoryStores()

    def step(name: str) -> None:
        if countdown.is_over():
            raise StoreUnavailable(name)

    stores.state.on_step = step
    yield Home(stores=stores, break_after=countdown.start, calm=countdown.stop)


@asynccontextmanager
async def sqlite_home(folder: Path) -> AsyncIterator[Home]:
    countdown = Countdown()

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = sqlite3.connect(*arguments, **options)
        connection.set_progress_handler(countdown.is_over, 1)
        return connection

    stores = open_stores(folder / "runnel.db", connect)
    try:
        yield Home(stores=stores, break_after=countdown.start, calm=countdown.stop, stride=23)
    finally:
        countdown.stop()
        await stores.close()


@asynccontextmanager
async def dynamodb_home(_folder: Path) -> AsyncIterator[Home]:
    if importlib.util.find_spec("tests.support.dynamodb_stores") is None:
        pytest.fail("tests/support/dynamodb_stores.py is missing: the AWS stores cannot be held to the contract")
    from tests.support.dynamodb_guard import crash_after
    from tests.support.dynamodb_stores import make_stores

    async with make_stores() as stores:
        yield Home(
            stores=stores,
            break_after=lambda steps: stores.guard.fail(crash_after(steps)),
            calm=stores.guard.calm,
        )


HOMES = {"memory": memory_home, "sqlite": sqlite_home, "dynamodb": dynamodb_home}
