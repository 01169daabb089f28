"""One suite for every adapter of a port: each test runs in each home."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.contract.bundle import Home, Stores
from tests.contract.homes import HOMES


@pytest_asyncio.fixture(params=sorted(HOMES))
async def home(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Home]:
    """A fresh home."""
    async with HOMES[request.param](tmp_path) as made:
        yield made


@pytest.fixture
def stores(home: Home) -> Stores:
    """The stores of a fresh home."""
    return home.stores
