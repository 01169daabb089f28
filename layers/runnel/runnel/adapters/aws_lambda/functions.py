"""The crawler, the processor and another orchestrator, as Lambda functions."""

from collections.abc import Callable

from pydantic import ValidationError

from runnel.adapters.aws_lambda.client import Function
from runnel.domain.payloads import MAX_TARGETS, CrawlRequest, CrawlResponse, ProcessRequest, ResumeEvent
from runnel.errors import CallFailed
from runnel.ports.crawler import Turn

#: An asynchronous payload may have 1 MB; some room is left for the envelope.
MAX_EVENT_BYTES = 1_000_000


class LambdaCrawler:
    """`Crawler` by synchronous calls."""

    def __init__(self, function: Function, *, max_targets: int = MAX_TARGETS) -> None:
        self.max_targets = max_targets
        self._function = function

    async def crawl(self, request: CrawlRequest, *, turn: Turn | None = None) -> CrawlResponse:  # noqa: ARG002
        answer = await self._function.call(request.model_dump_json())
        try:
            return CrawlResponse.model_validate_json(answer)
        except ValidationError as unreadable:
            raise CallFailed("The crawler's answer cannot be read.") from unreadable


class LambdaProcessor:
    """`Processor` by asynchronous calls."""

    def __init__(self, function: Function) -> None:
        self._function = function

    async def submit(self, request: ProcessRequest, *, failed: Callable[[str], None] | None = None) -> None:  # noqa: ARG002
        """Send the pages in one call, or in halves when they are too many for one; each half is a part of its own.

        Nobody hears of a function that fails later: its pages are overdue.
        """
        payload = request.model_dump_json()
        if len(payload.encode()) <= MAX_EVENT_BYTES:
            await self._function.send(payload)
        elif len(request.pages) > 1:
            for half in _halve(request):
                await self.submit(half)
        else:
            raise CallFailed("A page's request is too large for the processor.")


class LambdaOrchestrators:
    """`Orchestrators` by an asynchronous call of the function that we run in."""

    def __init__(self, function: Function) -> None:
        self._function = function

    async def start(self, tenant: str, job_id: str, *, hop: int = 0) -> None:
        event = ResumeEvent(type="resume", tenant=tenant, job_id=job_id, hop=hop)
        await self._function.send(event.model_dump_json())


def _halve(request: ProcessRequest) -> tuple[ProcessRequest, ProcessRequest]:
    middle = len(request.pages) // 2
    return (
        request.model_copy(update={"part": f"{request.part}.0", "pages": request.pages[:middle]}),
        request.model_copy(update={"part": f"{request.part}.1", "pages": request.pages[middle:]}),
    )
