"""The machine's clock: the one place that reads it.

CLOCK_BOOTTIME (Linux) and CLOCK_MONOTONIC (macOS) go on while the machine sleeps; elsewhere we have what Python has.
"""

import asyncio
import sys
import time
from datetime import UTC, datetime, timedelta

_RUNNING = {"linux": "CLOCK_BOOTTIME", "darwin": "CLOCK_MONOTONIC"}.get(sys.platform, "")
_CLOCK_ID: int | None = getattr(time, _RUNNING, None)


class SystemClock:
    """A `Clock` of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic() if _CLOCK_ID is None else time.clock_gettime(_CLOCK_ID)

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(max(0.0, duration.total_seconds()))

    async def wait(self, event: asyncio.Event, at_most: timedelta) -> bool:
        try:
            async with asyncio.timeout(max(0.0, at_most.total_seconds())):
                return await event.wait()
        except TimeoutError:
            return False
