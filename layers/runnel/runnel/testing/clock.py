"""A clock that tests move, and names that repeat.

Laws:
1. Time stands still until `advance` moves it; sleepers wake in the order of their times, each at its own time.
2. `jump` moves what `now` shows and nothing else, as a wrong clock that is set right does.
"""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

from runnel.testing.state import turn

#: So many turns of the event loop let tasks do what they can without time.
SETTLE_TURNS = 32
START = datetime(2026, 1, 1, tzinfo=UTC)


class MovedClock:
    """A `Clock` whose time the test moves."""

    def __init__(self, start: datetime = START) -> None:
        """Begin at *start*."""
        self._now = start
        self._monotonic = 1000.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, duration: timedelta) -> None:
        if duration <= timedelta():
            await turn()
            return
        wake = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic + duration.total_seconds(), next(self._order), wake))
        await wake

    async def wait(self, event: asyncio.Event, at_most: timedelta) -> bool:
        rung = asyncio.ensure_future(event.wait())
        slept = asyncio.ensure_future(self.sleep(at_most))
        try:
            await asyncio.wait({rung, slept}, return_when=asyncio.FIRST_COMPLETED)
            return event.is_set()
        finally:
            rung.cancel()
            slept.cancel()

    @property
    def sleepers(self) -> int:
        """How many tasks sleep now."""
        return sum(not wake.done() for _, _, wake in self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Let *seconds* pass; whoever slept so long has run on when this returns."""
        end = self._monotonic + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, wake = heapq.heappop(self._sleepers)
            if wake.done():  # its task was cancelled
                continue
            self._move(due)
            wake.set_result(None)
            await self.settle()
        self._move(end)
        await self.settle()

    async def settle(self) -> None:
        """Let every task do what it can without time."""
        for _ in range(SETTLE_TURNS):
            await turn()

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or back; nobody wakes."""
        self._now += timedelta(seconds=seconds)

    def _move(self, to: float) -> None:
        self._now += timedelta(seconds=to - self._monotonic)
        self._monotonic = to


class FixedIds:
    """An `Ids` that counts."""

    def __init__(self, jitter: float = 0.5) -> None:
        """Draw always *jitter*."""
        self._count = itertools.count(1)
        self._jitter = jitter

    def job_id(self) -> str:
        return f"job{next(self._count):04}"

    def owner(self) -> str:
        return f"owner{next(self._count):04}"

    def secret(self) -> str:
        return f"secret-{next(self._count):036}"

    def jitter(self) -> float:
        return self._jitter
