"""The frontier: which URL is due next. The driver's schedule in memory, rebuilt from the URL queue.

Laws:
1. A URL is known once; its depth is the least over all known paths.
2. What others wait for comes first (a site's sample), then shallow URLs, among them those that a sitemap lists, among
   them the doc-like; among equals, those found first. A URL that waits moves up when a shorter path or a sitemap is
   found.
3. How fast each host is asked: `host_pace.py`.
4. What failed too often for now waits apart, until nothing else is left [retry batches].

A million URLs stand in one dict: what they have in common (host, depth, listed or not) is one shared value.
"""

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from typing import Final, NamedTuple

from runnel.domain.host_pace import Answer, HostState

#: Words of a path that mark documentation; such pages come first among equals.
_DOC_LIKE: Final = ("doc", "guide", "tutorial", "reference", "manual", "api", "learn", "howto")


class _Place(NamedTuple):
    """What the frontier knows of a URL."""

    host: str
    depth: int
    is_listed: bool
    is_doc_like: bool
    #: It stands in the queue of what is due.
    is_due: bool
    #: Others wait for what it says.
    is_first: bool = False

    @property
    def rank(self) -> int:
        if self.is_first:
            return 0
        return self.depth * 4 + (not self.is_listed) * 2 + (not self.is_doc_like)


@dataclass(slots=True)
class _Queue:
    """The waiting URLs of one host."""

    #: By rank, in the order of their finding. An entry counts while its URL is due at this rank: the others have moved.
    due: dict[int, deque[str]] = field(default_factory=dict)
    later: list[tuple[float, str]] = field(default_factory=list)
    #: URLs that wait, due or later.
    waiting: int = 0


