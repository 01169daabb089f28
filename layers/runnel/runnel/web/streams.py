"""The live stream of a job (SSE).

Laws (tests/e2e/test_http.py):
1. Whoever streams a job that nobody drives becomes its driver; the driver is a task of the process, not of the
   response, so a connection that breaks changes nothing.
2. On Lambda the response stays open until the driver has ended or left: the invocation may not end before. There a
   reader also waits for the lease of a driver that may be dead, and takes over.
3. An unknown job is a 404 before any byte of a stream; who has seen the terminal event gets 204.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from runnel.domain.events import TERMINAL_TYPES
from runnel.domain.jobs import Job
from runnel.streaming import sse
from runnel.usecases.control_job import get_job
from runnel.usecases.follow_job import Role, Shown, follow_parts
from runnel.usecases.read_log import has_more
from runnel.usecases.run_crawl import Drive
from runnel.web.context import Caller, CallerOf
from runnel.web.event_stream import STALLED_S, EventStream
from runnel.web.head import asks_for_head_only

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

_RETRY_MS: Final = 1000
#: No log is so long, and every store can count so far.
MOST_EVENTS: Final = 10**15
#: Frames that several readers of a job get, encoded once; each is of an event of at most 16 KB.
_SHARED_FRAMES: Final = 256

AfterOf = Annotated[int, Query(ge=0, le=MOST_EVENTS, description="Show what comes after this sequence number.")]


@router.get("/{job_id}/stream", summary="Watch a job (SSE)", response_class=StreamingResponse)
async def stream(
    job_id: str,
    request: Request,
    caller: CallerOf,
    after: AfterOf = 0,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """The log after `Last-Event-ID` or `?after=`, then its tail until the terminal event."""
    job = await get_job(caller.services, caller.tenant, job_id)
    seen = sse.parse_last_event_id(last_event_id, job_id) if last_event_id else None
    place = after if seen is None else seen
    if not await has_more(caller.services, job, after=place):
        return Response(status_code=204)
    return stream_job(request, caller, job, after=place)


def stream_job(request: Request, caller: Caller, job: Job, *, after: int) -> Response:
    """The stream of *job* after a place, driven by this process if nobody else does."""
    connection = _Connection(caller, job, after, None if asks_for_head_only(request) else _drive(caller, job))
    frames = caller.home.streams.watch(caller.services, job, connection.frames(), after=after, why=connection.why_over)
    return respond(request, caller, frames)


def respond(request: Request, caller: Caller, frames: AsyncGenerator[bytes, None]) -> Response:
    """A response of these frames, as this home sends them."""
    stalled_s = None if caller.home.is_lambda else STALLED_S
    return EventStream(frames, request, stalled_s=stalled_s)


def opening() -> bytes:
    """What every stream begins with: proxies see bytes at once, and clients know when to come back."""
    return b": connected\n\n" + sse.encode_retry(_RETRY_MS)


def _drive(caller: Caller, job: Job) -> "asyncio.Task[Drive] | None":
    """The driver of this process, if it should have one."""
    is_ours = job.owner is None or caller.home.is_lambda
    if not job.wants_driver or not is_ours or caller.is_guest:
        return None
    return caller.home.drivers.drive(job.tenant, job.job_id, deadline_s=caller.deadline_s)


@dataclass(slots=True)
class _Connection:
    """One reader."""

    caller: Caller
    job: Job
    #: The last sequence number that the reader has.
    seen: int
    driver: "asyncio.Task[Drive] | None"
    is_over: bool = False

    def why_over(self) -> str:
        """Why there are no more frames, in a word for operators."""
        if self.is_over:
            return "job_over"
        if self.caller.home.closing.is_set():
            return "server_ends"
        return "handed_over" if self._was_left() else "window_over"

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """Every frame of the response; those that come at once come as one."""
        yield opening()
        role: Role = "driver" if self.driver is not None and self.job.owner is None else "follower"
        while not self._ends():
            async with aclosing(self._follow(role)) as frames:
                async for frame in frames:
                    yield frame
            if self.driver is None:
                break
            role = "driver"  # the window is over; who waited for the lease may have it by now
        if rest := await self._rest():
            yield self._frames(rest)
        if not self.is_over:
            yield sse.encode_retry(_RETRY_MS)
        if self.driver is not None and self.caller.home.is_lambda:
            await asyncio.wait({self.driver})

    async def _follow(self, role: Role) -> AsyncGenerator[bytes, None]:
        async with aclosing(follow_parts(self.caller.services, self.job, after=self.seen, role=role)) as parts:
            async for part in parts:
                yield self._frames(part)
                if self._ends():
                    return

    def _ends(self) -> bool:
        return self.is_over or self.caller.home.closing.is_set() or self._was_left()

    def _was_left(self) -> bool:
        """Whether this invocation drove the job and does not any more: the client finds the next driver."""
        if self.driver is None or not self.driver.done() or not self.caller.home.is_lambda:
            return False
        return self.driver.cancelled() or bool(self.driver.exception()) or self.driver.result() is not Drive.ENDED

    async def _rest(self) -> list[Shown]:
        """What a driver that left has stored and the reader has not seen: nobody need come back for that."""
        if self.is_over or not self._was_left():
            return []
        segments = await self.caller.services.log.read(self.job.tenant, self.job.job_id, after=self.seen)
        lines = [line for segment in segments for line in segment.after(self.seen)]
        return [Shown(line=line, seq=seq) for seq, line in enumerate(lines, self.seen + 1)]

    def _frames(self, part: list[Shown]) -> bytes:
        for item in part:
            if item.seq is not None and item.line is not None:
                self.seen = item.seq
                self.is_over = sse.type_of(item.line) in TERMINAL_TYPES
        return b"".join(frame_of(self.job.job_id, item) for item in part)


def frame_of(job_id: str, item: Shown, event_id: str | None = None) -> bytes:
    """The frame of one thing that is shown; durable events of one job are encoded once for all their readers."""
    if item.line is None:
        return sse.HEARTBEAT
    if item.seq is None or event_id is not None:
        return sse.encode_event_line(job_id, item.seq, item.line, event_id=event_id)
    return _shared_frame(job_id, item.seq, item.line)


@lru_cache(maxsize=_SHARED_FRAMES)
def _shared_frame(job_id: str, seq: int, line: bytes) -> bytes:
    return sse.encode_event_line(job_id, seq, line)
