"""This machine as the commands see it: the use cases over the local wiring, in this process.

Laws (tests/e2e/test_cli.py):

1. The answers have the shape of the HTTP answers.
2. A job is driven by the process that was asked to, and only while nobody else lives that does.
3. A use case is imported by the command that needs it: looking at jobs loads no event, no page and no network.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from runnel import __version__
from runnel.cli.access import Access
from runnel.cli.backend import Action, EventLine, Json, TokenDesk
from runnel.domain.jobs import Job, JobOptions, JobState
from runnel.errors import InputInvalid, RunnelError
from runnel.local.home import TENANT, Home, open_home
from runnel.settings import Settings
from runnel.usecases.control_job import cancel_job, get_job, pause_job, resume_job
from runnel.web.shapes import (
    job_to_json,
    library_to_json,
    look_to_json,
    map_to_json,
    page_to_json,
    url_to_json,
    why_to_json,
)

if TYPE_CHECKING:
    from runnel.cli.desk import LibraryDesk
    from runnel.local.worker_process import Started
    from runnel.usecases.create_job import NewJob
    from runnel.usecases.follow_job import Role
    from runnel.usecases.run_crawl import Drive

_ACTIONS = {"pause": pause_job, "resume": resume_job, "cancel": cancel_job}
_PAGE = 100
#: Seconds for the pause on a full disk.
_REST_S = 10.0
#: Fields of a body that are no options of the job.
_NOT_OPTIONS = frozenset({"kind", "url", "urls", "library", "start", "output"})


@asynccontextmanager
async def open_local(
    settings: Settings, *, readers: "list[Started] | None" = None
) -> AsyncGenerator["LocalBackend", None]:
    """Open the stores under RUNNEL_HOME; *readers* are processes that were started early."""
    async with open_home(settings, readers=readers) as home:
        yield LocalBackend(home)


class LocalBackend:
    """The `Backend` over the use cases, and what only a process on this machine can do: drive a job."""

    is_remote = False

    def __init__(self, home: Home, *, tenant: str = TENANT) -> None:
        """Speak for *tenant*."""
        self._services = home.services
        self._home = home
        self._drivers = home.drivers
        self._tenant = tenant

    async def create_job(self, body: Mapping[str, Any], idempotency_key: str | None = None) -> Json:
        """Create a job; `output`, which HTTP does not know, is the folder for its Markdown."""
        from runnel.usecases.create_job import create_job
        from runnel.usecases.private_leave import note_leave

        job = await create_job(self._services, self._new_job(body, idempotency_key), invoke=False)
        note_leave(self._services, job)
        return _plain(job_to_json(job))

    async def map_site(self, body: Mapping[str, Any]) -> Json:
        """Map a site by a job that this process drives."""
        from runnel.usecases.create_job import create_job
        from runnel.usecases.map_site import map_job, read_map

        new = self._new_job({name: value for name, value in body.items() if name != "pages"}, None)
        job = await create_job(self._services, map_job(new, pages=body["pages"]), invoke=False)
        await asyncio.wait({self.drive(job.job_id)})
        return map_to_json(await read_map(self._services, self._tenant, job.job_id, limit=new.options.limit))

    async def get_job(self, job_id: str) -> Json:
        """One job, and how far its log goes."""
        from runnel.usecases.look_at_job import look_at_job

        return _plain(look_to_json(await look_at_job(self._services, await self._job(job_id))))

    async def list_jobs(self, state: str | None, library: str | None, limit: int | None) -> AsyncIterator[Json]:
        """Jobs newest first."""
        states, cursor, left = _states(state), None, limit if limit is not None else 1 << 30
        while left > 0:
            jobs, cursor = await self._services.jobs.list_jobs(
                self._tenant, states=states, library_id=library, cursor=cursor, limit=min(left, _PAGE)
            )
            for job in jobs:
                yield _plain(job_to_json(job))
            left -= len(jobs)
            if cursor is None:
                return

    async def control(self, job_id: str, action: Action) -> Json:
        """Pause, resume or cancel."""
        return _plain(job_to_json(await _ACTIONS[action](self._services, self._tenant, job_id)))

    async def replay_library(self, library: str, *, diff: bool) -> Json:
        """The job that reads a library's stored responses again; nobody drives it yet."""
        from runnel.usecases.replay_library import replay_library

        job = await replay_library(self._services, self._tenant, library, diff=diff, invoke=False)
        return await self.get_job(job.job_id)

    async def retry_job(self, job_id: str) -> Json:
        """The job that retries this one; nobody drives it yet."""
        from runnel.usecases.retry_job import retry_job

        return await self.get_job((await retry_job(self._services, self._tenant, job_id, invoke=False)).job_id)

    async def delete_job(self, job_id: str) -> Json:
        """Delete a job that has ended, and what belongs to it: here nobody else may come to do that."""
        from runnel.usecases.delete_jobs import delete_job, finish_deletions

        job = await delete_job(self._services, self._tenant, job_id)
        await finish_deletions(self._services)
        return _plain(job_to_json(job))

    async def events(self, job_id: str, after: int = 0) -> AsyncGenerator[EventLine, None]:
        """Follow the log to its terminal event."""
        from runnel.usecases.follow_job import follow_job

        role: Role = "driver" if self._drivers.is_driving(job_id) else "follower"
        job = await self._job(job_id)
        async with aclosing(follow_job(self._services, job, after=after, role=role)) as shown:
            async for item in shown:
                if item.line is not None:
                    yield EventLine.read(item.line)

    async def read_events(self, job_id: str, after: int = 0) -> AsyncGenerator[EventLine, None]:
        """The events that are there now."""
        await self._job(job_id)
        while segments := await self._services.log.read(self._tenant, job_id, after=after, limit=_PAGE):
            for segment in segments:
                for raw in segment.after(after):
                    yield EventLine.read(raw)
                after = max(after, segment.last)

    async def urls(self, job_id: str, verdict: str | None = None, reason: str | None = None) -> AsyncIterator[Json]:
        """Every URL seen, with its verdict."""
        from runnel.usecases.list_urls import list_urls

        for record in await list_urls(self._services, await self._job(job_id)):
            if verdict in (None, record.verdict) and reason in (None, record.reason):
                yield url_to_json(record)

    async def why(self, url: str, job_id: str | None = None, library: str | None = None) -> Json:
        """What became of a URL."""
        from runnel.usecases.why_url import why_in_job, why_url

        if job_id is not None:
            return why_to_json(await why_in_job(self._services, await self._job(job_id), url))
        return why_to_json(await why_url(self._services, self._tenant, url, library_id=library))

    async def libraries(self) -> AsyncIterator[Json]:
        """The libraries by name."""
        for library in await self._services.libraries.list_libraries(self._tenant):
            yield library_to_json(library)

    async def pages(self, library_id: str) -> AsyncIterator[Json]:
        """The published pages of a library."""
        from runnel.usecases.read_library import list_pages

        for page in await list_pages(self._services, self._tenant, library_id):
            yield page_to_json(page)

    async def page_markdown(self, library_id: str, page_id_or_url: str) -> str:
        """One page's Markdown."""
        from runnel.usecases.read_library import get_markdown, get_page

        page = await get_page(self._services, self._tenant, library_id, page_id_or_url)
        return await get_markdown(self._services, self._tenant, page)

    def access(self, tenant: str | None) -> TokenDesk:
        """The access tokens of this machine's server."""
        services = self._services
        return Access(tokens=services.tokens, clock=services.clock, ids=services.ids, tenant=tenant or self._tenant)

    def desk(self) -> "LibraryDesk":
        """The libraries of this machine."""
        from runnel.cli.local_desk import LocalDesk

        return LocalDesk(self._services, self._tenant)

    async def health(self) -> Json:
        """Whether the stores answer."""
        await self._services.jobs.active()
        return {"version": __version__, "stores": {"state": "ok"}}

    # --- driving ----------------------------------------------------------------------------------------------------

    async def find_unfinished(self, body: Mapping[str, Any], job_id: str) -> Json | None:
        """The job that is in the way, if the command that *body* stands for would go on with it."""
        from runnel.usecases.create_job import parse_start_url

        job = await self._services.jobs.get(self._tenant, job_id)
        if job is None or job.is_over:
            return None
        wanted = {parse_start_url(url) for url in body.get("urls", ())}
        return _plain(job_to_json(job)) if wanted <= {source.url for source in job.sources} else None

    def is_driven(self, job_id: str) -> bool:
        """Whether another living process drives the job: its lock dies with it."""
        if not self._services.locks.acquire(job_id):
            return True
        self._services.locks.release(job_id)
        return False

    def drive(self, job_id: str) -> "asyncio.Task[Drive]":
        """Drive the job in this process."""
        return self._drivers.drive(self._tenant, job_id)

    async def hand_on(self) -> None:
        """Give every job of this process back, for somebody else to take up."""
        await self._home.leave()

    @property
    def full(self) -> asyncio.Event:
        """Set when there is no room left to write below RUNNEL_HOME."""
        return self._home.full

    async def put_to_rest(self, job_id: str) -> None:
        """Pause a job that the full disk has stopped, in the room kept for that; if it fails, the job is as killed."""
        await self._drivers.close()
        self._home.reserve.free()
        with suppress(RunnelError, TimeoutError):
            async with asyncio.timeout(_REST_S):
                await self.control(job_id, "pause")
                await self.drive(job_id)

    # --- what the commands share --------------------------------------------------------------------------------------

    def _new_job(self, body: Mapping[str, Any], idempotency_key: str | None) -> "NewJob":
        from runnel.usecases.create_job import NewJob

        rest = {name: value for name, value in body.items() if name not in _NOT_OPTIONS}
        try:
            options = JobOptions.model_validate(rest)
        except ValidationError as error:
            raise InputInvalid(_first_problem(error)) from error
        return NewJob(
            tenant=self._tenant,
            urls=tuple(body.get("urls", ())),
            library=body.get("library"),
            options=options,
            idempotency_key=idempotency_key,
            output=body.get("output"),
        )

    async def _job(self, job_id: str) -> Job:
        return await get_job(self._services, self._tenant, job_id)


def _states(state: str | None) -> frozenset[JobState]:
    try:
        return frozenset({JobState(state)}) if state else frozenset()
    except ValueError as error:
        raise InputInvalid(f"There is no state '{state}'; there are {', '.join(JobState)}.") from error


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}."


def _plain(shape: Json) -> Json:
    """Enumerations as their text."""
    return {name: str(value) if isinstance(value, str) else value for name, value in shape.items()}
