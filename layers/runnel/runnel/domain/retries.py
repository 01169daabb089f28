"""When a failed URL is tried again, and what an answer tells about its host.

Laws (tests/unit/domain/test_retries.py):

1. Only failures that may pass by themselves are tried again (`TRANSIENT`, and calls of the crawler that failed):
   `ATTEMPTS` times, and once more in each later retry batch, at the end of the job. An answer that came whole and makes
   no sense (a redirect without an address) will make none later.
2. The wait has full jitter: any time between the least and a bound that doubles with each attempt. Where the site
   itself asked for less, or is in trouble, the bound begins higher.
"""

from collections.abc import Mapping
from typing import Final

from runnel.domain.host_pace import Answer
from runnel.domain.payloads import CrawlResult
from runnel.domain.verdicts import TRANSIENT, ErrorCategory, FetchError

#: Attempts before a URL waits for the next retry batch.
ATTEMPTS: Final = 3
LEAST_S: Final = 1.0
MOST_S: Final = 60.0

#: The bound of the wait after the first attempt, in seconds.
_FIRST_BOUND_S: Final[Mapping[ErrorCategory, float]] = {
    ErrorCategory.CONNECT: 2.0,
    ErrorCategory.CRASHED: 2.0,
    ErrorCategory.PROTOCOL: 2.0,
    ErrorCategory.DNS: 4.0,
    ErrorCategory.TIMEOUT: 4.0,
    ErrorCategory.HTTP_5XX: 4.0,
    ErrorCategory.RATE_LIMITED: 8.0,
}


def may_pass(error: FetchError, *, status: int | None) -> bool:
    """Whether a failure may pass by itself; *status* is that of the answer, if a whole one came."""
    return error.category in TRANSIENT and not (error.category is ErrorCategory.PROTOCOL and status is not None)


def may_retry(
    error: FetchError, *, attempt: int, retry_batches: int, status: int | None = None, is_call: bool = False
) -> bool:
    """Whether a URL whose attempt number *attempt* has failed so is to be tried again, now or at the end.

    *is_call*: it was the crawler's call that failed, and nobody knows what the site would have said.
    """
    return (is_call or may_pass(error, status=status)) and attempt < ATTEMPTS + retry_batches - 1


def is_for_later(attempt: int) -> bool:
    """Whether the next try belongs to a later retry batch."""
    return attempt >= ATTEMPTS


def backoff_s(category: ErrorCategory, *, attempt: int, jitter: float, retry_after_s: float | None = None) -> float:
    """Seconds until the next try; *jitter* is a random number in [0, 1), *retry_after_s* what the site asked for."""
    bound_s = min(MOST_S, _FIRST_BOUND_S.get(category, LEAST_S) * 2.0 ** (attempt - 1))
    return max(LEAST_S + jitter * (bound_s - LEAST_S), retry_after_s or 0.0)


#: Answers of a gateway that has no server behind it.
_GATEWAY: Final = frozenset({502, 520, 521, 522, 523, 530})
#: And of one whose server has not answered in time.
_WAITED: Final = frozenset({504, 524})
#: The site asks for fewer requests.
REFUSALS: Final = frozenset({429, 503})
#: What a failure without a status tells; any other is the page's.
_ANSWERS: Final[Mapping[ErrorCategory, Answer]] = {
    ErrorCategory.DNS: Answer.SILENT,
    ErrorCategory.CONNECT: Answer.SILENT,
    ErrorCategory.TLS: Answer.SILENT,
    ErrorCategory.TIMEOUT: Answer.HUNG,
    ErrorCategory.BLOCKED_ADDRESS: Answer.NONE,
    ErrorCategory.PROTOCOL: Answer.ERROR,
}


def decide_answer(result: CrawlResult) -> Answer:
    """What a crawler's result tells about the host."""
    if result.refused_s is not None:
        return Answer.REFUSED
    if result.status is not None:
        return _answer_of_status(result.status)
    if result.outcome == "not_started":
        return Answer.NONE
    return Answer.GOOD if result.error is None else _ANSWERS.get(result.error.category, Answer.GOOD)


def _answer_of_status(status: int) -> Answer:
    if status in REFUSALS:
        return Answer.REFUSED
    if status in _WAITED:
        return Answer.HUNG
    if status in _GATEWAY:
        return Answer.SILENT
    return Answer.ERROR if status >= 500 else Answer.GOOD
