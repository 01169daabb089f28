"""How fast one host is asked."""

import pytest

from runnel.domain.host_pace import DOWN_AFTER, FIRST_LIMIT, PROBES, Answer, HostState


class Host:
    """A host and a clock; each call is one request from start to end."""

    def __init__(self, *, most: int = 10, spacing_s: float = 0.0) -> None:
        self.state = HostState(most=most, spacing_s=spacing_s)
        self.now_s = 0.0

    def is_down(self) -> bool:
        """Whether it is only probed."""
        return self.state.is_down

    def is_given_up(self) -> bool:
        """Whether it was probed often enough."""
        return self.state.is_given_up

    def ask(self, answer: Answer = Answer.GOOD, *, elapsed_ms: int = 50, times: int = 1) -> float:
        """One request after another; the limit afterwards."""
        for _ in range(times):
            started_s = self.now_s = max(self.now_s, self.state.next_start_s)
            self.state.start(self.now_s)
            self.now_s += elapsed_ms / 1000
            self.end(answer, started_s=started_s, elapsed_ms=elapsed_ms)
        return self.state.limit

    def end(self, answer: Answer, *, started_s: float, elapsed_ms: int = 50) -> None:
        """A request that began at *started_s* ends now."""
        self.state.end()
        self.state.learn(answer, started_s=started_s, now_s=self.now_s, elapsed_ms=elapsed_ms)


def test_the_limit_grows_by_half_a_request_until_the_job_s_concurrency() -> None:
    """Half as fast again with every round trip: from 2 to 32 in seven of them."""
    host = Host(most=4)

    assert FIRST_LIMIT == 2.0
    assert [host.ask() for _ in range(5)] == [2.5, 3.0, 3.5, 4.0, 4.0]
    assert HostState(most=1).limit == 1.0


def test_after_a_first_strain_it_grows_by_one_a_round_trip() -> None:
    """It looks for the edge carefully once it knows that there is one."""
    host = Host()
    host.ask(times=16)
    assert host.state.limit == 10.0
    host.ask(Answer.REFUSED)
    assert host.state.limit == 5.0
    host.ask(times=5)

    assert 5.9 < host.state.limit < 6.1


@pytest.mark.parametrize(
    ("answer", "limit"),
    [
        (Answer.REFUSED, 5.0),
        (Answer.SILENT, 5.0),
        (Answer.HUNG, 5.0),
        (Answer.ERROR, 7.5),
        (Answer.NONE, 10.0),
    ],
)
def test_each_sign_of_strain_has_its_step(answer: Answer, limit: float) -> None:
    """A server error may be the page's own; a call that never reached the host says nothing."""
    host = Host()
    host.ask(times=16)

    assert host.ask(answer) == limit


def test_what_was_asked_before_the_last_step_is_no_news() -> None:
    """Ten requests that fail together are one sign, not ten."""
    host = Host()
    host.ask(times=16)
    sent_s = host.now_s
    for _ in range(10):
        host.state.start(sent_s)
    host.now_s += 0.05
    for _ in range(10):
        host.end(Answer.REFUSED, started_s=sent_s)

    assert host.state.limit == 5.0
    assert host.state.next_start_s == pytest.approx(host.now_s + 1.0)


def test_the_limit_never_falls_below_one() -> None:
    """A host that is asked for nothing would never be heard again."""
    host = Host()

    assert host.ask(Answer.ERROR, times=20) == 1.0


def test_pauses_double_with_each_refusal_and_end_with_an_answer() -> None:
    """A site that says no is asked less and less."""
    host, pauses = Host(), []
    for _ in range(8):
        host.ask(Answer.REFUSED)
        pauses.append(round(host.state.next_start_s - host.now_s, 3))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert host.is_given_up()
    host.ask()
    host.ask(Answer.REFUSED)

    assert not host.is_given_up()
    assert host.state.next_start_s - host.now_s == pytest.approx(1.0)


def test_a_host_that_becomes_slow_is_asked_for_less() -> None:
    """Its answers take far longer than it has shown it can."""
    host = Host()
    host.ask(times=20, elapsed_ms=100)
    assert host.state.limit == 10.0
    host.ask(times=11, elapsed_ms=1_500)

    assert host.state.limit <= 5.5


def test_a_host_that_always_was_slow_is_not() -> None:
    """Two seconds a page may be its nature."""
    host = Host()

    assert host.ask(times=40, elapsed_ms=2_000) == 10.0


def test_small_changes_of_a_fast_host_are_noise() -> None:
    """Ten times 5 ms is nothing that anybody feels."""
    host = Host()
    host.ask(times=20, elapsed_ms=5)

    assert host.ask(times=30, elapsed_ms=80) == 10.0


