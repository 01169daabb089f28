"""Routes that give the right to read one job: a ticket for an EventSource, a link for somebody else."""

from datetime import timedelta
from typing import Any, Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from runnel.domain.instants import format_time
from runnel.usecases.control_job import get_job
from runnel.usecases.share_job import ALL_JOBS, SHARE_TIME, TICKET_TIME, make_link
from runnel.web.context import CallerOf

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

_LONGEST_S: Final = 30 * 24 * 3_600


class ShareBody(BaseModel):
    """How long the link shall last."""

    model_config = ConfigDict(extra="forbid")

    expires_s: int = Field(
        default=int(SHARE_TIME.total_seconds()), ge=1, le=_LONGEST_S, description="Seconds that the link lasts."
    )


@router.post("/ticket", summary="A ticket for the stream of all jobs")
async def ticket_for_all(caller: CallerOf) -> dict[str, Any]:
    """A ticket that lasts a minute, for `?ticket=`."""
    link = await make_link(caller.services, caller.tenant, ALL_JOBS, lasts=TICKET_TIME)
    return {
        "ticket": link.ticket,
        "expires_at": format_time(link.expires_at),
        "links": {"stream": f"/v1/jobs/stream?ticket={link.ticket}"},
    }


@router.post("/{job_id}/ticket", summary="A ticket for one connection")
async def ticket(job_id: str, caller: CallerOf) -> dict[str, Any]:
    """A ticket that lasts a minute, for `?ticket=`."""
    return await _link(caller, job_id, TICKET_TIME)


@router.post("/{job_id}/share", summary="A link to read the job with")
async def share(job_id: str, caller: CallerOf, body: ShareBody | None = None) -> dict[str, Any]:
    """A signed link that lasts a day, or as long as asked."""
    return await _link(caller, job_id, timedelta(seconds=(body or ShareBody()).expires_s))


async def _link(caller: CallerOf, job_id: str, lasts: timedelta) -> dict[str, Any]:
    job = await get_job(caller.services, caller.tenant, job_id)
    link = await make_link(caller.services, job.tenant, job.job_id, lasts=lasts)
    path = f"/v1/jobs/{job.job_id}"
    return {
        "ticket": link.ticket,
        "expires_at": format_time(link.expires_at),
        "links": {
            "self": f"{path}?ticket={link.ticket}",
            "stream": f"{path}/stream?ticket={link.ticket}",
            "events": f"{path}/events?ticket={link.ticket}",
            "urls": f"{path}/urls?ticket={link.ticket}",
        },
    }
