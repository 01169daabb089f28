"""What a watcher is told."""

from typing import Any

import pytest

from runnel.cli import backend
from runnel.cli.display import (
    PlainDisplay,
    host_port,
    make_display,
    minutes,
    progress_line,
    shown_url,
    size,
    summary,
)
from runnel.cli.live import LiveDisplay
from runnel.cli.tally import Tally
from runnel.cli.terminal import Talk
from runnel.usecases import publication

COUNTS = {"seen": 9, "fetched": 5, "unchanged": 0, "duplicate": 1, "skipped": 2, "failed": 1, "cancelled": 0}
JOB = {"job_id": "j", "library_id": "docs", "output": "/out"}


def make_end(**fields: Any) -> dict[str, Any]:
    values = {
        "type": "job_completed", "job_id": "j", "library_id": "docs", "ended_because": "done", "ok": True,
        "error": None, "counts": COUNTS, "elapsed_ms": 61_000, "bytes": 1_500_000, "cost_usd": 0.0,
    }  # fmt: skip
    return values | fields


def told(*events: dict[str, Any], job: dict[str, Any] | None = None) -> str:
    tally = Tally(url="http://10.0.0.1/docs/")
    for event in events:
        tally.apply(event)
    return "\n".join(summary(tally, job or JOB, remote=False))


def failed(category: str, message: str) -> dict[str, Any]:
    return {"type": "url_failed", "url": "http://10.0.0.1/docs/", "error": {"category": category, "message": message}}


def test_the_end_says_what_came_of_it_where_it_lies_and_what_is_next() -> None:
    """The last lines are what a user reads."""
    text = told(make_end(cost_usd=0.0123))

    assert "Completed in 1:01: 5 pages, 1 duplicates, 2 skipped, 1 failed of 9 URLs seen, 1.5 MB." in text
    assert "Markdown: /out" in text
    assert "Cost: $0.0123" in text
    assert text.endswith("Next: runnel urls j --verdict failed")


def test_what_is_missing_is_told_by_reason_with_what_to_change_and_what_was_slow() -> None:
    """Nobody should have to ask for each page to see that a pattern was wrong."""
    pages = [
        {
            "type": "url_crawled",
            "url": f"http://h/{n}",
            "outcome": "fetched",
            "content_length": 1,
            "elapsed_ms": n * 700,
        }
        for n in range(5)
    ]
    found = {"type": "urls_discovered", "total_discovered": 9, "skipped": {"out_of_scope": 3, "depth": 1}}
    skipped = {"type": "url_skipped", "url": "http://h/x", "reason": "depth"}
    text = told(*pages, found, skipped, failed("http_5xx", "500"), make_end())
    cancelled = told(found, make_end(type="job_cancelled", ended_because="user"))

    assert "skipped      3  out_of_scope: --scope hostname" in text
    assert "skipped      2  depth: raise --max-depth" in text
    assert "failed      1  http_5xx: it may pass: runnel retry" in text
    assert text.index("2.8 s  http://h/4") < text.index("2.1 s  http://h/3")
    assert "http://h/1" not in text
    assert "runnel why URL" in text
    assert "runnel why URL" not in cancelled


def test_why_a_job_stopped_is_said() -> None:
    """Limit, budgets, a held result."""
    assert "limit was reached" in told(make_end(ended_because="limit"))
    assert "time budget" in told(make_end(type="job_timeout", ended_because="deadline"))
    assert "money budget" in told(make_end(ended_because="budget"))
    assert "held back: too small" in told({"type": "library_held", "reason": "too small"}, make_end())
    assert "Cost" not in told(make_end())


def test_a_held_result_is_shown_before_it_is_forced() -> None:
    """The next command is not one that shows the library as it was."""
    text = told({"type": "library_held", "reason": "9 of 12 pages would go"}, make_end(counts=COUNTS | {"failed": 0}))

    assert "held back: 9 of 12 pages would go; the library stays as it was." in text
    assert "runnel publish docs --force" in text
    assert text.endswith("Next: runnel diff docs --job j")


def test_pages_that_came_at_once_are_not_called_slow() -> None:
    """Three of every site would be."""
    page = {"type": "url_crawled", "outcome": "fetched", "content_length": 1}
    text = told(*({**page, "url": f"http://h/{ms}", "elapsed_ms": ms} for ms in (999, 1000, 40)), make_end())

    assert text.count("  slow  ") == 1
    assert "1.0 s  http://h/1000" in text


def step(*steps: str, kind: str = "crawl") -> str:
    """The end of a job that does these steps alone."""
    created = {
        "type": "job_created", "job_id": "j", "library_id": "docs", "kind": kind, "sources": [],
        "options": {"steps": list(steps)},
    }  # fmt: skip
    counts = COUNTS | ({"failed": 0} if "download" in steps else dict.fromkeys(COUNTS, 0))
    return told(created, make_end(counts=counts, pages=7 if "process" in steps else 0))


