"""Frames come whole, however the bytes were cut."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runnel.cli.sse import Frame, SseParser
from runnel.streaming.sse import HEARTBEAT, encode_frame, encode_retry

STREAM = (
    b": connected\n\n"
    + encode_retry(1500)
    + encode_frame(b'{"a":1}', event="url_crawled", event_id="j.7")
    + HEARTBEAT
    + encode_frame(b"two\nlines", event="log")
    + b"data: crlf\r\nid: j.8\r\n\r\n"
    + b"data: cut off"
)
FRAMES = [
    Frame(data=b'{"a":1}', id="j.7", event="url_crawled"),
    Frame(data=b"two\nlines", event="log"),
    Frame(data=b"crlf", id="j.8"),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_cuts_between_bytes_change_nothing(places: list[int]) -> None:
    """A network cuts where it likes."""
    parser, cuts = SseParser(), sorted({0, *places, len(STREAM)})
    frames = [frame for at, to in pairwise(cuts) for frame in parser.feed(STREAM[at:to])]

    assert frames == FRAMES
    assert parser.retry_ms == 1500
