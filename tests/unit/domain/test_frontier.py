"""Which URL is due next, and how politely."""

import pytest

from runnel.domain.frontier import Frontier
from runnel.domain.host_pace import PROBES, Answer

_HOST = "docs.example.com:443"
_OTHER = "api.example.com:443"


def _frontier(*urls: tuple[str, int], concurrency: int = 10, delay_s: float = 0.0, host: str = _HOST) -> Frontier:
    frontier = Frontier(concurrency=concurrency, delay_s=delay_s)
    for url, depth in urls:
        frontier.add(url, host=host, depth=depth)
    return frontier


def _fetch(frontier: Frontier, now_s: float = 0.0, *, elapsed_ms: int = 50) -> str | None:
    """One URL through its whole life."""
    url = frontier.reserve(now_s)
    if url is not None:
        frontier.start(url, now_s)
        frontier.finish(url, Answer.GOOD, now_s=now_s, elapsed_ms=elapsed_ms)
    return url


def test_shallow_urls_come_first_then_doc_like_then_those_found_first() -> None:
    """With a limit, these are the pages that a reader would want."""
    frontier = _frontier(("/z", 1), ("/a", 1), ("/guide/x", 1), ("/deep/guide", 2), ("/", 0))

    assert [_fetch(frontier) for _ in range(6)] == ["/", "/guide/x", "/z", "/a", "/deep/guide", None]


def test_among_equals_in_depth_those_of_a_sitemap_come_first() -> None:
    """The site itself names them."""
    frontier = _frontier(("/guide/linked", 1), ("/deeper/guide", 2))
    frontier.add("/listed", host=_HOST, depth=1, is_listed=True)
    frontier.add("/listed/guide", host=_HOST, depth=1, is_listed=True)

    order = [_fetch(frontier) for _ in range(4)]
    assert order == ["/listed/guide", "/listed", "/guide/linked", "/deeper/guide"]


def test_the_host_s_name_does_not_make_a_page_doc_like() -> None:
    """On docs.example.com every page would be; nor does the query, nor the case of a letter."""
    urls = ["https://docs.example.com/x?guide=1", "https://docs.example.com/Guide/y"]
    frontier = _frontier(*((url, 1) for url in urls))

    assert [_fetch(frontier) for _ in range(2)] == urls[::-1]


def test_a_waiting_url_moves_up_when_a_shorter_path_or_a_sitemap_is_found() -> None:
    """It is fetched once, at its best place."""
    frontier = _frontier(("/a", 2), ("/b", 2), ("/c", 2), ("/d", 3))
    frontier.lower_depth("/d", 1)
    frontier.lower_depth("/c", 2, is_listed=True)
    frontier.lower_depth("/c", 5)

    assert frontier.waiting == 4
    assert [_fetch(frontier) for _ in range(5)] == ["/d", "/c", "/a", "/b", None]
    frontier.lower_depth("/a", 0)
    assert _fetch(frontier) is None, "what was fetched does not wait again"


def test_what_is_taken_out_of_turn_and_put_back_is_fetched_once() -> None:
    """Its old entry must not bring it a second time."""
    frontier = _frontier(("/a", 1), ("/b", 1))
    assert frontier.reserve_only({"/b"}) == "/b"
    frontier.drop("/b")
    frontier.put_back("/b")

    assert frontier.waiting == 2
    assert [_fetch(frontier) for _ in range(3)] == ["/a", "/b", None]


def test_what_waits_apart_is_the_last_to_go() -> None:
    """Retry batches: what has failed is tried once more when nothing else is left."""
    frontier = _frontier(("/bad", 0), ("/good", 1))
    assert _fetch(frontier) == "/bad"
    frontier.put_apart("/bad")
    assert not frontier.has_only_apart
    assert _fetch(frontier) == "/good"
    assert (frontier.has_only_apart, frontier.waiting, frontier.is_idle) == (True, 1, False)

    assert frontier.take_apart(0.0) == 1
    assert [_fetch(frontier), frontier.is_idle, frontier.take_apart(0.0)] == ["/bad", True, 0]


