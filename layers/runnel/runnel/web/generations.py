"""Routes of a library's generations: which are kept, publishing what was held, going back."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from runnel.usecases.diff_library import diff_library, list_changes
from runnel.usecases.export_library import MEDIA_TYPES, StreamFormat, open_export, stream_export
from runnel.usecases.generations import diff_job, list_generations, publish_job, roll_back
from runnel.usecases.replay_library import replay_library
from runnel.usecases.verify_library import verify_library
from runnel.web.context import CallerOf
from runnel.web.paging import PagingOf
from runnel.web.shapes import change_to_json, generation_to_json, job_to_json, published_to_json, verification_to_json

router = APIRouter(prefix="/v1/libraries", tags=["libraries"])

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def _as_text(value: str) -> str:
    """A moment as RFC 3339 writes it, or its day; Pydantic would take seconds since 1970 too."""
    if not _DAY.match(value):
        raise ValueError("a moment is written as 2026-11-21T12:00:00Z")
    return value


Moment = Annotated[datetime, BeforeValidator(_as_text)]


class PublishBody(BaseModel):
    """Which result to publish."""

    model_config = ConfigDict(extra="forbid")

    job_id: str | None = Field(default=None, max_length=100, description="The newest held one if absent.")
    force: bool = Field(default=False, strict=True, description="Publish although the library would get worse.")


class RollbackBody(BaseModel):
    """Where to go back to."""

    model_config = ConfigDict(extra="forbid")

    generation: int | None = Field(default=None, ge=1, description="The one before the present one if absent.")


class ReplayBody(BaseModel):
    """What to do with what comes out."""

    model_config = ConfigDict(extra="forbid")

    diff: bool = Field(
        default=False, strict=True, description="Publish nothing; the difference can be asked for afterwards."
    )


class VerifyBody(BaseModel):
    """What to do about what is found."""

    model_config = ConfigDict(extra="forbid")

    repair: bool = Field(default=False, strict=True, description="Mend what can be mended.")


@router.get("/{library_id}/generations", summary="List the generations that are kept")
async def generations(library_id: str, caller: CallerOf) -> dict[str, Any]:
    """The present one first."""
    kept = await list_generations(caller.services, caller.tenant, library_id)
    return {"items": [generation_to_json(pointer) for pointer in kept], "next_cursor": None}


@router.get("/{library_id}/changes", summary="What was published since a moment")
async def changes(library_id: str, caller: CallerOf, paging: PagingOf, since: Moment) -> dict[str, Any]:
    """Pages added, changed and removed by the kept generations, oldest first."""
    moment = since if since.tzinfo else since.replace(tzinfo=UTC)
    found = await list_changes(caller.services, caller.tenant, library_id, since=moment)
    part, next_cursor = paging.cut(found)
    return {"items": [change_to_json(change) for change in part], "next_cursor": next_cursor}


@router.get("/{library_id}/diff", summary="What differs between two generations, with the text")
async def diff(
    library_id: str,
    caller: CallerOf,
    older: Annotated[int | None, Query(alias="from", ge=1)] = None,
    newer: Annotated[int | None, Query(alias="to", ge=1)] = None,
    job: Annotated[str | None, Query(max_length=100)] = None,
) -> dict[str, Any]:
    """By default the present generation beside the one it was built from; `diff` is a unified diff of the Markdown.

    With `job` what publishing that job's result would change.
    """
    found = diff_library(caller.services, caller.tenant, library_id, older=older, newer=newer)
    if job is not None:
        found = diff_job(caller.services, caller.tenant, library_id, job)
    return {"items": [change_to_json(change) async for change in found], "next_cursor": None}


@router.get("/{library_id}/export", summary="The whole library as one stream")
async def export(
    library_id: str, caller: CallerOf, kind: Annotated[StreamFormat, Query(alias="format")] = "zip"
) -> StreamingResponse:
    """Zip of Markdown files, one file, JSON lines, llms.txt, llms-full.txt, or the responses as WARC."""
    opened = await open_export(caller.services, caller.tenant, library_id)
    return StreamingResponse(stream_export(opened, kind), media_type=MEDIA_TYPES[kind])


@router.post("/{library_id}/publish", summary="Publish the result of a job that was held")
async def publish(library_id: str, caller: CallerOf, body: PublishBody | None = None) -> dict[str, Any]:
    """What it changed; 409 `held` when the library would get worse and `force` is not said."""
    body = body or PublishBody()
    published = await publish_job(caller.services, caller.tenant, library_id, body.job_id, force=body.force)
    return published_to_json(library_id, published)


@router.post("/{library_id}/rollback", summary="Show the pages of an earlier generation again")
async def rollback(library_id: str, caller: CallerOf, body: RollbackBody | None = None) -> dict[str, Any]:
    """The new generation, which has the old one's pages."""
    body = body or RollbackBody()
    return generation_to_json(await roll_back(caller.services, caller.tenant, library_id, body.generation))


@router.post("/{library_id}/verify", summary="Look at every stored object of a library, and mend it")
async def verify(library_id: str, caller: CallerOf, body: VerifyBody | None = None) -> dict[str, Any]:
    """What is missing, corrupt, misplaced or needed by nobody, and what a repair made of it."""
    repair = body is not None and body.repair
    return verification_to_json(await verify_library(caller.services, caller.tenant, library_id, repair=repair))


@router.post("/{library_id}/replay", summary="Read the stored responses of a library again", status_code=202)
async def replay(library_id: str, caller: CallerOf, body: ReplayBody | None = None) -> Response:
    """A job that makes every page anew by the present extractor, without asking the site."""
    diff = body is not None and body.diff
    job = await replay_library(caller.services, caller.tenant, library_id, diff=diff)
    return JSONResponse(job_to_json(job), status_code=202, headers={"Location": f"/v1/jobs/{job.job_id}"})
