"""The connection to S3, and requests to one bucket from asyncio.

* botocore blocks, so requests run in threads of their own. boto3 would only wrap it, and cost a cold start its import.
* Every request may be repeated: objects are written whole, and the same key gets the same bytes.
* An answer that breaks off is none, though botocore takes what came of it for the whole: an object of no bytes, a
  listing of no keys. (That an object's own bytes are all there it does check.)
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config
from botocore.exceptions import ResponseStreamingError
from botocore.session import get_session

from runnel.adapters.s3.failures import BotoFailure, translate
from runnel.adapters.s3.usage import Usage
from runnel.errors import StoreUnavailable
from runnel.ports.clock import Clock
from runnel.ports.ids import Ids

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_THREADS = 16
#: The content store and the raw store share a client, and each has threads of its own.
_CONNECTIONS = 2 * _THREADS
#: Sends of one request, the first included.
ATTEMPTS = 4
_BACKOFF_FIRST_S = 0.1
CONFIG = Config(
    connect_timeout=3,
    read_timeout=20,
    retries={"total_max_attempts": 1},
    tcp_keepalive=True,
    max_pool_connections=_CONNECTIONS,
    s3={"addressing_style": "auto"},
)

#: The status of an answer that has no body, and does not say so.
NO_CONTENT = 204


def make_client(*, path_style: bool = False, **arguments: Any) -> "S3Client":
    """Make a client; *arguments* (endpoint, region, credentials) go to botocore, whose environment is the default.

    *path_style* is for endpoints that are not Amazon's, where a bucket has no host name of its own.
    """
    config = CONFIG.merge(Config(s3={"addressing_style": "path"})) if path_style else CONFIG
    client = get_session().create_client("s3", config=config, **arguments)
    client.meta.events.register("before-parse.s3", _refuse_broken_off)
    return cast("S3Client", client)


def _refuse_broken_off(operation_model: Any, response_dict: Mapping[str, Any], **_: Any) -> None:
    """Raise as for a lost connection: what may have a body says how long it is, or that it comes in chunks."""
    body, headers = response_dict["body"], response_dict["headers"]
    if operation_model.http["method"] == "HEAD" or response_dict["status_code"] == NO_CONTENT:
        return
    if "transfer-encoding" in headers:
        return
    said = headers.get("content-length")
    if said is None or (isinstance(body, bytes) and str(len(body)) != said):
        raise ResponseStreamingError(error="the answer breaks off")


class Bucket:
    """Requests to one bucket; raises `StoreUnavailable`, `ConfigInvalid`, and `Absent` or `Exists` where they apply."""

    def __init__(
        self, client: "S3Client", name: str, *, clock: Clock, ids: Ids, usage: Usage | None = None,
        attempts: int = ATTEMPTS,
    ) -> None:  # fmt: skip
        self.usage = usage or Usage()
        self._attempts = attempts
        self._client = client
        self._name = name
        self._clock = clock
        self._ids = ids
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="s3")

    def close(self) -> None:
        """End the threads; a request under way is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Send one request, and again with full-jitter backoff while S3 does not answer; a body is read whole."""
        for attempt in range(self._attempts - 1):
            try:
                return await self._send(operation, arguments)
            except StoreUnavailable:
                pause_s = _BACKOFF_FIRST_S * 2**attempt * self._ids.jitter()
                await self._clock.sleep(timedelta(seconds=pause_s))
        return await self._send(operation, arguments)

    async def _send(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.usage.count(operation)
        request = partial(self._request, operation, arguments)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, request)
        except BotoFailure as failure:
            raise translate(failure, operation) from failure

    def _request(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self._client, operation)(Bucket=self._name, **arguments)
        if "Body" in answer:
            answer["Body"] = answer["Body"].read()
        return answer
