"""The remote client against a scripted server on loopback: cuts, problems, pages of lists."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from aiohttp import web

from runnel import errors
from runnel.cli.remote import RemoteBackend, error_of, open_remote
from runnel.streaming.sse import HEARTBEAT, encode_event_line, encode_retry

JOB = "01jd"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_line(seq: int | None, kind: str = "log") -> bytes:
    """An event whose text holds what some line splitters take for line ends."""
    event: dict[str, Any] = {"type": kind, "job_id": JOB, "message": "a\u2028b\x0b\u0085"}
    return json.dumps(event | ({"seq": seq} if seq else {}), ensure_ascii=False).encode()


class Server:
    """Answers each request by the next of its handlers; the last one stays."""

    def __init__(self, *handlers: Handler) -> None:
        self.seen: list[web.BaseRequest] = []
        self._handlers = list(handlers)
        self._runner = web.ServerRunner(web.Server(self._answer, access_log=None))  # type: ignore[arg-type]

    async def __aenter__(self) -> str:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        handler = self._handlers.pop(0) if len(self._handlers) > 1 else self._handlers[0]
        return await handler(request)


def streams(*chunks: bytes, cut: bool = False) -> Handler:
    """Answer with a stream; *cut*: the connection breaks in the middle of it."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        if cut:
            assert request.transport is not None
            request.transport.abort()
        return response

    return handler


def answers(value: Any, status: int = 200) -> Handler:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.json_response(value, status=status)

    return handler


@pytest.fixture
def waits() -> list[float]:
    return []


async def follow(base: str, waits: list[float], after: int = 0) -> list[int | None]:
    async def wait(seconds: float) -> None:
        waits.append(seconds)

    async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
        return [line.seq async for line in RemoteBackend(client, wait=wait).events(JOB, after)]


async def test_a_broken_stream_is_taken_up_where_it_broke(waits: list[float]) -> None:
    """No gap, no double, whatever the network does."""
    first, second, third = (encode_event_line(JOB, seq, make_line(seq)) for seq in (1, 2, 3))
    last = encode_event_line(JOB, 4, make_line(4, "job_completed"))
    ephemeral = encode_event_line(JOB, None, make_line(None, "time_update"))
    server = Server(
        streams(encode_retry(20), first, ephemeral, HEARTBEAT, second, third[: len(third) // 2], cut=True),
        answers({}, 502),
        streams(second, third),
        streams(last),
    )
    async with server as base:
        seen = await follow(base, waits)

    assert [seq for seq in seen if seq] == [1, 2, 3, 4]
    assert seen.count(None) == 1
    assert [request.headers.get("Last-Event-ID") for request in server.seen] == [None, "01jd.2", "01jd.2", "01jd.3"]
    assert waits[0] == 0.02


async def test_a_stream_that_has_ended_before_has_nothing_more(waits: list[float]) -> None:
    """204: the terminal event was seen."""

    async def nothing(_: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    async with Server(nothing) as base:
        assert await follow(base, waits, after=9) == []


async def test_a_server_that_stays_away_is_given_up_and_the_job_is_said_to_go_on(waits: list[float]) -> None:
    """A watcher must not hang for ever, nor believe that the job is dead."""
    async with Server(answers({"detail": "gone"}, 502)) as base:
        with pytest.raises(errors.RemoteFailed, match="goes on there"):
            await follow(base, waits)

    assert len(waits) == 5
    assert waits == sorted(waits)


@pytest.mark.parametrize(
    ("status", "problem", "kind"),
    [
        (404, {"code": "job_not_found"}, errors.JobNotFound),
        (404, {"code": "page_not_found"}, errors.PageNotFound),
        (422, {"code": "invalid_input", "errors": [{"field": "limit", "message": "too small"}]}, errors.InputInvalid),
        (422, {"code": "invalid_url"}, errors.UrlInvalid),
        (409, {"code": "library_busy", "job_id": "j9"}, errors.LibraryBusy),
        (409, {"code": "publishing"}, errors.JobConflict),
        (410, {"code": "events_expired"}, errors.EventsExpired),
        (401, {"code": "unauthorized"}, errors.Unauthorized),
        (401, {}, errors.Unauthorized),
        (403, {}, errors.RemoteFailed),
        (503, {"code": "store_unavailable"}, errors.StoreUnavailable),
        (500, {"code": "unexpected"}, errors.RemoteFailed),
    ],
)
def test_a_problem_becomes_the_error_it_would_be_here(
    status: int, problem: dict[str, Any], kind: type[errors.RunnelError]
) -> None:
    """Same sentence, same exit code, wherever the job runs."""
    error = error_of(status, {"detail": "What is wrong.", **problem})

    assert type(error) is kind
    assert error.message.startswith("What is wrong.")
    assert "limit: too small" in error.message or "errors" not in problem
    assert getattr(error, "job_id", "j9") == "j9"
    assert kind is not errors.JobConflict or error.code == "publishing"


async def test_lists_are_read_through_all_their_pages() -> None:
    """And no further than asked."""
    pages = [
        answers({"items": [{"job_id": "a"}, {"job_id": "b"}], "next_cursor": "x"}),
        answers({"items": [{"job_id": "c"}]}),
    ]
    server = Server(*pages)
    async with server as base, open_remote(base, "secret") as backend:
        found = [job["job_id"] async for job in backend.list_jobs("running", None, None)]

    assert found == ["a", "b", "c"]
    assert [dict(request.query) for request in server.seen] == [
        {"state": "running"},
        {"state": "running", "cursor": "x"},
    ]
    assert {request.headers["Authorization"] for request in server.seen} == {"Bearer secret"}


async def test_lines_of_the_log_are_split_at_line_feeds_alone() -> None:
    """JSON may hold other line ends within its strings."""
    lines = [make_line(1), make_line(2)]
    async with (
        Server(streams(lines[0] + b"\n" + lines[1][:9], lines[1][9:] + b"\n")) as base,
        open_remote(base, None) as backend,
    ):
        found = [line async for line in backend.read_events(JOB)]

    assert [line.raw for line in found] == lines


async def test_a_redirect_is_not_followed_with_the_token() -> None:
    """Nor does anything but a Runnel server's JSON count as an answer."""

    async def moved(_: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "http://127.0.0.1:9/"})

    async def html(_: web.Request) -> web.StreamResponse:
        return web.Response(text="<h1>Hello</h1>", content_type="text/html")

    for handler in (moved, html):
        async with Server(handler) as base, open_remote(base, "secret") as backend:
            with pytest.raises(errors.RemoteFailed):
                await backend.get_job(JOB)
