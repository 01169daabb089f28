"""When a failed URL is tried again, and what an answer tells about its host."""

from itertools import pairwise

import pytest

from runnel.domain.host_pace import Answer
from runnel.domain.payloads import CrawlResult
from runnel.domain.retries import ATTEMPTS, LEAST_S, MOST_S, backoff_s, decide_answer, is_for_later, may_retry
from runnel.domain.verdicts import TRANSIENT, ErrorCategory, FetchError


def _error(category: ErrorCategory) -> FetchError:
    return FetchError(category=category, message="x")


@pytest.mark.parametrize("category", ErrorCategory)
def test_only_what_may_pass_is_tried_again(category: ErrorCategory) -> None:
    """A page that is too large today is too large in two seconds."""
    assert may_retry(_error(category), attempt=1, retry_batches=2) is (category in TRANSIENT)


@pytest.mark.parametrize(("batches", "tries"), [(1, 3), (2, 4), (5, 7)])
def test_each_later_batch_is_one_more_try(batches: int, tries: int) -> None:
    """1 = no second try at the end."""
    again = [may_retry(_error(ErrorCategory.TIMEOUT), attempt=n, retry_batches=batches) for n in range(1, tries + 1)]

    assert again == [True] * (tries - 1) + [False]
    assert [is_for_later(n) for n in (1, ATTEMPTS - 1, ATTEMPTS)] == [False, False, True]


def test_an_answer_that_came_whole_and_makes_no_sense_is_final() -> None:
    """A redirect without an address will have none later; an answer that was cut may be whole next time."""
    broken = _error(ErrorCategory.PROTOCOL)

    assert may_retry(broken, attempt=1, retry_batches=2)
    assert not may_retry(broken, attempt=1, retry_batches=2, status=302)
    assert may_retry(_error(ErrorCategory.HTTP_5XX), attempt=1, retry_batches=2, status=500)


def test_a_failed_call_may_pass_and_a_page_that_crashes_its_reader_does_not() -> None:
    """Both are `crashed`; after a call nobody knows whether the page was to blame."""
    again = [may_retry(_error(ErrorCategory.CRASHED), attempt=n, retry_batches=1, is_call=True) for n in (1, 2, 3)]

    assert again == [True, True, False]
    assert not may_retry(_error(ErrorCategory.CRASHED), attempt=1, retry_batches=1)


@pytest.mark.parametrize("category", sorted(TRANSIENT | {ErrorCategory.CRASHED}))
def test_the_wait_has_full_jitter_below_a_doubling_bound(category: ErrorCategory) -> None:
    """Many crawlers that failed together must not come back together."""
    bounds = [backoff_s(category, attempt=n, jitter=1.0) for n in range(1, 9)]

    assert all(backoff_s(category, attempt=n, jitter=0.0) == LEAST_S for n in range(1, 9))
    assert all(later == min(MOST_S, 2 * sooner) for sooner, later in pairwise(bounds))
    assert backoff_s(category, attempt=1, jitter=0.5) == (bounds[0] + LEAST_S) / 2


def test_a_site_that_asks_for_quiet_waits_longer_and_as_long_as_it_says() -> None:
    """By category, and by Retry-After."""
    limited, refused = (
        backoff_s(category, attempt=1, jitter=1.0) for category in (ErrorCategory.RATE_LIMITED, ErrorCategory.CONNECT)
    )

    assert limited > refused
    assert backoff_s(ErrorCategory.HTTP_5XX, attempt=1, jitter=0.5, retry_after_s=90.0) == 90.0


@pytest.mark.parametrize(
    ("status", "category", "answer"),
    [
        (429, ErrorCategory.RATE_LIMITED, Answer.REFUSED),
        (503, ErrorCategory.HTTP_5XX, Answer.REFUSED),
        (502, ErrorCategory.HTTP_5XX, Answer.SILENT),
        (504, ErrorCategory.HTTP_5XX, Answer.HUNG),
        (None, ErrorCategory.TIMEOUT, Answer.HUNG),
        (500, ErrorCategory.HTTP_5XX, Answer.ERROR),
        (404, ErrorCategory.HTTP_4XX, Answer.GOOD),
        (None, ErrorCategory.CONNECT, Answer.SILENT),
        (None, ErrorCategory.TLS, Answer.SILENT),
        (None, ErrorCategory.PROTOCOL, Answer.ERROR),
        (None, ErrorCategory.TOO_LARGE, Answer.GOOD),
        (None, ErrorCategory.BLOCKED_ADDRESS, Answer.NONE),
    ],
)
def test_a_failure_tells_about_the_host_or_about_the_page(
    status: int | None, category: ErrorCategory, answer: Answer
) -> None:
    """Only what is the host's slows it down."""
    error = FetchError(category=category, message="x")

    assert decide_answer(CrawlResult(url="u", outcome="failed", status=status, error=error)) is answer


def test_an_answer_is_good_and_a_start_that_never_was_says_nothing() -> None:
    """The usual case, and the crawler's own lateness."""
    assert decide_answer(CrawlResult(url="u", outcome="fetched", status=200)) is Answer.GOOD
    assert decide_answer(CrawlResult(url="u", outcome="failed")) is Answer.GOOD
    assert decide_answer(CrawlResult(url="u", outcome="not_started")) is Answer.NONE
