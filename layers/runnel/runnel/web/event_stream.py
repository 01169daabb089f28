"""A response of server-sent events: compressed without delay, and never held open by a reader who takes nothing.

Laws (tests/unit/web/test_event_stream.py, tests/integration/test_stream_leaks.py):
1. Every frame is flushed when it is written, also compressed: a client waits for none.
2. A client that takes nothing for `STALLED_S` is cut off; it comes back to its place. On Lambda nothing is cut off:
   there the response stands for the invocation.
3. However the response ends, its frames are closed, and with them the count of open streams (web/stream_report.py).
"""

import asyncio
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Send

from runnel.web.head import asks_for_head_only

#: How long a client may take nothing.
STALLED_S: Final = 60.0
_HEADERS: Final = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no", "Vary": "Accept-Encoding"}
# zlib: a gzip head (16) around a window of 8 KB, and little memory: a stream costs 64 KB, not 256.
_WINDOW_BITS: Final = 16 + 13
_MEMORY_LEVEL: Final = 6


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether a request's `Accept-Encoding` admits gzip (RFC 9110, 12.5.3)."""
    weights: dict[str, float] = {}
    for part in accept_encoding.lower().split(","):
        coding, _, parameters = part.partition(";")
        weights[coding.strip()] = _weight(parameters)
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _weight(parameters: str) -> float:
    name, _, value = parameters.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


class EventStream(StreamingResponse):
    """Frames as they come."""

    media_type = "text/event-stream"

    def __init__(
        self,
        frames: AsyncGenerator[bytes, None],
        request: Request,
        *,
        stalled_s: float | None = STALLED_S,
    ) -> None:
        """Send *frames*; *stalled_s*: how long the client may take nothing, None = for ever."""
        super().__init__(frames, headers=_HEADERS)
        self._frames = frames
        self._is_head_only = asks_for_head_only(request)
        self._stalled_s = stalled_s
        self._gzip = None
        if accepts_gzip(request.headers.get("accept-encoding", "")):
            self.headers["Content-Encoding"] = "gzip"
            self._gzip = zlib.compressobj(6, zlib.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL)

    async def stream_response(self, send: Send) -> None:
        """Send the head and every frame, each at once."""
        try:
            async with aclosing(self._frames) as frames:
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                if self._is_head_only:
                    await send({"type": "http.response.body", "body": b""})
                    return
                async for frame in frames:
                    await self._send(send, self._packed(frame), more=True)
            await self._send(send, self._gzip.flush() if self._gzip else b"", more=False)
        except TimeoutError:
            return  # the server closes a connection whose response has no end

    def _packed(self, frame: bytes) -> bytes:
        if self._gzip is None:
            return frame
        return self._gzip.compress(frame) + self._gzip.flush(zlib.Z_SYNC_FLUSH)

    async def _send(self, send: Send, body: bytes, *, more: bool) -> None:
        async with asyncio.timeout(self._stalled_s):
            await send({"type": "http.response.body", "body": body, "more_body": more})
