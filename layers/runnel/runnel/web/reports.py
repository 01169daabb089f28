"""Routes of reports: what each crawl did to its library, as JSON, one file of it, or all as a zip."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from runnel.usecases.read_reports import (
    Report,
    delete_report,
    get_file,
    get_job_report,
    get_report,
    list_reports,
    zip_report,
)
from runnel.web.context import Caller, CallerOf
from runnel.web.shapes import report_to_json

router = APIRouter(prefix="/v1", tags=["reports"])


@router.get("/jobs/{job_id}/report", summary="The report of a job, as JSON or zip")
async def of_job(job_id: str, request: Request, caller: CallerOf) -> Response:
    """The zip has the map of each source too; 409 `active` before the job's end, 404 when it has none."""
    return await _answer(await get_job_report(caller.services, caller.tenant, job_id), request, caller)


@router.get("/reports", summary="List reports, newest first")
async def list_all(
    caller: CallerOf,
    library: str | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """One page of the tenant's reports."""
    found, next_cursor = await list_reports(
        caller.services, caller.tenant, library_id=library, cursor=cursor, limit=limit
    )
    return {"items": [report_to_json(report) for report in found], "next_cursor": next_cursor}


@router.get("/reports/{report_id}", summary="One report, as JSON or zip")
async def get_one(report_id: str, request: Request, caller: CallerOf) -> Response:
    """The zip has the map of each source too."""
    return await _answer(await get_report(caller.services, caller.tenant, report_id), request, caller)


@router.delete("/reports/{report_id}", summary="Delete a report")
async def delete(report_id: str, caller: CallerOf) -> dict[str, Any]:
    """The report as it was; its job stays."""
    return report_to_json(await delete_report(caller.services, caller.tenant, report_id))


@router.get("/reports/{report_id}/files/{name}", summary="One file of a report")
async def file(report_id: str, name: str, caller: CallerOf) -> Response:
    """The report itself, or the map of a source."""
    report = await get_report(caller.services, caller.tenant, report_id)
    return Response(await get_file(caller.services, report, name), media_type="application/json")


async def _answer(report: Report, request: Request, caller: Caller) -> Response:
    if "application/zip" not in request.headers.get("accept", ""):
        return JSONResponse(report_to_json(report))
    name = f'attachment; filename="report-{report.job.job_id}.zip"'
    body = await zip_report(caller.services, report)
    return Response(body, media_type="application/zip", headers={"Content-Disposition": name})
