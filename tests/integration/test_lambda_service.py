"""The tests' own Lambda behaves as Lambda does where Runnel relies on it: real processes, the real adapter."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.artefacts import need_adapter
from tests.support.lambda_service.function import LambdaFunction
from tests.support.lambda_service.service import LambdaService

ECHO = """
import os, time

def handler(event, context):
    if "fail" in event:
        raise ValueError(event["fail"])
    if "exit" in event:
        os._exit(event["exit"])
    if "until" in event:
        while not os.path.exists(event["until"]):
            time.sleep(0.005)
    return {"event": event, "pid": os.getpid(), "left_ms": context.get_remaining_time_in_millis()}
"""

#: A stream whose second piece waits for a file, so that a test can prove that the first arrived before it.
WEB = """
import asyncio, json, os, sys
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
import uvicorn

app = FastAPI()

@app.get("/stream")
async def stream(until: str) -> StreamingResponse:
    async def pieces():
        yield "first\\n"
        while not os.path.exists(until):
            await asyncio.sleep(0.005)
        yield "second\\n"
    return StreamingResponse(pieces(), media_type="text/event-stream")

@app.get("/break")
async def broken() -> StreamingResponse:
    async def pieces():
        yield "first\\n"
        raise RuntimeError("in the middle")
    return StreamingResponse(pieces(), media_type="text/plain")

@app.post("/events")
async def events(request: Request) -> Response:
    if request.headers.get("x-amzn-request-context") != "null":
        return Response(status_code=404)
    return Response(status_code=590 if (await request.json()).get("fail") else 200, content=b"done")

@app.api_route("/{path:path}", methods=["GET", "POST"])
async def echo(request: Request) -> Response:
    context = json.loads(request.headers.get("x-amzn-lambda-context", "{}"))
    said = {"path": request.scope["raw_path"].decode(), "query": request.url.query, "context": context,
            "cookies": request.cookies, "body": (await request.body()).hex()}
    response = Response(json.dumps(said), status_code=203, media_type="application/json", headers={"x-own": "yes"})
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response

uvicorn.run(app, host="127.0.0.1", port=int(os.environ["AWS_LWA_PORT"]), log_level="warning")
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LambdaService]:
    with LambdaService(tmp_path) as running:
        yield running


@pytest.fixture
def echo(service: LambdaService, tmp_path: Path) -> Callable[..., LambdaFunction]:
    """Add the echo function under some limits."""
    (tmp_path / "app.py").write_text(ECHO)

    def add(**limits: object) -> LambdaFunction:
        command = (sys.executable, "-m", "awslambdaric", "app.handler")
        function = LambdaFunction(name="echo", task_root=tmp_path, command=command, **limits)  # type: ignore[arg-type]
        service.add(function)
        return function

    return add


@pytest.fixture
def web_url(service: LambdaService, tmp_path: Path) -> str:
    """Add a FastAPI app behind the real adapter; return its Function URL."""
    (tmp_path / "web.py").write_text(WEB)
    adapter_settings = {
        "AWS_LWA_INVOKE_MODE": "response_stream",
        "AWS_LWA_PASS_THROUGH_PATH": "/events",
        "AWS_LWA_ERROR_STATUS_CODES": "590",
    }
    command = (sys.executable, "web.py")
    service.add(
        LambdaFunction(
            name="web", task_root=tmp_path, command=command, adapter=need_adapter(), environment=adapter_settings
        )
    )
    return service.url("web")


def invoke(service: LambdaService, event: dict[str, object], *, kind: str = "RequestResponse") -> dict[str, object]:
    """Invoke the echo function; return what it answered."""
    answer = service.client().invoke(FunctionName="echo", InvocationType=kind, Payload=json.dumps(event))  # type: ignore[arg-type]
    said: dict[str, object] = json.loads(answer["Payload"].read() or b"{}")
    return said | {"error": answer.get("FunctionError")}


def test_a_synchronous_invocation_gives_the_answer_of_a_real_process(
    service: LambdaService, echo: Callable[..., LambdaFunction]
) -> None:
    """The crawler's answer travels this way."""
    echo(timeout_s=60)

    answer = invoke(service, {"a": 1})
    record = service.timeline("echo")[0]

    assert answer["event"] == {"a": 1}
    assert answer["pid"] == record.pid
    assert (record.kind, record.error, json.loads(record.payload)) == ("RequestResponse", None, {"a": 1})


def test_the_deadline_is_the_functions_timeout_from_now(
    service: LambdaService, echo: Callable[..., LambdaFunction]
) -> None:
    """A driver hands over by it."""
    echo(timeout_s=900)

    left_ms = invoke(service, {})["left_ms"]

    assert isinstance(left_ms, int)
    assert 800_000 < left_ms <= 900_000


