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
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from runnel.domain.events import TERMINAL_TYPES
from runnel.domain.jobs import Job
from runnel.streaming import sse
from runnel.usecases.control_job import get_job
from runnel.usecases.follow_job import Role, Shown, follow_job
from runnel.usecases.look_at_job import look_at_job
from runnel.usecases.run_crawl import Drive
from runnel.web.context import Caller, CallerOf

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

_HEADERS: Final = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
_RETRY_MS: Final = 1000


@router.get("/{job_id}/stream", summary="Watch a job (SSE)", response_class=StreamingResponse)
async def stream(
    job_id: str,
    caller: CallerOf,
    after: Annotated[int, Query(ge=0)] = 0,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """The log after `Last-Event-ID` or `?after=`, then its tail until the terminal event."""
    job = await get_job(caller.services, caller.tenant, job_id)
    seen = sse.parse_last_event_id(last_event_id, job_id) if last_event_id else None
    place = after if seen is None else seen
    if job.is_over and place >= (await look_at_job(caller.services, job)).last_seq:
        return Response(status_code=204)
    return stream_job(caller, job, after=place)


def stream_job(caller: Caller, job: Job, *, after: int) -> Response:
    """The stream of *job* after a place, driven by this process if nobody else does."""
    connection = _Connection(caller, job, after, _drive(caller, job))
    frames = caller.home.streams.watch(caller.services, job, connection.frames(), after=after, why=connection.why_over)
    return StreamingResponse(frames, media_type="text/event-stream", headers=_HEADERS)


def _drive(caller: Caller, job: Job) -> "asyncio.Task[Drive] | None":
    """The driver of this process, if it should have one."""
    is_ours = job.owner is None or caller.home.is_lambda
    if not job.wants_driver or not is_ours:
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
        """Every frame of the response."""
        yield b": connected\n\n" + sse.encode_retry(_RETRY_MS)
        role: Role = "driver" if self.driver is not None and self.job.owner is None else "follower"
        while not self._ends():
            async with aclosing(self._follow(role)) as frames:
                async for frame in frames:
                    yield frame
            if self.driver is None:
                break
            role = "driver"  # the window is over; who waited for the lease may have it by now
        for frame in await self._rest():
            yield frame
        if self.driver is not None and self.caller.home.is_lambda:
            await asyncio.wait({self.driver})

    async def _follow(self, role: Role) -> AsyncGenerator[bytes, None]:
        async with aclosing(follow_job(self.caller.services, self.job, after=self.seen, role=role)) as shown:
            async for item in shown:
                yield self._frame(item)
                if self._ends():
                    return

    def _ends(self) -> bool:
        return self.is_over or self.caller.home.closing.is_set() or self._was_left()

    def _was_left(self) -> bool:
        """Whether this invocation drove the job and does not any more: the client finds the next driver."""
        if self.driver is None or not self.driver.done() or not self.caller.home.is_lambda:
            return False
        return self.driver.cancelled() or bool(self.driver.exception()) or self.driver.result() is not Drive.ENDED

    async def _rest(self) -> list[bytes]:
        """What a driver that left has stored and the reader has not seen: nobody need come back for that."""
        if self.is_over or not self._was_left():
            return []
        segments = await self.caller.services.log.read(self.job.tenant, self.job.job_id, after=self.seen)
        lines = [line for segment in segments for line in segment.after(self.seen)]
        return [self._frame(Shown(line=line, seq=seq)) for seq, line in enumerate(lines, self.seen + 1)]

    def _frame(self, item: Shown) -> bytes:
        if item.line is None:
            return sse.HEARTBEAT
        if item.seq is not None:
            self.seen = item.seq
            self.is_over = sse.type_of(item.line) in TERMINAL_TYPES
        return sse.encode_event_line(self.job.job_id, item.seq, item.line)
