"""A driver's shares of its hosts: what all jobs together may ask of a host is one budget (`ports/host_budget.py`).

Laws (tests/unit/usecases/test_share_hosts.py):

1. No request starts without a share that covers its moment, robots.txt and sitemaps included.
2. A share is taken for about a second, and renewed a little before its end while something waits or is under way; a
   host that nobody else asks costs one small write a second, and no page waits for it.
3. Where a pause between requests is wanted, a share holds the turns of one second, or one turn, and is taken when its
   request is ready to go: a turn that nobody uses is lost for all.
4. A store that does not answer stops requests, never the job.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from runnel.domain.frontier import Frontier
from runnel.domain.host_book import BLOCK_S, Ask
from runnel.domain.jobs import Job
from runnel.errors import StoreUnavailable
from runnel.usecases.services import Services

#: A share is renewed so long before its end.
_AHEAD_S = 0.4
#: Whoever got nothing asks again after this time.
_ASK_AGAIN_S = 0.5
_LOOK = timedelta(milliseconds=50)


class HostShares:
    """The shares of one driver, kept in its frontier's host states."""

    def __init__(self, services: Services, job: Job, frontier: Frontier, *, changed: Callable[[], None]) -> None:
        """Take shares for *job*; *changed* is called when one has come."""
        self._services = services
        self._job = job
        self._frontier = frontier
        self._changed = changed
        self._taking: dict[str, asyncio.Task[None]] = {}
        self._ask_s: dict[str, float] = {}
        #: What the host has said since the last taking: others shall keep it too.
        self._held: dict[str, float] = {}

    def want(self, host: str) -> None:
        """A request is ready to go at *host*: see that there is a share for it, now or soon."""
        state, now_s = self._frontier.host(host), self._services.clock.monotonic()
        if host in self._taking or now_s < self._ask_s.get(host, 0.0):
            return
        if state.gap_s and not (self._frontier.has_room and state.has_room(now_s)):
            return  # a turn would be lost
        ahead_s = 0.0 if state.gap_s else _AHEAD_S
        if max(now_s, state.next_start_s) > state.share_until_s - ahead_s or not state.slots:
            self._take_soon(host)

    def keep(self) -> None:
        """Renew the shares of hosts that have requests under way, and pass on what a host has said."""
        now_s = self._services.clock.monotonic()
        for host, state in self._frontier.hosts.items():
            is_late = state.in_flight and now_s > state.share_until_s + BLOCK_S
            is_free = host not in self._taking and now_s >= self._ask_s.get(host, 0.0)
            if is_free and (is_late or host in self._held):
                self._take_soon(host, is_ready=False)

    def tell_hold(self, host: str, until_s: float) -> None:
        """The host wants to be left alone until *until_s*, on our clock: by everybody."""
        self._held[host] = max(until_s, self._held.get(host, 0.0))

    async def enter(self, host: str, *, may_enter: Callable[[], bool]) -> bool:
        """Wait for a place at *host* and take it, for what comes before all pages; False when *may_enter* says no."""
        clock, state = self._services.clock, self._frontier.host(host)
        while may_enter():
            if self._frontier.has_room and state.has_place(clock.monotonic()):
                self._frontier.start_beside(host, clock.monotonic())
                return True
            self.want(host)
            task = self._taking.get(host)
            await (asyncio.wait({task}) if task is not None else clock.sleep(_LOOK))
        return False

    def exit(self, host: str) -> None:
        """Give the place back."""
        self._frontier.finish_beside(host)
        self._changed()

    def next_due_s(self, now_s: float) -> float | None:
        """When a share that was refused is asked for again."""
        return min((due_s for due_s in self._ask_s.values() if due_s > now_s), default=None)

    async def leave(self) -> None:
        """Give every share back, as far as the store answers: for a job that ends or stands still."""
        await self.close()
        for host, state in self._frontier.hosts.items():
            if state.slots:
                state.slots = 0
                try:
                    await self._services.hosts.leave(host, self._job.job_id)
                except StoreUnavailable:
                    return  # they end by themselves

    async def close(self) -> None:
        """End what is on the way."""
        tasks = list(self._taking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _take_soon(self, host: str, *, is_ready: bool = True) -> None:
        task = asyncio.create_task(self._take(host, is_ready=is_ready))
        self._taking[host] = task
        task.add_done_callback(lambda task: self._taken(task, host))

    def _taken(self, task: asyncio.Task[None], host: str) -> None:
        del self._taking[host]
        if not task.cancelled() and task.exception() is None:
            self._changed()

    async def _take(self, host: str, *, is_ready: bool) -> None:
        clock, state = self._services.clock, self._frontier.host(host)
        now_s = clock.now().timestamp()
        epoch_s = now_s - clock.monotonic()
        held_s = self._held.pop(host, None)
        ask = Ask(
            taker=self._job.job_id,
            now_s=now_s,
            most=self._job.options.concurrency,
            busy=max(state.in_flight, state.slots),
            is_ready=is_ready,
            spacing_s=state.spacing_s,
            held_until_s=0.0 if held_s is None else held_s + epoch_s,
        )
        try:
            share = await self._services.hosts.take(host, ask)
        except StoreUnavailable:
            self._ask_s[host] = clock.monotonic() + _ASK_AGAIN_S
            if held_s is not None:
                self.tell_hold(host, held_s)
            return
        state.slots, state.others_spacing_s = share.slots, share.spacing_s
        state.share_until_s = share.until_s - epoch_s
        if share.first_s > now_s:
            state.hold(share.first_s - epoch_s)
        if share.takers > 1 and share.slots <= state.in_flight:
            self._ask_s[host] = clock.monotonic() + _ASK_AGAIN_S
