"""What a job has brought, over HTTP."""

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from runnel.usecases.download_job import open_download
from runnel.usecases.export_library import MEDIA_TYPES, stream_export
from runnel.web.context import CallerOf

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


@router.get("/{job_id}/download", summary="Every good page of a job in one Markdown file")
async def download(job_id: str, caller: CallerOf) -> StreamingResponse:
    """Sorted by URL, each with its source; the counts come first."""
    opened = await open_download(caller.services, caller.tenant, job_id)
    return StreamingResponse(stream_export(opened, "file"), media_type=MEDIA_TYPES["file"])
