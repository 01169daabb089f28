"""The frontier: which URL is due next. The driver's schedule in memory, rebuilt from the URL queue.

Laws:
1. A URL is known once; its depth is the least over all known paths.
2. Shallow and doc-like URLs come first; among equals, those found first.
3. A host has at most `limit` requests in flight: it grows by half a slot with each success and is halved when the host
   asks for less (AIMD), between 1 and the job's concurrency; its crawl delay and Retry-After are kept.
"""

import heapq
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import urlsplit

#: A new host begins with so many requests at once.
FIRST_LIMIT = 2.0
#: So many latencies say how fast a host is.
_WINDOW = 20
#: Path words that mark documentation; such pages come first among equals.
_DOC_WORDS = ("doc", "guide", "tutorial", "reference", "manual", "api", "learn", "howto")


@dataclass(slots=True)
class HostState:
    """What the driver knows of one host."""

    limit: float = FIRST_LIMIT
    #: Taken from the queue, not yet sent.
    reserved: int = 0
    in_flight: int = 0
    #: Pause between two starts, in seconds.
    spacing_s: float = 0.0
    next_start_s: float = 0.0
    latencies_ms: deque[int] = field(default_factory=lambda: deque(maxlen=_WINDOW))

    def is_ready(self, now_s: float) -> bool:
        """Whether a request may start now."""
        return self.in_flight < int(self.limit) and now_s >= self.next_start_s

    def may_reserve(self, now_s: float) -> bool:
        """Whether one more URL may be taken ahead: twice the limit, or a single one where there is a delay."""
        ahead = 1 if self.spacing_s else int(self.limit)
        return self.reserved < ahead and now_s >= self.next_start_s - 1.0

    @property
    def is_fast(self) -> bool:
        """Whether the recent p95 is under 300 ms: several URLs may share a crawler call."""
        seen = sorted(self.latencies_ms)
        return len(seen) >= 5 and seen[int(len(seen) * 0.95)] < 300


@dataclass(slots=True)
class _Queue:
    due: list[tuple[int, int, str]] = field(default_factory=list)
    later: list[tuple[float, str]] = field(default_factory=list)


