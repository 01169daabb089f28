"""Waiting out a store: the same request again until it is answered."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from runnel.errors import StoreUnavailable
from runnel.usecases.services import Services

STORE_PAUSE = timedelta(milliseconds=500)

Answer = TypeVar("Answer")


async def sure(services: Services, ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """The answer of *ask*, which is repeated while the store is unavailable: a fault of the store never fails a job."""
    while True:
        try:
            return await ask()
        except StoreUnavailable:
            services.telemetry.count("store_retries")
            await services.clock.sleep(STORE_PAUSE)
