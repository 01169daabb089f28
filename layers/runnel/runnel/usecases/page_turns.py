"""Pages and their places at a host: a page holds one while its site is asked, and none while it is read.

Laws (tests/unit/usecases/test_page_turns.py):

1. A place that is left is free at once, for another page; the page itself counts as busy until its result is taken.
2. A page that asks once more (a twin, a page that leads on) waits for room like any other, and comes before all that
   has not begun: whoever gives out places asks here first.
3. Where there is a pause between two requests, each further one of a page (a redirect too) waits for a turn of its own.
4. A call that brings bad news keeps its place until that is taken.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from runnel.domain.frontier import Frontier
from runnel.domain.host_pace import next_start_s
from runnel.ports.clock import Clock


class PageTurns:
    """The places of one driver's calls."""

    def __init__(self, frontier: Frontier, clock: Clock, *, left: Callable[[], None]) -> None:
        """Keep places in *frontier*; *left* is called when one was left, or is wanted: it has to `look`."""
        self.frontier = frontier
        self._clock = clock
        self.left = left
        #: Calls under way that hold no place.
        self.away = 0
        #: By host: those that want to come back.
        self.coming: dict[str, deque[Callable[[], None]]] = {}

    def take(self, url: str) -> "PageTurn":
        """The turn of a page that has been started."""
        return PageTurn(self, url)

    def look(self) -> Iterable[str]:
        """Let in who waits, as far as there is room; the hosts at which somebody waits still.

        Called whenever a request has ended, and as time goes by.
        """
        for host, waiting in list(self.coming.items()):
            while waiting and self._has_room(host):
                waiting.popleft()()
            if not waiting:
                del self.coming[host]
        return self.coming

    def next_due_s(self, now_s: float) -> float | None:
        """When time alone lets somebody in."""
        return next_start_s(map(self.frontier.host, self.coming), now_s)

    async def wait(self, url: str) -> None:
        """Wait for room at the host of a page that has left its place, and take it."""
        came = asyncio.Event()

        def let_in() -> None:
            self.frontier.come_back(url, self._clock.monotonic())
            came.set()

        self.coming.setdefault(self.frontier.host_of(url), deque()).append(let_in)
        self.left()
        await came.wait()

    def _has_room(self, host: str) -> bool:
        return self.frontier.has_room and self.frontier.host(host).has_place(self._clock.monotonic())


class PageTurn:
    """One page's place at its host (`runnel.ports.crawler.Turn`)."""

    __slots__ = ("_has_turn", "_is_away", "_turns", "_url")

    def __init__(self, turns: PageTurns, url: str) -> None:
        """Hold the place that *url* was started in."""
        self._turns, self._url = turns, url
        self._is_away = False
        self._has_turn = True

    def leave(self) -> None:
        """The site has answered well, and nothing is asked of it for now."""
        if not self._is_away:
            self._is_away = True
            self._turns.away += 1
            self._turns.frontier.leave(self._url)
            self._turns.left()

    async def come_back(self) -> None:
        """Wait for a place, to ask once more; at once for a page that holds one, unless its host wants a pause."""
        turns, has_turn = self._turns, self._has_turn
        self._has_turn = False
        if not self._is_away:
            if has_turn or not turns.frontier.host(turns.frontier.host_of(self._url)).gap_s:
                return
            self.leave()
        self._is_away = False
        turns.away -= 1
        await turns.wait(self._url)

    def end(self, *, is_well: bool) -> None:
        """The call is over; when all is well its place is free, before its result is taken."""
        if self._is_away:
            self._turns.away -= 1
            self._is_away = False
        elif is_well:
            self._turns.frontier.leave(self._url)
