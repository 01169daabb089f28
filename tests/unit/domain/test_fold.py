"""A job's state as a fold of its log: attempts, suspects, crashes, counts."""

from datetime import UTC, datetime
from typing import Any

from runnel.domain import events as e
from runnel.domain.fold import JobFold
from runnel.domain.verdicts import Counts, ErrorCategory, FetchError, SkipReason, Verdict

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ERROR = FetchError(category=ErrorCategory.TIMEOUT, message="No answer.")


class _Log:
    """A fold that is told events by their fields."""

    def __init__(self) -> None:
        self.fold = JobFold()

    def tell(self, kind: type[Any], note: dict[str, Any] | None = None, **fields: Any) -> None:
        seq = self.fold.last_seq + 1
        self.fold.apply(kind(job_id="j", time=NOW, seq=seq, **fields), note or {})

    def start(self, *urls: str) -> None:
        for url in urls:
            self.tell(e.UrlStarted, url=url, depth=1, attempt=1)

    def crawl(self, url: str, body: str, outcome: str = "fetched") -> None:
        self.tell(
            e.UrlCrawled, url=url, final_url=url, status=200, outcome=outcome, duplicate_of=None, title="",
            content_length=10, body_hash=body, elapsed_ms=1,
        )  # fmt: skip

    def lose(self, reason: str = "lease_lost") -> None:
        self.tell(e.Handover, term=2, reason=reason)


def test_lost_no_attempt_only_retries_count() -> None:
    """A start whose driver was lost says nothing about the page."""
    log = _Log()
    log.start("/a")
    log.lose()
    log.start("/a")
    log.tell(e.UrlRetry, url="/a", attempt=1, retry_in_s=1.0, error=ERROR)

    assert log.fold.failures == {"/a": 1}
    assert log.fold.starts == {"/a": 2}


def test_suspects_are_what_a_lost_driver_left_undecided() -> None:
    """One of them may have killed it; what has a verdict has not."""
    log = _Log()
    log.start("/a", "/b", "/c")
    log.crawl("/a", "A")
    log.tell(e.UrlRetry, url="/b", attempt=1, retry_in_s=1.0, error=ERROR)
    log.lose()

    assert log.fold.suspects == {"/c"}
    assert log.fold.crashes == {}


def test_only_alone_counts_as_a_crash() -> None:
    """Of several in flight nobody knows which it was."""
    log = _Log()
    log.start("/a", "/b")
    log.lose()
    log.start("/a")
    log.lose()

    assert log.fold.crashes == {"/a": 1}
    assert log.fold.suspects == {"/a", "/b"}


def test_release_no_crash() -> None:
    """A driver that let go in order left nobody guilty, and takes no suspicion back."""
    log = _Log()
    log.start("/a", "/b")
    log.lose()
    log.start("/a")
    log.lose("deadline")

    assert log.fold.crashes == {}
    assert log.fold.suspects == {"/a", "/b"}
    log.crawl("/b", "B")
    log.lose("sigterm")
    assert log.fold.suspects == {"/a"}


def test_the_first_of_a_body_is_kept_and_waits_for_a_batch() -> None:
    """Duplicates are told, not processed."""
    log = _Log()
    log.start("/a", "/b")
    log.crawl("/a", "same")
    log.crawl("/b", "same", "duplicate")

    assert log.fold.kept == 1
    assert log.fold.first_of_body == {"same": "/a"}
    assert list(log.fold.loose) == ["/a"]


def test_a_batch_takes_its_pages_and_gives_them_back_never() -> None:
    """A page stands in one batch; what a batch dropped is no page of the library."""
    log = _Log()
    for name in "abc":
        log.start(f"/{name}")
        log.crawl(f"/{name}", name)
    log.tell(e.SentToProcessing, {"urls": ["/a", "/b"]}, batch_id="1-1", urls=("/a",), pages=2)
    assert list(log.fold.loose) == ["/c"]
    assert log.fold.open_batches == {"1-1": ("/a", "/b")}
    log.tell(e.BatchFailed, batch_id="1-1", urls=("/a",), attempt=1, error=ERROR, will_retry=True)
    assert "1-1" in log.fold.open_batches
    assert log.fold.dropped == set()
    log.tell(e.BatchFailed, {"dropped": ["/a"]}, batch_id="1-1", urls=("/a",), attempt=3, error=ERROR, will_retry=False)

    assert log.fold.open_batches == {}
    assert log.fold.dropped == {"/a"}
    assert log.fold.batch_of == {"/a": "1-1", "/b": "1-1"}
    assert log.fold.last_error == "No answer."


def test_a_failed_call_without_a_batch_changes_nothing() -> None:
    """`batch_failed` also tells of crawler calls."""
    log = _Log()
    log.tell(e.BatchFailed, batch_id=None, urls=(), attempt=1, error=ERROR, will_retry=False)

    assert log.fold.last_error is None


def test_counts_add_up_whatever_has_no_verdict_yet() -> None:
    """`fetched + unchanged + duplicate + skipped + failed + cancelled = seen`."""
    log = _Log()
    log.start("/a", "/b", "/c")
    log.crawl("/a", "A")
    log.tell(e.UrlFailed, url="/b", attempts=1, error=ERROR)
    log.tell(e.UrlSkipped, url="/c", reason=SkipReason.ROBOTS, rule="r", parent=None)
    log.tell(
        e.UrlsDiscovered, {"ruled_out": [["x", "asset", "pdf"]]}, source_url="/a", depth=0, discovered_urls=(), count=1,
        total_discovered=2, skipped={SkipReason.ASSET: 1},
    )  # fmt: skip

    assert log.fold.counts(seen=6, rest=Verdict.CANCELLED) == Counts(
        seen=6, fetched=1, failed=1, skipped=2, cancelled=2
    )
    assert log.fold.counts(seen=6, rest=Verdict.SKIPPED) == Counts(seen=6, fetched=1, failed=1, skipped=4)
    assert log.fold.last_error == "/b: No answer."


def test_events_that_change_no_state_only_move_the_place() -> None:
    """A later vocabulary may add some."""
    log = _Log()
    log.tell(e.Log, level="info", message="hello")

    assert log.fold == JobFold(last_seq=1, last_time=log.fold.last_time)