class Frontier:
    """What is due next. Hosts are `host:port` keys given by the caller."""

    def __init__(
        self, *, concurrency: int, delay_s: float = 0.0, pause_s: float = 1.0, is_shared: bool = False
    ) -> None:
        """Allow *concurrency* requests in flight in all; start at most one per *delay_s* and host.

        Args:
            concurrency: requests in flight at once, over all hosts and at each.
            delay_s: pause between two starts at a host.
            pause_s: the first pause after a refusal.
            is_shared: nothing starts at a host before other jobs have left us a share of it.
        """
        self.concurrency = concurrency
        self._delay_s = delay_s
        self._pause_s = pause_s
        self._is_shared = is_shared
        self._hosts: dict[str, HostState] = {}
        self._queues: dict[str, _Queue] = {}
        self._places: dict[str, _Place] = {}
        self._shared: dict[_Place, _Place] = {}
        self._beside = 0
        self._apart: dict[str, None] = {}
        self.reserved: dict[str, None] = {}
        #: Each with the time of its start.
        self.in_flight: dict[str, float] = {}
        #: Those in flight that ask nothing of their host: they are being read, or wait to be taken.
        self._away: set[str] = set()

    def __contains__(self, url: str) -> bool:
        """Whether the URL is known."""
        return url in self._places

    def __len__(self) -> int:
        """URLs known."""
        return len(self._places)

    @property
    def waiting(self) -> int:
        """URLs that wait to be started, those set apart included."""
        return sum(queue.waiting for queue in self._queues.values()) + len(self._apart)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is in flight."""
        return not (self.busy or self.waiting)

    @property
    def busy(self) -> int:
        """URLs reserved or in flight."""
        return len(self.reserved) + len(self.in_flight)

    @property
    def has_requests(self) -> bool:
        """Whether anything is in flight, pages or not."""
        return bool(self.in_flight or self._beside)

    @property
    def hosts(self) -> dict[str, HostState]:
        """Every host met, by its key."""
        return self._hosts

    def host(self, host: str) -> HostState:
        """The state of *host*, made when it is new."""
        state = self._hosts.get(host)
        if state is None:
            state = HostState(most=self.concurrency, spacing_s=self._delay_s, pause_s=self._pause_s)
            if self._is_shared:
                state.slots, state.share_until_s = 0, -inf
            self._hosts[host] = state
            self._queues[host] = _Queue()
        return state

    def depth(self, url: str) -> int:
        """The URL's depth: links from a start URL."""
        return self._places[url].depth

    # ---- what comes in

    def add(
        self, url: str, *, host: str, depth: int,
        is_listed: bool = False, is_decided: bool = False, is_parked: bool = False,
    ) -> None:  # fmt: skip
        """Take a URL in.

        Args:
            url: canonical.
            host: its host's key.
            depth: links from a start URL.
            is_listed: a sitemap names it.
            is_decided: it is known, but nothing is to be done.
            is_parked: it is not to be started before `release`.
        """
        self._put(url, _Place(host, depth, is_listed, _is_doc_like(url), is_due=False))
        if is_decided:
            return
        self.host(host)
        if not is_parked:
            self._push(url)

    def release(self, url: str) -> None:
        """A URL that was parked may be started."""
        self._push(url)

    def lower_depth(self, url: str, depth: int, *, is_listed: bool = False) -> None:
        """A shorter path to a known URL was found, or a sitemap that lists it."""
        old = self._places[url]
        if depth >= old.depth and (old.is_listed or not is_listed):
            return
        new = old._replace(depth=min(old.depth, depth), is_listed=old.is_listed or is_listed)
        self._put(url, new)
        if new.is_due:
            self._queues[new.host].due.setdefault(new.rank, deque()).append(url)

    def prefer(self, urls: Iterable[str]) -> None:
        """Let *urls* that wait come before all others of their host, in this order."""
        for url in urls:
            old = self._places.get(url)
            if old is None or old.is_first:
                continue
            new = old._replace(is_first=True)
            self._put(url, new)
            if new.is_due:
                self._queues[new.host].due.setdefault(new.rank, deque()).append(url)

    # ---- what goes out

    def reserve(self, now_s: float) -> str | None:
        """Take the next URL ahead of its start; None when none may be taken now [reserve_cap]."""
        if self.busy >= 2 * self.concurrency:
            return None
        found = self._next(now_s)
        return None if found is None else self._reserve(self._pop(*found))

    def reserve_only(self, urls: set[str]) -> str | None:
        """Take one of *urls*, whatever its rank: for suspects, which run alone."""
        for url in sorted(urls):
            place = self._places.get(url)
            if place is not None and place.is_due:
                self._take_out(url)
                return self._reserve(url)
        return None

    def may_start(self, url: str, now_s: float) -> bool:
        """Whether a reserved URL may be sent now."""
        return self.may_start_at(self.host_of(url), now_s)

    def may_start_at(self, host: str, now_s: float) -> bool:
        """Whether a request to *host* may be sent now."""
        return self.has_room and self.host(host).is_ready(now_s)

    @property
    def has_room(self) -> bool:
        """Whether the job may have one more request in flight."""
        return self.asking < self.concurrency

    @property
    def away(self) -> int:
        """Pages in flight that ask nothing of their host any more."""
        return len(self._away)

    @property
    def asking(self) -> int:
        """Requests under way at all hosts, pages or not."""
        return len(self.in_flight) - len(self._away) + self._beside

    def start(self, url: str, now_s: float) -> None:
        """A reserved URL is sent."""
        self._unreserve(url)
        self.in_flight[url] = now_s
        self.host(self.host_of(url)).start(now_s, url)

    def start_beside(self, host: str, now_s: float) -> None:
        """A request for something that is no page is sent: it takes a place as any other."""
        self._beside += 1
        self.host(host).start(now_s)

    def finish_beside(self, host: str) -> None:
        """Such a request has ended."""
        self._beside -= 1
        self.host(host).end()

    def drop(self, url: str) -> None:
        """A reserved URL will not be sent; what becomes of it is the caller's part."""
        self._unreserve(url)

    def host_of(self, url: str) -> str:
        """The host key of a known URL."""
        return self._places[url].host

    def leave(self, url: str) -> None:
        """A page asks nothing of its host for now: its place is free, though it stays in flight until `finish`."""
        self._away.add(url)
        self._hosts[self.host_of(url)].end(url)

    def come_back(self, url: str, now_s: float) -> None:
        """A page that has left its place asks again: it counts from now on, whether there is room or not."""
        self._away.remove(url)
        self._hosts[self.host_of(url)].start(now_s, url)

    def finish(self, url: str, answer: Answer, *, now_s: float, elapsed_ms: int = 0) -> HostState:
        """A request has ended: its place is free, and the host's state, which is returned, learns from it."""
        state = self._hosts[self.host_of(url)]
        started_s = self.in_flight.pop(url, now_s)
        if url in self._away:
            self._away.remove(url)
        else:
            state.end(url)
        state.learn(answer, started_s=started_s, now_s=now_s, elapsed_ms=elapsed_ms, page=url)
        return state

    def put_back(self, url: str, *, due_s: float | None = None) -> None:
        """A URL that was started has no verdict: it waits again, until *due_s* if that is given."""
        if due_s is None:
            self._push(url)
            return
        queue = self._queues[self.host_of(url)]
        heapq.heappush(queue.later, (due_s, url))
        queue.waiting += 1

    def hold_host(self, host: str, until_s: float) -> None:
        """Start nothing at *host* before *until_s*."""
        self.host(host).hold(until_s)

    def next_due_s(self, now_s: float) -> float | None:
        """When something that cannot start now may be started by time alone; None = nothing waits for time."""
        times = []
        for host, queue in self._queues.items():
            state = self._hosts[host]
            if state.is_closed or state.is_set_aside:
                continue
            if queue.later:
                times.append(queue.later[0][0])
            if queue.due or state.reserved:
                times.append(state.next_start_s)
        return min((time_s for time_s in times if time_s > now_s), default=None)

    # ---- what waits apart

    def put_apart(self, url: str) -> None:
        """A URL has failed often enough for now: it waits until `take_apart` lets it in again."""
        if self._places[url].is_due:
            self._take_out(url)
        self._apart[url] = None

    @property
    def has_only_apart(self) -> bool:
        """Whether nothing but what is set apart is left to do."""
        return not self.busy and 0 < self.apart == self.waiting

    @property
    def apart(self) -> int:
        """URLs that wait apart, one by one or with their host."""
        aside = (self._queues[host].waiting for host, state in self._hosts.items() if state.is_set_aside)
        return len(self._apart) + sum(aside)

    def take_apart(self, now_s: float) -> int:
        """Let everything in again that waits apart; how many URLs that are."""
        count = self.apart
        for state in self._hosts.values():
            if state.is_set_aside:
                state.revive(now_s)
        for url in self._apart:
            self._push(url)
        self._apart.clear()
        return count

    def forget_waiting(self, host: str) -> list[str]:
        """Take away all that waits at *host*, in its order: these URLs get their verdicts now."""
        queue, self._queues[host] = self._queues[host], _Queue()
        due = [url for rank in sorted(queue.due) for url in queue.due[rank] if self._is_live(url, rank)]
        for url in due:
            self._put(url, self._places[url]._replace(is_due=False))
        return [*dict.fromkeys(due), *(url for _, url in sorted(queue.later))]

    # ---- the queues

    def _put(self, url: str, place: _Place) -> None:
        self._places[url] = self._shared.setdefault(place, place)

    def _is_live(self, url: str, rank: int) -> bool:
        place = self._places[url]
        return place.is_due and place.rank == rank

    def _push(self, url: str) -> None:
        place = self._places[url]
        queue = self._queues[place.host]
        queue.waiting += 1
        queue.due.setdefault(place.rank, deque()).append(url)
        self._put(url, place._replace(is_due=True))

    def _take_out(self, url: str) -> None:
        """A URL is not due any more; its entry is passed over when its turn comes."""
        place = self._places[url]
        self._queues[place.host].waiting -= 1
        self._put(url, place._replace(is_due=False))

    def _wake(self, queue: _Queue, now_s: float) -> None:
        while queue.later and queue.later[0][0] <= now_s:
            queue.waiting -= 1
            self._push(heapq.heappop(queue.later)[1])

    def _next(self, now_s: float) -> tuple[int, _Queue] | None:
        """The queue whose next URL comes first, with its rank; among equals, the host that was met first."""
        best: tuple[int, _Queue] | None = None
        for host, queue in self._queues.items():
            self._wake(queue, now_s)
            rank = self._first_rank(queue)
            if rank is not None and self._hosts[host].may_reserve(now_s) and (best is None or rank < best[0]):
                best = rank, queue
        return best

    def _first_rank(self, queue: _Queue) -> int | None:
        """The least rank of a URL that is due; entries that do not count are cleared on the way."""
        while queue.due:
            rank = min(queue.due)
            entries = queue.due[rank]
            while entries and not self._is_live(entries[0], rank):
                entries.popleft()
            if entries:
                return rank
            del queue.due[rank]
        return None

    def _pop(self, rank: int, queue: _Queue) -> str:
        url = queue.due[rank].popleft()
        self._take_out(url)
        return url

    def _reserve(self, url: str) -> str:
        self.reserved[url] = None
        self._hosts[self.host_of(url)].reserved += 1
        return url

    def _unreserve(self, url: str) -> None:
        del self.reserved[url]
        self._hosts[self.host_of(url)].reserved -= 1


def _is_doc_like(url: str) -> bool:
    """Tell whether the path has a word of documentation: a million URLs are asked, so this is no regular expression."""
    path = (url.partition("://")[2] or url).partition("/")[2].partition("?")[0].lower()
    return any(map(path.__contains__, _DOC_LIKE))
