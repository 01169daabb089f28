"""The crawler and the processor, as the driver calls them."""

from collections.abc import Callable
from typing import Protocol

from runnel.domain.payloads import CrawlRequest, CrawlResponse, ProcessRequest


class Turn(Protocol):
    """A page's place among the requests to its host."""

    def leave(self) -> None:
        """The site has answered well, and nothing is asked of it for now: somebody else may have the place."""
        ...

    async def come_back(self) -> None:
        """Wait for a place, to ask once more for the same page."""
        ...


class Crawler(Protocol):
    """Fetches URLs; holds no state.

    Promises: raises `CallFailed` (throttled or not) and nothing else; `max_targets` URLs of one host fit into a call.
    A crawler that fetches one URL a call in the driver's own process leaves the *turn* while it reads the page; any
    other never does, and the place is held until the call is over.
    """

    max_targets: int

    async def crawl(self, request: CrawlRequest, *, turn: Turn | None = None) -> CrawlResponse:
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
