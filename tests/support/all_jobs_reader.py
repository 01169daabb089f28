"""A reader of all jobs at once: over any number of connections, each broken off wherever a test wants."""

import asyncio
import json
from collections import defaultdict
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from runnel.domain import events as e
from runnel.domain.jobs import Job
from runnel.streaming.places import parse_places
from runnel.usecases.follow_jobs import JobShown, follow_jobs
from runnel.usecases.roster import Roster
from runnel.usecases.services import Tuning
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

_PAGES = {f"/{number}": ScriptedPage(text=str(number)) for number in range(6)}
SITE = {"/": ScriptedPage(text="home", links=tuple(_PAGES)), **_PAGES}


class AllJobsReader:
    """Reads all jobs over any number of connections, as EventSource does: it comes back with the last id."""

    def __init__(self, home: ScriptedHome, *, tuning: Tuning | None = None) -> None:
        self.shown: list[JobShown] = []
        self.last: str | None = None
        self.task: asyncio.Task[None] | None = None
        self.services = replace(home.process("follower").services, tuning=tuning or home.tuning)

    def connect(self, *, at_most: float = float("inf"), **fields: Any) -> "AllJobsReader":
        """Open a connection that breaks off after *at_most* durable events."""
        self.task = asyncio.create_task(self._read(at_most, fields))
        return self

    async def _read(self, at_most: float, fields: dict[str, Any]) -> None:
        roster = Roster(self.services, TENANT, libraries=frozenset(fields.pop("libraries", ())))
        await roster.begin(parse_places(self.last) if self.last else None)
        self.last = roster.event_id()
        async with aclosing(follow_jobs(self.services, roster, **fields)) as parts:
            async for item in flat(parts):
                self.shown.append(item)
                if item.event_id is not None:
                    self.last, at_most = item.event_id, at_most - 1
                if at_most <= 0:
                    return

    async def leave(self) -> None:
        """Break the connection off."""
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    @property
    def lines(self) -> dict[str, list[bytes]]:
        """The durable lines that came, by job."""
        lines: dict[str, list[bytes]] = defaultdict(list)
        for item in self.shown:
            if item.event_id is not None and item.shown.line is not None:
                lines[item.job_id].append(item.shown.line)
        return lines

    def types(self, job: Job) -> list[str]:
        """The types of all that came of a job."""
        lines = [item.shown.line for item in self.shown if item.job_id == job.job_id]
        return [json.loads(line)["type"] for line in lines if line]


async def flat(parts: Any) -> Any:
    async for part in parts:
        for item in part:
            yield item


def log_of(home: ScriptedHome, job: Job) -> list[bytes]:
    return [e.encode_event(event) for event in home.log(job)]


async def pass_time(home: ScriptedHome, seconds: float) -> None:
    """Let time pass in steps, so that tasks get many turns of the loop."""
    for _ in range(int(seconds * 20)):
        await home.clock.advance(0.05)


async def crawl(home: ScriptedHome, library: str) -> Job:
    job = await home.create(library=library)
    await home.finish(home.drive(home.process("D"), job))
    return job
