"""The processes of one function: which serves next, and when there may be no more of them."""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path

from tests.support.lambda_service.function import LambdaFunction
from tests.support.lambda_service.invocation import Invocation
from tests.support.lambda_service.sandbox import Sandbox


class Throttled(Exception):
    """As many invocations of the function run as may."""


class SandboxPool:
    """Sandboxes of one function; the one that is idle longest serves next, so idle ones take turns."""

    def __init__(self, function: LambdaFunction, log_dir: Path) -> None:
        """Start nothing yet."""
        self.function = function
        self._log_dir = log_dir
        self._all: list[Sandbox] = []
        self._idle: deque[Sandbox] = deque()
        self._started = 0
        self._running = 0

    def sandboxes(self) -> list[Sandbox]:
        """Return those whose processes live."""
        return [sandbox for sandbox in list(self._all) if sandbox.alive]

    async def prewarm(self) -> None:
        """Start the processes that the function wants before its first call."""
        self._idle.extend(await asyncio.gather(*(self._start() for _ in range(self.function.prewarmed))))

    async def run(self, invocation: Invocation) -> None:
        """
        Run *invocation* in an idle process, or in a new one.

        Raises:
            Throttled: the function's concurrency is reached; nothing was run.
        """
        limit = self.function.concurrency
        if limit is not None and self._running >= limit:
            raise Throttled(f"ReservedFunctionConcurrentInvocationLimitExceeded: {limit}")
        self._running += 1
        try:
            sandbox = self._idle.popleft() if self._idle else await self._start()
            await sandbox.run(invocation)
            if sandbox.alive:
                self._idle.append(sandbox)
        finally:
            self._running -= 1

    async def close(self) -> None:
        """End every process."""
        await asyncio.gather(*(sandbox.close() for sandbox in list(self._all)))

    async def _start(self) -> Sandbox:
        self._started += 1
        log = self._log_dir / f"{self.function.name}-{self._started:03}.log"
        sandbox = Sandbox(self.function, log, on_death=self._forget)
        self._all.append(sandbox)
        await sandbox.start()
        return sandbox

    def _forget(self, sandbox: Sandbox) -> None:
        self._all.remove(sandbox)
        if sandbox in self._idle:
            self._idle.remove(sandbox)
