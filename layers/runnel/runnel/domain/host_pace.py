"""How fast one host is asked: the driver's picture of what it can bear.

Laws (tests/unit/domain/test_host_pace.py):

1. At most `limit` requests are in flight: it starts at `FIRST_LIMIT`, grows by half a request with each good answer
   until the host has shown a first sign of strain, from then on by about one a round trip; a sign of strain halves it
   (AIMD), between 1 and the job's concurrency.
2. Signs of strain are 429 and 503, failures below HTTP, server errors (a smaller step: they may be the page's), and
   answers that take far longer than the host has shown it can. What was asked before the last step down is no news.
3. A host that refuses (429, 503) is left alone for as long as it says, else for a pause that doubles with each refusal.
4. A host whose answers stay out is down: one request probes it after each pause; the first answer ends that. When
   `PROBES` pauses in a row have brought nothing, `is_given_up`.
5. A page that hangs while its host answers others is no sign of strain and holds no place (`outstanding.py`).
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from math import inf
from statistics import median
from typing import Final

from runnel.domain.outstanding import Outstanding

#: A new host begins with so many requests at once.
FIRST_LIMIT: Final = 2.0
#: So many failures below HTTP in a row: the host is down.
DOWN_AFTER: Final = 5
#: So many pauses in vain: nobody is there.
PROBES: Final = 8
#: The longest pause between two probes, in pauses (that is: doublings end here).
_MOST_PAUSES: Final = 60.0
#: So many latencies say how fast a host is, and so many at least.
_WINDOW, _LEAST = 20, 5
#: An answer is slow at so many times the host's best median, and so much above it.
_SLOW_TIMES, _SLOW_MS = 3.0, 500.0
_HALF, _LITTLE = 0.5, 0.75


class Answer(Enum):
    """What a request has told about its host."""

    #: It answered, whatever the page.
    GOOD = auto()
    #: It asks for fewer requests.
    REFUSED = auto()
    #: A server error: perhaps the page's alone.
    ERROR = auto()
    #: No answer, or only a gateway's that has none.
    SILENT = auto()
    #: The answer stayed out for as long as anybody waits: perhaps the page's alone.
    HUNG = auto()
    #: Nothing: the request never reached it.
    NONE = auto()


@dataclass(slots=True)
class HostState:
    """What the driver knows of one host; seconds are those of its monotonic clock."""

    #: The job's concurrency.
    most: int
    #: Pause between two starts that we want, in seconds, and the one that other jobs want.
    spacing_s: float = 0.0
    others_spacing_s: float = 0.0
    #: The first pause after a refusal.
    pause_s: float = 1.0
    limit: float = FIRST_LIMIT
    #: Taken from the queue, not yet sent.
    reserved: int = 0
    in_flight: int = 0
    out: Outstanding = field(default_factory=Outstanding)
    next_start_s: float = 0.0
    #: What other jobs leave us: so many at once, until then.
    slots: int = 1_000_000
    share_until_s: float = inf
    #: Its robots.txt must come first.
    is_closed: bool = False
    #: Its URLs wait for the next retry batch.
    is_set_aside: bool = False
    is_down: bool = False
    #: How often it was asked again after it had been given up.
    revivals: int = 0
    latencies_ms: deque[int] = field(default_factory=lambda: deque(maxlen=_WINDOW))
    _best_ms: float = inf
    _is_strained: bool = False
    _stepped_s: float = -inf
    _silent: int = 0
    _pauses: int = 0

    def __post_init__(self) -> None:
        """Begin no higher than the job allows."""
        self.limit = min(FIRST_LIMIT, float(self.most))

    @property
    def gap_s(self) -> float:
        """The pause between two starts that holds."""
        return max(self.spacing_s, self.others_spacing_s)

    def is_ready(self, now_s: float) -> bool:
        """Whether a request may start now."""
        return not self.is_closed and self.has_place(now_s)

    def has_place(self, now_s: float) -> bool:
        """As `is_ready`, for what comes before all else: robots.txt."""
        is_ours = self.in_flight < self.slots and self.next_start_s <= now_s <= self.share_until_s
        return is_ours and self.has_room(now_s)

    def has_room(self, now_s: float) -> bool:
        """Whether the host bears one more request, whoever may send it: those that hang may not count."""
        if self.in_flight < int(self.limit):
            return True
        if self.is_down or self.in_flight >= self.most:
            return False
        return self.in_flight - self.out.overtaken(now_s) < int(self.limit) or self.out.all_hang(now_s)

    def may_reserve(self, now_s: float) -> bool:
        """Whether one more URL may be taken ahead: twice the limit, or a single one where there is a delay."""
        if self.is_closed or self.is_set_aside or now_s < self.next_start_s - 1.0:
            return False
        if self.is_down:
            return self.reserved + self.in_flight < 1
        return self.reserved < (1 if self.gap_s else int(self.limit))

    @property
    def is_fast(self) -> bool:
        """Whether the recent p95 is under 300 ms: several URLs may share a crawler call."""
        seen = sorted(self.latencies_ms)
        return len(seen) >= _LEAST and seen[int(len(seen) * 0.95)] < 300

    @property
    def is_given_up(self) -> bool:
        """Whether it was probed often enough."""
        return self._pauses >= PROBES

    # ---- what happens

    def start(self, now_s: float, page: str | None = None) -> None:
        """A request is sent, for *page* if it is for one."""
        self.in_flight += 1
        if page is not None:
            self.out.send(page, now_s)
        if self.gap_s:
            self.next_start_s = max(self.next_start_s, now_s) + self.gap_s

    def end(self, page: str | None = None) -> None:
        """A request holds its place no more."""
        self.in_flight -= 1
        if page is not None:
            self.out.end(page)

    def hold(self, until_s: float) -> None:
        """Start nothing before *until_s*."""
        self.next_start_s = max(self.next_start_s, until_s)

    def learn(self, answer: Answer, *, started_s: float, now_s: float, elapsed_ms: int, page: str = "") -> None:
        """A request that was sent at *started_s* has ended."""
        is_news = started_s >= self._stepped_s
        if answer in (Answer.GOOD, Answer.ERROR):
            self.out.answered(sent_s=started_s, took_s=elapsed_ms / 1000)
        if answer is Answer.HUNG and self.out.is_page_s_fault(page, sent_s=started_s):
            return
        if answer is Answer.GOOD:
            self._good(elapsed_ms, now_s=now_s, is_news=is_news)
        elif answer is Answer.ERROR:
            self._silent = 0
            self._step_down(_LITTLE, now_s=now_s, is_news=is_news)
        elif answer is Answer.REFUSED:
            self._pause(now_s=now_s, is_news=is_news)
            self._step_down(_HALF, now_s=now_s, is_news=is_news)
        elif answer in (Answer.SILENT, Answer.HUNG):
            self._no_answer(now_s=now_s, is_news=is_news)

    def revive(self, now_s: float) -> None:
        """Probe once more a host that was given up."""
        self.is_set_aside = False
        self.is_down = True
        self.revivals += 1
        self.limit, self._pauses = 1.0, PROBES - 1
        self.next_start_s = now_s

    # ---- steps

    def _good(self, elapsed_ms: int, *, now_s: float, is_news: bool) -> None:
        if self.is_down:
            self.is_down, self.limit, self._is_strained = False, min(FIRST_LIMIT, float(self.most)), False
        self._silent = self._pauses = 0
        self.latencies_ms.append(elapsed_ms)
        if self._is_slow():
            if is_news:
                self.latencies_ms.clear()
            self._step_down(_HALF, now_s=now_s, is_news=is_news)
        else:
            self.limit = min(float(self.most), self.limit + (1.0 / self.limit if self._is_strained else 0.5))

    def _is_slow(self) -> bool:
        if len(self.latencies_ms) < _LEAST:
            return False
        usual_ms = median(self.latencies_ms)
        self._best_ms = min(self._best_ms, max(usual_ms, 1.0))
        return usual_ms > max(_SLOW_TIMES * self._best_ms, self._best_ms + _SLOW_MS)

    def _no_answer(self, *, now_s: float, is_news: bool) -> None:
        self._silent += 1
        if self._silent >= DOWN_AFTER and not self.is_down:
            self.is_down, self.limit = True, 1.0
            is_news = True
        if self.is_down:
            self._pause(now_s=now_s, is_news=is_news)
        self._step_down(_HALF, now_s=now_s, is_news=is_news)

    def _pause(self, *, now_s: float, is_news: bool) -> None:
        if is_news:
            self._pauses += 1
        self.hold(now_s + self.pause_s * min(_MOST_PAUSES, 2.0 ** (self._pauses - 1)))

    def _step_down(self, factor: float, *, now_s: float, is_news: bool) -> None:
        if is_news:
            self.limit = max(1.0, self.limit * factor)
            self._is_strained = True
            self._stepped_s = now_s


def next_start_s(states: Iterable[HostState], now_s: float) -> float | None:
    """When time alone lets a request start at one of the hosts; None = there is none that waits for time."""
    return min((state.next_start_s for state in states if state.next_start_s > now_s), default=None)