def test_a_step_says_what_it_did_and_which_comes_next() -> None:
    """A download has written no Markdown, and who made the index has seen no URL."""
    downloaded, indexed, processed = step("download"), step("index"), step("process")

    assert "Markdown" not in downloaded
    assert downloaded.endswith("Next: runnel crawl --library docs --steps process,index")
    assert "Completed in 1:01: the index is up to date." in indexed
    assert "7 pages made from stored responses" in processed
    assert processed.endswith("Next: runnel pages docs")
    assert "Next" not in step("process", kind="replay")
    assert "Next" in step("process", "index", kind="replay")


def test_a_failed_job_comes_with_advice() -> None:
    """The next thing to try, by what went wrong."""
    nothing = COUNTS | {"fetched": 0}
    end = make_end(type="job_failed", ended_because="error", ok=False, error="No page came.", counts=nothing)

    assert "--allow-private 10.0.0.1:80" in told(failed("blocked_address", "blocked"), end)
    assert "spelling" in told(failed("dns", "does not resolve"), end)
    assert "in a browser" in told(end)
    assert "Markdown" not in told(end)


def test_progress_counts_pages_of_the_last_seconds() -> None:
    """A rate over the whole job would hide that it stalls."""
    tally = Tally()
    for second in range(21):
        done = min(second, 10) * 4
        tally.apply({"type": "time_update", "elapsed": second, "total_discovered": 100, "total_processed": done})
    stalled = progress_line(tally)

    assert "0.0 pages/s" in stalled
    assert stalled.startswith("0:20  found 100")


def test_lines_come_every_few_seconds_and_one_a_page_with_v(capsys: Any) -> None:
    """A log file is no terminal."""
    page = {"type": "url_crawled", "url": "http://h/\x1b", "outcome": "fetched", "content_length": 10}
    for verbose in (0, 1):
        display, tally = PlainDisplay(Talk(verbose=verbose)), Tally()
        for second in range(12):
            tick = {"type": "time_update", "elapsed": second, "total_discovered": 1, "total_processed": 1}
            for event in (page, tick):
                tally.apply(event)
                display.show(event, tally)
    quiet, wordy = capsys.readouterr().err.split("0:10", 1)

    assert quiet.count("\n") == 1
    assert wordy.count("fetched http://h/\\u001b\n") == 12


def test_numbers_are_for_readers() -> None:
    """Units as people write them."""
    assert [minutes(seconds) for seconds in (0, 61, 3661)] == ["0:00", "1:01", "1:01:01"]
    assert [size(count) for count in (0, 999, 1000, 999_960, 2_500_000_000)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "1.0 MB",
        "2.5 GB",
    ]
    assert [host_port(url) for url in ("http://h/x", "https://h", "http://h:8/", "http://[::1]/")] == [
        "h:80", "h:443", "h:8", "[::1]:80",
    ]  # fmt: skip
    assert shown_url("x" * 50, 11) == "xxxx\u2026xxxxxx"


def test_the_mark_of_a_folder_that_lacks_pages_is_that_of_the_driver() -> None:
    """It is written out twice, so that watching need not load the driver."""
    assert backend.OUTPUT_BEHIND == publication.OUTPUT_BEHIND
    tally = Tally()
    tally.apply({"type": "log", "level": "warning", "message": f"{publication.OUTPUT_BEHIND}: full"})
    tally.apply(make_end())

    assert tally.output_behind
    assert "lacks pages" in "\n".join(summary(tally, JOB, remote=False))


def test_the_end_names_what_sites_say_of_the_use_of_their_pages() -> None:
    """Whoever uses the library is to know it; five hosts are enough for a terminal."""
    signals = {"search": "yes", "ai-train": "no"}
    loaded = [{"type": "robots_loaded", "host": f"h{n}:443", "content_signal": signals} for n in range(7)]
    text = told({"type": "robots_loaded", "host": "older:443"}, *loaded, make_end())

    assert "  h0:443 says of the use of its pages: search=yes, ai-train=no" in text
    assert text.count("of the use of its pages") == 5


def test_a_terminal_that_cannot_redraw_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """In an editor's shell a live display would show nothing at all for the whole crawl."""
    monkeypatch.setattr(Talk, "is_terminal", True)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    for terminal, display in (("xterm", LiveDisplay), ("dumb", PlainDisplay)):
        monkeypatch.setenv("TERM", terminal)
        made = make_display(Talk())
        made.close()

        assert isinstance(made, display)
