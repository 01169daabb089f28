"""Pages and their places at a host: a page holds one while its site is asked, and none while it is read.

Laws (tests/unit/usecases/test_page_turns.py):

1. A place that is left is free at once, for another page; the page itself counts as busy until its result is taken.
2. A page that asks once more (a twin, a page that leads on) comes before all that has not begun: it is counted at once,
   and goes when the host has fewer requests than it bears. So a host never has more of them than its bound, and one
   that wants to be left alone is.
3. A call that brings bad news keeps its place until that is taken.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from runnel.domain.frontier import Frontier
from runnel.ports.clock import Clock


class PageTurns:
    """The places of one driver's calls."""

    def __init__(self, frontier: Frontier, clock: Clock, *, left: Callable[[], None]) -> None:
        """Keep places in *frontier*; *left* is called when one was left."""
        self.frontier = frontier
        self._clock = clock
        self.left = left
        #: Calls under way that hold no place.
        self.away = 0
        #: By host: those that want to come back.
        self.coming: dict[str, deque[asyncio.Event]] = {}

    def take(self, url: str) -> "PageTurn":
        """The turn of a page that has been started."""
        return PageTurn(self, url)

    def look(self) -> None:
        """Let in who waits, as far as there is room; called whenever a request has ended, and as time goes by."""
        for host, waiting in list(self.coming.items()):
            while waiting and self._has_room(host):
                waiting.popleft().set()
            if not waiting:
                del self.coming[host]

    def _has_room(self, host: str) -> bool:
        """Whether the host, and the job, has fewer requests under way than it may: who waits is none of them."""
        frontier, state = self.frontier, self.frontier.host(host)
        if state.next_start_s > self._clock.monotonic():
            return False
        waiting = sum(map(len, self.coming.values()))
        here = state.in_flight - len(self.coming[host])
        return here < max(1, min(int(state.limit), state.slots)) and frontier.asking - waiting < frontier.concurrency


class PageTurn:
    """One page's place at its host (`runnel.ports.crawler.Turn`)."""

    __slots__ = ("_is_away", "_turns", "_url")

    def __init__(self, turns: PageTurns, url: str) -> None:
        """Hold the place that *url* was started in."""
        self._turns, self._url = turns, url
        self._is_away = False

    def leave(self) -> None:
        """The site has answered well, and nothing is asked of it for now."""
        if not self._is_away:
            self._is_away = True
            self._turns.away += 1
            self._turns.frontier.leave(self._url)
            self._turns.left()

    async def come_back(self) -> None:
        """Wait for a place, to ask once more; at once for a page that holds one."""
        if not self._is_away:
            return
        self._is_away = False
        turns, frontier = self._turns, self._turns.frontier
        turns.away -= 1
        frontier.come_back(self._url)
        host, mine = frontier.host_of(self._url), asyncio.Event()
        turns.coming.setdefault(host, deque()).append(mine)
        turns.look()
        await mine.wait()

    def end(self, *, is_well: bool) -> None:
        """The call is over; when all is well its place is free, before its result is taken."""
        if self._is_away:
            self._turns.away -= 1
            self._is_away = False
        elif is_well:
            self._turns.frontier.leave(self._url)
