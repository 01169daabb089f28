"""The Lambda home from outside: built functions as real processes, the real adapter, a client at the Function URL."""

import asyncio
import hashlib
import json
import math
import re
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from runnel.adapters.dynamodb.stores import DynamoDBStores
from runnel.adapters.system.clock import SystemClock
from runnel.adapters.system.ids import SystemIds
from runnel.ports.tokens import Token
from tests.site.server import EVERY, SiteServer
from tests.support.lambda_home import (
    CRAWLER,
    ORCHESTRATOR,
    PROCESSOR,
    TENANT,
    HomeOptions,
    LambdaHome,
    running_lambda_home,
)
from tests.support.verdict_sums import check_verdicts

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300), pytest.mark.xdist_group("lambda")]

SECRET = "a token that only this test knows"
_FRAME = re.compile(rb"event: (?P<type>\w+)\nid: \w+\.(?P<seq>\d+)\ndata: (?P<data>[^\n]*)\n\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A running stack, the site that it may crawl, and a client that may use it."""

    home: LambdaHome
    site: SiteServer
    client: httpx.AsyncClient
    stores: DynamoDBStores

    def invocations(self, function: str) -> list[Any]:
        """The function's invocations so far."""
        return [record for record in self.home.timeline if record.function == function]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """One stack for the module: starting it takes seconds. Two crawler processes take turns."""
    async with SiteServer() as site:
        options = HomeOptions(allow_private=site.address, crawlers=2, environment={"RUNNEL_LEASE_TTL_S": "5"})
        running = running_lambda_home(tmp_path_factory.mktemp("lambda"), options)
        home = await asyncio.to_thread(running.__enter__)
        try:
            clock = SystemClock()
            stores = DynamoDBStores(home.dynamodb, home.table, clock=clock, ids=SystemIds(clock))
            sha256 = hashlib.sha256(SECRET.encode()).hexdigest()
            await stores.tokens.put(Token(sha256=sha256, tenant=TENANT, name="test", created_at=clock.now()))
            headers = {"Authorization": f"Bearer {SECRET}"}
            async with httpx.AsyncClient(base_url=home.url, headers=headers, timeout=120) as client:
                yield Stack(home=home, site=site, client=client, stores=stores)
            stores.close()
        finally:
            await asyncio.to_thread(running.__exit__, None, None, None)


async def read_stream(
    stack: Stack, method: str, url: str, *, until: Callable[[dict[str, Any]], bool] | None = None,
    events: list[dict[str, Any]] | None = None, **request: Any,
) -> tuple[bytes, list[dict[str, Any]]]:  # fmt: skip
    """The bytes of a stream, and its durable events; read to the end, or until an event satisfies *until*.

    What it reads it adds to *events*, where a caller still has it when the stream breaks.
    """
    headers = {"Accept": "text/event-stream", **request.pop("headers", {})}
    got, events = b"", [] if events is None else events
    before = len(events)
    async with stack.client.stream(method, url, headers=headers, **request) as response:
        assert response.status_code == 200, await response.aread()
        async for chunk in response.aiter_bytes():
            got += chunk
            fresh = [json.loads(found["data"]) for found in _FRAME.finditer(got)][len(events) - before :]
            events += fresh
            if until is not None and any(until(event) for event in fresh):
                break
    check_verdicts(events)
    return got, events


def durable(stream: bytes) -> list[bytes]:
    """The durable frames: what does not depend on when a client looked."""
    return [found.group() for found in _FRAME.finditer(stream)]


async def test_the_invocation_that_answers_the_stream_is_the_driver(stack: Stack) -> None:
    """One long call creates, drives and streams; crawlers answer while bytes flow, nobody waits for the processor."""
    before = len(stack.home.timeline)
    body = {"url": stack.site.url(), "library": "driver"}
    _, events = await read_stream(stack, "POST", "/v1/jobs", json=body)
    records = stack.home.timeline[before:]
    drivers = [record for record in records if record.function == ORCHESTRATOR]
    crawls = [record for record in records if record.function == CRAWLER]
    processings = [record for record in records if record.function == PROCESSOR]
    types = [event["type"] for event in events]

    assert [record.kind for record in drivers] == ["Url"]
    assert {record.kind for record in crawls} == {"RequestResponse"}
    assert {record.kind for record in processings} == {"Event"}
    assert all(drivers[0].started < record.started for record in crawls + processings)
    assert max(record.ended or math.inf for record in crawls) < (drivers[0].ended or math.inf)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert types[-1] == "job_completed"
    assert events[-1]["pages"] == events[-1]["counts"]["fetched"] > 40
    assert events[-1]["cost_usd"] > 0


async def test_a_page_is_told_before_its_batch_is_processed_and_while_neighbours_run(stack: Stack) -> None:
    """No finished page waits: not for a slow neighbour, not for the processor."""
    slow = "/docs/tutorials/rain-barrel.html"  # none of the pages that its site's profile is learned from
    stack.site.hold(slow)
    seen: set[str] = set()

    def has_both(event: dict[str, Any]) -> bool:
        seen.update({event["type"], f"{event['type']} {event.get('url')}"})
        return {"batch_processed", f"url_started {stack.site.url(slow)}"} <= seen

    try:
        _, events = await read_stream(
            stack, "POST", "/v1/jobs", json={"url": stack.site.url(), "library": "slow"}, until=has_both
        )
    finally:
        stack.site.release(slow)
    crawled = [event["url"] for event in events if event["type"] == "url_crawled"]
    started = [event["url"] for event in events if event["type"] == "url_started"]

    assert len(crawled) > 5
    assert stack.site.url(slow) in started
    assert stack.site.url(slow) not in crawled
    job_id = events[0]["job_id"]
    _, rest = await read_stream(stack, "GET", f"/v1/jobs/{job_id}/stream?after={events[-1]['seq']}")
    assert rest[-1]["type"] == "job_completed"
    assert stack.site.url(slow) in [event["url"] for event in rest if event["type"] == "url_crawled"]


async def test_two_crawler_processes_serve_one_job_in_turns(stack: Stack) -> None:
    """The crawler holds nothing between calls: whoever answers, the result is the same."""
    before = len(stack.home.timeline)
    _, first = await read_stream(stack, "POST", "/v1/jobs", json={"url": stack.site.url(), "library": "turns"})
    served = {record.pid for record in stack.home.timeline[before:] if record.function == CRAWLER}
    _, second = await read_stream(stack, "POST", "/v1/jobs", json={"url": stack.site.url(), "library": "turns"})

    assert len(served) >= 2
    assert first[-1]["counts"] == second[-1]["counts"]
    published = next(event for event in second if event["type"] == "library_published")
    assert (published["added"], published["changed"], published["removed"]) == (0, 0, 0)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_curl_and_httpx_read_the_same_bytes(stack: Stack) -> None:
    """The log is one; how it is read makes no difference."""
    _, events = await read_stream(stack, "POST", "/v1/jobs", json={"url": stack.site.url(), "library": "curl"})
    path = f"/v1/jobs/{events[0]['job_id']}/stream"
    by_httpx, _ = await read_stream(stack, "GET", path)
    curl = await asyncio.create_subprocess_exec(
        "curl", "-sN", "-H", f"Authorization: Bearer {SECRET}", stack.home.url + path, stdout=asyncio.subprocess.PIPE
    )
    by_curl, _ = await curl.communicate()

    assert durable(by_curl) == durable(by_httpx)
    assert len(durable(by_curl)) == len(events)


async def test_every_url_stands_in_the_table_before_it_is_fetched_and_a_new_driver_goes_on_from_it(
    stack: Stack,
) -> None:
    """The queue is durable: the driver's process is killed, and a fresh one rebuilds the frontier."""
    held = "/docs/guide/light.html"
    stack.site.hold(held)
    body = {"url": stack.site.url(), "library": "killed"}
    _, events = await read_stream(
        stack, "POST", "/v1/jobs", json=body, until=lambda event: event["type"] == "sent_to_processing"
    )
    job_id = events[0]["job_id"]
    queued = {item.url for item in await stack.stores.queue.urls(TENANT, job_id)}
    fetched = {stack.site.base + path for path in stack.site.paths() if path.startswith("/docs/")}
    stack.home.service.kill(ORCHESTRATOR, signal.SIGKILL)
    while (await stack.client.get("/readyz")).status_code != 200:  # until Lambda has noticed the death
        pass
    stack.site.release(held)
    rest: list[dict[str, Any]] = []
    while not rest or rest[-1]["type"] != "job_completed":  # a follower's window may end first
        place = (events + rest)[-1]["seq"]
        _, more = await read_stream(stack, "GET", f"/v1/jobs/{job_id}/stream?after={place}")
        rest += more

    assert {event["url"] for event in events if event["type"] == "url_started"} <= queued
    assert fetched
    assert [event["type"] for event in events + rest].count("handover") == 1
    assert [event["seq"] for event in events + rest] == list(range(1, len(events + rest) + 1))
    assert rest[-1]["type"] == "job_completed"
    assert rest[-1]["pages"] == rest[-1]["counts"]["fetched"] > 40


async def test_a_scheduled_crawl_runs_to_its_end_without_a_client_and_starts_once(stack: Stack) -> None:
    """The scheduler's execution id is the idempotency key: it may send an event twice."""
    event = {
        "type": "crawl", "tenant": TENANT, "execution_id": "run-1", "url": stack.site.url(), "library": "scheduled",
    }  # fmt: skip
    for _ in range(2):
        await asyncio.to_thread(
            stack.home.functions.invoke,
            FunctionName=ORCHESTRATOR,
            InvocationType="Event",
            Payload=json.dumps(event).encode(),
        )
    answer = await stack.client.get("/v1/jobs?library=scheduled")
    while not answer.json()["items"]:
        answer = await stack.client.get("/v1/jobs?library=scheduled")
    [job] = answer.json()["items"]
    _, events = await read_stream(stack, "GET", f"/v1/jobs/{job['job_id']}/stream")
    answer = await stack.client.get("/v1/jobs?library=scheduled")

    assert events[-1]["type"] == "job_completed"
    assert [item["job_id"] for item in answer.json()["items"]] == [job["job_id"]]


async def test_a_wrong_token_gets_401_and_not_one_event(stack: Stack) -> None:
    """Nobody watches another's crawl."""
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        async with httpx.AsyncClient(base_url=stack.home.url, headers=headers, timeout=60) as stranger:
            answer = await stranger.post(
                "/v1/jobs", json={"url": stack.site.url()}, headers={"Accept": "text/event-stream"}
            )

        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "unauthorized"
        assert b"event:" not in answer.content


async def test_nobody_posts_events_through_the_public_url(stack: Stack) -> None:
    """The adapter's pass-through route is an ordinary route: only what the adapter itself passes may use it."""
    answer = await stack.client.post("/events", json={"type": "sweep"}, headers={"x-amzn-request-context": "null"})

    assert answer.status_code == 404


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_a_job_longer_than_three_deadlines_is_one_log_without_a_gap(stack: Stack) -> None:
    """A job of hours on functions of minutes: each driver hands over before its end, and the reader misses nothing."""
    stack.home.service.set_timeout(ORCHESTRATOR, 18)
    stack.site.delay(EVERY, 1.0)
    body = {"url": stack.site.url(), "library": "lives", "concurrency": 2}
    events: list[dict[str, Any]] = []
    connections: list[str] = []
    try:
        while not events or events[-1]["type"] != "job_completed":
            place = f"/v1/jobs/{events[0]['job_id']}/stream?after={events[-1]['seq']}" if events else "/v1/jobs"
            before = len(events)
            with suppress(httpx.HTTPError):
                request: dict[str, Any] = {} if events else {"json": body}
                await read_stream(stack, "GET" if events else "POST", place, events=events, **request)
            connections.append(f"{before + 1}-{events[-1]['seq']}")
    finally:
        stack.home.service.set_timeout(ORCHESTRATOR, 900)
        stack.site.delay(EVERY, 0.0)
    handovers = [event["reason"] for event in events if event["type"] == "handover"]
    print(f"ids by connection: {', '.join(connections)}; hand-overs: {handovers}")  # noqa: T201 - what `make soak` shows

    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert len(handovers) >= 3
    assert set(handovers) == {"deadline"}, "no driver was cut off by its deadline"
    assert len(connections) > 3
    assert events[-1]["counts"]["fetched"] > 40
    assert [event["type"] for event in events].count("job_started") == 1
