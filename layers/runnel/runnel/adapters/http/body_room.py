"""How much memory all bodies together may take: a big one waits for its turn, it does not fail.

Laws (tests/integration/test_body_room.py):

* a body of up to `FREE_BYTES` needs no place; what is longer gets one before more of it is read;
* a place is held as long as its body is: until the answer is let go, or has failed;
* who waits reads nothing, so the site waits too; places are given in the order in which they were asked for.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

#: Most pages are below it, and never wait.
FREE_BYTES: Final = 1024 * 1024


class Place:
    """Leave to be big; `leave` it once or more often."""

    def __init__(self, room: "BodyRoom") -> None:
        """Hold a place of *room*."""
        self._room: BodyRoom | None = room

    def leave(self) -> None:
        """Give the place to the next."""
        room, self._room = self._room, None
        if room is not None:
            room.pass_on()


class BodyRoom:
    """A number of places."""

    def __init__(self, places: int, *, most_wait_s: float = 60.0) -> None:
        """Let *places* bodies be big at once; who waits for one does so for *most_wait_s* at most."""
        self.most_wait_s = most_wait_s
        self._free = places
        self._waiting: deque[Callable[[Place], None]] = deque()

    def enter(self, then: Callable[[Place], None]) -> bool:
        """Call *then* with a place, now (returns True) or when one is free."""
        if not self._free:
            self._waiting.append(then)
            return False
        self._free -= 1
        then(Place(self))
        return True

    def give_up(self, then: Callable[[Place], None]) -> None:
        """Wait no more."""
        if then in self._waiting:
            self._waiting.remove(then)

    def pass_on(self) -> None:
        """A place is free: the first who waits has it."""
        if self._waiting:
            self._waiting.popleft()(Place(self))
        else:
            self._free += 1
