"""The crawler and the processor, as the driver calls them."""

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

    Promises: `submit` returns when the request was accepted, not when it is done; raises `CallFailed`.
    """

    async def submit(self, request: ProcessRequest) -> None:
        """Ask for these pages."""
        ...


class Orchestrators(Protocol):
    """Starts a driver for a job elsewhere."""

    async def start(self, tenant: str, job_id: str, *, hop: int = 0) -> None:
        """Ask that somebody drives the job; raises `CallFailed`."""
        ...
