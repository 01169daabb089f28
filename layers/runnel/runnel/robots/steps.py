"""Work in steps: a long file is read a portion at a time, so that whoever reads it can see to other things in between.

Laws (tests/unit/robots/test_steps.py):

* the result is the same, however the steps are taken;
* a step costs a few milliseconds at most, whatever the file; a usual file is one step.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, Final, Generic, TypeVar

Result = TypeVar("Result")
Item = TypeVar("Item")

#: Work that stops between two steps, and gives its result at the end.
Steps = Generator[None, None, Result]

#: So many short items to a step; a long one counts as several.
PORTION: Final = 250
#: Items that are put in order at once: the whole is then merged.
_SORTED: Final = 2_000


class Run(Generic[Result]):
    """Steps for a loop to take; when it is over, their `result` is there."""

    result: Result

    def __init__(self, steps: Steps[Result]) -> None:
        """Take *steps*."""
        self._steps = steps

    def __iter__(self) -> Iterator[None]:
        """Take them, one by one."""
        self.result = yield from self._steps


def run_through(steps: Steps[Result]) -> Result:
    """Take all *steps* at once."""
    run = Run(steps)
    for _ in run:
        pass
    return run.result


def pauses(items: Iterable[Item], length: Callable[[Item], int] = lambda _item: 0) -> Iterator[tuple[Item, bool]]:
    """Give the *items*, each with whether a step should end before it; *length* is in characters."""
    left = PORTION
    for item in items:
        left -= 1 + (length(item) >> 5)
        is_over = left < 0
        if is_over:
            left = PORTION
        yield item, is_over


def sort(items: list[Any], *, key: Callable[[Any], Any] | None = None, reverse: bool = False) -> Steps[None]:
    """Put *items* in order: sorted parts are merged in a fraction of the time that sorting all of them takes."""
    if len(items) <= _SORTED:
        items.sort(key=key, reverse=reverse)
        return
    for at in range(0, len(items), _SORTED):
        items[at : at + _SORTED] = sorted(items[at : at + _SORTED], key=key, reverse=reverse)
        yield
    items.sort(key=key, reverse=reverse)
