"""The vocabulary on the wire: exact bytes, bounded size, and no loss between writer and reader."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from runnel.domain import events as e
from runnel.domain.instants import format_time
from runnel.domain.verdicts import ErrorCategory, FetchError, SkipReason

NOW = datetime(2026, 1, 31, 12, 0, 0, 123_456, tzinfo=UTC)


def test_an_instant_is_utc_with_milliseconds() -> None:
    """Clients of every language read it, and it sorts."""
    elsewhere = datetime(2026, 1, 31, 13, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=1)))

    assert format_time(NOW) == "2026-01-31T12:00:00.123Z"
    assert format_time(elsewhere) == "2026-01-31T12:00:00.999Z"


def test_an_event_has_its_envelope_and_its_type() -> None:
    """`type` is what an EventSource dispatches by."""
    line = e.encode_event(e.JobStarted(job_id="j1", time=NOW, seq=2, term=1))

    assert json.loads(line) == {
        "job_id": "j1",
        "time": "2026-01-31T12:00:00.123Z",
        "seq": 2,
        "truncated": False,
        "type": "job_started",
        "term": 1,
    }
    assert b"\n" not in line


def test_a_durable_event_has_a_number_from_one() -> None:
    """0 is the place before the log."""
    with pytest.raises(ValidationError):
        e.JobStarted(job_id="j1", time=NOW, seq=0, term=1)


def test_an_unknown_line_is_refused() -> None:
    """A log of a later version must not be half understood."""
    for line in (b"{}", b'{"type":"nonsense"}', b"not json", b'{"type":"time_update"}'):
        with pytest.raises(ValidationError):
            e.decode_event(line)


def test_no_event_is_named_error() -> None:
    """EventSource uses that name for its own."""
    kinds = [*get_args(e.DurableEvent), *get_args(e.EphemeralEvent)]
    names = {kind.model_fields["type"].default for kind in kinds}

    assert len(names) == len(kinds)
    assert "error" not in names
    assert names > e.TERMINAL_TYPES


@given(
    urls=st.lists(st.text(st.characters(codec="utf-8"), max_size=3_000) | st.just("ü" * 3_000), max_size=60),
    source=st.text(st.characters(codec="utf-8"), max_size=200) | st.just("\0" * 20_000),
)
def test_an_event_has_sixteen_kilobytes_at_most(urls: list[str], source: str) -> None:
    """A segment has 64 KB and a client's buffer an end: long lists are cut, and that is said."""
    event = e.UrlsDiscovered(
        job_id="j1", time=NOW, seq=3, source_url=source, depth=0, discovered_urls=tuple(urls), count=len(urls),
        total_discovered=len(urls), skipped={SkipReason.ASSET: 1},
    )  # fmt: skip
    line = e.encode_event(event)
    read = e.decode_event(line)

    assert len(line) <= e.MAX_EVENT_BYTES
    assert isinstance(read, e.UrlsDiscovered)
    assert read.count == len(urls)
    assert read.truncated or (read.discovered_urls, read.source_url) == (tuple(urls), source)
    assert all(url.startswith(shown) for url, shown in zip(urls, read.discovered_urls, strict=False))


def test_lists_are_cut_before_texts() -> None:
    """The URL that an event is about stays whole as long as its list can give way."""
    url = "https://docs.example.com/" + "x" * 1_000
    event = e.SentToProcessing(
        job_id="j1", time=NOW, seq=3, batch_id="1-1", urls=tuple(f"{url}{number}" for number in range(40)), pages=40
    )
    read = e.decode_event(e.encode_event(event))

    assert isinstance(read, e.SentToProcessing)
    assert read.truncated
    assert (read.batch_id, read.pages) == ("1-1", 40)
    assert read.urls == event.urls[: len(read.urls)]
    assert len(read.urls) == 10


def test_a_long_error_is_cut_too() -> None:
    """A message may quote a hostile page."""
    error = FetchError(category=ErrorCategory.PROTOCOL, message="<" * 40_000)
    event = e.UrlFailed(job_id="j1", time=NOW, seq=3, url="https://docs.example.com/", attempts=1, error=error)

    assert len(e.encode_event(event)) <= e.MAX_EVENT_BYTES


def test_options_that_are_long_are_cut_too() -> None:
    """`job_created` quotes what the caller sent: at most some hundred patterns of 500 characters."""
    many = {f"field{number}": "short" for number in range(2_000)}
    for options in ({"include": ["x" * 500] * 100, "metadata": {"a": "b" * 9_000}}, {"metadata": many}):
        event = e.JobCreated(
            job_id="j1", time=NOW, seq=1, kind="crawl", library_id="docs", mode="full", scope="subpages", sources=(),
            dry_run=False, options=options, links={"self": "/v1"},
        )  # fmt: skip
        read = e.decode_event(e.encode_event(event))

        assert len(e.encode_event(event)) <= e.MAX_EVENT_BYTES
        assert isinstance(read, e.JobCreated)
        assert (read.truncated, read.links, read.library_id) == (True, {"self": "/v1"}, "docs")


@given(message=st.text(st.characters(codec="utf-8"), max_size=2_000))
def test_any_text_survives_but_for_lone_surrogates(message: str) -> None:
    """What the log says is what the client gets."""
    event = e.Log(job_id="j1", time=NOW, seq=4, level="info", message=message)
    read = e.decode_event(e.encode_event(event))

    assert isinstance(read, e.Log)
    assert read.message == message


def test_a_lone_surrogate_does_not_stop_a_job() -> None:
    """A page may hold anything; UTF-8 cannot."""
    event = e.Log(job_id="j1", time=NOW, seq=4, level="info", message="a\ud800b")

    assert e.decode_event(e.encode_event(event)).type == "log"
