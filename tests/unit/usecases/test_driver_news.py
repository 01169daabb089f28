"""What a driver hears while it is busy: nothing of it waits for the next look at the clock."""

from itertools import count
from typing import Any

import pytest

from runnel.domain import events as e
from runnel.testing import MovedClock
from runnel.usecases.services import Tuning
from tests.support.homes import ScriptedHome, ScriptedPage
from tests.support.scripted_ports import ClockBell
from tests.support.slow_journal import slow_down

COMMIT_S = 0.3
LEAVES = tuple(f"/{number}" for number in range(8))
SITE = {"/": ScriptedPage(text="home", links=LEAVES), **{path: ScriptedPage(text=f"leaf {path}") for path in LEAVES}}


class _Staggered(ScriptedHome):
    """Each batch takes a little longer than the one before: some end while another's end is committed."""

    def __init__(self, step_s: float, **fields: Any) -> None:
        self.step_s = step_s
        self._batches = count(1)
        super().__init__(SITE, **fields)

    @property
    def processor_s(self) -> float:
        return self.step_s * next(self._batches)

    @processor_s.setter
    def processor_s(self, value: float) -> None:
        """The home's own figure is not used."""


class _NotedBell(ClockBell):
    """Notes when it was rung."""

    def __init__(self, clock: MovedClock) -> None:
        super().__init__(clock)
        self._time = clock
        self.rung_s: list[float] = []

    def ring(self, job_id: str) -> None:
        self.rung_s.append(self._time.monotonic())
        super().ring(job_id)


@pytest.mark.parametrize("step_s", [0.05, 0.15, 0.25])
async def test_a_batch_that_ends_during_a_commit_is_told_with_the_next_one(step_s: float) -> None:
    """Word of it used to be forgotten when the driver went to rest, and a crawl's end came a second late."""
    home = _Staggered(step_s, tuning=Tuning(batch_pages=1))
    home.batch_bell = bell = _NotedBell(home.clock)
    home.outside = home.process("outside")
    job = await home.create(sitemap="skip")
    process = home.process("D1")
    slow_down(process, COMMIT_S)
    begun, begun_s = home.clock.now(), home.clock.monotonic()
    await home.finish(home.drive(process, job))
    told_s = [begun_s + (event.time - begun).total_seconds() for event in home.of_type(job, e.BatchProcessed)]

    assert len(told_s) == len(bell.rung_s) == len(SITE)
    assert max(told - rung for told, rung in zip(sorted(told_s), sorted(bell.rung_s), strict=True)) <= COMMIT_S + 0.1
