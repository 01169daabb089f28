"""
A reader that stays with a job through every kill: it reads the stream as EventSource would, and notes when what came.

* It asks whoever lives, and comes back with the id of its last event when a stream ends or breaks.
* What it has read joined together is the log, or the stream is not exact.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.http_homes import TERMINAL, Frame, durable_frames
from tests.support.verdict_sums import check_verdicts

_AGAIN_S = 0.2


@dataclass(slots=True)
class AttachedReader:
    """Follows one job to its terminal event; `run` is a task of the test."""

    #: The base URL to ask next: servers come and go.
    address: Callable[[], str]
    job_id: str
    headers: Mapping[str, str] = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)
    #: When each frame came, on the clock of `time.monotonic`.
    arrived_s: list[float] = field(default_factory=list)
    connections: int = 0
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def is_over(self) -> bool:
        """Whether the terminal event was read."""
        return bool(self.frames) and self.frames[-1].type in TERMINAL

    def count(self, kind: str) -> int:
        """How many events of a type have come."""
        return sum(frame.type == kind for frame in self.frames)

    async def run(self) -> None:
        """Read to the end."""
        while not self.is_over:
            with suppress(httpx.HTTPError):
                await self._read()
            await asyncio.sleep(_AGAIN_S)
        check_verdicts(frame.event for frame in self.frames)

    async def wait(self, is_true: Callable[[], bool]) -> None:
        """Return as soon as something about the frames is true, or the job is over."""
        async with self._news:
            await self._news.wait_for(lambda: self.is_over or is_true())

    async def before_the_end(self, waiting: Coroutine[Any, Any, None]) -> bool:
        """Wait for something of the crawl; False when the job is over first."""
        task = asyncio.create_task(waiting)
        while not (task.done() or self.is_over):
            await asyncio.wait({task}, timeout=_AGAIN_S)
        task.cancel()
        return not self.is_over

    async def wait_a_moment(self) -> None:
        """Let something happen."""
        await asyncio.sleep(0.02)

    def first_after(self, moment_s: float, kind: str) -> float | None:
        """Seconds from a moment to the first event of a type that came after it."""
        found = (
            at for at, frame in zip(self.arrived_s, self.frames, strict=True) if at > moment_s and frame.type == kind
        )
        at_s = next(found, None)
        return None if at_s is None else at_s - moment_s

    async def _read(self) -> None:
        headers = {**self.headers, "Accept": "text/event-stream"}
        if self.frames:
            headers["Last-Event-ID"] = self.frames[-1].id
        timeout = httpx.Timeout(30.0, connect=5.0)
        async with (
            httpx.AsyncClient(base_url=self.address(), timeout=timeout, trust_env=False) as client,
            client.stream("GET", f"/v1/jobs/{self.job_id}/stream", headers=headers) as answer,
        ):
            self.connections += 1
            rest = b""
            async for chunk in answer.aiter_bytes():
                rest = await self._take(rest + chunk)

    async def _take(self, data: bytes) -> bytes:
        """Take the whole frames of *data*; the bytes that are none yet."""
        whole, cut, rest = data.rpartition(b"\n\n")
        fresh = durable_frames(whole + cut)
        if fresh:
            now_s = time.monotonic()
            async with self._news:
                self.frames += fresh
                self.arrived_s += [now_s] * len(fresh)
                self._news.notify_all()
        return rest
