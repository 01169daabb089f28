"""Calls of functions against a real endpoint that speaks Lambda's Invoke, with what may go wrong on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import botocore.exceptions
import pytest
from aiohttp import web
from botocore.exceptions import ClientError

from runnel.adapters.aws_lambda.client import Function, make_client
from runnel.adapters.aws_lambda.failures import translate
from runnel.adapters.aws_lambda.functions import (
    MAX_EVENT_BYTES,
    LambdaCrawler,
    LambdaOrchestrators,
    LambdaProcessor,
)
from runnel.domain.payloads import CrawlRequest, CrawlTarget, ProcessPage, ProcessRequest
from runnel.domain.verdicts import RawRef
from runnel.errors import CallFailed
from tests.support.dynamodb_stores import make_stores
from tests.support.flushes import make_job, take_lease
from tests.support.moto_server import client_arguments

Reply = Callable[["Endpoint", web.Request], Awaitable[web.Response]]

CRAWL = CrawlRequest(
    tenant="main", job_id="j1", targets=(CrawlTarget(url="https://a.test/"),), raw_name="1-1", user_agent="Runnel"
)
ANSWER = {"version": 1, "results": [{"url": "https://a.test/", "outcome": "not_started"}], "puts": 0}


@dataclass
class Endpoint:
    """Lambda's endpoint: what it was asked, and what it replies, the last reply again and again."""

    replies: list[Reply]
    asked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    function: Function = field(init=False)

    async def invoke(self, request: web.Request) -> web.Response:
        kind = request.headers["X-Amz-Invocation-Type"]
        self.asked.append((request.match_info["name"], kind, json.loads(await request.read())))
        return await self.replies[min(len(self.asked), len(self.replies)) - 1](self, request)


@asynccontextmanager
async def serving(*replies: Reply, timeout_s: float = 60, calls: int = 4) -> AsyncIterator[Endpoint]:
    endpoint = Endpoint(list(replies))
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.router.add_post("/2015-03-31/functions/{name}/invocations", endpoint.invoke)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    arguments = client_arguments(f"http://127.0.0.1:{runner.addresses[0][1]}")
    client = make_client(function_timeout_s=timeout_s, calls=calls, answer_margin_s=0, **arguments)
    endpoint.function = Function(client, "crawler", calls=calls)
    try:
        yield endpoint
    finally:
        endpoint.closing.set()
        endpoint.function.close()
        client.close()
        await runner.cleanup()


async def answer(_endpoint: Endpoint, _request: web.Request) -> web.Response:
    return web.json_response(ANSWER)


async def accept(_endpoint: Endpoint, _request: web.Request) -> web.Response:
    return web.Response(status=202)


async def drop(_endpoint: Endpoint, request: web.Request) -> web.Response:
    if request.transport:
        request.transport.abort()
    return web.Response()


async def hang(endpoint: Endpoint, _request: web.Request) -> web.Response:
    await endpoint.closing.wait()
    return web.Response()


def refuse(status: int, kind: str, message: str = "no") -> Reply:
    async def reply(_endpoint: Endpoint, _request: web.Request) -> web.Response:
        return web.json_response({"Message": message}, status=status, headers={"x-amzn-ErrorType": kind})

    return reply


def fail(payload: str) -> Reply:
    async def reply(_endpoint: Endpoint, _request: web.Request) -> web.Response:
        return web.Response(text=payload, headers={"X-Amz-Function-Error": "Unhandled"})

    return reply


# ---------------------------------------------------------------- calls


async def test_the_crawler_is_called_and_its_answer_read() -> None:
    """The payload is the versioned model, whole: the other side refuses what it does not know."""
    async with serving(answer) as endpoint:
        response = await LambdaCrawler(endpoint.function, max_targets=3).crawl(CRAWL)

    assert response.results[0].outcome == "not_started"
    assert endpoint.asked == [("crawler", "RequestResponse", json.loads(CRAWL.model_dump_json()))]
    assert endpoint.asked[0][2]["version"] == 1


