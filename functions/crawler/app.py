"""The crawler function: a few URLs of one host in, one result for each out, raw bodies to the bucket.

* It knows no job: the payload says all, and its role can do nothing but put raw objects.
* Nothing is made at import; what is made at the first invocation serves every later one of the process.
* One event loop a process, so that connections to a site and to the bucket outlive an invocation.
"""

from __future__ import annotations

import asyncio
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from runnel.domain.payloads import CrawlRequest, CrawlResponse
from runnel.wiring.aws import make_crawler

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aws_lambda_powertools.utilities.typing import LambdaContext

# Imported while Lambda initialises the process and lends it a whole processor; an invocation has a third of one.
for _package in ("botocore.session", "httptools", "ssl", "turbohtml"):
    import_module(_package)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Fetch what the request names; a request that is not ours raises and counts as a failed invocation."""
    request = CrawlRequest.model_validate(event)
    _logger().append_keys(correlation_id=request.job_id, request_id=context.aws_request_id)
    response = _loop().run(_crawl_once(request))
    _logger().info("pages_crawled", extra={"targets": len(request.targets), "puts": response.puts})
    return response.model_dump(mode="json")


async def _crawl_once(request: CrawlRequest) -> CrawlResponse:
    """Crawl inside the loop, because the first call makes clients that belong to it."""
    return await _crawler()(request)


@cache
def _crawler() -> Callable[[CrawlRequest], Awaitable[CrawlResponse]]:
    return make_crawler()


@cache
def _loop() -> asyncio.Runner:
    return asyncio.Runner()


@cache
def _logger() -> Logger:
    return Logger()
