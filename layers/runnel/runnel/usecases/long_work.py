"""Long work on the event loop, in steps: everybody else has his turn between two of them."""

from datetime import timedelta
from typing import TypeVar

from runnel.ports.clock import Clock
from runnel.robots.steps import Run, Steps

Result = TypeVar("Result")

_A_TURN = timedelta()


async def in_steps(clock: Clock, steps: Steps[Result]) -> Result:
    """What *steps* give at their end."""
    run = Run(steps)
    for _ in run:
        await clock.sleep(_A_TURN)
    return run.result
