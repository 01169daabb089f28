"""Routes of jobs: create, list, look, control, delete, and the log as pages or lines."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from pydantic import Field, model_validator

from runnel.domain.events import DurableEvent, decode_event
from runnel.domain.jobs import Job, JobOptions, JobState
from runnel.domain.log_lines import LEVELS, level_of, to_log_line
from runnel.domain.verdicts import Verdict
from runnel.errors import InputInvalid
from runnel.usecases.control_job import cancel_job, get_job, pause_job, resume_job
from runnel.usecases.create_job import NewJob, create_job
from runnel.usecases.delete_jobs import delete_job
from runnel.usecases.list_urls import list_urls
from runnel.usecases.look_at_job import look_at_job
from runnel.usecases.read_log import check_whole
from runnel.usecases.retry_job import retry_job
from runnel.web.context import Caller, CallerOf
from runnel.web.paging import PagingOf
from runnel.web.shapes import job_to_json, look_to_json, url_to_json
from runnel.web.streams import AfterOf, stream_job

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

_MOST_EVENTS = 1_000


class JobBody(JobOptions):
    """What `POST /v1/jobs` takes: start URLs (or a library alone), and options."""

    kind: Literal["crawl"] = "crawl"
    url: str | None = Field(default=None, max_length=2_048, description="Start URL.")
    urls: tuple[str, ...] = Field(default=(), max_length=1_000, description="Several start URLs, into one library.")
    library: str | None = Field(default=None, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    start: Literal["now", "on_connect"] = "now"

    @model_validator(mode="after")
    def _names_something(self) -> "JobBody":
        if not (self.url or self.urls or self.library):
            raise ValueError("give url, urls, or the name of a library that has sources")
        if self.robots == "ignore" and not self.reason:
            raise ValueError("robots 'ignore' needs a reason, which is logged")
        return self

    def to_new_job(self, tenant: str, idempotency_key: str | None) -> NewJob:
        """The request as the use case takes it."""
        options = JobOptions(**{name: getattr(self, name) for name in JobOptions.model_fields})
        urls = ((self.url,) if self.url else ()) + self.urls
        return NewJob(
            tenant=tenant,
            urls=urls,
            library=self.library,
            options=options,
            start=self.start,
            idempotency_key=idempotency_key,
        )


@router.post("", status_code=202, summary="Create a job")
async def create(
    body: JobBody,
    request: Request,
    caller: CallerOf,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """Answer the job, or its stream when `Accept: text/event-stream` asks for it."""
    wants_stream = "text/event-stream" in request.headers.get("accept", "")
    if caller.home.is_lambda:
        refuse_environment(body)
    new = body.to_new_job(caller.tenant, idempotency_key)
    job = await create_job(caller.services, new, invoke=not wants_stream)
    if wants_stream:
        return stream_job(request, caller, job, after=0)
    shape = {"job_id": job.job_id, "state": job.state, "links": job_to_json(job)["links"]}
    return JSONResponse(shape, status_code=202, headers={"Location": f"/v1/jobs/{job.job_id}"})


@router.get("", summary="List jobs, newest first")
async def list_all(
    caller: CallerOf,
    state: Annotated[list[JobState] | None, Query()] = None,
    library: str | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """One page of the tenant's jobs."""
    jobs, next_cursor = await caller.services.jobs.list_jobs(
        caller.tenant, states=frozenset(state or ()), library_id=library, cursor=cursor, limit=limit
    )
    return {"items": [job_to_json(job) for job in jobs], "next_cursor": next_cursor}


@router.get("/{job_id}", summary="One job")
async def get_one(job_id: str, caller: CallerOf) -> dict[str, Any]:
    """State, counts, the last activities, and `last_seq`: streaming after it gives exactly the rest.

    Who asks for a job whose driver is dead also starts the next one.
    """
    job = await get_job(caller.services, caller.tenant, job_id)
    await caller.home.watch.notice(job)
    return look_to_json(await look_at_job(caller.services, job))


@router.delete("/{job_id}", summary="Delete a job that has ended")
async def delete(job_id: str, caller: CallerOf) -> dict[str, Any]:
    """The job as it was: it is gone at once, its log, URLs and files soon after; its library stays."""
    return job_to_json(await delete_job(caller.services, caller.tenant, job_id))


