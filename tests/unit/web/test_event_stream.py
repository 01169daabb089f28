"""The response of a stream: what is compressed, and what is not held back."""

import asyncio
import zlib
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from fastapi import Request

from runnel.web.event_stream import EventStream, accepts_gzip


@pytest.mark.parametrize(
    ("header", "is_accepted"),
    [
        ("gzip", True), ("gzip, deflate, br", True), ("br;q=1.0, GZIP;q=0.2", True), ("*", True), ("*;q=0", False),
        ("", False), ("identity", False), ("gzip;q=0", False), ("gzip;q=none", False), ("br, *;q=0.1", True),
        ("gzip;level=9", True),
    ],
)  # fmt: skip
def test_gzip_is_for_those_who_accept_it(header: str, *, is_accepted: bool) -> None:
    """`curl -N` does not ask for it; browsers do."""
    assert accepts_gzip(header) is is_accepted


async def _frames(*frames: bytes) -> AsyncGenerator[bytes, None]:
    for frame in frames:
        yield frame


def _stream(frames: AsyncGenerator[bytes, None], *, coding: str = "", stalled_s: float = 5) -> EventStream:
    request = Request({"type": "http", "headers": [(b"accept-encoding", coding.encode())]})
    return EventStream(frames, request, stalled_s=stalled_s)


async def test_every_frame_is_whole_when_it_is_sent_also_compressed() -> None:
    """A compressor that waits for more makes a live stream a late one."""
    inflated: list[bytes] = []
    inflate = zlib.decompressobj(31)

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            inflated.append(inflate.decompress(message["body"]))

    response = _stream(_frames(b"data: 1\n\n", b"data: 2\n\n"), coding="gzip")
    await response.stream_response(send)

    assert inflated == [b"data: 1\n\n", b"data: 2\n\n", b""]
    assert inflate.eof
    assert response.headers["content-encoding"] == "gzip"


async def test_a_client_that_takes_nothing_is_cut_off() -> None:
    """It comes back to its place; until then it costs nothing."""
    ended: list[str] = []

    async def frames() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"data: 1\n\n"
        finally:
            ended.append("frames")

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    await _stream(frames(), stalled_s=0.01).stream_response(send)

    assert ended == ["frames"]
