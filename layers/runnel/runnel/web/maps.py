"""The route of maps: what a crawl would fetch, without fetching it all."""

import asyncio
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from runnel.usecases.create_job import create_job
from runnel.usecases.map_site import MAP_PAGES, MOST_MAP_PAGES, map_job, read_map
from runnel.web.context import CallerOf
from runnel.web.jobs import JobBody, refuse_environment
from runnel.web.shapes import map_to_json

router = APIRouter(prefix="/v1/map", tags=["jobs"])


class MapBody(JobBody):
    """What `POST /v1/map` takes: that of `POST /v1/jobs`, and how many pages to look at."""

    pages: int = Field(
        default=MAP_PAGES, strict=True, ge=1, le=MOST_MAP_PAGES, description="Pages to look at for links, at most."
    )


@router.post("", summary="Map a site")
async def map_site(body: MapBody, caller: CallerOf) -> dict[str, Any]:
    """The URLs that a crawl would meet, each with its verdict (null: it would be fetched), and what it would take.

    A minute at most; nothing is stored but the job that did it.
    """
    if caller.home.is_lambda:
        refuse_environment(body)
    job = await create_job(
        caller.services, map_job(body.to_new_job(caller.tenant, None), pages=body.pages), invoke=False
    )
    await asyncio.wait({caller.home.drivers.drive(job.tenant, job.job_id, deadline_s=caller.deadline_s)})
    return map_to_json(await read_map(caller.services, job.tenant, job.job_id, limit=body.limit))
