"""The connection to Lambda: one Invoke, sent at most twice, from threads of its own.

* A function that takes long must not be called again while it runs: botocore repeats nothing, and its read time-out is
  longer than the function's own.
* We repeat once, at once, what did not start: no connection, or an error of the service. Throttling is the driver's
  affair: it halves its calls in flight. A lost answer is not repeated: the function may have run to its end.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import boto3
from botocore.config import Config
from pydantic import BaseModel, ValidationError

from runnel.adapters.aws_lambda.failures import BotoFailure, NotStarted, translate
from runnel.errors import CallFailed, StoreUnavailable

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient


def make_client(
    *, function_timeout_s: float, calls: int, answer_margin_s: float = 10, **arguments: Any
) -> "LambdaClient":
    """Make a client for *calls* calls at once; *arguments* (endpoint, region, credentials) go to boto3.

    An answer may come until *answer_margin_s* after the function's own time-out.
    """
    config = Config(
        connect_timeout=3,
        read_timeout=function_timeout_s + answer_margin_s,
        retries={"total_max_attempts": 1},
        tcp_keepalive=True,
        max_pool_connections=calls,
    )
    return boto3.client("lambda", config=config, **arguments)


class _FunctionError(BaseModel):
    """What a runtime answers when the function failed."""

    errorMessage: str = ""  # noqa: N815 - Lambda's own name
    errorType: str = ""  # noqa: N815 - Lambda's own name


class Function:
    """One function; raises `CallFailed` and nothing else."""

    def __init__(self, client: "LambdaClient", name: str, *, calls: int) -> None:
        """Call *name*, at most *calls* at once: further ones wait for a thread."""
        self._client = client
        self._name = name
        self._threads = ThreadPoolExecutor(calls, thread_name_prefix="invoke")

    def close(self) -> None:
        """End the threads; a call under way is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def call(self, payload: str) -> bytes:
        """Call the function and wait for its answer."""
        answer = await self._invoke("RequestResponse", payload)
        if "FunctionError" in answer:
            raise _failed(self._name, answer["Payload"])
        body: bytes = answer["Payload"]
        return body

    async def send(self, payload: str) -> None:
        """Have the function called, some time."""
        await self._invoke("Event", payload)

    async def _invoke(self, kind: Literal["RequestResponse", "Event"], payload: str) -> dict[str, Any]:
        try:
            return await self._send(kind, payload)
        except NotStarted:
            return await self._send(kind, payload)

    async def _send(self, kind: Literal["RequestResponse", "Event"], payload: str) -> dict[str, Any]:
        request = partial(self._request, kind, payload)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, request)
        except BotoFailure as failure:
            raise translate(failure, self._name) from failure

    def _request(self, kind: Literal["RequestResponse", "Event"], payload: str) -> dict[str, Any]:
        answer: dict[str, Any] = dict(
            self._client.invoke(FunctionName=self._name, InvocationType=kind, Payload=payload.encode())
        )
        answer["Payload"] = answer["Payload"].read()
        return answer


def _failed(name: str, payload: bytes) -> CallFailed:
    """A failed function, whatever its runtime said.

    One that could not reach its store says nothing of its pages: that is no attempt, and fewer calls at once help.
    """
    try:
        error = _FunctionError.model_validate_json(payload)
    except ValidationError:
        return CallFailed(f"{name} failed without a readable reason.")
    return CallFailed(_describe(name, error), throttled=error.errorType == StoreUnavailable.__name__)


def _describe(name: str, error: _FunctionError) -> str:
    """One sentence."""
    if error.errorType == "Sandbox.Timedout" or "Task timed out" in error.errorMessage:
        return f"{name} did not finish in time."
    reason = " ".join(error.errorMessage.split())[:200]
    return f"{name} failed: {error.errorType or 'error'}: {reason}" if reason else f"{name} failed: {error.errorType}."
