"""Routes that tell why a page is there or missing."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from runnel.usecases.control_job import get_job
from runnel.usecases.why_url import why_in_job, why_url
from runnel.web.context import CallerOf
from runnel.web.shapes import why_to_json

router = APIRouter(prefix="/v1", tags=["why"])

UrlOf = Annotated[str, Query(min_length=1, max_length=2_048)]


@router.get("/jobs/{job_id}/urls/why", summary="Why a URL ended as it did in a job")
async def in_job(job_id: str, caller: CallerOf, url: UrlOf) -> dict[str, Any]:
    """Its verdict, the way to it, what decided, and what to change."""
    job = await get_job(caller.services, caller.tenant, job_id)
    return why_to_json(await why_in_job(caller.services, job, url))


@router.get("/why", summary="Why a URL is there or missing")
async def newest(caller: CallerOf, url: UrlOf, library: str | None = None) -> dict[str, Any]:
    """The same, from the newest job that saw it; else judged by the latest job's options."""
    return why_to_json(await why_url(caller.services, caller.tenant, url, library_id=library))
