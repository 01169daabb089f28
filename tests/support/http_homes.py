"""
Both homes as an HTTP client sees them: `runnel serve` as a process, and the built functions behind their URL.

* Each has the sample site beside it and may crawl that alone.
* What a client knows of a stream is taken from its bytes, by a parser of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from runnel.adapters.dynamodb.stores import DynamoDBStores
from runnel.adapters.system.clock import SystemClock
from runnel.adapters.system.ids import SystemIds
from runnel.ports.tokens import Token
from tests.site.server import SiteServer
from tests.support.lambda_home import TENANT, HomeOptions, LambdaHome, running_lambda_home
from tests.support.verdict_sums import ENDS, check_verdicts

TERMINAL = ENDS
_FRAME = re.compile(rb"event: (?P<type>\w+)\nid: (?P<id>[A-Za-z0-9.-]+)\ndata: (?P<data>[^\n]*)\n\n")
_ANSWERS_S = 100.0
_SERVE = (sys.executable, "-c", "from runnel.cli.main import main; main()", "serve", "--port", "0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One durable event as it came over the wire."""

    type: str
    id: str
    data: bytes

    @property
    def event(self) -> dict[str, Any]:
        """What it says."""
        event: dict[str, Any] = json.loads(self.data)
        return event


def durable_frames(stream: bytes) -> list[Frame]:
    """The whole durable frames of what was read; one that was cut off is none. An end among them must add up."""
    frames = [
        Frame(type=found["type"].decode(), id=found["id"].decode(), data=found["data"])
        for found in _FRAME.finditer(stream)
    ]
    if frames and frames[-1].type in ENDS:
        check_verdicts(frame.event for frame in (frames if frames[0].id.endswith(".1") else frames[-1:]))
    return frames


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpHome:
    """A running home, the site that it may crawl, and a client that may use it."""

    name: str
    site: SiteServer
    client: httpx.AsyncClient
    #: A client of another tenant, where there are tenants.
    other: httpx.AsyncClient | None = None
    #: A client without a token, where one is needed.
    stranger: httpx.AsyncClient | None = None

    async def create(self, **body: Any) -> str:
        """Create a job of the sample site; its id."""
        answer = await self.client.post("/v1/jobs", json={"url": self.site.url(), **body})
        assert answer.status_code == 202, answer.text
        job_id: str = answer.json()["job_id"]
        return job_id

    async def get(self, path: str, **params: Any) -> Any:
        """The JSON of a route."""
        answer = await self.client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def log(self, job_id: str) -> list[bytes]:
        """The stored lines of a job."""
        answer = await self.client.get(f"/v1/jobs/{job_id}/events", headers={"Accept": "application/x-ndjson"})
        assert answer.status_code == 200, answer.text
        return answer.content.splitlines()

    @asynccontextmanager
    async def connect(
        self, method: str, path: str, *, last: str | None = None, **request: Any
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """A stream's bytes as they come, after the event whose id is *last*."""
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        async with self.client.stream(method, path, headers=headers, **request) as answer:
            assert answer.status_code in (200, 204), await answer.aread()
            yield answer.aiter_bytes()

    async def read(
        self,
        path: str,
        *,
        method: str = "GET",
        last: str | None = None,
        until: Callable[[Frame], bool] | None = None,
        **request: Any,
    ) -> list[Frame]:
        """The durable frames of one connection, to its end or to the first one that satisfies *until*."""
        got, seen = b"", 0
        async with self.connect(method, path, last=last, **request) as chunks:
            async for chunk in chunks:
                got += chunk
                frames = durable_frames(got)
                if until is not None and any(until(frame) for frame in frames[seen:]):
                    break
                seen = len(frames)
        return durable_frames(got)

    async def follow(self, job_id: str, *, seen: list[Frame] | None = None) -> list[Frame]:
        """Every frame to the terminal one, as EventSource would read them: it reconnects when a stream ends."""
        frames = list(seen or ())
        while not frames or frames[-1].type not in TERMINAL:
            frames += await self.read(f"/v1/jobs/{job_id}/stream", last=frames[-1].id if frames else None)
        check_verdicts(frame.event for frame in frames)
        return frames

    @asynccontextmanager
    async def job(self, **body: Any) -> AsyncIterator[str]:
        """A job that has ended when the context has."""
        job_id = await self.create(**body)
        try:
            yield job_id
        finally:
            await self.client.post(f"/v1/jobs/{job_id}/cancel")
            await self.follow(job_id)


@asynccontextmanager
async def open_http_home(name: str, folder: Path) -> AsyncIterator[HttpHome]:
    """Start the home *name*, `local` or `lambda`; the latter is skipped, or fails in CI, where it cannot start."""
    async with SiteServer() as site, (_local if name == "local" else _lambda)(site, folder) as home:
        yield home


# ---- the laptop


@asynccontextmanager
async def serving(
    folder: Path, *, arguments: tuple[str, ...] = (), **environment: str
) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """`runnel serve` on a free port over the home *folder*: its URL and its process, ended at the end."""
    process = await asyncio.create_subprocess_exec(
        *_SERVE,
        *arguments,
        cwd=folder.parent,
        env={**_own_environment(), "RUNNEL_HOME": str(folder), **environment},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        line = (await process.stderr.readline()).decode()
        found = re.search(r"http://[^\s)]+", line)
        assert found is not None, line + (await process.stderr.read()).decode()
        yield found.group(), process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


@asynccontextmanager
async def _local(site: SiteServer, folder: Path) -> AsyncIterator[HttpHome]:
    async with serving(folder / "home", RUNNEL_ALLOW_PRIVATE=site.address) as (url, _), _client(url) as client:
        yield HttpHome(name="local", site=site, client=client)


# ---- Lambda


@asynccontextmanager
async def _lambda(site: SiteServer, folder: Path) -> AsyncIterator[HttpHome]:
    running = running_lambda_home(folder, HomeOptions(allow_private=site.address))
    home = await asyncio.to_thread(running.__enter__)
    try:
        mine, theirs = await make_token(home, TENANT), await make_token(home, "another")
        async with _client(home.url, mine) as client, _client(home.url, theirs) as other, _client(home.url) as stranger:
            yield HttpHome(name="lambda", site=site, client=client, other=other, stranger=stranger)
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)


async def make_token(home: LambdaHome, tenant: str) -> str:
    """A token of *tenant*, put into the table."""
    secret, clock = f"a token of {tenant}", SystemClock()
    stores = DynamoDBStores(home.dynamodb, home.table, clock=clock, ids=SystemIds(clock))
    sha256 = hashlib.sha256(secret.encode()).hexdigest()
    await stores.tokens.put(Token(sha256=sha256, tenant=tenant, name="test", created_at=clock.now()))
    stores.close()
    return secret


def _client(url: str, token: str | None = None) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=_ANSWERS_S, trust_env=False)


def _own_environment() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("RUNNEL_", "AWS_"))}