def test_a_host_that_is_down_is_probed_by_one_request_after_each_pause() -> None:
    """A site that goes down is left alone, and noticed when it returns."""
    host = Host()
    host.ask(times=16)
    host.ask(Answer.SILENT, times=DOWN_AFTER - 1)
    assert not host.is_down()
    host.ask(Answer.SILENT)
    assert host.is_down()
    assert (host.state.limit, host.state.next_start_s) == (1.0, host.now_s + 1.0)
    host.state.reserved = 1
    assert not host.state.may_reserve(host.now_s + 1.0)
    host.state.reserved = 0
    host.ask(Answer.SILENT)
    assert host.state.next_start_s == pytest.approx(host.now_s + 2.0)
    host.ask()

    assert not host.is_down()
    assert host.state.limit == 2.5


def test_one_answer_among_failures_means_that_the_host_is_there() -> None:
    """Pages that time out do not make a site dead."""
    host = Host()
    for _ in range(5):
        host.ask(Answer.SILENT, times=DOWN_AFTER - 1)
        host.ask(Answer.ERROR)

    assert not host.is_down()


def test_a_host_is_given_up_after_so_many_pauses_in_vain_and_revived_for_one_probe() -> None:
    """The job must end; the next retry batch asks once more."""
    host = Host()
    host.ask(Answer.SILENT, times=DOWN_AFTER + PROBES - 2)
    assert not host.is_given_up()
    host.ask(Answer.SILENT)
    assert host.is_given_up()
    host.state.is_set_aside = True
    host.state.revive(host.now_s)
    assert host.state.is_ready(host.now_s)
    assert not host.is_given_up()
    host.ask(Answer.SILENT)

    assert host.is_given_up()


def test_a_pause_between_starts_holds_whoever_wants_it() -> None:
    """Ours, or that of another job at the same host."""
    host = Host(spacing_s=2.0)
    host.state.start(10.0)
    assert host.state.next_start_s == 12.0
    host.state.others_spacing_s = 5.0
    host.state.start(12.0)

    assert host.state.next_start_s == 17.0


def test_nothing_starts_without_a_share() -> None:
    """Other jobs may have the host just now."""
    host = Host()
    host.state.slots, host.state.share_until_s = 1, 1.0
    assert host.state.is_ready(0.5)
    assert not host.state.is_ready(1.5)
    host.state.start(0.5)
    assert not host.state.is_ready(0.6)
    host.state.slots, host.state.is_closed = 5, True

    assert not host.state.is_ready(0.6)
    assert not host.state.may_reserve(0.6)
    assert host.state.has_place(0.6), "robots.txt itself may be asked for"


def _with_pages_that_hang() -> HostState:
    state = HostState(most=4)
    state.start(0.0, "a")
    state.start(0.0, "b")
    assert not state.has_place(3.0)
    return state


def test_a_page_that_hangs_holds_no_place_once_another_was_answered() -> None:
    """The others of its host go on as if it were not there, up to the job's concurrency in all."""
    state = _with_pages_that_hang()
    assert state.has_place(3.1), "one is tried"
    state.start(3.1, "c")
    assert not state.has_place(3.1)
    state.end("c")
    state.learn(Answer.GOOD, started_s=3.1, now_s=3.2, elapsed_ms=100, page="c")
    assert state.has_place(3.2)
    state.start(3.2, "d")
    assert state.has_place(3.2)
    state.start(3.2, "e")

    assert state.in_flight == 4
    assert not state.has_place(3.3)


def test_a_page_that_hung_alone_is_no_sign_of_strain() -> None:
    """Neither then nor when it is tried again."""
    state = _with_pages_that_hang()
    state.learn(Answer.GOOD, started_s=3.1, now_s=3.2, elapsed_ms=100, page="c")
    before = state.limit
    for started_s in (0.0, 40.0, 80.0, 120.0, 160.0, 200.0):
        state.learn(Answer.HUNG, started_s=started_s, now_s=started_s + 30, elapsed_ms=30_000, page="a")
    assert (state.limit, state.is_down) == (before, False)
    state.learn(Answer.HUNG, started_s=240.0, now_s=270.0, elapsed_ms=30_000, page="z")

    assert state.limit == before / 2


def test_a_host_whose_answers_all_stay_out_is_not_asked_for_more_and_more() -> None:
    """One request in each patience, and none at all when it is known to be down, or slow."""
    state = _with_pages_that_hang()
    state.start(3.1, "c")
    assert not state.has_place(6.0)
    state.learn(Answer.GOOD, started_s=0.0, now_s=6.1, elapsed_ms=6_100, page="a")
    assert not state.has_place(12.0)
    state.is_down = True

    assert not state.has_place(100.0)
