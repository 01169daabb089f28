"""One invocation: what goes in, and what comes out as it comes.

* The answer is a stream even when nobody streams: whoever wants it whole collects it.
* A function that answers HTTP in streaming mode begins with a prelude, `{"statusCode","headers","cookies"}` and 8 NULs.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["RequestResponse", "Event", "Url"]

_PRELUDE_END = b"\0" * 8


class FunctionFailed(Exception):
    """The function answered with an error, died, or took too long."""

    def __init__(self, kind: str, message: str) -> None:
        """Remember what AWS would name `errorType` and `errorMessage`."""
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message

    def to_json(self) -> bytes:
        """Return the body that `Invoke` answers for a failed function."""
        return json.dumps({"errorType": self.kind, "errorMessage": self.message}).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationRecord:
    """A line of the timeline. Times are seconds of one clock, for comparing with each other only."""

    request_id: str
    function: str
    kind: Kind
    #: Process that served it: the runtime's, not the adapter's.
    pid: int
    started: float
    #: None while it runs.
    ended: float | None
    error: str | None
    payload: bytes


@dataclass(slots=True, kw_only=True)
class Invocation:
    """A running invocation; its answer arrives through `feed`, `finish` and `fail`."""

    function: str
    kind: Kind
    payload: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    pid: int = 0
    started: float = 0.0
    ended: float | None = None
    error: FunctionFailed | None = None
    _chunks: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    #: Set when the runtime has asked for it, or never will.
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self, pid: int) -> None:
        """Note which process serves it, and when that began."""
        self.pid = pid
        self.started = time.monotonic()

    def feed(self, chunk: bytes) -> None:
        """Pass on a piece of the answer."""
        self._chunks.put_nowait(chunk)

    def finish(self) -> None:
        """End the answer."""
        if self.ended is None:
            self.ended = time.monotonic()
            self._chunks.put_nowait(None)
            self.taken.set()
            self.done.set()

    def fail(self, error: FunctionFailed) -> None:
        """End the answer with an error; one that has ended already stays as it is."""
        if self.ended is None:
            self.error = error
            self.finish()

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the answer's pieces as they come; raise `FunctionFailed` where it broke."""
        while (chunk := await self._chunks.get()) is not None:
            yield chunk
        if self.error is not None:
            raise self.error

    async def collect(self) -> bytes:
        """Return the whole answer."""
        return b"".join([chunk async for chunk in self.stream()])

    def record(self) -> InvocationRecord:
        """Return its line of the timeline."""
        return InvocationRecord(
            request_id=self.request_id,
            function=self.function,
            kind=self.kind,
            pid=self.pid,
            started=self.started,
            ended=self.ended,
            error=self.error.kind if self.error else None,
            payload=self.payload,
        )


async def split_prelude(pieces: AsyncIterator[bytes]) -> tuple[dict[str, Any], bytes]:
    """
    Read *pieces* up to the end of the prelude; return it and what came of the body with it.

    Raises:
        FunctionFailed: the answer ended, or broke, before the prelude did.
    """
    head = b""
    async for piece in pieces:
        head += piece
        if _PRELUDE_END in head:
            prelude, _, body = head.partition(_PRELUDE_END)
            return json.loads(prelude), body
    raise FunctionFailed("Runtime.InvalidResponse", "the answer has no prelude")