class Frontier:
    """What is due next. Hosts are `host:port` keys given by the caller."""

    def __init__(self, *, concurrency: int, delay_s: float = 0.0) -> None:
        """Allow *concurrency* requests in flight in all; start at most one per *delay_s* and host."""
        self._concurrency = concurrency
        self._delay_s = delay_s
        self._hosts: dict[str, HostState] = {}
        self._queues: dict[str, _Queue] = {}
        self._depth: dict[str, int] = {}
        self._host_of: dict[str, str] = {}
        self._order = 0
        self._waiting = 0
        self._beside = 0
        self.reserved: dict[str, None] = {}
        self.in_flight: dict[str, None] = {}

    def __contains__(self, url: str) -> bool:
        """Whether the URL is known."""
        return url in self._depth

    def __len__(self) -> int:
        """URLs known."""
        return len(self._depth)

    @property
    def waiting(self) -> int:
        """URLs that wait to be started."""
        return self._waiting

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is in flight."""
        return not (self._waiting or self.reserved or self.in_flight)

    @property
    def busy(self) -> int:
        """URLs reserved or in flight."""
        return len(self.reserved) + len(self.in_flight)

    def host(self, host: str) -> HostState:
        """The state of *host*, made when it is new."""
        state = self._hosts.get(host)
        if state is None:
            state = self._hosts[host] = HostState(limit=min(FIRST_LIMIT, self._concurrency), spacing_s=self._delay_s)
            self._queues[host] = _Queue()
        return state

    def depth(self, url: str) -> int:
        """The URL's depth: links from a start URL."""
        return self._depth[url]

    def add(self, url: str, *, host: str, depth: int, is_decided: bool = False, is_parked: bool = False) -> None:
        """Take a URL in; *is_decided*: it is known, but nothing is to be done; *is_parked*: not before `release`."""
        self._depth[url] = depth
        if is_decided:
            return
        self.host(host)
        self._host_of[url] = host
        if not is_parked:
            self._push(url)

    def release(self, url: str) -> None:
        """A URL that was parked may be started."""
        self._push(url)

    def lower_depth(self, url: str, depth: int) -> None:
        """A shorter path to a known URL was found."""
        self._depth[url] = min(self._depth[url], depth)

    def reserve(self, now_s: float) -> str | None:
        """Take the next URL ahead of its start; None when none may be taken now [reserve_cap]."""
        if self.busy >= 2 * self._concurrency:
            return None
        host = self._next_host(now_s)
        if host is None:
            return None
        url = heapq.heappop(self._queues[host].due)[2]
        self._waiting -= 1
        return self._reserve(url, host)

    def reserve_only(self, urls: set[str]) -> str | None:
        """Take one of *urls*, whatever its rank: for suspects, which run alone."""
        for url in sorted(urls):
            host = self._host_of.get(url)
            if host is not None and self._remove(url, host):
                return self._reserve(url, host)
        return None

    def may_start(self, url: str, now_s: float) -> bool:
        """Whether a reserved URL may be sent now."""
        return self.may_start_at(self._host_of[url], now_s)

    def may_start_at(self, host: str, now_s: float) -> bool:
        """Whether a request to *host* may be sent now."""
        return len(self.in_flight) + self._beside < self._concurrency and self.host(host).is_ready(now_s)

    def start(self, url: str, now_s: float) -> HostState:
        """A reserved URL is sent."""
        self._unreserve(url)
        self.in_flight[url] = None
        return self._start_at(self._host_of[url], now_s)

    def start_beside(self, host: str, now_s: float) -> None:
        """A request for something that is no page is sent: it takes a place as any other."""
        self._beside += 1
        self._start_at(host, now_s)

    def finish_beside(self, host: str) -> None:
        """Such a request has ended."""
        self._beside -= 1
        self.host(host).in_flight -= 1

    def _start_at(self, host: str, now_s: float) -> HostState:
        state = self.host(host)
        state.in_flight += 1
        if state.spacing_s:
            state.next_start_s = max(state.next_start_s, now_s) + state.spacing_s
        return state

    def drop(self, url: str) -> None:
        """A reserved URL will not be sent; what becomes of it is the caller's part."""
        self._unreserve(url)

    def host_of(self, url: str) -> str:
        """The host key of a known URL."""
        return self._host_of[url]

    def finish(self, url: str, *, elapsed_ms: int, is_throttled: bool) -> None:
        """A request has ended: its place is free, and the host's limit learns from it."""
        state = self._hosts[self._host_of[url]]
        self.in_flight.pop(url, None)
        state.in_flight -= 1
        if is_throttled:
            state.limit = max(1.0, state.limit / 2)
        else:
            state.latencies_ms.append(elapsed_ms)
            state.limit = min(float(self._concurrency), state.limit + 0.5)

    def put_back(self, url: str, *, due_s: float | None = None) -> None:
        """A URL that was started has no verdict: it waits again, until *due_s* if that is given."""
        if due_s is None:
            self._push(url)
            return
        heapq.heappush(self._queues[self._host_of[url]].later, (due_s, url))
        self._waiting += 1

    def hold_host(self, host: str, until_s: float) -> None:
        """Start nothing at *host* before *until_s*."""
        state = self.host(host)
        state.next_start_s = max(state.next_start_s, until_s)

    def next_due_s(self) -> float | None:
        """When something that cannot start now may be started by time alone; None = nothing waits for time."""
        times = [queue.later[0][0] for queue in self._queues.values() if queue.later]
        times += [self._hosts[host].next_start_s for host, queue in self._queues.items() if queue.due]
        return min(times, default=None)

    # ---- the queues

    def _push(self, url: str) -> None:
        self._order += 1
        self._waiting += 1
        rank = self._depth[url] * 2 + (0 if _is_doc_like(url) else 1)
        heapq.heappush(self._queues[self._host_of[url]].due, (rank, self._order, url))

    def _wake(self, queue: _Queue, now_s: float) -> None:
        while queue.later and queue.later[0][0] <= now_s:
            self._waiting -= 1
            self._push(heapq.heappop(queue.later)[1])

    def _next_host(self, now_s: float) -> str | None:
        best: tuple[tuple[int, int, str], str] | None = None
        for host, queue in self._queues.items():
            self._wake(queue, now_s)
            if queue.due and self._hosts[host].may_reserve(now_s) and (best is None or queue.due[0] < best[0]):
                best = queue.due[0], host
        return best[1] if best else None

    def _reserve(self, url: str, host: str) -> str:
        self.reserved[url] = None
        self._hosts[host].reserved += 1
        return url

    def _unreserve(self, url: str) -> None:
        del self.reserved[url]
        self._hosts[self._host_of[url]].reserved -= 1

    def _remove(self, url: str, host: str) -> bool:
        queue = self._queues[host]
        for index, (_, _, waiting) in enumerate(queue.due):
            if waiting == url:
                queue.due.pop(index)
                heapq.heapify(queue.due)
                self._waiting -= 1
                return True
        return False


def _is_doc_like(url: str) -> bool:
    path = urlsplit(url).path.lower()
    return any(word in path for word in _DOC_WORDS)
