"""The book of one host: which jobs ask it now, and how they share what it can bear.

Every driver keeps its share fresh by taking again, at least once a second: there is no other message between jobs.

Laws (tests/unit/domain/test_host_book.py, tests/contract/test_host_budget.py):

1. The slots of all takers together are at most the largest concurrency among them: whoever comes later gets only what
   is free; who has more than his part is told so at his next taking, and is still counted with what he had until the
   one after it.
2. Turns never overlap: the starts of all takers together are at least the longest wanted pause apart.
3. A share counts for its taker `BLOCK_S` long, for everybody else `GRACE_S` longer: a taker that is late, or whose
   clock is a little behind, does no harm, and one that died gives its share back by itself.
4. What the host told one of them (Retry-After) holds for all.

Times are seconds since the epoch, as the takers' own clocks show them.
"""

import json
from dataclasses import dataclass, field, replace
from typing import Final

#: A share is for so many seconds of requests.
BLOCK_S: Final = 1.0
#: How long others still count a share that was not renewed.
GRACE_S: Final = 5.0
#: A request may start so much later than its turn: the next block begins after that.
LATE_S: Final = 0.025


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a driver wants of a host."""

    #: One name for all drivers that a job ever has: a successor takes up its predecessor's share.
    taker: str
    now_s: float
    #: Requests at once, at most.
    most: int
    #: Requests that may be under way until the answer is there: they are counted, whatever the share.
    busy: int = 0
    #: A request is ready to go; else the share is only to be kept.
    is_ready: bool = True
    #: Pause between two starts, in seconds.
    spacing_s: float = 0.0
    #: The host does not want to be asked before.
    held_until_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a driver may do: start requests in [`first_s`, `until_s`], at most `slots` at once, `spacing_s` apart."""

    slots: int
    first_s: float
    until_s: float
    spacing_s: float
    held_until_s: float
    #: Jobs that ask this host, this one included.
    takers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """One taker's entry."""

    slots: int
    most: int
    spacing_s: float
    #: When the entry stops to count.
    until_s: float
    #: Whoever has waited longest comes first where there are fewer slots than takers.
    since_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HostBook:
    """Who asks the host, and when its next turn is free."""

    next_s: float = 0.0
    held_until_s: float = 0.0
    claims: dict[str, _Claim] = field(default_factory=dict)

    @property
    def ends_s(self) -> float:
        """When nothing in the book counts any more."""
        return max(self.next_s, self.held_until_s, *(claim.until_s for claim in self.claims.values()), 0.0)

    def take(self, ask: Ask) -> tuple["HostBook", Share]:
        """Give *ask* its share; the book afterwards."""
        others = {name: claim for name, claim in self.claims.items() if name != ask.taker and claim.until_s > ask.now_s}
        mine = self.claims.get(ask.taker)
        since_s = ask.now_s if mine is None or _must_queue(mine, others) else mine.since_s
        slots = _slots(ask, since_s, others)
        held_until_s = max(self.held_until_s, ask.held_until_s)
        spacing_s = max([ask.spacing_s, *(claim.spacing_s for claim in others.values())])
        first_s = max(ask.now_s, held_until_s, self.next_s)
        if not spacing_s:
            until_s, next_s = first_s + BLOCK_S, self.next_s
        elif slots and ask.is_ready:
            turns = max(1, int(BLOCK_S / spacing_s))
            until_s = first_s + (turns - 1) * spacing_s + LATE_S
            next_s = until_s + spacing_s
        else:
            until_s, next_s = ask.now_s, self.next_s
        claim = _Claim(
            slots=max(slots, ask.busy),
            most=ask.most,
            spacing_s=ask.spacing_s,
            until_s=max(until_s, ask.now_s + BLOCK_S) + GRACE_S,
            since_s=since_s,
        )
        book = HostBook(
            next_s=next_s,
            held_until_s=held_until_s,
            claims={**others, ask.taker: claim},
        )
        share = Share(
            slots=slots,
            first_s=first_s,
            until_s=until_s,
            spacing_s=spacing_s,
            held_until_s=held_until_s,
            takers=len(others) + 1,
        )
        return book, share

    def leave(self, taker: str) -> "HostBook":
        """Give a share back."""
        return replace(self, claims={name: claim for name, claim in self.claims.items() if name != taker})

    def encode(self) -> str:
        """As stored; equal books give equal text."""
        claims = {
            name: [claim.slots, claim.most, claim.spacing_s, claim.until_s, claim.since_s]
            for name, claim in sorted(self.claims.items())
        }
        return json.dumps([self.next_s, self.held_until_s, claims], separators=(",", ":"))

    @classmethod
    def decode(cls, text: str | None) -> "HostBook":
        """Read what `encode` wrote; None is an empty book."""
        if text is None:
            return cls()
        next_s, held_until_s, claims = json.loads(text)
        return cls(next_s=next_s, held_until_s=held_until_s, claims={k: _claim(*v) for k, v in claims.items()})


def _claim(slots: int, most: int, spacing_s: float, until_s: float, since_s: float) -> _Claim:
    return _Claim(slots=slots, most=most, spacing_s=spacing_s, until_s=until_s, since_s=since_s)


def _must_queue(mine: _Claim, others: dict[str, _Claim]) -> bool:
    """Whether a taker that had its slot goes behind those that wait for one."""
    return mine.slots > 0 and any(not claim.slots for claim in others.values())


def _slots(ask: Ask, since_s: float, others: dict[str, _Claim]) -> int:
    """The taker's part: an even one, as far as it is free."""
    wishes = {name: (claim.most, claim.since_s) for name, claim in others.items()}
    wishes[ask.taker] = (ask.most, since_s)
    most = max(wish for wish, _ in wishes.values())
    free = most - sum(claim.slots for claim in others.values())
    return max(0, min(_part(wishes, ask.taker, most), free))


def _part(wishes: dict[str, tuple[int, float]], taker: str, most: int) -> int:
    """An even part of *most* slots; who wants less leaves the rest to others.

    Where there are fewer slots than takers, those that have waited longest get one each.
    """
    if most < len(wishes):
        waiting = sorted(wishes, key=lambda name: (wishes[name][1], name))
        return int(taker in waiting[:most])
    left = most
    part = 0
    for place, name in enumerate(sorted(wishes, key=lambda name: (wishes[name], name))):
        part = min(wishes[name][0], left // (len(wishes) - place))
        left -= part
        if name == taker:
            break
    return part