def test_a_second_invocation_reuses_the_process(service: LambdaService, echo: Callable[..., LambdaFunction]) -> None:
    """Warm starts are what makes a process's kept connections worth having."""
    echo()

    assert invoke(service, {})["pid"] == invoke(service, {})["pid"]


def test_prewarmed_processes_serve_in_turn(service: LambdaService, echo: Callable[..., LambdaFunction]) -> None:
    """So a test can show that a crawler process remembers nothing that matters."""
    echo(prewarmed=2)

    pids = [invoke(service, {})["pid"] for _ in range(4)]

    assert pids[:2] == pids[2:]
    assert pids[0] != pids[1]


def test_two_invocations_at_once_run_in_two_processes(
    service: LambdaService, echo: Callable[..., LambdaFunction], tmp_path: Path
) -> None:
    """A process serves one request at a time; concurrency is more processes."""
    echo()
    gate = tmp_path / "open"

    with ThreadPoolExecutor() as threads:
        held = threads.submit(invoke, service, {"until": str(gate)})
        while not service.timeline("echo"):
            threading.Event().wait(0.005)
        free = invoke(service, {})
        gate.touch()

    assert held.result()["pid"] != free["pid"]


def test_more_invocations_than_the_limit_are_refused_429(
    service: LambdaService, echo: Callable[..., LambdaFunction], tmp_path: Path
) -> None:
    """The driver halves its calls in flight by this answer."""
    echo(concurrency=1)
    gate = tmp_path / "open"

    with ThreadPoolExecutor() as threads:
        held = threads.submit(invoke, service, {"until": str(gate)})
        while not service.timeline("echo"):
            threading.Event().wait(0.005)
        client = service.client()
        with pytest.raises(client.exceptions.TooManyRequestsException):
            client.invoke(FunctionName="echo", Payload=b"{}")
        gate.touch()

    assert held.result()["error"] is None


def test_an_error_of_the_function_is_answered_and_the_process_lives_on(
    service: LambdaService, echo: Callable[..., LambdaFunction]
) -> None:
    """An exception is an answer, not a crash."""
    echo()

    failed = invoke(service, {"fail": "no"})
    after = invoke(service, {})

    assert (failed["error"], failed["errorType"], failed["errorMessage"]) == ("Unhandled", "ValueError", "no")
    assert after["pid"] == service.timeline("echo")[0].pid


def test_a_process_that_dies_fails_its_invocation_and_is_replaced(
    service: LambdaService, echo: Callable[..., LambdaFunction]
) -> None:
    """Kill anything: the next call must find a function."""
    echo()

    died = invoke(service, {"exit": 3})
    after = invoke(service, {})

    assert died["errorType"] == "Runtime.ExitError"
    assert after["error"] is None
    assert after["pid"] != service.timeline("echo")[0].pid


def test_a_killed_process_fails_what_it_was_serving(
    service: LambdaService, echo: Callable[..., LambdaFunction], tmp_path: Path
) -> None:
    """The kill tests of the whole crawl stand on this."""
    echo()

    with ThreadPoolExecutor() as threads:
        held = threads.submit(invoke, service, {"until": str(tmp_path / "never")})
        while not service.timeline("echo"):
            threading.Event().wait(0.005)
        hit = service.kill("echo", signal.SIGKILL)

    assert held.result()["errorType"] == "Runtime.ExitError"
    assert hit == (service.timeline("echo")[0].pid,)


def test_a_function_that_takes_too_long_is_killed_and_a_cold_start_does_not_count(
    service: LambdaService, echo: Callable[..., LambdaFunction], tmp_path: Path
) -> None:
    """As on Lambda, no invocation outlives the deadline that it is told, and it has all of that time."""
    (tmp_path / "app.py").write_text("import time\ntime.sleep(2)\n" + ECHO)
    echo(timeout_s=2)

    assert invoke(service, {"a": 1})["event"] == {"a": 1}
    assert invoke(service, {"until": str(tmp_path / "never")})["errorType"] == "Sandbox.Timedout"


def test_an_event_is_accepted_at_once_and_runs_later(
    service: LambdaService, echo: Callable[..., LambdaFunction], tmp_path: Path
) -> None:
    """The driver never waits for the processor."""
    echo()
    gate = tmp_path / "open"

    accepted = service.client().invoke(
        FunctionName="echo", InvocationType="Event", Payload=json.dumps({"until": str(gate)})
    )
    gate.touch()
    service.wait_idle()

    assert accepted["StatusCode"] == 202
    assert [(one.kind, one.error) for one in service.timeline("echo")] == [("Event", None)]
    assert service.failures() == ()


def test_a_failed_event_is_tried_again_under_its_id_and_then_given_up(
    service: LambdaService, echo: Callable[..., LambdaFunction]
) -> None:
    """A doubled request id is what makes a request id useless as a driver's name."""
    echo(retries=1)

    invoke(service, {"fail": "always"}, kind="Event")
    service.wait_idle()
    tries = service.timeline("echo")

    assert [one.error for one in tries] == ["ValueError", "ValueError"]
    assert tries[0].request_id == tries[1].request_id
    assert [one.error for one in service.failures()] == ["ValueError"]


