"""What a job has brought, as one Markdown file: every good page once, sorted, with its source, and the counts."""

from runnel.usecases.control_job import get_job
from runnel.usecases.export_library import Export
from runnel.usecases.publish import collect_pages
from runnel.usecases.services import Services
from runnel.usecases.stored_responses import fold_log


async def open_download(services: Services, tenant: str, job_id: str) -> Export:
    """The good pages of a job as they are known now, also of one that was held or cancelled; raises `JobNotFound`."""
    job = await get_job(services, tenant, job_id)
    pages = await collect_pages(services, job, await fold_log(services, job))
    return Export(
        services=services, tenant=tenant, name=job.library_id, pages=tuple(pages[url] for url in sorted(pages))
    )
