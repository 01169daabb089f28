"""The first event of a job, built from META alone, so that whoever finds the log empty writes the same bytes."""

from runnel.domain.events import JobCreated, SourceRef, encode_event
from runnel.domain.jobs import Job, job_links
from runnel.domain.segments import Segment

#: The owner of the segment that no driver wrote.
CREATOR = "POST"


def created_segment(job: Job) -> Segment:
    """The segment that holds `job_created` [created_by_any]."""
    event = JobCreated(
        job_id=job.job_id,
        time=job.created_at,
        seq=1,
        kind=job.kind,
        library_id=job.library_id,
        mode=job.options.mode,
        scope=job.options.scope,
        sources=tuple(SourceRef(source_id=source.source_id, url=source.url) for source in job.sources),
        dry_run=job.options.dry_run,
        options=job.options.model_dump(mode="json", exclude_defaults=True),
        links=job_links(job.job_id, retry_of=job.retry_of),
    )
    return Segment(first=1, term=0, owner=CREATOR, lines=(encode_event(event),))
