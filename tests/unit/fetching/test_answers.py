"""What status lines and headers mean to a crawl."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.extraction.refreshes import refresh_of
from runnel.fetching.answers import (
    MAX_RETRY_AFTER_S,
    failure_of_status,
    find_binary,
    retry_after_s,
    robots_wishes,
    sniff_type,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "category"),
    [(404, "http_4xx"), (408, "timeout"), (429, "rate_limited"), (500, "http_5xx"), (503, "http_5xx"),
     (206, "protocol"), (301, "protocol"), (999, "protocol")],
)  # fmt: skip
def test_a_status_that_is_no_page_has_a_category(status: int, category: str) -> None:
    """It decides whether the URL is tried again."""
    failure = failure_of_status(status)

    assert failure is not None
    assert failure.category == category
    assert str(status) in failure.message


def test_every_2xx_is_a_page() -> None:
    """Some sites answer 203 through their caches."""
    assert failure_of_status(200) is None
    assert failure_of_status(203) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60.0),
        ("Thu, 01 Jan 2026 00:01:00 -0000", 60.0),
        ("Wed, 31 Dec 2025 23:00:00 GMT", 0.0),
        ("99999999999999999999", MAX_RETRY_AFTER_S),
        ("", None),
        ("soon", None),
        ("-5", None),
    ],
)
def test_retry_after_is_read_as_seconds_from_now(header: str, seconds: float | None) -> None:
    """A polite crawler waits as long as it is asked to, within reason."""
    assert retry_after_s(header, now=NOW) == seconds


@given(st.text(max_size=40))
def test_any_retry_after_is_read_or_ignored(header: str) -> None:
    """It comes from outside."""
    assert (retry_after_s(header, now=NOW) or 0.0) >= 0.0


@pytest.mark.parametrize(
    ("header", "wishes"),
    [
        ("", (False, False)),
        ("noindex", (True, False)),
        ("NoIndex, NoFollow", (True, True)),
        ("none", (True, True)),
        ("googlebot: noindex, nofollow", (False, False)),
        ("googlebot: noindex, runnel: nofollow", (False, True)),
        ("max-snippet: 5, noindex", (True, False)),
        ("index, follow", (False, False)),
    ],
)
def test_only_wishes_to_all_robots_or_ours_are_obeyed(header: str, wishes: tuple[bool, bool]) -> None:
    """A page that hides from one search engine is still a page."""
    assert robots_wishes(header) == wishes


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\n <!doctype html>", "text/html"),
        (b"\xef\xbb\xbf<p>", "text/html"),
        (b"# Title", "text/plain"),
        (b"%PDF-1.7", "application/octet-stream"),
        (b"PK\x03\x04\0", "application/octet-stream"),
        (b"", "text/plain"),
    ],
)
def test_an_answer_without_a_type_is_judged_by_its_beginning(body: bytes, kind: str) -> None:
    """Small servers forget the header."""
    assert sniff_type(body) == kind


@pytest.mark.parametrize(
    ("header", "leads"),
    [
        ("0; url=/new", (0.0, "/new")),
        ("5;URL='/n;ew' x", (5.0, "/n;ew")),
        (' 3.5 , "/new', (3.0, "/new")),
        ("2 /new", (2.0, "/new")),
        ("10", None),
        ("10;", None),
        ("10; url=", None),
        ("soon; url=/new", None),
        ("", None),
    ],
)
def test_a_refresh_is_read_as_browsers_do(header: str, leads: tuple[float, str] | None) -> None:
    """Seconds, then an address, in many hands' spellings."""
    assert refresh_of(header) == leads


@given(st.text(max_size=40))
def test_any_refresh_is_read_or_ignored(header: str) -> None:
    """It comes from outside."""
    assert refresh_of(header) is None or refresh_of(header)


@pytest.mark.parametrize(
    ("body", "kind", "found"),
    [(b"%PDF-1.7\n", "text/html", "PDF"), (b"\x89PNG\r\n\x1a\n", "text/html", "PNG"),
     (b"PK\x03\x04", "text/plain", "ZIP"), (b"text\0and more", "text/plain", "binary"), (b"<p>a\0b", "text/html", ""),
     (b"a\x1b[0m", "text/plain", ""),
     (b"\xff\xfet\0", "text/plain", ""), (b"# Title", "text/markdown", ""), (b"", "text/plain", "")],
)  # fmt: skip
def test_a_file_that_is_sent_as_a_page_is_known_by_its_bytes(body: bytes, kind: str, found: str) -> None:
    """Servers send files whose endings they do not know as text, and some send all as HTML."""
    assert find_binary(body, kind, None) == found


def test_text_of_two_bytes_a_character_is_no_binary() -> None:
    """When its header says so, a zero in every second byte is right."""
    assert find_binary("text".encode("utf-16-le"), "text/plain", "utf-16le") == ""
    assert find_binary("text".encode("utf-16-le"), "text/plain", "UTF-8") == "binary"
