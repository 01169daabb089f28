"""
A small Lambda for tests: real function processes behind the `Invoke` API and Function URLs.

* One invocation per process; more at once means more processes, up to the function's limit, then 429.
* `Event` invocations are answered 202 and run later; a failed one is tried again as often as the function says and then
  stands in `failures`, as it would in the failure queue.
* A Function URL streams: each piece of the answer goes to the client as it comes; a client that leaves is not reported.
* The service lives in a thread of its own, so that a test may block; its public methods may be called from any thread.
* Not here: freezing between invocations, cold-start limits, IAM. What a role may do is asserted on the template.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import threading
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import boto3
from aiohttp import web
from botocore.config import Config

from tests.support.lambda_service.function import REGION, LambdaFunction
from tests.support.lambda_service.invocation import FunctionFailed, Invocation, InvocationRecord, Kind, split_prelude
from tests.support.lambda_service.pool import SandboxPool, Throttled
from tests.support.lambda_service.url_event import response_headers, to_event

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

T = TypeVar("T")

_MAX_PAYLOAD_BYTES = {"RequestResponse": 6 * 1024 * 1024, "Event": 1024 * 1024}
_MAX_ANSWER_BYTES = 6 * 1024 * 1024
#: Seconds between two tries of a throttled `Event` invocation.
_THROTTLED_WAIT_S = 0.1


class LambdaService:
    """The service; use it as a context manager."""

    def __init__(self, log_dir: Path) -> None:
        """Prepare; output of the functions' processes goes to files in *log_dir*."""
        self.endpoint_url = ""
        self._log_dir = log_dir
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lambda-service", daemon=True)
        self._pools: dict[str, SandboxPool] = {}
        self._invocations: list[Invocation] = []
        self._failures: list[InvocationRecord] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: list[web.AppRunner] = []

    def __enter__(self) -> Self:
        """Start the `Invoke` API."""
        self._thread.start()
        api = web.Application(client_max_size=16 * 1024 * 1024)
        api.router.add_post("/2015-03-31/functions/{name}/invocations", self._invoke)
        self.endpoint_url = self._call(self._serve(api))
        return self

    def __exit__(self, *_exception: object) -> None:
        """End every process and server."""
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def add(self, function: LambdaFunction) -> None:
        """Make a function known; its prewarmed processes start now."""
        self._pools[function.name] = SandboxPool(function, self._log_dir)
        self._call(self._pools[function.name].prewarm())

    def url(self, name: str) -> str:
        """Open a Function URL for a function that speaks HTTP; return it without a final slash."""
        front = web.Application(client_max_size=8 * 1024 * 1024)

        async def answer(request: web.Request) -> web.StreamResponse:
            return await self._answer_url(name, request)

        front.router.add_route("*", "/{path:.*}", answer)
        return self._call(self._serve(front))

    def client(self) -> LambdaClient:
        """Return a boto3 client of this service."""
        once = Config(retries={"total_max_attempts": 1}, read_timeout=120)
        session = boto3.Session("testing", "testing", region_name=REGION)
        return session.client("lambda", endpoint_url=self.endpoint_url, config=once)

    def timeline(self, function: str | None = None) -> tuple[InvocationRecord, ...]:
        """Return every invocation so far in the order of their start, of one function or of all."""
        return tuple(one.record() for one in list(self._invocations) if one.pid and function in {None, one.function})

    def failures(self) -> tuple[InvocationRecord, ...]:
        """Return the `Event` invocations that were given up."""
        return tuple(self._failures)

    def pids(self, name: str) -> tuple[int, ...]:
        """Return the runtime processes of a function."""
        return tuple(sandbox.pid for sandbox in self._pools[name].sandboxes())

    def kill(self, name: str, number: int, *, pid: int | None = None) -> tuple[int, ...]:
        """Send a signal to all processes of a function, or to those of one runtime *pid*; return whom it reached."""
        hit = [sandbox for sandbox in self._pools[name].sandboxes() if pid in {None, sandbox.pid}]
        for sandbox in hit:
            sandbox.send_signal(number)
        return tuple(sandbox.pid for sandbox in hit)

    def set_timeout(self, name: str, seconds: float) -> None:
        """Let later invocations of a function live so long."""
        pool = self._pools[name]
        pool.function = dataclasses.replace(pool.function, timeout_s=seconds)
        for sandbox in pool.sandboxes():
            sandbox.function = pool.function

    def logs(self, name: str) -> str:
        """Return what the processes of a function have printed."""
        return "".join(log.read_text(errors="replace") for log in sorted(self._log_dir.glob(f"{name}-*.log")))

    def wait_idle(self, timeout_s: float = 60.0) -> None:
        """Wait until no `Event` invocation is queued or running, and no Function URL's either."""

        async def drain() -> None:
            async with asyncio.timeout(timeout_s):
                while waiting := set(self._tasks):
                    await asyncio.wait(waiting)

        self._call(drain())

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run *work* on the service's own loop."""
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result()

    async def _serve(self, application: web.Application) -> str:
        server = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await server.setup()
        await web.TCPSite(server, "127.0.0.1", 0).start()
        self._servers.append(server)
        host, port = server.addresses[0][:2]
        return f"http://{host}:{port}"

    async def _stop(self) -> None:
        for pool in self._pools.values():
            await pool.close()
        for server in self._servers:
            await server.cleanup()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for waiting in rest:  # requests of processes that are gone
            waiting.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _invoke(self, request: web.Request) -> web.Response:
        """Answer the `Invoke` API."""
        name = request.match_info["name"].rpartition("function:")[2]
        kind = request.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        payload = await request.read() or b"{}"
        if name not in self._pools:
            return _refusal(404, "ResourceNotFoundException", f"Function not found: {name}")
        if len(payload) > _MAX_PAYLOAD_BYTES[kind]:
            return _refusal(413, "RequestTooLargeException", f"{len(payload)} bytes")
        if kind == "Event":
            return self._accept(name, payload)
        return await self._invoke_and_wait(name, payload)

    async def _invoke_and_wait(self, name: str, payload: bytes) -> web.Response:
        invocation = self._invocation(name, "RequestResponse", payload)
        headers = {"X-Amz-Executed-Version": "$LATEST", "x-amzn-RequestId": invocation.request_id}
        try:
            await self._pools[name].run(invocation)
            answer = await invocation.collect()
        except Throttled as refused:
            return _refusal(429, "TooManyRequestsException", str(refused))
        except FunctionFailed as failure:
            headers["X-Amz-Function-Error"] = "Unhandled"
            answer = failure.to_json()
        if len(answer) > _MAX_ANSWER_BYTES:
            headers["X-Amz-Function-Error"] = "Unhandled"
            answer = FunctionFailed("Function.ResponseSizeTooLarge", f"{len(answer)} bytes").to_json()
        return web.Response(body=answer, content_type="application/json", headers=headers)

    def _accept(self, name: str, payload: bytes) -> web.Response:
        """Queue an `Event` invocation."""
        invocation = self._invocation(name, "Event", payload)
        self._spawn(self._run_event(invocation))
        return web.Response(status=202, headers={"x-amzn-RequestId": invocation.request_id})

    async def _run_event(self, invocation: Invocation) -> None:
        """Run a queued invocation, again if it fails and the function allows, with the same request id."""
        pool = self._pools[invocation.function]
        await self._run_when_free(pool, invocation)
        for _ in range(pool.function.retries):
            if invocation.error is None:
                return
            invocation = self._invocation(invocation.function, "Event", invocation.payload, invocation.request_id)
            await self._run_when_free(pool, invocation)
        if invocation.error is not None:
            self._failures.append(invocation.record())

    async def _run_when_free(self, pool: SandboxPool, invocation: Invocation) -> None:
        while True:
            with contextlib.suppress(Throttled):
                await pool.run(invocation)
                return
            await asyncio.sleep(_THROTTLED_WAIT_S)

    async def _answer_url(self, name: str, request: web.Request) -> web.StreamResponse:
        """Turn an HTTP request into an invocation and its stream into the response."""
        invocation = self._invocation(name, "Url", b"")
        invocation.payload = await to_event(request, request_id=invocation.request_id)
        self._spawn(self._run_url(invocation))
        pieces = invocation.stream()
        try:
            prelude, body = await split_prelude(pieces)
        except FunctionFailed as failure:
            status = 429 if failure.kind == "TooManyRequestsException" else 502
            return web.json_response({"Message": str(failure)}, status=status)
        response = web.StreamResponse(status=prelude.get("statusCode", 200))
        for header, value in response_headers(prelude):
            response.headers.add(header, value)
        # A client that leaves ends only its own side.
        with contextlib.suppress(ConnectionError):
            await response.prepare(request)
            await response.write(body)
            await self._copy(pieces, response, request)
        return response

    async def _copy(self, pieces: AsyncIterator[bytes], to: web.StreamResponse, request: web.Request) -> None:
        """Write the stream; where the function broke, break the connection, so that the end is no end."""
        try:
            async for piece in pieces:
                await to.write(piece)
            await to.write_eof()
        except FunctionFailed:
            if request.transport is not None:
                request.transport.abort()

    async def _run_url(self, invocation: Invocation) -> None:
        try:
            await self._pools[invocation.function].run(invocation)
        except Throttled as refused:
            invocation.fail(FunctionFailed("TooManyRequestsException", str(refused)))

    def _invocation(self, name: str, kind: Kind, payload: bytes, request_id: str | None = None) -> Invocation:
        invocation = Invocation(function=name, kind=kind, payload=payload)
        invocation.request_id = request_id or invocation.request_id
        self._invocations.append(invocation)
        return invocation

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _refusal(status: int, kind: str, message: str) -> web.Response:
    body = {"Type": "User", "Message": message, "Reason": kind}
    return web.Response(
        status=status, body=json.dumps(body), content_type="application/json", headers={"x-amzn-ErrorType": kind}
    )
