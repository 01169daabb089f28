"""The requests that one host has not answered yet, and which of them hang.

Laws (tests/unit/domain/test_outstanding.py):

1. A request hangs when it is out for longer than `PATIENCE_S`, and than three times what the last answer took.
2. It has been overtaken when a later one was answered meanwhile, and in time: then the page is to blame, and not the
   host. It holds no place there, and its end says nothing; nor does that of any later try of the same page.
3. While all requests hang, one more may be sent: it is heard whether the host is there. So a host that is overloaded
   gets one request more in each patience, and none once its answers come slowly.
"""

from dataclasses import dataclass, field
from itertools import takewhile
from math import inf
from typing import Final

#: A request may be out for so long before anybody thinks that it hangs.
PATIENCE_S: Final = 3.0
_TIMES: Final = 3.0


@dataclass(slots=True)
class Outstanding:
    """What is under way at one host; seconds are those of the driver's monotonic clock."""

    #: Pages that were asked for, each with the time of its request: the oldest comes first.
    _sent: dict[str, float] = field(default_factory=dict)
    #: Pages that hung while their host answered others.
    _hanging: set[str] = field(default_factory=set)
    #: When the latest request was sent that was answered in time.
    _answered_s: float = -inf
    _patience_s: float = PATIENCE_S

    def send(self, page: str, now_s: float) -> None:
        """A request for *page* goes out."""
        self._sent[page] = now_s

    def end(self, page: str) -> None:
        """It has ended, however."""
        self._sent.pop(page, None)

    def answered(self, *, sent_s: float, took_s: float) -> None:
        """A request that was sent at *sent_s* was answered."""
        if took_s <= self._patience_s:
            self._answered_s = max(self._answered_s, sent_s)
        self._patience_s = max(PATIENCE_S, _TIMES * took_s)

    def is_page_s_fault(self, page: str, *, sent_s: float) -> bool:
        """Whether a request whose answer never came hung for its page's sake; remembered for later tries."""
        if sent_s < self._answered_s:
            self._hanging.add(page)
        return page in self._hanging

    def overtaken(self, now_s: float) -> int:
        """How many requests hold no place."""
        until_s = min(now_s - self._patience_s, self._answered_s)
        return sum(1 for _ in takewhile(until_s.__gt__, self._sent.values()))

    def all_hang(self, now_s: float) -> bool:
        """Whether there is none that may still be answered in time."""
        return next(reversed(self._sent.values()), inf) < now_s - self._patience_s
