"""Routes about several jobs at once: their states, and their deletion."""

from typing import Annotated, Any, Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from runnel.errors import JobConflict, JobNotFound
from runnel.usecases.delete_jobs import delete_job
from runnel.web.context import CallerOf
from runnel.web.shapes import job_to_json

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

_MOST_STATES: Final = 20
_MOST_DELETED: Final = 100

JobId = Annotated[str, Field(min_length=1, max_length=200)]


class StatesBody(BaseModel):
    """Which jobs are asked about."""

    model_config = ConfigDict(extra="forbid")

    job_ids: list[JobId] = Field(min_length=1, max_length=_MOST_STATES)


class DeleteBody(BaseModel):
    """Which jobs are to be deleted."""

    model_config = ConfigDict(extra="forbid")

    job_ids: list[JobId] = Field(min_length=1, max_length=_MOST_DELETED)


@router.post("/batch-state", summary="The states of up to 20 jobs")
async def batch_state(body: StatesBody, caller: CallerOf) -> dict[str, Any]:
    """`states` by id, each as lists show it, and in `not_found` the ids that are no jobs."""
    states: dict[str, Any] = {}
    not_found = []
    for job_id in dict.fromkeys(body.job_ids):
        job = await caller.services.jobs.get(caller.tenant, job_id)
        if job is None:
            not_found.append(job_id)
        else:
            states[job_id] = job_to_json(job)
    return {"states": states, "not_found": not_found}


@router.post("/delete", summary="Delete up to 100 jobs that have ended")
async def delete_many(body: DeleteBody, caller: CallerOf) -> dict[str, Any]:
    """Each for itself: those `deleted`, as they were; those `not_found`; those `refused`, each with its `code`."""
    deleted, not_found, refused = [], [], []
    for job_id in dict.fromkeys(body.job_ids):
        try:
            deleted.append(job_to_json(await delete_job(caller.services, caller.tenant, job_id)))
        except JobNotFound:
            not_found.append(job_id)
        except JobConflict as conflict:
            refused.append({"job_id": job_id, "code": conflict.code, "detail": conflict.message})
    return {"deleted": deleted, "not_found": not_found, "refused": refused}
