"""A Runnel server behind its HTTP interface, as the commands see it.

Laws (tests/unit/cli/test_remote.py):

1. A stream that breaks is taken up again after the last event that was seen: no gap, no double.
2. An answer that is a problem becomes the error that it would be on this machine, by its `code`.
3. The token goes to the server that was named, and through no redirect.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import httpx

from runnel import errors
from runnel.cli.backend import Action, EventLine, Json, TokenDesk
from runnel.cli.sse import SseParser

if TYPE_CHECKING:
    from runnel.cli.desk import LibraryDesk

_CONNECT_S: Final = 10.0
_ANSWER_S: Final = 60.0
#: A map takes a minute, and what comes around it.
_MAP_S: Final = 120.0
#: A stream that is silent for so long is broken: a heartbeat comes every ten seconds.
_SILENCE_S: Final = 35.0
#: Waits between the tries of a stream that brings nothing; then we give up. The job does not.
_PAUSES_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
_LOOPBACK: Final = ("http://127.", "http://localhost", "http://[::1]")

_NO_TOKENS: Final = (
    "A server gives no access to its tokens over HTTP; for a deployed stack: runnel token create --table TABLE,"
    " for a server on this machine: without --remote."
)

Wait = Callable[[float], Awaitable[None]]


async def wait_s(seconds: float) -> None:
    """Let *seconds* pass."""
    try:
        await asyncio.wait_for(asyncio.Event().wait(), seconds)
    except TimeoutError:
        return


@asynccontextmanager
async def open_remote(base_url: str, token: str | None) -> AsyncGenerator["RemoteBackend", None]:
    """Speak to the server at *base_url*."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    timeout = httpx.Timeout(_ANSWER_S, connect=_CONNECT_S)
    # A proxy of the environment is for the world outside, never for this machine.
    trust = not base_url.startswith(_LOOPBACK)
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=timeout, trust_env=trust) as client:
        yield RemoteBackend(client)


class RemoteBackend:
    """The `Backend` over HTTP."""

    is_remote = True

    def __init__(self, client: httpx.AsyncClient, *, wait: Wait = wait_s) -> None:
        """Use *client*, whose base URL is the server's; *wait* is how a pause between two tries passes."""
        self._client = client
        self._wait = wait

    async def create_job(self, body: Mapping[str, Any], idempotency_key: str | None = None) -> Json:
        """Create the job, and read it."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        created = await self._json("POST", "/v1/jobs", json=dict(body), headers=headers)
        return await self.get_job(created["job_id"])

    async def map_site(self, body: Mapping[str, Any]) -> Json:
        """Let the server map a site."""
        return await self._json("POST", "/v1/map", json=dict(body), timeout=_MAP_S)

    async def get_job(self, job_id: str) -> Json:
        """One job."""
        return await self._json("GET", _path("jobs", job_id))

    async def list_jobs(self, state: str | None, library: str | None, limit: int | None) -> AsyncIterator[Json]:
        """Jobs newest first."""
        left = limit if limit is not None else -1
        async for job in self._items("/v1/jobs", state=state, library=library):
            if left == 0:
                return
            left -= 1
            yield job

    async def control(self, job_id: str, action: Action) -> Json:
        """Pause, resume or cancel."""
        return await self._json("POST", _path("jobs", job_id, action))

    async def replay_library(self, library: str, *, diff: bool) -> Json:
        """The job that reads a library's stored responses again."""
        job = await self._json("POST", _path("libraries", library, "replay"), json={"diff": diff})
        return await self.get_job(job["job_id"])

    async def retry_job(self, job_id: str) -> Json:
        """The job that retries this one."""
        return await self.get_job((await self._json("POST", _path("jobs", job_id, "retry")))["job_id"])

    async def delete_job(self, job_id: str) -> Json:
        """Delete a job that has ended."""
        return await self._json("DELETE", _path("jobs", job_id))

    async def events(self, job_id: str, after: int = 0) -> AsyncGenerator[EventLine, None]:
        """Follow the stream to its terminal event, through any number of connections."""
        last, tries = after, 0
        while True:
            parser, before = SseParser(), last
            try:
                async for line in self._connection(job_id, last, parser):
                    last = line.seq or last
                    yield line
                    if line.is_last:
                        return
            except _Ended:
                return
            except (errors.RemoteFailed, errors.StoreUnavailable) as error:
                if tries == len(_PAUSES_S):
                    raise errors.RemoteFailed(
                        f"The stream broke, and the server does not answer; the job goes on there. {error.message}"
                    ) from error
            tries = 0 if last > before else min(tries + 1, len(_PAUSES_S))
            await self._wait(parser.retry_ms / 1000 if parser.retry_ms is not None else _PAUSES_S[max(0, tries - 1)])

    async def read_events(self, job_id: str, after: int = 0) -> AsyncGenerator[EventLine, None]:
        """The events that are there now."""
        headers = {"Accept": "application/x-ndjson"}
        with _translated():
            async with self._client.stream(
                "GET", _path("jobs", job_id, "events"), params={"after": after}, headers=headers
            ) as response:
                await _check(response)
                rest = b""
                async for data in response.aiter_bytes():
                    # Not aiter_lines: it also splits at line ends that JSON may hold within its strings.
                    *lines, rest = (rest + data).split(b"\n")
                    for line in lines:
                        if line:
                            yield EventLine.read(line)

    def urls(self, job_id: str, verdict: str | None = None, reason: str | None = None) -> AsyncIterator[Json]:
        """Every URL seen, with its verdict."""
        return self._items(_path("jobs", job_id, "urls"), verdict=verdict, reason=reason)

    async def why(self, url: str, job_id: str | None = None, library: str | None = None) -> Json:
        """What became of a URL."""
        path = _path("jobs", job_id, "urls", "why") if job_id is not None else "/v1/why"
        return await self._json("GET", path, params={"url": url} | ({"library": library} if library else {}))

    def libraries(self) -> AsyncIterator[Json]:
        """The libraries."""
        return self._items("/v1/libraries")

    def pages(self, library_id: str) -> AsyncIterator[Json]:
        """The pages of a library."""
        return self._items(_path("libraries", library_id, "pages"))

    async def page_markdown(self, library_id: str, page_id_or_url: str) -> str:
        """One page's Markdown."""
        path = _path("libraries", library_id, "pages", page_id_or_url)
        response = await self._send("GET", path, headers={"Accept": "text/markdown"})
        return response.text

    def access(self, tenant: str | None) -> TokenDesk:  # noqa: ARG002  # the port's signature
        """Never: whoever could do this over HTTP could give access to others."""
        raise errors.InputInvalid(_NO_TOKENS)

    def desk(self) -> "LibraryDesk":
        """The server's libraries."""
        from runnel.cli.remote_desk import RemoteDesk

        return RemoteDesk(self._json, self._bytes)

    async def health(self) -> Json:
        """Version, and the state of the stores."""
        return await self._json("GET", "/healthz")

    # --- one connection ---------------------------------------------------------------------------------------------

    async def _connection(self, job_id: str, last: int, parser: SseParser) -> AsyncGenerator[EventLine, None]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": f"{job_id}.{last}"} if last else {})
        timeout = httpx.Timeout(_SILENCE_S, connect=_CONNECT_S)
        with _translated():
            async with self._client.stream(
                "GET", _path("jobs", job_id, "stream"), headers=headers, timeout=timeout
            ) as response:
                if response.status_code == 204:  # the terminal event was seen before
                    raise _Ended
                await _check(response)
                async for data in response.aiter_bytes():
                    for frame in parser.feed(data):
                        line = EventLine.read(frame.data)
                        if line.seq is None or line.seq > last:
                            yield line

    # --- requests ---------------------------------------------------------------------------------------------------

    async def _items(self, path: str, **filters: str | None) -> AsyncIterator[Json]:
        """Every item of a list, through all of its pages."""
        params = {name: value for name, value in filters.items() if value is not None}
        while True:
            answer = await self._json("GET", path, params=params)
            for item in answer["items"]:
                yield item
            if not answer.get("next_cursor"):
                return
            params["cursor"] = answer["next_cursor"]

    async def _json(self, method: str, path: str, **more: Any) -> Json:
        response = await self._send(method, path, **more)
        try:
            value: Json = response.json()
        except ValueError as error:
            raise errors.RemoteFailed("What answers there is no Runnel server: its answer is not JSON.") from error
        return value

    async def _bytes(self, path: str, params: dict[str, str], *, accept: str = "*/*") -> AsyncIterator[bytes]:
        with _translated():
            async with self._client.stream("GET", path, params=params, headers={"Accept": accept}) as response:
                await _check(response)
                async for data in response.aiter_bytes():
                    yield data

    async def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        with _translated():
            response = await self._client.request(method, path, **more)
            await _check(response)
        return response


