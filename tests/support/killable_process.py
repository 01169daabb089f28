"""A process of a test: it can be killed, frozen, cut off from the stores or left without answers."""

import asyncio
import inspect
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from runnel.errors import StoreUnavailable
from runnel.usecases.run_crawl import Leaving
from runnel.usecases.services import Services


class Killed(BaseException):
    """The process that made this call is dead; no `except Exception` may hold it up."""


@dataclass(slots=True)
class Process:
    """One process that may die, freeze, or lose touch with the stores."""

    name: str
    #: Every step that it has made, in order.
    steps: list[str] = field(default_factory=list)
    #: Die before this step (counted from 1).
    kill_at: int | None = None
    #: Die before the next step of this name.
    kill_before: str | None = None
    is_dead: bool = False
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    running: asyncio.Event = field(default_factory=asyncio.Event)
    refused: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)
    #: Called before a call of that name, once.
    before: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    services: Services = field(init=False)
    leaving: Leaving = field(default_factory=Leaving)

    def __post_init__(self) -> None:
        self.running.set()

    def kill(self) -> None:
        """Die as by kill -9: no further step of this process happens."""
        self.is_dead = True
        mine = asyncio.current_task()
        for task in self.tasks:
            if task is not mine:
                task.cancel()

    def refuse(self, call: str, times: int = 1_000_000) -> None:
        """Let the store refuse the next calls of this name, without doing anything."""
        self.refused[call] = times

    def lose_answer(self, call: str, times: int = 1) -> None:
        """Let the store do the next calls of this name, but nobody learns of it."""
        self.unanswered[call] = times

    def step(self, name: str) -> None:
        """A single write or read is about to happen."""
        if not self.is_dead:
            self.steps.append(name)
            if len(self.steps) == self.kill_at or name == self.kill_before:
                self.kill()
        if self.is_dead:
            raise Killed(self.name)
        if self.refused[name] > 0:
            self.refused[name] -= 1
            raise StoreUnavailable(name)

    async def call(self, name: str, ask: Callable[[], Awaitable[Any]]) -> Any:
        """One call of a port, with what may happen to it."""
        before = self.before.pop(name, None)
        if before is not None:
            await before()
        await self.running.wait()
        if self.is_dead:
            raise Killed(self.name)
        answer = await ask()
        await self.running.wait()
        if self.unanswered[name] > 0:
            self.unanswered[name] -= 1
            raise StoreUnavailable(name)
        return answer


class Port:
    """A store as one process reaches it."""

    def __init__(self, name: str, target: Any, process: Process) -> None:
        self._name, self._target, self._process = name, target, process

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._target, method)
        if not inspect.iscoroutinefunction(found):
            return found

        async def call(*args: Any, **fields: Any) -> Any:
            return await self._process.call(f"{self._name}.{method}", lambda: found(*args, **fields))

        return call