async def test_a_throttled_call_is_told_apart_and_not_repeated() -> None:
    """It is no attempt, and the driver halves its calls: repeating here would do the opposite."""
    async with serving(refuse(429, "TooManyRequestsException", "Rate Exceeded.")) as endpoint:
        with pytest.raises(CallFailed) as failed:
            await LambdaCrawler(endpoint.function).crawl(CRAWL)

    assert (failed.value.throttled, len(endpoint.asked)) == (True, 1)


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        ('{"errorMessage":"2030 Task timed out after 60.00 seconds"}', "crawler did not finish in time."),
        ('{"errorType":"Sandbox.Timedout","errorMessage":"x"}', "crawler did not finish in time."),
        (
            '{"errorType":"Runtime.ExitError","errorMessage":"RequestId: 1\\n Error: killed","stackTrace":["a"]}',
            "crawler failed: Runtime.ExitError: RequestId: 1 Error: killed",
        ),
        ("Internal", "crawler failed without a readable reason."),
    ],
)
async def test_a_failed_function_says_why_in_one_sentence(payload: str, sentence: str) -> None:
    """This sentence ends in a page's verdict: no stack, no second line."""
    async with serving(fail(payload)) as endpoint:
        with pytest.raises(CallFailed) as failed:
            await LambdaCrawler(endpoint.function).crawl(CRAWL)

    assert (failed.value.message, failed.value.throttled) == (sentence, False)


async def test_a_function_that_could_not_reach_its_store_is_no_attempt_of_its_pages() -> None:
    """S3 was away for a moment: that says nothing of the page, which waits until it can be kept."""
    async with serving(fail('{"errorType":"StoreUnavailable","errorMessage":"S3 does not answer."}')) as endpoint:
        with pytest.raises(CallFailed, match="S3 does not answer") as failed:
            await LambdaCrawler(endpoint.function).crawl(CRAWL)

    assert failed.value.throttled


async def test_an_error_of_the_service_is_repeated_once() -> None:
    """The function did not run; one more try is cheaper than an attempt of the page."""
    async with serving(refuse(500, "ServiceException"), answer) as endpoint:
        await LambdaCrawler(endpoint.function).crawl(CRAWL)
        first = len(endpoint.asked)

    async with serving(refuse(500, "ServiceException")) as endpoint:
        with pytest.raises(CallFailed):
            await LambdaCrawler(endpoint.function).crawl(CRAWL)

    assert (first, len(endpoint.asked)) == (2, 2)


async def test_a_lost_answer_is_not_repeated() -> None:
    """The function may have run to its end: calling it again would fetch every page twice."""
    async with serving(drop, answer) as endpoint:
        with pytest.raises(CallFailed, match="was lost"):
            await LambdaCrawler(endpoint.function).crawl(CRAWL)

    assert len(endpoint.asked) == 1


async def test_a_function_that_hangs_is_given_up_once() -> None:
    """botocore's own defaults would call a long function twice."""
    async with serving(hang, answer, timeout_s=0.2) as endpoint:
        with pytest.raises(CallFailed, match="did not answer in time"):
            await LambdaCrawler(endpoint.function).crawl(CRAWL)

    assert len(endpoint.asked) == 1


async def test_a_missing_function_is_a_failed_call() -> None:
    """The port promises `CallFailed` and nothing else."""
    async with serving(refuse(404, "ResourceNotFoundException", "Function not found")) as endpoint:
        with pytest.raises(CallFailed, match="Function not found"):
            await LambdaCrawler(endpoint.function).crawl(CRAWL)


async def test_an_unreadable_answer_is_a_failed_call() -> None:
    """A function of another version must not crash the driver."""

    async def nonsense(_endpoint: Endpoint, _request: web.Request) -> web.Response:
        return web.json_response({"version": 2})

    async with serving(nonsense) as endpoint:
        with pytest.raises(CallFailed, match="cannot be read"):
            await LambdaCrawler(endpoint.function).crawl(CRAWL)


async def test_nobody_listening_is_a_failed_call() -> None:
    """After one more try."""
    async with serving(answer) as endpoint:
        pass
    arguments = client_arguments("http://127.0.0.1:9")
    client = make_client(function_timeout_s=1, calls=1, **arguments)
    function = Function(client, "crawler", calls=1)

    with pytest.raises(CallFailed, match="cannot be reached"):
        await LambdaCrawler(function).crawl(CRAWL)

    function.close()
    client.close()
    assert endpoint.asked == []


async def test_as_many_calls_run_at_once_as_there_are_threads() -> None:
    """The pool is sized by concurrency: a smaller one would make fast hosts wait for slow ones."""
    together = asyncio.Event()

    async def meet(endpoint: Endpoint, _request: web.Request) -> web.Response:
        if len(endpoint.asked) == 3:
            together.set()
        await together.wait()
        return web.json_response(ANSWER)

    async with serving(meet, calls=3) as endpoint:
        crawler = LambdaCrawler(endpoint.function)
        await asyncio.gather(*(crawler.crawl(CRAWL) for _ in range(3)))

    assert len(endpoint.asked) == 3