def test_an_unknown_function_is_refused(service: LambdaService) -> None:
    """A wrong name in the environment must not look like a failed page."""
    client = service.client()

    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="nobody")


def test_a_function_url_streams_piece_by_piece(service: LambdaService, web_url: str, tmp_path: Path) -> None:
    """The live stream is live only if the first piece does not wait for the second."""
    gate = tmp_path / "open"

    with httpx.stream("GET", f"{web_url}/stream", params={"until": str(gate)}, timeout=60) as response:
        lines = response.iter_lines()
        first = next(lines)
        was_open = gate.exists()
        gate.touch()
        rest = list(lines)

    assert (first, was_open, rest) == ("first", False, ["second"])
    assert response.headers["content-type"].startswith("text/event-stream")
    assert [one.kind for one in service.timeline("web")] == ["Url"]


def test_a_request_reaches_the_app_whole_and_its_answer_the_client(service: LambdaService, web_url: str) -> None:
    """Path, query, cookies, bytes and status survive the event format in both directions."""
    response = httpx.post(
        f"{web_url}/a%2Fb?x=1&y=%20",
        content=b"\x00\xff",
        headers={"content-type": "application/octet-stream", "cookie": "k=v"},
        timeout=60,
    )
    said = response.json()

    assert (said["path"], said["query"], said["body"], said["cookies"]) == ("/a%2Fb", "x=1&y=%20", "00ff", {"k": "v"})
    assert (response.status_code, response.headers["x-own"]) == (203, "yes")
    assert [line.partition(";")[0] for line in response.headers.get_list("set-cookie")] == ["a=1", "b=2"]
    assert said["context"]["request_id"] == service.timeline("web")[0].request_id
    assert said["context"]["deadline"] > 0


def test_an_app_that_breaks_in_the_middle_ends_as_a_success(service: LambdaService, web_url: str) -> None:
    """Only the terminal event proves a complete stream: the transport does not."""
    response = httpx.get(f"{web_url}/break", timeout=60)

    assert response.status_code == 200
    assert response.text.startswith("first\n")
    assert service.timeline("web")[0].error is None


@pytest.mark.parametrize(("event", "given_up"), [({"type": "sweep"}, 0), ({"type": "sweep", "fail": True}, 1)])
def test_an_event_reaches_the_app_by_the_pass_through_route(
    service: LambdaService, web_url: str, event: dict[str, object], given_up: int
) -> None:
    """Scheduler, sweep and hand-over come this way; 590 is the only answer that counts as failed."""
    service.client().invoke(FunctionName="web", InvocationType="Event", Payload=json.dumps(event))
    service.wait_idle()

    assert len(service.failures()) == given_up
    assert web_url


def test_the_public_cannot_forge_an_event(web_url: str) -> None:
    """The pass-through route is an ordinary route of the URL: only the adapter's own header tells them apart."""
    forged = httpx.post(
        f"{web_url}/events", json={"type": "sweep"}, headers={"x-amzn-request-context": "null"}, timeout=60
    )

    assert forged.status_code == 404


def test_a_client_that_leaves_is_not_reported_to_the_function(
    service: LambdaService, web_url: str, tmp_path: Path
) -> None:
    """Closing the tab changes nothing: the invocation runs to its own end."""
    gate = tmp_path / "open"
    with httpx.stream("GET", f"{web_url}/stream", params={"until": str(gate)}, timeout=60) as response:
        next(response.iter_lines())
    was_running = service.timeline("web")[0].ended is None

    gate.touch()
    service.wait_idle()

    assert was_running
    assert service.timeline("web")[0].error is None


def test_the_adapter_ends_with_its_app(service: LambdaService, web_url: str, tmp_path: Path) -> None:
    """An adapter that outlived its app would answer every later call with an error."""
    with httpx.stream("GET", f"{web_url}/stream", params={"until": str(tmp_path / "never")}, timeout=60) as response:
        lines = response.iter_lines()
        next(lines)
        service.kill("web", signal.SIGKILL)
        with pytest.raises(httpx.TransportError):
            next(lines)
    again = httpx.get(f"{web_url}/again", timeout=60)

    assert again.status_code == 203
    assert len(service.pids("web")) == 1


def test_a_function_sees_nothing_of_this_machines_environment(
    echo: Callable[..., LambdaFunction], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function that works only with the developer's variables would fail on Lambda."""
    monkeypatch.setenv("RUNNEL_TABLE", "of-the-developer")

    environment = echo().process_environment("127.0.0.1:1", 2)

    assert "RUNNEL_TABLE" not in environment
