"""One execution environment: the function's processes, and the Runtime API that only they see.

* One invocation at a time.
* Runtime and adapter end together: an adapter without its app would answer every later call with an error.
* Lambda's Runtime API, as the runtime client and the adapter use it: `next`, `response` (read as it arrives), `error`,
  `init/error`, and the registration of an extension.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from aiohttp import web

from tests.support.lambda_service.function import LambdaFunction
from tests.support.lambda_service.invocation import FunctionFailed, Invocation

_RUNTIME = "/2018-06-01/runtime"
_EXTENSION = "/2020-01-01/extension"
_FIRST_PORT, _PORTS = 12_000, 18_000
_tried = itertools.count()
#: What a runtime may take to start, before its first invocation's own time.
_START_S = 10


class Sandbox:
    """A function's process, started, serving, gone."""

    def __init__(self, function: LambdaFunction, log: Path, *, on_death: Callable[[Sandbox], None]) -> None:
        """Prepare; `start` does the work. *on_death* is called once, when its processes are gone."""
        self.function = function
        self.log = log
        self.alive = False
        self.current: Invocation | None = None
        self._on_death = on_death
        self._waiting: asyncio.Queue[Invocation] = asyncio.Queue()
        self._gone = asyncio.Event()
        self._processes: list[asyncio.subprocess.Process] = []
        self._watcher: asyncio.Task[None] | None = None
        self._api: web.AppRunner | None = None

    @property
    def pid(self) -> int:
        """The runtime process."""
        return self._processes[0].pid

    async def start(self) -> None:
        """Open the Runtime API and start the processes; they ask for work when they are ready."""
        address = await self._open_api()
        environment = self.function.process_environment(address, _free_port())
        with self.log.open("ab") as log:
            for command in self._commands():
                process = await asyncio.create_subprocess_exec(
                    *command, cwd=self.function.task_root, env=environment, stdout=log, stderr=log, process_group=0
                )
                self._processes.append(process)
        self.alive = True
        self._watcher = asyncio.create_task(self._watch())

    async def run(self, invocation: Invocation) -> None:
        """Hand *invocation* to the process and wait for its end; an overtime kills the process, as on Lambda."""
        self.current = invocation
        invocation.begin(self.pid)
        self._waiting.put_nowait(invocation)
        try:
            await self._until_taken(invocation)
            async with asyncio.timeout(self.function.timeout_s):
                await invocation.done.wait()
        except TimeoutError:
            invocation.fail(FunctionFailed("Sandbox.Timedout", f"timed out after {self.function.timeout_s} seconds"))
            await self.close()
        finally:
            self.current = None

    async def _until_taken(self, invocation: Invocation) -> None:
        """Wait for a cold start: an invocation's time begins when the runtime has asked for it, as on Lambda."""
        async with asyncio.timeout(_START_S + self.function.timeout_s):
            await invocation.taken.wait()

    def send_signal(self, number: int) -> None:
        """Send a signal to every process of the sandbox."""
        for process in self._processes:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)

    async def close(self) -> None:
        """End the processes and the Runtime API."""
        self.send_signal(signal.SIGKILL)
        if self._watcher is not None:
            await asyncio.wait([self._watcher])

    def _commands(self) -> list[tuple[str, ...]]:
        adapter = [(str(self.function.adapter),)] if self.function.adapter else []
        return [self.function.command, *adapter]

    async def _watch(self) -> None:
        """When one process ends, end the others, and with them what they were serving."""
        ends = [asyncio.create_task(process.wait()) for process in self._processes]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        self.alive = False
        self.send_signal(signal.SIGKILL)
        await asyncio.wait(ends)
        for invocation in self._unfinished():
            invocation.fail(
                FunctionFailed("Runtime.ExitError", f"the process ended with {self._processes[0].returncode}")
            )
        self._on_death(self)
        self._gone.set()
        if self._api is not None:
            await self._api.cleanup()

    def _unfinished(self) -> list[Invocation]:
        waiting = [self._waiting.get_nowait() for _ in range(self._waiting.qsize())]
        return [*([self.current] if self.current else []), *waiting]

    async def _open_api(self) -> str:
        api = web.Application(client_max_size=64 * 1024 * 1024)
        api.router.add_post(f"{_EXTENSION}/register", self._register)
        api.router.add_get(f"{_EXTENSION}/event/next", self._next_extension_event)
        api.router.add_get(f"{_RUNTIME}/invocation/next", self._next)
        api.router.add_post(f"{_RUNTIME}/invocation/{{request_id}}/response", self._response)
        api.router.add_post(f"{_RUNTIME}/invocation/{{request_id}}/error", self._error)
        api.router.add_post(f"{_RUNTIME}/init/error", self._error)
        self._api = web.AppRunner(api, access_log=None, shutdown_timeout=0.1)
        await self._api.setup()
        site = web.TCPSite(self._api, "127.0.0.1", 0)
        await site.start()
        host, port = self._api.addresses[0][:2]
        return f"{host}:{port}"

    async def _register(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {"functionName": self.function.name}, headers={"Lambda-Extension-Identifier": "adapter"}
        )

    async def _next_extension_event(self, _request: web.Request) -> web.Response:
        await self._gone.wait()
        return web.json_response({"eventType": "SHUTDOWN"})

    async def _next(self, _request: web.Request) -> web.Response:
        invocation = await self._waiting.get()
        invocation.taken.set()
        return web.Response(
            body=invocation.payload,
            content_type="application/json",  # without it the runtime client crashes
            headers={
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(int((time.time() + self.function.timeout_s) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": self.function.arn,
                "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Sampled=0",
            },
        )

    async def _response(self, request: web.Request) -> web.Response:
        invocation = self.current
        if invocation is None or invocation.request_id != request.match_info["request_id"]:
            return web.json_response({"errorType": "InvalidRequestID"}, status=400)
        try:
            async for piece in _pieces(request):
                invocation.feed(piece)
        except (ConnectionError, web.HTTPException) as error:
            invocation.fail(FunctionFailed("Runtime.TruncatedResponse", str(error)))
        invocation.finish()
        return web.json_response({"status": "OK"}, status=202)

    async def _error(self, request: web.Request) -> web.Response:
        said = json.loads(await request.read() or b"{}")
        error = FunctionFailed(said.get("errorType", "Unhandled"), said.get("errorMessage", ""))
        for invocation in self._unfinished():
            invocation.fail(error)
        return web.json_response({"status": "OK"}, status=202)


async def _pieces(request: web.Request) -> AsyncIterator[bytes]:
    """Yield the body as it arrives, acknowledging at once: the adapter's next write waits for the last one's ACK."""
    _acknowledge_at_once(request)
    async for piece in request.content.iter_any():
        yield piece
        _acknowledge_at_once(request)


def _acknowledge_at_once(request: web.Request) -> None:
    connection = request.transport.get_extra_info("socket") if request.transport else None
    if connection is not None and hasattr(socket, "TCP_QUICKACK"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _free_port() -> int:
    """Return a port for an app, out of the range from which the kernel takes those of outgoing connections."""
    while True:
        port = _FIRST_PORT + (os.getpid() * 97 + next(_tried)) % _PORTS
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