# ---------------------------------------------------------------- events


def make_process_request(pages: int, url_length: int) -> ProcessRequest:
    return ProcessRequest(
        tenant="main",
        job_id="j1",
        library_id="docs",
        batch_id="1-1",
        part="0",
        batch_pages=pages,
        pages=tuple(
            ProcessPage(
                index=index,
                url="https://a.test/" + "x" * url_length,
                final_url="https://a.test/",
                raw=RawRef(key="raw/j1/1-1"),
                content_type="text/html",
                charset=None,
                body_hash="0",
                fetched_at="2030-01-01T00:00:00Z",
            )
            for index in range(pages)
        ),
    )


async def test_the_processor_gets_an_event() -> None:
    """Nobody waits for it."""
    request = make_process_request(2, 10)
    async with serving(accept) as endpoint:
        await LambdaProcessor(endpoint.function).submit(request)

    assert endpoint.asked == [("crawler", "Event", json.loads(request.model_dump_json()))]


async def test_too_many_pages_for_one_event_go_in_several() -> None:
    """Each has a part of its own, so that no result replaces another's; together they cover the batch."""
    request = make_process_request(5, 300_000)
    async with serving(accept) as endpoint:
        await LambdaProcessor(endpoint.function).submit(request)

    payloads = [payload for _, _, payload in endpoint.asked]
    assert [page["index"] for payload in payloads for page in payload["pages"]] == [0, 1, 2, 3, 4]
    assert len({payload["part"] for payload in payloads}) == len(payloads) > 1
    assert {payload["batch_pages"] for payload in payloads} == {5}
    assert max(len(json.dumps(payload)) for payload in payloads) <= MAX_EVENT_BYTES


async def test_a_page_too_large_for_an_event_fails_alone() -> None:
    """It must not be halved for ever."""
    async with serving(accept) as endpoint:
        with pytest.raises(CallFailed, match="too large"):
            await LambdaProcessor(endpoint.function).submit(make_process_request(1, MAX_EVENT_BYTES))

    assert endpoint.asked == []


async def test_another_orchestrator_is_started_by_an_event() -> None:
    """The hop goes along: the cap on hops stops a chain that goes nowhere."""
    async with serving(accept) as endpoint:
        await LambdaOrchestrators(endpoint.function).start("main", "j1", hop=2)

    assert endpoint.asked == [("crawler", "Event", {"type": "resume", "tenant": "main", "job_id": "j1", "hop": 2})]


# ---------------------------------------------------------------- errors


def _foreign_errors(of: type[Exception]) -> list[type[Exception]]:
    return [of, *(error for child in of.__subclasses__() for error in _foreign_errors(child))]


@pytest.mark.parametrize("kind", _foreign_errors(botocore.exceptions.BotoCoreError), ids=lambda kind: kind.__name__)
def test_no_error_of_botocore_is_unmapped(kind: type[Exception]) -> None:
    """A new botocore brings new errors; the port promises one."""
    failure = kind.__new__(kind)

    assert isinstance(translate(failure, "crawler"), CallFailed)


@pytest.mark.parametrize("status", [400, 403, 404, 413, 429, 500, 503])
def test_no_answer_of_lambda_is_unmapped(status: int) -> None:
    """Whatever its code."""
    answered = ClientError({"Error": {"Code": "New"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Invoke")  # type: ignore[typeddict-item]

    ours = translate(answered, "crawler")

    assert isinstance(ours, CallFailed)
    assert ours.throttled == (status == 429)


async def test_renewals_go_on_while_every_invoke_thread_hangs() -> None:
    """boto3 blocks: a crawler that answers nobody must not cost the driver its lease."""
    calls = 4
    async with serving(hang, calls=calls) as endpoint, make_stores() as stores:
        lease = await take_lease(stores.jobs, stores.leases, make_job())
        crawler = LambdaCrawler(endpoint.function)
        waiting = [asyncio.create_task(crawler.crawl(CRAWL)) for _ in range(64)]
        while len(endpoint.asked) < calls:
            await asyncio.wait(waiting, timeout=0.01)
        async with asyncio.timeout(10):
            for _ in range(3):
                lease = await stores.leases.renew(lease)
        hangs = [task for task in waiting if not task.done()]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        job = await stores.jobs.get(lease.tenant, lease.job_id)

    assert len(hangs) == len(waiting)
    assert len(endpoint.asked) == calls
    assert job is not None
    assert job.beat == lease.beat == 4
