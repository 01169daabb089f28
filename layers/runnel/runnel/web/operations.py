"""Routes of operations: health, readiness, and the events that Lambda's adapter passes through."""

from typing import Any

from fastapi import APIRouter, Body, Request, Response
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter, ValidationError

from runnel import __version__
from runnel.domain.jobs import JobOptions
from runnel.domain.payloads import CrawlEvent, OrchestratorEvent, ResumeEvent
from runnel.errors import LibraryBusy, RunnelError
from runnel.usecases.create_job import NewJob, create_job
from runnel.usecases.sweep_jobs import Sweep
from runnel.web.context import WebHome, deadline_of
from runnel.web.jobs import refuse_environment
from runnel.web.problems import problem

router = APIRouter(tags=["operations"])

#: The one status that the adapter counts as a failed invocation (AWS_LWA_ERROR_STATUS_CODES).
EVENT_FAILED = 590
_EVENTS: TypeAdapter[OrchestratorEvent] = TypeAdapter(OrchestratorEvent)


@router.get("/healthz", summary="Version, and whether the stores answer")
async def healthz(request: Request) -> Response:
    """200 when every store answers, else 503."""
    home: WebHome = request.app.state.home
    try:
        await home.services.jobs.active()
        await home.services.content.exists(home.access.tenant, "healthz")
    except RunnelError as error:
        stores = {"state": "failing", "message": error.message}
        return JSONResponse({"version": __version__, "stores": stores}, status_code=503, headers={"Retry-After": "2"})
    streams = {"open": home.streams.active, "jobs": home.services.tails.jobs}
    return JSONResponse({"version": __version__, "stores": {"state": "ok"}, "streams": streams})


@router.get("/readyz", summary="The process serves")
async def readyz() -> dict[str, bool]:
    """Answer as soon as the app runs; the adapter polls this."""
    return {"ready": True}


@router.post("/events", include_in_schema=False)
async def events(request: Request, body: Any = Body(default=None)) -> Response:
    """An event of the scheduler or of ourselves; the adapter alone can pass one through."""
    home: WebHome = request.app.state.home
    if not home.is_lambda or request.headers.get("x-amzn-request-context") != "null":
        return problem(404, "not_found", "There is no such page.")
    try:
        event = _EVENTS.validate_python(body)
        return JSONResponse(await _take(home, event, deadline_of(home, request)))
    except ValidationError as error:
        return problem(EVENT_FAILED, "invalid_input", f"The event is not one of ours: {error.error_count()} errors.")
    except LibraryBusy as busy:
        return JSONResponse({"skipped": busy.message})
    except RunnelError as error:
        return problem(EVENT_FAILED, error.code, error.message, retryable=error.retryable)


async def _take(home: WebHome, event: OrchestratorEvent, deadline_s: float | None) -> dict[str, Any]:
    if isinstance(event, CrawlEvent):
        job = await create_job(home.services, _new_job(home, event), invoke=False)
        driven = await home.drivers.drive(job.tenant, job.job_id, deadline_s=deadline_s)
        return {"job_id": job.job_id, "drive": driven}
    if isinstance(event, ResumeEvent):
        return {"drive": await home.drivers.drive(event.tenant, event.job_id, deadline_s=deadline_s)}
    return {"started": await _sweep(home)}


async def _sweep(home: WebHome) -> int:
    """Look, and where there are leases look again after their time: only one that stood still is a dead driver's."""
    sweep = Sweep(home.services)
    started = await sweep.run()
    if not sweep.is_watching:
        return started
    await home.services.clock.sleep(home.services.tuning.lease_ttl)
    return started + await sweep.run()


def _new_job(home: WebHome, event: CrawlEvent) -> NewJob:
    options = JobOptions.model_validate(event.options)
    refuse_environment(options)
    return NewJob(
        tenant=event.tenant or home.access.tenant,
        urls=((event.url,) if event.url else ()) + event.urls,
        library=event.library,
        options=options,
        idempotency_key=event.execution_id,
    )
