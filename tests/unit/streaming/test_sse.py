"""Server-Sent Events: one frame for one event, whatever text it holds."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.domain import events as e
from runnel.streaming.sse import (
    HEARTBEAT,
    encode_event_line,
    encode_frame,
    encode_retry,
    parse_last_event_id,
    type_of,
)

_LINE_END = re.compile(r"\r\n|\r|\n")


def parse_frames(stream: bytes) -> list[dict[str, str]]:
    """The frames as the HTML standard (9.2.6) reads them, written from its text."""
    frames: list[dict[str, str]] = []
    fields: dict[str, str] = {}
    lines = _LINE_END.split(stream.decode())
    for line in lines[:-1]:
        if not line:
            if "data" in fields:
                frames.append({**fields, "data": fields["data"].removesuffix("\n")})
            fields = {}
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            fields["data"] = fields.get("data", "") + value + "\n"
        elif name in ("event", "id", "retry"):
            fields[name] = value
    assert lines[-1] == "", "the last frame is whole"
    return frames


_TEXT = st.text(st.characters(codec="utf-8"), max_size=300) | st.text("ab \r\n:\0dataeventid", max_size=60)


@given(data=_TEXT, event=_TEXT, event_id=_TEXT)
def test_any_text_makes_exactly_one_frame(data: str, event: str, event_id: str) -> None:
    """A page's title must not be able to write events of its own."""
    frames = parse_frames(encode_frame(data.encode(), event=event, event_id=event_id))

    assert len(frames) == 1
    assert frames[0]["data"] == "\n".join(_LINE_END.split(data.replace("\0", "")))
    assert frames[0].get("event", "") == _one_line(event)
    assert set(frames[0].get("id", "")) <= set(map(chr, range(128)))
    assert frames[0].get("id", "") == re.sub(r"[^A-Za-z0-9.-]", "", event_id)


def _one_line(text: str) -> str:
    return "".join(char for char in text if char not in "\r\n\0")


@given(message=_TEXT, job_id=st.from_regex(r"[a-z0-9]{1,26}", fullmatch=True), seq=st.integers(1, 10**9))
def test_a_stored_event_comes_back_from_its_frame(message: str, job_id: str, seq: int) -> None:
    """Bytes in the log = bytes at the client; its id leads back to its place."""
    line = e.encode_event(
        e.Log(job_id=job_id, time=datetime(2026, 1, 31, tzinfo=UTC), seq=seq, level="info", message=message)
    )
    (frame,) = parse_frames(encode_event_line(job_id, seq, line))

    assert frame["data"].encode() == line
    assert frame["event"] == "log"
    assert parse_last_event_id(frame["id"], job_id) == seq
    assert len(frame["id"]) < 128


def test_an_ephemeral_event_has_no_id() -> None:
    """A reconnect after it must not skip what was not yet shown."""
    assert b"id:" not in encode_event_line("j1", None, b'{"type":"progress"}')


def test_frames_follow_each_other_and_heartbeats_are_none() -> None:
    """The stream is a sequence of frames and comments."""
    stream = encode_retry(1000) + HEARTBEAT + encode_frame(b"1", event="a") + HEARTBEAT + encode_frame(b"2", event="b")

    assert [frame["data"] for frame in parse_frames(stream)] == ["1", "2"]
    assert stream.startswith(b"retry: 1000\n\n")
    assert HEARTBEAT.startswith(b":")


def test_the_type_cannot_be_forged_by_a_text() -> None:
    """`type` stands before every text of a page, and a quote inside a text is escaped."""
    event = e.Log(job_id="j", time=datetime(2026, 1, 31, tzinfo=UTC), seq=1, level="info", message='"type":"forged"')

    assert type_of(e.encode_event(event)) == "log"
    assert type_of(b"{}") == "message"


@pytest.mark.parametrize(
    ("value", "seq"),
    [
        ("job1.17", 17), ("job1.0", 0), ("job1.", None), ("job1", None), ("", None), (".", None), ("job2.17", None),
        ("job1.-1", None), ("job1.1.5", None), ("job1.1 ", None), ("job1.+1", None), ("job1.1_0", None),
        ("job1.\u0661", None), ("job1.\u00b2", None), ("job1." + "9" * 15, 10**15 - 1), ("job1." + "9" * 16, None),
    ],
)  # fmt: skip
def test_a_last_event_id_is_ours_or_nothing(value: str, seq: int | None) -> None:
    """It comes from outside: a wrong one starts the stream from the beginning, never with an error."""
    assert parse_last_event_id(value, "job1") == seq


@given(value=st.text())
def test_any_last_event_id_is_answered(value: str) -> None:
    """No header value is an exception."""
    parse_last_event_id(value, "job1")
