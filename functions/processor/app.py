"""The processor function: stored responses of a batch in, Markdown pages and one result object out.

* Safe to run twice, late or half: what it writes is named by its content or by the part of the batch.
* Nothing is made at import; what is made at the first invocation serves every later one of the process.
"""

from __future__ import annotations

import asyncio
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from runnel.domain.payloads import ProcessRequest, ProcessResult
from runnel.wiring.aws import make_processor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aws_lambda_powertools.utilities.typing import LambdaContext

# Imported while Lambda initialises the process and lends it a whole processor; an invocation may have less.
for _package in ("botocore.session", "turbohtml"):
    import_module(_package)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Process the pages of the request; a request that is not ours raises and goes to the failure queue."""
    request = ProcessRequest.model_validate(event)
    _logger().append_keys(correlation_id=request.job_id, request_id=context.aws_request_id)
    result = _loop().run(_process_once(request))
    pages = len(result.outcomes) if result else 0
    _logger().info(
        "pages_processed" if result else "job_wants_no_more", extra={"batch_id": request.batch_id, "pages": pages}
    )
    # The outcomes lie in the bucket; here they could outgrow what a function may answer.
    return {"version": 1, "batch_id": request.batch_id, "part": request.part, "pages": pages}


async def _process_once(request: ProcessRequest) -> ProcessResult | None:
    """Process inside the loop, because the first call makes clients that belong to it."""
    return await _processor()(request)


@cache
def _processor() -> Callable[[ProcessRequest], Awaitable[ProcessResult | None]]:
    return make_processor()


@cache
def _loop() -> asyncio.Runner:
    return asyncio.Runner()


@cache
def _logger() -> Logger:
    return Logger()
