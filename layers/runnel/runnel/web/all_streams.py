"""The live stream of all jobs of a tenant (SSE).

Laws (tests/unit/web/test_all_streams.py, tests/e2e/test_http.py):
1. It is the streams of the single jobs, merged; the id of an event tells the reader's place in all of them (ADR 0025).
2. It drives no job; but who watches with a token also sees to it that a job whose driver is dead gets the next one.
3. It ends with the window of its home, never by itself: there may always come another job.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from runnel.domain.events import EVENT_TYPES, JobsConnected, encode_event
from runnel.errors import InputInvalid
from runnel.streaming import sse
from runnel.streaming.places import parse_places
from runnel.usecases.follow_jobs import JobShown, follow_jobs
from runnel.usecases.roster import Roster
from runnel.web.context import ALL_STREAM, Caller, CallerOf
from runnel.web.streams import frame_of, opening, respond

router = APIRouter(tags=["jobs"])

_MOST_NAMES = 50
#: Jobs named in the first event.
_MOST_NAMED = 100
Names = Annotated[list[str] | None, Query(max_length=_MOST_NAMES)]


@router.get(ALL_STREAM, summary="Watch all active jobs (SSE)", response_class=StreamingResponse)
async def stream_all(
    request: Request,
    caller: CallerOf,
    after: Annotated[str, Query(description="The id of the last event seen.")] = "",
    library: Names = None,
    type: Names = None,  # noqa: A002 - its name in the URL
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """Every active job's log, and those of jobs that come, after `Last-Event-ID` or `?after=`."""
    types = _known(type or ())
    places = parse_places(last_event_id or after)
    roster = Roster(caller.services, caller.tenant, libraries=frozenset(library or ()))
    await roster.begin(places)
    seen = sum(seq or 0 for seq in places.seen.values()) if places else 0
    frames = caller.home.streams.watch(
        caller.services, None, _frames(caller, roster, types), after=seen, why=lambda: _why_over(caller)
    )
    return respond(request, caller, frames)


def _known(types: list[str] | tuple[str, ...]) -> frozenset[str]:
    for name in types:
        if name not in EVENT_TYPES:
            raise InputInvalid(f"type: there is no event {name!r}; docs/events lists what there is.")
    return frozenset(types)


async def _frames(caller: Caller, roster: Roster, types: frozenset[str]) -> AsyncGenerator[bytes, None]:
    yield opening() + _connected(caller, roster)
    watch = None if caller.is_guest else caller.home.watch
    async with aclosing(follow_jobs(caller.services, roster, types=types, watch=watch)) as parts:
        async for part in parts:
            if part:
                yield b"".join(map(_frame, part))
            if caller.home.closing.is_set():
                return


def _connected(caller: Caller, roster: Roster) -> bytes:
    """The reader's place before any event, in an event of its own: some clients take no id of a block without data."""
    jobs = tuple(job_id for job_id, watched in roster.jobs.items() if watched.seen is not None)
    event = JobsConnected(time=caller.services.clock.now(), jobs=jobs[:_MOST_NAMED])
    return sse.encode_event_line(event.job_id, None, encode_event(event), event_id=roster.event_id())


def _frame(item: JobShown) -> bytes:
    if item.event_id is None or item.shown.line is None:
        return frame_of(item.job_id, item.shown)
    return sse.encode_event_line(item.job_id, item.shown.seq, item.shown.line, event_id=item.event_id)


def _why_over(caller: Caller) -> str:
    return "server_ends" if caller.home.closing.is_set() else "window_over"
