"""Events as lines for people: one line each, whatever a page says."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.domain import events as e
from runnel.domain.jobs import EndedBecause, JobState
from runnel.domain.log_lines import escape_controls, level_of, to_log_line
from runnel.domain.verdicts import ErrorCategory, FetchError

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def _failed(url: str, message: str) -> e.UrlFailed:
    error = FetchError(category=ErrorCategory.HTTP_4XX, message=message)
    return e.UrlFailed(job_id="j", time=NOW, seq=3, url=url, attempts=1, error=error)


def test_a_line_has_time_level_type_and_what_matters() -> None:
    """It is read with `grep`."""
    assert to_log_line(_failed("https://a.example/", "HTTP 404")) == (
        "2026-01-31T12:00:00.000Z WARNING url_failed url=https://a.example/ attempts=1 error=http_4xx: HTTP 404"
    )


@given(text=st.text(max_size=200))
def test_any_text_stays_one_printable_line(text: str) -> None:
    """A page's title must not clear a terminal, forge a line, or write right to left."""
    for line in (
        to_log_line(_failed(text, text)),
        to_log_line(e.Log(job_id="j", time=NOW, seq=1, level="info", message=text)),
    ):
        assert line.isprintable()
        assert line.startswith("2026-01-31T12:00:00.000Z ")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\nb", "a\\nb"),
        ("\u202ex", "\\u202ex"),
        ("ü漢 x", "ü漢 x"),
        ("\u2028", "\\u2028"),
    ],
)
def test_what_moves_a_terminal_is_written_out(text: str, shown: str) -> None:
    """Readable text stays as it is."""
    assert escape_controls(text) == shown


def test_progress_within_a_total_is_shown() -> None:
    """`[ i / n ]` where there is a total."""
    line = to_log_line(e.Log(job_id="j", time=NOW, seq=1, level="debug", message="page", item=3, total=9))

    assert line.endswith("DEBUG log [ 3 / 9 ] message=page")


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_a_log_event_has_the_level_it_says(level: str) -> None:
    """Filters go by it."""
    event = e.Log.model_validate({"job_id": "j", "time": NOW, "seq": 1, "level": level, "message": ""})

    assert level_of(event) == level


def test_ends_have_levels_and_say_why() -> None:
    """A failed job is an error, whatever else the log holds."""
    fields = {
        "job_id": "j", "time": NOW, "seq": 9, "ok": False, "error": "No page\ncould be fetched.", "library_id": "docs",
        "mode": "full", "scope": "subpages", "dry_run": False, "sources_processed": 1, "counts": {},
        "total_processed": 0, "total_discovered": 0, "pages": 0, "words": 0, "chunks": 0, "vectors": 0, "bytes": 0,
        "elapsed_ms": 0, "started_at": NOW, "finished_at": NOW, "cost_usd": 0.0,
    }  # fmt: skip
    failed = e.JobFailed.model_validate({**fields, "state": JobState.FAILED, "ended_because": EndedBecause.ERROR})
    paused = e.JobPaused(job_id="j", time=NOW, seq=4, state=JobState.PAUSED, by="user")

    assert to_log_line(failed).endswith(
        "ERROR job_failed state=failed ok=False ended_because=error error=No page\\ncould be fetched."
    )
    assert level_of(paused) == "info"
    assert "state=paused" in to_log_line(paused)
