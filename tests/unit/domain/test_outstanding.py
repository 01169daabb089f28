"""Which requests of a host hang."""

from runnel.domain.outstanding import PATIENCE_S, Outstanding

_LATER = PATIENCE_S + 0.1


def _asked(*pages: str, now_s: float = 0.0) -> Outstanding:
    out = Outstanding()
    for page in pages:
        out.send(page, now_s)
    return out


def test_a_request_that_a_later_one_overtook_holds_no_place() -> None:
    """The host answers; it is this page that does not."""
    out = _asked("a", "b")
    out.send("c", 1.0)
    out.end("c")
    out.answered(sent_s=1.0, took_s=0.2)

    assert out.overtaken(PATIENCE_S) == 0, "it is early yet"
    assert out.overtaken(_LATER) == 2
    assert out.is_page_s_fault("a", sent_s=0.0)


def test_nothing_is_overtaken_by_an_earlier_request_nor_by_a_slow_answer() -> None:
    """What was sent before says nothing, and a host that answers after ten seconds is a slow one."""
    out = _asked("a")
    out.answered(sent_s=-1.0, took_s=0.2)
    out.answered(sent_s=1.0, took_s=10.0)

    assert out.overtaken(_LATER) == 0
    assert not out.is_page_s_fault("a", sent_s=0.0)


def test_one_more_may_be_sent_when_all_hang_and_then_no_other_for_as_long() -> None:
    """So it is heard whether the host is there."""
    out = _asked("a", "b")
    assert not out.all_hang(PATIENCE_S)
    assert out.all_hang(_LATER)
    out.send("c", _LATER)

    assert not out.all_hang(_LATER + PATIENCE_S)
    assert out.all_hang(2 * _LATER)
    assert not Outstanding().all_hang(_LATER), "nothing is out"


def test_a_host_that_takes_its_time_is_waited_for() -> None:
    """Three times what its last answer took, until it answers faster again."""
    out = _asked("a")
    out.answered(sent_s=0.0, took_s=4.0)
    assert not out.all_hang(12.0)
    assert out.all_hang(12.1)
    out.answered(sent_s=0.0, took_s=0.1)

    assert out.all_hang(_LATER)


def test_a_page_that_has_hung_once_by_itself_says_nothing_of_its_host_ever_after() -> None:
    """When only such pages are left, nobody answers them meanwhile."""
    out = _asked("a")
    assert not out.is_page_s_fault("a", sent_s=0.0)
    out.answered(sent_s=1.0, took_s=0.1)
    assert out.is_page_s_fault("a", sent_s=0.0)

    assert out.is_page_s_fault("a", sent_s=60.0)
    assert not out.is_page_s_fault("b", sent_s=60.0)