def test_a_host_that_is_set_aside_waits_with_all_its_urls() -> None:
    """One dead host must not keep the others from being crawled to the end."""
    frontier = _frontier(("/a", 0), ("/b", 1), ("/later", 1))
    frontier.add("/other", host=_OTHER, depth=5)
    assert frontier.reserve(0.0) == "/a"
    frontier.drop("/a")
    frontier.put_back("/a", due_s=50.0)
    frontier.host(_HOST).is_set_aside = True

    assert [_fetch(frontier), _fetch(frontier)] == ["/other", None]
    assert frontier.next_due_s(0.0) is None
    assert (frontier.has_only_apart, frontier.apart) == (True, 3)
    assert frontier.take_apart(60.0) == 3
    assert frontier.reserve(60.0) == "/a"
    assert frontier.reserve(60.0) is None, "one probe at a time"
    frontier.start("/a", 60.0)
    state = frontier.finish("/a", Answer.SILENT, now_s=61.0)

    assert state.is_given_up
    assert PROBES == 8
    assert frontier.forget_waiting(_HOST) == ["/b", "/later"]
    assert frontier.waiting == 0


def test_given_up_urls_are_told_each_once_in_their_order() -> None:
    """Those that wait for a retry are the last."""
    frontier = _frontier(("/z", 1), ("/moved", 3), ("/a", 2))
    frontier.add("/again", host=_HOST, depth=0)
    assert frontier.reserve(0.0) == "/again"
    frontier.drop("/again")
    frontier.put_back("/again", due_s=9.0)
    frontier.lower_depth("/moved", 0)

    assert frontier.forget_waiting(_HOST) == ["/moved", "/z", "/a", "/again"]
    assert frontier.forget_waiting(_HOST) == []
    assert frontier.is_idle


def test_nothing_starts_at_a_host_before_a_share_of_it_has_come() -> None:
    """Where the host is shared with other jobs; what is announced meanwhile waits."""
    frontier = Frontier(concurrency=4, is_shared=True)
    frontier.add("/a", host=_HOST, depth=1)

    assert frontier.reserve(0.0) == "/a"
    assert not frontier.may_start("/a", 0.0)
    state = frontier.host(_HOST)
    state.slots, state.share_until_s = 1, 2.0
    assert frontier.may_start("/a", 2.0)
    assert frontier.hosts == {_HOST: state}


def test_a_url_is_known_once_and_counted_once() -> None:
    """`seen` is what all counts must add up to."""
    frontier = _frontier(("/a", 1), ("/b", 1))
    frontier.add("/c", host=_HOST, depth=1, is_decided=True)

    assert len(frontier) == 3
    assert "/c" in frontier
    assert "/d" not in frontier
    assert frontier.waiting == 2


def test_depth_only_falls() -> None:
    """The least over all known paths."""
    frontier = _frontier(("/a", 3))
    frontier.lower_depth("/a", 5)
    assert frontier.depth("/a") == 3
    frontier.lower_depth("/a", 1)

    assert frontier.depth("/a") == 1


def test_reserve_cap_is_twice_the_concurrency() -> None:
    """What is reserved when a driver dies is what its successor must suspect."""
    frontier = Frontier(concurrency=2)
    for number in range(20):
        frontier.add(f"/{number}", host=f"h{number}:443", depth=1)
    reserved = [frontier.reserve(0.0) for _ in range(6)]

    assert [url is not None for url in reserved] == [True] * 4 + [False] * 2
    assert frontier.busy == 4


def test_one_host_is_asked_gently_at_first() -> None:
    """A new host begins with two at once, whatever the job allows."""
    frontier = _frontier(*((f"/{number}", 1) for number in range(9)))
    first, second = frontier.reserve(0.0), frontier.reserve(0.0)
    assert first is not None
    assert second is not None
    assert frontier.reserve(0.0) is None
    frontier.start(first, 0.0)
    frontier.start(second, 0.0)
    third = frontier.reserve(0.0)

    assert third is not None
    assert not frontier.may_start(third, 0.0)
    frontier.finish(first, Answer.GOOD, now_s=0.0)
    assert frontier.may_start(third, 0.0)


def test_the_jobs_concurrency_bounds_all_hosts_together() -> None:
    """Ten at once is ten at once, not ten a host."""
    frontier = Frontier(concurrency=2)
    for number in range(3):
        frontier.add(f"/{number}", host=f"h{number}:443", depth=1)
    urls = [frontier.reserve(0.0) for _ in range(3)]
    assert urls == ["/0", "/1", "/2"]
    frontier.start("/0", 0.0)
    frontier.start("/1", 0.0)

    assert not frontier.may_start("/2", 0.0)
    frontier.finish("/0", Answer.GOOD, now_s=0.0)
    assert frontier.may_start("/2", 0.0)


