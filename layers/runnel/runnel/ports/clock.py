"""Time, as the use cases see it; tests move it."""

import asyncio
from datetime import datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Instants and durations.

    Promises:

    * `now` is aware UTC and may jump; it is shown and stored, never compared between processes;
    * `monotonic` only grows, and goes on while the process is frozen or the machine sleeps [clock_runs];
    * `sleep` may wake late, never early.
    """

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that only grows."""
        ...

    async def sleep(self, duration: timedelta) -> None:
        """Wait for *duration*."""
        ...

    async def wait(self, event: asyncio.Event, at_most: timedelta) -> bool:
        """Wait until *event* is set; False when *at_most* has passed first."""
        ...