@router.post("/{job_id}/pause", summary="Pause")
async def pause(job_id: str, caller: CallerOf) -> dict[str, Any]:
    """No new page is begun; the job keeps its place."""
    return job_to_json(await pause_job(caller.services, caller.tenant, job_id))


@router.post("/{job_id}/resume", summary="Resume")
async def resume(job_id: str, caller: CallerOf) -> dict[str, Any]:
    """Go on where the job was paused."""
    return job_to_json(await resume_job(caller.services, caller.tenant, job_id))


@router.post("/{job_id}/cancel", summary="Cancel")
async def cancel(job_id: str, caller: CallerOf) -> dict[str, Any]:
    """End the job: no further fetch starts, nothing further is published."""
    return job_to_json(await cancel_job(caller.services, caller.tenant, job_id))


@router.post("/{job_id}/retry", summary="Retry")
async def retry(job_id: str, caller: CallerOf) -> Response:
    """A new job that fetches the failed pages again, linked with this one; asked for again, the same job."""
    job = await retry_job(caller.services, caller.tenant, job_id)
    return JSONResponse(job_to_json(job), headers={"Location": f"/v1/jobs/{job.job_id}"})


@router.get("/{job_id}/events", summary="The log as JSON, NDJSON or lines")
async def events(
    job_id: str,
    request: Request,
    caller: CallerOf,
    after: AfterOf = 0,
    level: Literal["debug", "info", "warning", "error"] = "debug",
    limit: Annotated[int, Query(ge=1, le=_MOST_EVENTS)] = _MOST_EVENTS,
) -> Response:
    """What `Accept` asks for: pages of JSON (go on with `after=<next_cursor>`), or all as NDJSON or as plain lines."""
    job = await get_job(caller.services, caller.tenant, job_id)
    await check_whole(caller.services, job)
    accept = request.headers.get("accept", "")
    found = _stored(caller, job, after, LEVELS.index(level))
    if "application/x-ndjson" in accept:
        return StreamingResponse(_joined(found, as_text=False), media_type="application/x-ndjson")
    if "text/plain" in accept:
        return StreamingResponse(_joined(found, as_text=True), media_type="text/plain; charset=utf-8")
    items: list[Any] = []
    async with aclosing(found):
        async for _, line in found:
            if len(items) == limit:
                return JSONResponse({"items": items, "next_cursor": str(items[-1]["seq"])})
            items.append(json.loads(line))
    return JSONResponse({"items": items, "next_cursor": None})


@router.get("/{job_id}/urls", summary="Every URL with its verdict")
async def urls(
    job_id: str,
    request: Request,
    caller: CallerOf,
    paging: PagingOf,
    verdict: Verdict | None = None,
    reason: str | None = None,
) -> Response:
    """One page of URLs, or all of them as NDJSON."""
    job = await get_job(caller.services, caller.tenant, job_id)
    records = [
        record
        for record in await list_urls(caller.services, job)
        if verdict in (None, record.verdict) and reason in (None, record.reason)
    ]
    if "application/x-ndjson" in request.headers.get("accept", ""):
        lines = "".join(json.dumps(url_to_json(record)) + "\n" for record in records)
        return PlainTextResponse(lines, media_type="application/x-ndjson")
    part, next_cursor = paging.cut(records)
    return JSONResponse({"items": [url_to_json(record) for record in part], "next_cursor": next_cursor})


def refuse_environment(options: JobOptions) -> None:
    """A function's environment holds its own credentials; a header may not name them."""
    if any(reference.startswith("env:") for reference in options.headers.values()):
        raise InputInvalid("headers: 'env:' references are for a laptop; use 'secret:' here.")


# ---- the log


async def _stored(caller: Caller, job: Job, after: int, least: int) -> AsyncGenerator[tuple[DurableEvent, bytes], None]:
    last = after
    while segments := await caller.services.log.read(job.tenant, job.job_id, after=last, limit=16):
        for segment in segments:
            for line in segment.after(last):
                event = decode_event(line)
                if LEVELS.index(level_of(event)) >= least:
                    yield event, line
            last = segment.last


async def _joined(found: AsyncIterator[tuple[DurableEvent, bytes]], *, as_text: bool) -> AsyncIterator[bytes]:
    async for event, line in found:
        yield (to_log_line(event).encode("utf-8", "replace") if as_text else line) + b"\n"