class _Ended(Exception):
    """The stream has nothing more for us."""


def _path(*parts: str) -> str:
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


@contextmanager
def _translated() -> Iterator[None]:
    """Failures of the connection as our one error."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise errors.RemoteFailed(f"The server cannot be reached: {str(error) or type(error).__name__}.") from error


async def _check(response: httpx.Response) -> None:
    """Raise what a problem answer says."""
    if response.is_success:
        return
    await response.aread()
    try:
        problem = response.json()
    except ValueError:
        problem = None
    raise error_of(response.status_code, problem if isinstance(problem, dict) else {})


def error_of(status: int, problem: Mapping[str, Any]) -> errors.RunnelError:
    """The error that a problem answer stands for, by its `code`, else by its status."""
    code, message = str(problem.get("code", "")), _sentence(status, problem)
    if code == errors.LibraryBusy.code:
        return errors.LibraryBusy(message, job_id=str(problem.get("job_id", "")))
    known = _BY_CODE.get(code)
    if known is not None:
        return known(message)
    if status == 401:
        return errors.Unauthorized(message)
    if status == 409:
        return errors.JobConflict(message, code=code)
    if status == 422:
        return errors.InputInvalid(message)
    return errors.RemoteFailed(message)


def _sentence(status: int, problem: Mapping[str, Any]) -> str:
    detail = str(problem.get("detail") or problem.get("title") or f"The server answered {status}.")
    fields = [f"{_name(entry)}: {entry.get('message') or entry.get('msg')}" for entry in problem.get("errors") or ()]
    return " ".join([detail, *fields])


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry.get("field") or ".".join(str(part) for part in entry.get("loc", ())))


#: The errors that take a message and nothing else.
_BY_CODE: Final[Mapping[str, Callable[[str], errors.RunnelError]]] = {
    kind.code: kind
    for kind in (
        errors.InputInvalid,
        errors.UrlInvalid,
        errors.ConfigInvalid,
        errors.NotFound,
        errors.JobNotFound,
        errors.LibraryNotFound,
        errors.PageNotFound,
        errors.GenerationNotFound,
        errors.ReportNotFound,
        errors.SourceNotFound,
        errors.SourceExists,
        errors.LibraryExists,
        errors.PublicationHeld,
        errors.ManifestDamaged,
        errors.IdempotencyConflict,
        errors.EventsExpired,
        errors.Unauthorized,
        errors.StoreUnavailable,
    )
}
