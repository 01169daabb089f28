"""The numbers that operators see of a stretch of a log."""

from datetime import UTC, datetime
from typing import Any

from runnel.domain import events as e
from runnel.domain.measures import Measures
from runnel.domain.verdicts import ErrorCategory, FetchError

_ERROR = FetchError(category=ErrorCategory.TIMEOUT, message="too slow")


def _event(kind: type[Any], **fields: Any) -> Any:
    return kind.model_construct(job_id="j", time=datetime(2026, 1, 1, tzinfo=UTC), seq=1, **fields)


def test_pages_by_verdict_errors_by_category_and_latencies() -> None:
    """One set of numbers, whatever came; the next begins at nothing."""
    measures = Measures()
    for _ in range(150):
        measures.add(_event(e.UrlCrawled, outcome="fetched", elapsed_ms=20))
    measures.add(_event(e.UrlCrawled, outcome="duplicate", elapsed_ms=7))
    measures.add(_event(e.UrlSkipped))
    measures.add(_event(e.UrlFailed, error=_ERROR))
    measures.add(_event(e.UrlRetry, error=_ERROR))
    measures.add(_event(e.BatchFailed, error=_ERROR))
    measures.add(_event(e.JobStarted, term=1))
    told = measures.take()

    assert told.pop("fetch_latency_ms") == [20] * 100
    assert told == {
        "pages_fetched": 150,
        "pages_duplicate": 1,
        "pages_skipped": 1,
        "pages_failed": 1,
        "errors_timeout": 3,
    }
    assert measures.take() == {}
