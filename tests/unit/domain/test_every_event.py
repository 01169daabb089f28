"""Every text of every event, as hostile as a page can make it: one valid frame comes out, and no large one."""

import json
import types
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from runnel.domain import events as e
from runnel.streaming.sse import encode_event_line
from tests.unit.streaming.test_sse import parse_frames

_NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
_KINDS = [*get_args(e.DurableEvent), *get_args(e.EphemeralEvent)]
_HOSTILE = (
    "\ud800", "a\udfffb", "\0", "\r", "\n", "\r\n\r\n", "\u2028\u2029\x85", '"', "\\", '","type":"forged"',
    "\n\nevent: job_completed\nid: x.1\ndata: {}\n\n", "x" * 1_000_000, "\U0001f600" * 250_000, "\r\n" * 20_000,
    "\ud800" * 100_000, "\0" * 100_000,
)  # fmt: skip


def _made(annotation: Any, text: str) -> Any:
    """A value of this type whose every text is *text*."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Annotated, Union, types.UnionType):
        return _made(inner[0], text)
    if origin in (tuple, dict):
        values = [_made(one, text) for one in inner if one is not ...]
        return tuple(values * 3) if origin is tuple else dict([values])
    return inner[0] if origin is Literal else _plain(annotation, text)


def _plain(kind: Any, text: str) -> Any:
    if kind in (str, Any):
        return text
    if kind is datetime:
        return _NOW
    if issubclass(kind, BaseModel):
        return _model(kind, text)
    return next(iter(kind)) if issubclass(kind, Enum) else kind(1)


def _model(kind: type[Any], text: str, **fields: Any) -> Any:
    made = {name: _made(field.annotation, text) for name, field in kind.model_fields.items() if name not in fields}
    return kind(**(made | fields))


def _check(kind: type[Any], text: str) -> None:
    """A job's id and an event's type are ours; every other text is hostile."""
    event = _model(kind, text, job_id="01jd", type=kind.model_fields["type"].default)
    line = e.encode_event(event)
    is_durable = kind in get_args(e.DurableEvent)
    frame = encode_event_line("01jd", 1 if is_durable else None, line)
    [parsed] = parse_frames(frame)
    read = json.loads(parsed["data"])

    assert len(line) <= e.MAX_EVENT_BYTES
    assert len(frame) <= e.MAX_EVENT_BYTES + 200
    assert parsed["event"] == read["type"] == event.type
    assert parsed["data"].encode() == line
    assert parsed.get("id") == ("01jd.1" if is_durable else None)
    assert not is_durable or e.decode_event(line).type == event.type


@pytest.mark.parametrize("kind", _KINDS, ids=lambda kind: str(kind.__name__))
def test_the_worst_that_we_know(kind: type[Any]) -> None:
    """Lone surrogates, NUL, line ends of every kind, a frame within a text, a megabyte in every field."""
    for text in _HOSTILE:
        _check(kind, text)


@given(kind=st.sampled_from(_KINDS), text=st.text(st.characters(), max_size=400))
def test_the_worst_that_chance_finds(kind: type[Any], text: str) -> None:
    """Any code point, surrogates among them."""
    _check(kind, text)
