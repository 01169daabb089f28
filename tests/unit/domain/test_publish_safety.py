"""A result by which the library would get worse is held: exactly past each limit."""

import pytest

from runnel.domain.publish_safety import Toll, decide_hold


def toll(old: int = 100, gone: int = 0, good: int = 100, failed: int = 0, empty: int = 0) -> Toll:
    return Toll(old=old, gone=gone, good=good, failed=failed, empty=empty)


@pytest.mark.parametrize(
    ("at", "past", "name"),
    [
        (toll(gone=20), toll(gone=21), "gone"),
        (toll(good=80, failed=20), toll(good=79, failed=21), "failed"),
        (toll(good=90, empty=10), toll(good=89, empty=11), "empty"),
    ],
)
def test_a_share_may_reach_its_limit_and_not_pass_it(at: Toll, past: Toll, name: str) -> None:
    """The limits of the documentation, to the page."""
    hold = decide_hold(past)

    assert decide_hold(at) is None
    assert hold is not None
    assert set(hold.limits) == {name, f"{name}_limit"}
    assert hold.limits[name] > hold.limits[f"{name}_limit"]


def test_the_first_result_is_never_held() -> None:
    """There is nothing that could get worse, and a user who wants to see what came."""
    assert decide_hold(toll(old=0, good=1, failed=99, empty=50)) is None


def test_every_limit_that_was_passed_is_told() -> None:
    """One sentence names them all."""
    hold = decide_hold(toll(gone=50, good=10, failed=40, empty=50))

    assert hold is not None
    assert hold.reason == (
        "50 of 100 pages would go (limit 20%); 40 pages failed beside 10 good ones (limit 20%); "
        "50 pages came out empty beside 10 good ones (limit 10%)"
    )
    assert hold.limits == {
        "gone": 0.5, "gone_limit": 0.2, "failed": 0.4, "failed_limit": 0.2, "empty": 0.8333, "empty_limit": 0.1,
    }  # fmt: skip
