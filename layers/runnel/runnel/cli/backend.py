"""What the commands need of a home: this machine, or a server behind `--remote`; the answers are the same.

Every method gives JSON-able values shaped like the HTTP answers, and raises the errors of `runnel.errors`.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from runnel.settings import Settings, ensure_home

if TYPE_CHECKING:
    from runnel.cli.desk import LibraryDesk

Json = dict[str, Any]
Action = Literal["pause", "resume", "cancel"]

#: The types that end a log (as `domain.events` has them; importing that costs a third of a second).
TERMINAL_TYPES = frozenset({"job_completed", "job_failed", "job_timeout", "job_cancelled"})


#: How the warning begins that says that the output folder lacks pages (as `usecases.run_crawl` has it).
OUTPUT_BEHIND = "The output folder could not be brought up to date"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLine:
    """One event as it came: the stored bytes, and what they say."""

    raw: bytes
    event: Json

    @classmethod
    def read(cls, raw: bytes) -> "EventLine":
        """Decode a line."""
        return cls(raw=raw, event=json.loads(raw))

    @property
    def seq(self) -> int | None:
        """The place in the log; None for an ephemeral event."""
        seq: int | None = self.event.get("seq")
        return seq

    @property
    def is_last(self) -> bool:
        """Whether this event ends the log."""
        return self.event["type"] in TERMINAL_TYPES


class TokenDesk(Protocol):
    """Where access tokens are made, listed and taken back."""

    async def create(self, body: Mapping[str, Any]) -> Json:
        """Make a token; the answer is the only place that ever holds it."""
        ...

    def listed(self) -> AsyncIterator[Json]:
        """What is known of the tokens: never themselves."""
        ...

    async def revoke(self, sha256: str) -> None:
        """Make a token worthless."""
        ...


class Backend(Protocol):
    """One home of jobs and libraries."""

    @property
    def is_remote(self) -> bool:
        """Whether a server answers, not this process."""
        ...

    async def create_job(self, body: Mapping[str, Any], idempotency_key: str | None = None) -> Json:
        """Create a job from the body of `POST /v1/jobs`; raises `LibraryBusy` naming the job in the way."""
        ...

    async def map_site(self, body: Mapping[str, Any]) -> Json:
        """What a crawl would fetch, from the body of `POST /v1/map`."""
        ...

    async def get_job(self, job_id: str) -> Json:
        """One job; raises `JobNotFound`."""
        ...

    def list_jobs(self, state: str | None, library: str | None, limit: int | None) -> AsyncIterator[Json]:
        """Jobs newest first, at most *limit*, through all pages of the list."""
        ...

    async def control(self, job_id: str, action: Action) -> Json:
        """Pause, resume or cancel; the job afterwards."""
        ...

    async def replay_library(self, library: str, *, diff: bool) -> Json:
        """The job that reads a library's stored responses again; with *diff* it publishes nothing."""
        ...

    async def retry_job(self, job_id: str) -> Json:
        """The job that fetches again what failed in this one, created if there is none."""
        ...

    async def delete_job(self, job_id: str) -> Json:
        """Delete a job that has ended; the job as it was."""
        ...

    def events(self, job_id: str, after: int = 0) -> AsyncGenerator[EventLine, None]:
        """Durable and ephemeral events after *after*, until the terminal event."""
        ...

    def read_events(self, job_id: str, after: int = 0) -> AsyncGenerator[EventLine, None]:
        """The durable events that are there now."""
        ...

    def urls(self, job_id: str, verdict: str | None = None, reason: str | None = None) -> AsyncIterator[Json]:
        """Every URL seen, with its verdict."""
        ...

    async def why(self, url: str, job_id: str | None = None, library: str | None = None) -> Json:
        """What became of a URL in a job, or in the newest that saw it; raises `InputInvalid`, `JobNotFound`."""
        ...

    def libraries(self) -> AsyncIterator[Json]:
        """The libraries by name."""
        ...

    def pages(self, library_id: str) -> AsyncIterator[Json]:
        """The published pages of a library; raises `LibraryNotFound`."""
        ...

    async def page_markdown(self, library_id: str, page_id_or_url: str) -> str:
        """One page's Markdown; raises `PageNotFound`."""
        ...

    def access(self, tenant: str | None) -> TokenDesk:
        """The access tokens of *tenant* (None: the home's own); raises `InputInvalid` where a server answers."""
        ...

    def desk(self) -> "LibraryDesk":
        """Where the libraries are looked after."""
        ...

    async def health(self) -> Json:
        """Version, and the state of the stores."""
        ...


@asynccontextmanager
async def open_backend(settings: Settings) -> AsyncGenerator[Backend, None]:
    """The home that the settings name."""
    if settings.remote is not None:
        from runnel.cli.remote import open_remote

        async with open_remote(settings.remote, settings.token) as remote:
            yield remote
        return
    from runnel.cli.local_backend import open_local

    ensure_home(settings.home)
    async with open_local(settings) as local:
        yield local
