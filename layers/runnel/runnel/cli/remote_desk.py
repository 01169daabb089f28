"""The libraries of a server, looked after over HTTP."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runnel.cli.backend import Json
from runnel.errors import InputInvalid

#: Sends a request (method, path, more) and gives the JSON of its answer; raises what the problem says.
Send = Callable[..., Awaitable[Json]]
#: Streams the body of an answer (path, parameters; what to accept).
Stream = Callable[..., AsyncIterator[bytes]]


class RemoteDesk:
    """The `LibraryDesk` over HTTP."""

    def __init__(self, send: Send, stream: Stream) -> None:
        """Ask by *send*, and by *stream* for what is long."""
        self._send = send
        self._stream = stream

    async def library(self, library_id: str) -> Json:
        """One library."""
        return await self._send("GET", _path(library_id))

    async def delete(self, library_id: str) -> Json:
        """Delete a library."""
        return await self._send("DELETE", _path(library_id))

    async def change(self, library_id: str, changes: Json) -> Json:
        """Change a library."""
        return await self._send("PATCH", _path(library_id), json=changes)

    async def add_source(self, library_id: str, url: str, source_id: str | None) -> Json:
        """Add a source."""
        body = {"url": url} | ({"source_id": source_id} if source_id else {})
        return await self._send("POST", _path(library_id, "sources"), json=body)

    async def remove_source(self, library_id: str, source_id: str) -> Json:
        """Remove a source with its pages."""
        return await self._send("DELETE", _path(library_id, "sources", source_id))

    async def generations(self, library_id: str) -> list[Json]:
        """The generations that are kept."""
        items: list[Json] = (await self._send("GET", _path(library_id, "generations")))["items"]
        return items

    async def diff(self, library_id: str, older: int | None, newer: int | None) -> AsyncIterator[Json]:
        """What differs between two generations."""
        params = {name: value for name, value in (("from", older), ("to", newer)) if value is not None}
        for item in (await self._send("GET", _path(library_id, "diff"), params=params))["items"]:
            yield item

    async def diff_job(self, library_id: str, job_id: str) -> AsyncIterator[Json]:
        """What publishing the result of a job would change."""
        for item in (await self._send("GET", _path(library_id, "diff"), params={"job": job_id}))["items"]:
            yield item

    def export(self, library_id: str, kind: str) -> AsyncIterator[bytes]:
        """The pages of a library as one stream."""
        return self._stream(_path(library_id, "export"), {"format": kind})

    async def export_folder(self, library_id: str, folder: Path) -> None:  # noqa: ARG002  # the port's signature
        """Never: a server's library comes as one file."""
        raise InputInvalid("--format folder is for libraries of this machine; use --format zip with --remote.")

    def download(self, job_id: str) -> AsyncIterator[bytes]:
        """The good pages of a job as one file."""
        return self._stream(f"/v1/jobs/{quote(job_id, safe='')}/download", {})

    async def report(self, job_id: str) -> Json:
        """The report of a job."""
        return await self._send("GET", f"/v1/jobs/{quote(job_id, safe='')}/report")

    def report_zip(self, job_id: str) -> AsyncIterator[bytes]:
        """The report of a job as a zip."""
        return self._stream(f"/v1/jobs/{quote(job_id, safe='')}/report", {}, accept="application/zip")

    async def publish(self, library_id: str, job_id: str | None, *, force: bool) -> Json:
        """Publish a job's result."""
        return await self._post(library_id, "publish", job_id=job_id, force=force)

    async def roll_back(self, library_id: str, generation: int | None) -> Json:
        """Show an earlier generation again."""
        return await self._post(library_id, "rollback", generation=generation)

    async def verify(self, library_id: str, *, repair: bool) -> Json:
        """Look at the stored objects of a library, and mend them on request."""
        return await self._post(library_id, "verify", repair=repair)

    async def _post(self, library_id: str, action: str, **body: Any) -> Json:
        return await self._send("POST", _path(library_id, action), json=body)


def _path(*parts: str) -> str:
    return "/v1/libraries/" + "/".join(quote(part, safe="") for part in parts)
