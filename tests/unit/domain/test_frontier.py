"""Which URL is due next, and how politely."""

import pytest

from runnel.domain.frontier import FIRST_LIMIT, Frontier

_HOST = "docs.example.com:443"
_OTHER = "api.example.com:443"


def _frontier(*urls: tuple[str, int], concurrency: int = 10, delay_s: float = 0.0, host: str = _HOST) -> Frontier:
    frontier = Frontier(concurrency=concurrency, delay_s=delay_s)
    for url, depth in urls:
        frontier.add(url, host=host, depth=depth)
    return frontier


def _fetch(frontier: Frontier, now_s: float = 0.0, *, is_throttled: bool = False, elapsed_ms: int = 50) -> str | None:
    """One URL through its whole life."""
    url = frontier.reserve(now_s)
    if url is not None:
        frontier.start(url, now_s)
        frontier.finish(url, elapsed_ms=elapsed_ms, is_throttled=is_throttled)
    return url


def test_shallow_urls_come_first_then_doc_like_then_those_found_first() -> None:
    """With a limit, these are the pages that a reader would want."""
    frontier = _frontier(("/z", 1), ("/a", 1), ("/guide/x", 1), ("/deep/guide", 2), ("/", 0))

    assert [_fetch(frontier) for _ in range(6)] == ["/", "/guide/x", "/z", "/a", "/deep/guide", None]


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
    frontier.finish(first, elapsed_ms=10, is_throttled=False)
    assert frontier.may_start(third, 0.0)


def test_aimd_the_limit_grows_by_half_a_slot_and_is_halved() -> None:
    """It finds what the host can bear, and gives way at once."""
    frontier = _frontier(*((f"/{number}", 1) for number in range(40)), concurrency=4)
    limits = []
    for _ in range(6):
        _fetch(frontier)
        limits.append(frontier.host(_HOST).limit)
    _fetch(frontier, is_throttled=True)
    limits.append(frontier.host(_HOST).limit)
    for _ in range(3):
        _fetch(frontier, is_throttled=True)

    assert FIRST_LIMIT == 2.0
    assert limits == [2.5, 3.0, 3.5, 4.0, 4.0, 4.0, 2.0]
    assert frontier.host(_HOST).limit == 1.0


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
    frontier.finish("/0", elapsed_ms=1, is_throttled=False)
    assert frontier.may_start("/2", 0.0)


def test_a_delay_spaces_the_starts_at_a_host() -> None:
    """Crawl-delay: so many seconds between two requests, counted from start to start."""
    frontier = _frontier(("/a", 1), ("/b", 1), ("/c", 1), delay_s=5.0)
    assert _fetch(frontier, 100.0) == "/a"
    assert frontier.reserve(101.0) is None
    assert frontier.next_due_s() == 105.0
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
    assert frontier.next_due_s() == 60.0
    assert frontier.reserve(60.0) == "/a"


def test_what_is_put_back_comes_again_when_it_is_due() -> None:
    """A retry has its pause; what was only taken ahead has none."""
    frontier = _frontier(("/a", 1), ("/b", 1))
    first = frontier.reserve(0.0)
    assert first == "/a"
    frontier.start(first, 0.0)
    frontier.finish(first, elapsed_ms=1, is_throttled=False)
    frontier.put_back(first, due_s=9.0)
    assert not frontier.is_idle
    assert frontier.waiting == 2
    second = frontier.reserve(1.0)
    assert second == "/b"
    frontier.drop(second)
    frontier.put_back(second)

    assert frontier.reserve(2.0) == "/b"
    assert frontier.next_due_s() == 9.0
    assert frontier.reserve(2.0) is None
    assert frontier.reserve(9.0) == "/a"
    assert frontier.next_due_s() is None


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
    frontier.finish(url, elapsed_ms=1, is_throttled=False)

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
