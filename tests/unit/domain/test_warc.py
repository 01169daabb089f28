"""Raw responses as WARC records: any body comes back, and no header can forge a record."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.domain.warc import RECORD_END, body_of, record_head
from runnel.errors import PageUnreadable


def _record(body: bytes, url: str = "https://a.example/", headers: dict[str, str] | None = None) -> bytes:
    head = record_head(
        url=url,
        status=200,
        headers=headers or {},
        body_bytes=len(body),
        fetched_at="2026-01-31T12:00:00Z",
        record_id="1" * 32,
    )
    return head + body + RECORD_END


@given(body=st.binary() | st.lists(st.sampled_from([b"\r\n", b"\r\n\r\n", b"WARC/1.1", b"a"])).map(b"".join))
def test_any_body_comes_back_byte_for_byte(body: bytes) -> None:
    """It is parsed again when the processor runs elsewhere, or later."""
    assert body_of(_record(body)) == body


@given(value=st.text(max_size=60) | st.text("a\r\n:", max_size=30))
def test_no_header_value_ends_its_line(value: str) -> None:
    """A site must not be able to write headers of ours."""
    record = _record(b"body", headers={"etag": value, "content-type": "text/html", "set-cookie": "secret"})

    assert body_of(record) == b"body"
    assert b"secret" not in record
    http = record.split(b"\r\n\r\n", 1)[1].split(b"\r\n\r\n", 1)[0]
    assert http.count(b"\r\n") == 2


def test_the_length_is_that_of_what_is_kept() -> None:
    """Other tools read these files."""
    record = _record(b"x" * 100, headers={"content-type": "text/html"})
    head, http = record.split(b"\r\n\r\n", 1)
    length = re.search(rb"Content-Length: (\d+)", head)

    assert length is not None
    assert int(length[1]) == len(http) - len(b"\r\n\r\n")
    assert head.startswith(b"WARC/1.1\r\nWARC-Type: response\r\n")


@pytest.mark.parametrize("cut", [0, 8, 40, 250])
def test_a_damaged_record_is_said_not_read(cut: int) -> None:
    """One sentence and the way out, never half a page."""
    with pytest.raises(PageUnreadable, match="damaged; crawl the page again"):
        body_of(_record(b"body", headers={"content-type": "text/html"})[:cut])


def test_a_body_may_hold_what_ends_a_record() -> None:
    """Blank lines of the page are the page's own."""
    assert body_of(_record(b"a\r\n\r\nb\r\n\r\n", headers={})) == b"a\r\n\r\nb\r\n\r\n"
