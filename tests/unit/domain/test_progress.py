"""Progress: what a watcher is told is what the log says, to everybody the same."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runnel.domain import events as e
from runnel.domain.progress import ProgressFold
from runnel.domain.snapshots import MAX_SNAPSHOT_BYTES, Snapshots

_START = datetime(2026, 1, 31, tzinfo=UTC)


class _Story:
    """A log in the making: each event one or more seconds after the one before."""

    def __init__(self, **options: Any) -> None:
        self.lines: list[bytes] = []
        self.now = _START
        self.fold = ProgressFold("job1")
        self.say(
            "job_created", 0, kind="crawl", library_id="docs", mode="full", scope="subpages", sources=[], dry_run=False,
            options=options, links={},
        )  # fmt: skip

    def say(self, what: str, after_s: float = 1.0, /, **fields: Any) -> None:
        self.now += timedelta(seconds=after_s)
        event = {"type": what, "job_id": "job1", "time": self.now.isoformat(), "seq": len(self.lines) + 1, **fields}
        self.lines.append(json.dumps(event).encode())
        self.fold.apply(e.decode_event(self.lines[-1]))

    def start(self, count: int) -> None:
        self.say("job_started", 0, term=1)
        self.say("source_started", 0, source_id="main", url="http://a/", count=count)

    def page(self, number: int | str, took_s: float = 1.0, outcome: str = "fetched") -> None:
        url = f"http://a/{number}"
        self.say("url_started", 0, url=url, depth=0, attempt=1)
        self.say(
            "url_crawled", took_s, url=url, success=True, final_url=url, status=200, outcome=outcome, duplicate_of=None,
            title="t", content_length=100, body_hash=str(number), elapsed_ms=5,
        )  # fmt: skip

    def send(self, batch: str, pages: int) -> None:
        self.say("sent_to_processing", 0, batch_id=batch, urls=[], pages=pages)

    def back(self, batch: str, pages: int, took_s: float = 1.0, vectors: int = 0, failed: int = 0) -> None:
        self.say(
            "batch_processed", took_s, batch_id=batch, pages=pages, words=10, chunks=2 * pages, vectors=vectors,
            low_quality=0, failed=failed, results=[],
        )  # fmt: skip

    def publish(self, took_s: float = 1.0, added: int = 1) -> None:
        self.say(
            "library_published", took_s, library_id="docs", generation=1, added=added, changed=0, removed=0, unchanged=0
        )

    def end(self, state: str = "completed", error: str | None = None) -> None:
        self.say(
            f"job_{state}", state=state, ok=state == "completed", error=error, ended_because="done", library_id="docs",
            mode="full", scope="subpages", dry_run=False, sources_processed=1, counts={}, total_processed=0,
            total_discovered=0, pages=0, words=0, chunks=0, vectors=0, bytes=0, elapsed_ms=0, cost_usd=0.25,
            started_at=_START.isoformat(), finished_at=self.now.isoformat(),
        )  # fmt: skip

    def shown(self) -> e.PipelineProgress:
        return Snapshots(self.fold).pipeline(self.now)

    def stage(self, name: str) -> e.Stage:
        return next(stage for stage in self.shown().stages if stage.name == name)


def _whole_job() -> _Story:
    story = _Story()
    story.start(4)
    for number in range(4):
        story.page(number)
    story.send("1-1", 4)
    story.back("1-1", 4, took_s=3.0, vectors=8)
    story.publish(took_s=2.0, added=4)
    story.end()
    return story


def test_stages_move_when_pages_move() -> None:
    """A bar that stands still while pages come in is worse than none."""
    story = _Story()
    story.start(2)
    assert story.stage("fetch").status == "pending"
    story.say("url_started", url="http://a/x", depth=0, attempt=1)
    assert (story.stage("fetch").status, story.stage("fetch").in_flight) == ("in_progress", 1)
    story.page(1)
    assert (story.stage("fetch").processed, story.stage("fetch").total) == (1, 2)
    story.send("1-1", 1)
    assert (story.stage("process").status, story.stage("process").in_flight) == ("in_progress", 1)
    story.back("1-1", 1)
    assert (story.stage("process").processed, story.stage("process").progress_percent) == (1, 100.0)
    assert story.stage("chunk").processed == 2
    assert [story.stage(name).status for name in ("embed", "index")] == ["pending", "pending"]


def test_the_whole_never_falls_and_is_a_hundred_only_after_success() -> None:
    """Links that are found on the way make the job longer, not the bar shorter."""
    story = _Story()
    story.start(1)
    story.page(0)
    high = story.shown().overall_progress_percent
    story.say(
        "urls_discovered", source_url="http://a/0", depth=1, discovered_urls=[], count=50, total_discovered=51,
        skipped={"asset": 3},
    )  # fmt: skip

    assert high > 0
    assert story.shown().overall_progress_percent == high
    assert story.shown().worker_pool.queue_depth == 47
    failed = _Story()
    failed.start(1)
    failed.page(0)
    failed.send("1-1", 1)
    failed.back("1-1", 1)
    assert failed.shown().overall_progress_percent == 99.0
    failed.end("failed", "boom")
    assert failed.shown().overall_progress_percent < 100
    assert _whole_job().shown().overall_progress_percent == 100.0


def test_who_looks_seldom_is_shown_what_he_is_shown_who_looks_often() -> None:
    """The greatest part done is of the log, not of the moments at which a connection looked."""
    story = _whole_job()
    often = Snapshots(story.fold)
    again = ProgressFold("job1")
    shown = Snapshots(again)
    for line in story.lines:
        again.apply(e.decode_event(line))
        shown.pipeline(story.now)

    assert shown.pipeline(story.now).overall_progress_percent == often.pipeline(story.now).overall_progress_percent
    assert shown.pipeline(story.now).stages == often.pipeline(story.now).stages


def test_a_stage_lasts_from_its_first_work_to_its_last() -> None:
    """Also one that never said that it began: publishing is one event, and lasts since the one before it."""
    story = _whole_job()
    story.now += timedelta(hours=1)
    durations = {stage.name: stage.duration_ms for stage in story.shown().stages}

    assert durations == {"discover": 0, "fetch": 4000, "process": 3000, "chunk": 3000, "embed": 3000, "index": 2000}
    assert all(stage.is_complete and stage.status == "completed" for stage in story.shown().stages)


def test_a_running_stage_lasts_until_now() -> None:
    """A watcher sees it grow while a page hangs."""
    story = _Story()
    story.start(2)
    story.say("url_started", url="http://a/x", depth=0, attempt=1)
    story.now += timedelta(seconds=7)

    assert story.stage("fetch").duration_ms == 7000
    assert story.stage("process").duration_ms == 0


@pytest.mark.parametrize("stage", ["fetch", "process", "index"])
def test_the_stage_that_failed_shows_why(stage: str) -> None:
    """And no other does."""
    story = _Story()
    story.start(1)
    if stage != "fetch":
        story.page(0)
        story.send("1-1", 1)
    if stage == "index":
        story.back("1-1", 1)
    story.end("failed", "the reason")

    assert {one.name: one.error for one in story.shown().stages if one.error} == {stage: "the reason"}
    assert story.stage(stage).status == "error"
    assert not story.stage(stage).is_complete


def test_a_batch_that_is_given_up_is_waited_for_no_more() -> None:
    """Its pages are lost to the library; the bar does not wait for them."""
    error = {"category": "crashed", "message": "no answer"}
    story = _Story()
    story.start(1)
    story.page(0)
    story.send("1-1", 1)
    story.say("batch_failed", batch_id="1-1", urls=[], attempt=1, error=error, will_retry=True)
    assert story.stage("process").in_flight == 1
    story.say("batch_failed", batch_id="1-1", urls=[], attempt=2, error=error, will_retry=False)
    story.say("batch_failed", batch_id=None, urls=["http://a/1"], attempt=2, error=error, will_retry=False)

    assert story.stage("process").in_flight == 0


def test_the_estimate_is_right_within_a_tenth_after_a_quarter_of_a_steady_job() -> None:
    """And unknown before there is anything to go by, and while nothing moves; a pause is no slowness."""
    story = _Story()
    story.start(100)
    assert story.fold.remaining_ms(story.now) is None
    for number in range(13):
        story.page(number, took_s=2.0)
    story.say("job_paused", state="paused", by="user")
    assert story.fold.remaining_ms(story.now) is None
    story.say("job_resumed", 500.0, state="running", by="user")
    story.say("job_resumed", 0.0, state="running", by="user")
    for number in range(13, 25):
        story.page(number, took_s=2.0)
    left = story.fold.remaining_ms(story.now)

    assert left is not None
    assert abs(left - 150_000) <= 15_000
    assert _whole_job().fold.remaining_ms(_START) == 0


def test_each_worker_keeps_its_place_while_it_has_a_page() -> None:
    """A row that jumps about cannot be read."""
    story = _Story(concurrency=3)
    story.start(4)
    for name in "abc":
        story.say("url_started", url=f"http://a/{name}", depth=0, attempt=1)
    story.say("url_skipped", url="http://a/b", reason="robots", rule="/b", parent=None)
    pool = story.shown().worker_pool
    assert [(one.id, one.status, one.current_url) for one in pool.workers] == [
        (1, "processing", "http://a/a"), (2, "idle", None), (3, "processing", "http://a/c"),
    ]  # fmt: skip
    story.say("url_started", url="http://a/d", depth=0, attempt=1)
    story.say(
        "url_retry", url="http://a/a", attempt=1, retry_in_s=1.0, error={"category": "timeout", "message": "slow"}
    )
    story.say("url_failed", url="http://a/c", attempts=3, error={"category": "timeout", "message": "slow"})

    assert [one.current_url for one in story.shown().worker_pool.workers] == [None, "http://a/d", None]
    assert (pool.active, pool.max) == (2, 3)
    story.say("handover", term=2, reason="lease_lost")
    assert story.shown().worker_pool.active == 0


def test_deltas_are_since_the_connections_own_last_snapshot() -> None:
    """Rates are drawn from them."""
    story = _Story()
    story.start(3)
    mine, other = Snapshots(story.fold), Snapshots(story.fold)
    story.page(0)
    assert mine.pipeline(story.now).metrics.pages_total_delta == 1
    story.page(1)
    story.page(2, outcome="duplicate")

    assert mine.pipeline(story.now).metrics.pages_total_delta == 1
    assert mine.pipeline(story.now).metrics.bytes_total_delta == 0
    assert other.pipeline(story.now).metrics.pages_total_delta == 2
    story.end()
    assert mine.pipeline(story.now).metrics.cost_usd_delta == 0.25


def test_dollars_move_while_the_job_runs_and_never_fall() -> None:
    """The cap that stops a job softly is no surprise; a driver that took over may know less than its predecessor."""
    story = _Story()
    story.start(3)
    shown = Snapshots(story.fold)
    told = []
    for usd in (0.05, 0.0, 0.04, 0.1):
        story.fold.spend(usd)
        metrics = shown.pipeline(story.now).metrics
        told.append((metrics.cost_usd, metrics.cost_usd_delta))

    assert told == [(0.05, 0.05), (0.05, 0.0), (0.05, 0.0), (0.1, 0.05)]
    story.end()
    assert shown.pipeline(story.now).metrics.cost_usd == 0.25


def test_a_snapshot_is_short_whatever_the_pages_are_called() -> None:
    """Four kilobytes, twice a second, for every tab."""
    story = _Story(concurrency=100)
    story.start(100)
    for number in range(100):
        story.say("url_started", 0, url=f"http://a/{number}/" + "\U0001f600" * 500, depth=0, attempt=1)

    assert len(e.encode_event(story.shown())) <= MAX_SNAPSHOT_BYTES
    assert story.shown().worker_pool.workers[0].current_url
