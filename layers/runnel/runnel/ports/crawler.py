"""The crawler and the processor, as the driver calls them."""

from collections.abc import Callable
from typing import Protocol

from runnel.domain.payloads import CrawlRequest, CrawlResponse, ProcessRequest


class Crawler(Protocol):
    """Fetches URLs; holds no state.

    Promises: raises `CallFailed` (throttled or not) and nothing else; `max_targets` URLs of one host fit into a call.
    """

    max_targets: int

    async def crawl(self, request: CrawlRequest) -> CrawlResponse:
        """Fetch; one result per target."""
        ...


class Processor(Protocol):
    """Turns raw responses into pages, some time, perhaps twice, perhaps never: nobody waits for it.

    Promises: `submit` returns when the request was accepted, not when it is done; raises `CallFailed`. A processor of
    the same process calls *failed* with a sentence when it will not be done; one elsewhere never does: its silence is
    all there is.
    """

    async def submit(self, request: ProcessRequest, *, failed: Callable[[str], None] | None = None) -> None:
        """Ask for these pages."""
        ...


class Orchestrators(Protocol):
    """Starts a driver for a job elsewhere."""

    async def start(self, tenant: str, job_id: str, *, hop: int = 0) -> None:
        """Ask that somebody drives the job; raises `CallFailed`."""
        ...
