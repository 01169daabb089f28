"""Reading reports: which there are, one of them, one file of it, all of it as a zip; and deleting one.

Laws (tests/unit/usecases/test_read_reports.py):
1. A report is there when its job has ended and its head is there; what a driver still writes is not shown.
2. Deleting takes the head first: the report has gone at once, and the rest with it, soon or with its job.
3. The same report gives the same bytes of a zip.
"""

import json
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from runnel.domain.jobs import Job, JobState
from runnel.domain.reports import HEAD
from runnel.errors import JobConflict, ReportFileNotFound, ReportNotFound
from runnel.usecases.control_job import get_job
from runnel.usecases.report_crawl import report_key
from runnel.usecases.services import Services

#: Jobs that may have a report.
_REPORTED: Final = frozenset({JobState.COMPLETED, JobState.TIMEOUT})
_GZIP: Final = 31
#: The oldest time that a zip can hold: a time of ours would make each differ.
_NO_TIME: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report that is there: its head, as it was written."""

    job: Job
    head: dict[str, Any]

    @property
    def files(self) -> tuple[str, ...]:
        """The names of its files, the head first."""
        return tuple(self.head["files"])


async def list_reports(
    services: Services, tenant: str, *, library_id: str | None = None, cursor: str | None = None, limit: int
) -> tuple[list[Report], str | None]:
    """The newest reports first, at most *limit*, and the cursor of the next ones."""
    found: list[Report] = []
    while len(found) < limit:
        jobs, cursor = await services.jobs.list_jobs(
            tenant, states=_REPORTED, library_id=library_id, cursor=cursor, limit=limit - len(found)
        )
        keys = {job.job_id: report_key(job.job_id, HEAD) for job in jobs}
        heads = await services.content.get_many(tenant, list(keys.values()))
        found += [Report(job=job, head=_decode(heads[key])) for job in jobs if (key := keys[job.job_id]) in heads]
        if cursor is None:
            break
    return found, cursor


async def get_report(services: Services, tenant: str, report_id: str) -> Report:
    """The report of this id; raises `ReportNotFound`."""
    job = await services.jobs.get(tenant, report_id)
    report = await _find(services, job) if job is not None else None
    if report is None:
        raise ReportNotFound(f"There is no report {report_id!r}; its job's end says in `report_id` whether it has one.")
    return report


async def get_job_report(services: Services, tenant: str, job_id: str) -> Report:
    """The report of a job.

    Raises:
        JobNotFound: there is no such job.
        JobConflict: it has not ended (`active`).
        ReportNotFound: it has none, or it was deleted.
    """
    job = await get_job(services, tenant, job_id)
    if not job.is_over:
        raise JobConflict(f"The job is {job.state}; its report comes with its end.", code="active")
    report = await _find(services, job)
    if report is None:
        raise ReportNotFound(f"The job {job_id!r} has no report: {_why_not(job)}.")
    return report


async def get_file(services: Services, report: Report, name: str) -> bytes:
    """One file of a report; raises `ReportFileNotFound`."""
    body = None
    if name in report.files:
        body = await services.content.get(report.job.tenant, report_key(report.job.job_id, name))
    if body is None:
        raise ReportFileNotFound(f"The report has no file {name!r}; it has: {', '.join(report.files)}.")
    return zlib.decompress(body, _GZIP)


async def zip_report(services: Services, report: Report) -> bytes:
    """The whole report as a zip; raises `ReportFileNotFound` when part of it has gone."""
    sink = BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in report.files:
            entry = zipfile.ZipInfo(name, _NO_TIME)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, await get_file(services, report, name))
    return sink.getvalue()


async def delete_report(services: Services, tenant: str, report_id: str) -> Report:
    """Delete a report; as it was. Raises `ReportNotFound`."""
    report = await get_report(services, tenant, report_id)
    for name in report.files:
        await services.content.delete(tenant, report_key(report_id, name))
    return report


async def _find(services: Services, job: Job) -> Report | None:
    if not job.is_over:
        return None
    head = await services.content.get(job.tenant, report_key(job.job_id, HEAD))
    return None if head is None else Report(job=job, head=_decode(head))


def _decode(head: bytes) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(zlib.decompress(head, _GZIP))
    return decoded


def _why_not(job: Job) -> str:
    if job.options.dry_run:
        return "a dry run reports nothing"
    if not job.sources:
        return "it had no sources"
    return "it was deleted" if job.state in _REPORTED else f"it has {job.state}"
