"""How the jobs that ask one host share it."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runnel.domain.host_book import BLOCK_S, GRACE_S, LATE_S, Ask, HostBook, Share


class Takers:
    """Jobs that take from one book, each with what it has under way."""

    def __init__(self) -> None:
        self.book = HostBook()
        self.shares: dict[str, Share] = {}

    def take(self, taker: str, now_s: float, *, most: int = 10, **fields: float | bool) -> Share:
        """Take, having as much under way as the last share allowed; of one that has run out nothing is under way."""
        before, claim = self.shares.get(taker), self.book.claims.get(taker)
        busy = before.slots if before and claim and claim.until_s > now_s else 0
        ask = Ask(taker=taker, now_s=now_s, most=most, busy=busy, **fields)  # type: ignore[arg-type]
        self.book, share = self.book.take(ask)
        self.book = HostBook.decode(self.book.encode())
        self.shares[taker] = share
        return share


def test_two_jobs_end_with_half_each() -> None:
    """Within two seconds of the second one's coming."""
    takers = Takers()
    slots = [
        (takers.take("A", now_s).slots, takers.take("B", now_s + 0.1).slots) for now_s in (0.0, 0.6, 1.2, 1.8, 2.4)
    ]

    assert slots == [(10, 0), (5, 0), (5, 5), (5, 5), (5, 5)]


def test_who_wants_less_leaves_the_rest_to_the_others() -> None:
    """A job of concurrency 2 does not cost its neighbour half the host."""
    takers = Takers()
    for now_s in (0.0, 0.6, 1.2):
        takers.take("A", now_s)
        takers.take("B", now_s, most=2)
        takers.take("C", now_s)

    assert [takers.take(name, 1.8, most=most).slots for name, most in (("A", 10), ("B", 2), ("C", 10))] == [4, 2, 4]


def test_more_jobs_than_slots_take_turns() -> None:
    """Nobody starves, and the host never sees more than it should."""
    takers = Takers()
    had: dict[str, int] = dict.fromkeys("ABC", 0)
    for step in range(60):
        for name in "ABC":
            had[name] += takers.take(name, step * 0.6, most=1).slots

    assert min(had.values()) >= 8


def test_a_longer_pause_of_one_job_holds_for_all() -> None:
    """The host cannot tell whose request it is."""
    takers = Takers()
    takers.take("A", 0.0, spacing_s=5.0)
    share = takers.take("B", 0.1)

    assert (share.spacing_s, share.slots) == (5.0, 0)
    takers.take("A", 0.2, spacing_s=5.0)
    takers.take("A", 0.3, spacing_s=5.0)
    share = takers.take("B", 0.4)
    assert share.slots == 5
    assert share.first_s > 5.0


def test_a_share_of_turns_holds_those_of_a_second() -> None:
    """Ten pages a second are one write a second, not ten."""
    takers = Takers()
    first = takers.take("A", 100.0, spacing_s=0.25)
    second = takers.take("A", 100.9, spacing_s=0.25)

    assert (first.first_s, first.until_s) == (100.0, 100.75 + LATE_S)
    assert second.first_s == 101.0 + LATE_S


def test_a_share_that_is_only_kept_uses_no_turn() -> None:
    """A slow answer of a slow host must not cost the next page its turn."""
    takers = Takers()
    takers.take("A", 0.0, spacing_s=5.0)
    kept = takers.take("A", 2.0, spacing_s=5.0, is_ready=False)

    assert kept.until_s <= 2.0
    assert takers.take("B", 2.1, spacing_s=5.0).slots == 0
    assert takers.take("A", 4.0, spacing_s=5.0).first_s == 5.0 + LATE_S


def test_retry_after_holds_for_every_job() -> None:
    """The host said it to one of them."""
    takers = Takers()
    takers.take("A", 0.0, held_until_s=30.0)
    share = takers.take("B", 1.5)

    assert (share.first_s, share.until_s, share.held_until_s) == (30.0, 31.0, 30.0)
    assert takers.take("B", 31.0).first_s == 31.0


def test_a_successor_takes_up_its_predecessors_share() -> None:
    """It has the same job, so nobody else gets more or less by the change."""
    takers = Takers()
    takers.take("A", 0.0)
    takers.shares.clear()

    assert takers.take("A", 0.5).slots == 10


def test_an_empty_book_is_over() -> None:
    """What the stores may forget."""
    takers = Takers()
    assert HostBook.decode(None).ends_s == 0.0
    takers.take("A", 100.0)

    assert takers.book.ends_s == 100.0 + BLOCK_S + GRACE_S
    assert takers.book.leave("A").ends_s == 0.0


_STEPS = st.lists(
    st.tuples(st.sampled_from("ABCD"), st.floats(0.01, 2.0), st.integers(1, 12), st.sampled_from((0.0, 0.0, 0.3, 3.0))),
    max_size=40,
)


@given(_STEPS)
def test_together_they_never_have_more_than_the_largest_concurrency(
    steps: list[tuple[str, float, int, float]],
) -> None:
    """Whatever the order of takings: the claims that count add up to no more than one job alone might have.

    Turns of different takers never come nearer than the longest pause among them.
    """
    takers, now_s, most_of = Takers(), 0.0, {"A": 1, "B": 3, "C": 10, "D": 10}
    turns: list[tuple[float, float]] = []
    for taker, wait_s, _, spacing_s in steps:
        now_s += wait_s
        share = takers.take(taker, now_s, most=most_of[taker], spacing_s=spacing_s)
        counted = [claim for claim in takers.book.claims.values() if claim.until_s > now_s]
        assert sum(claim.slots for claim in counted) <= max(claim.most for claim in counted)
        if share.spacing_s and share.slots:
            turns.append((share.first_s, share.until_s))

    assert all(ended_s < begun_s for (_, ended_s), (begun_s, _) in pairwise(turns))