def test_a_delay_spaces_the_starts_at_a_host() -> None:
    """Crawl-delay: so many seconds between two requests, counted from start to start."""
    frontier = _frontier(("/a", 1), ("/b", 1), ("/c", 1), delay_s=5.0)
    assert _fetch(frontier, 100.0) == "/a"
    assert frontier.reserve(101.0) is None
    assert frontier.next_due_s(101.0) == 105.0
    early = frontier.reserve(104.5)

    assert early == "/b"
    assert not frontier.may_start("/b", 104.5)
    assert frontier.may_start("/b", 105.0)
    assert frontier.reserve(105.0) is None, "one at a time is taken ahead where there is a delay"


def test_a_request_beside_the_pages_takes_a_place_and_the_pause_after_it() -> None:
    """A sitemap is a request like any other to the site that answers it."""
    frontier = _frontier(("/a", 1), concurrency=1, delay_s=5.0)
    frontier.reserve(0.0)
    frontier.start_beside(_OTHER, 0.0)
    assert not frontier.may_start("/a", 0.0)
    frontier.finish_beside(_OTHER)
    assert frontier.may_start("/a", 0.0)
    frontier.start_beside(_HOST, 0.0)
    frontier.finish_beside(_HOST)

    assert not frontier.may_start("/a", 4.9)
    assert frontier.may_start("/a", 5.0)


def test_a_held_host_waits_and_others_do_not() -> None:
    """Retry-After is one host's wish."""
    frontier = _frontier(("/a", 1))
    frontier.add("/other", host=_OTHER, depth=3)
    frontier.hold_host(_HOST, 60.0)
    frontier.hold_host(_HOST, 30.0)

    assert frontier.reserve(10.0) == "/other"
    assert frontier.reserve(10.0) is None
    assert frontier.next_due_s(10.0) == 60.0
    assert frontier.reserve(60.0) == "/a"


def test_what_is_put_back_comes_again_when_it_is_due() -> None:
    """A retry has its pause; what was only taken ahead has none."""
    frontier = _frontier(("/a", 1), ("/b", 1))
    first = frontier.reserve(0.0)
    assert first == "/a"
    frontier.start(first, 0.0)
    frontier.finish(first, Answer.GOOD, now_s=0.0)
    frontier.put_back(first, due_s=9.0)
    assert not frontier.is_idle
    assert frontier.waiting == 2
    second = frontier.reserve(1.0)
    assert second == "/b"
    frontier.drop(second)
    frontier.put_back(second)

    assert frontier.reserve(2.0) == "/b"
    assert frontier.next_due_s(2.0) == 9.0
    assert frontier.reserve(2.0) is None
    assert frontier.reserve(9.0) == "/a"
    assert frontier.next_due_s(9.0) is None


def test_suspects_are_taken_whatever_their_rank() -> None:
    """After a crash they come before everything else, one by one."""
    frontier = _frontier(("/", 0), ("/suspect", 7), ("/a", 1))

    assert frontier.reserve_only({"/suspect", "/unknown"}) == "/suspect"
    assert frontier.reserve_only({"/suspect"}) is None
    assert frontier.waiting == 2
    assert [frontier.reserve(0.0), frontier.host_of("/a")] == ["/", _HOST]


def test_idle_means_that_nothing_waits_and_nothing_is_on_the_way() -> None:
    """The job ends by it."""
    frontier = _frontier(("/a", 1))
    states = [frontier.is_idle]
    url = frontier.reserve(0.0)
    assert url is not None
    states.append(frontier.is_idle)
    frontier.start(url, 0.0)
    states.append(frontier.is_idle)
    frontier.finish(url, Answer.GOOD, now_s=0.0)

    assert states == [False, False, False]
    assert frontier.is_idle


@pytest.mark.parametrize(
    ("latencies", "is_fast"),
    [
        ([100] * 4, False),
        ([100] * 5, True),
        ([100] * 19 + [900], False),
        ([900] + [100] * 20, True),
        ([300] * 9, False),
    ],
)
def test_a_host_is_fast_by_its_recent_p95(latencies: list[int], is_fast: bool) -> None:  # noqa: FBT001
    """Pages of a slow host must not wait for each other in one call."""
    frontier = _frontier(*((f"/{number}", 1) for number in range(len(latencies))))
    for elapsed_ms in latencies:
        _fetch(frontier, elapsed_ms=elapsed_ms)

    assert frontier.host(_HOST).is_fast is is_fast
