"""The processor: raw responses become Markdown and stored pages.

Laws (names are the rules of the commit model):
1. Run twice, late or half, the result is the same: objects are addressed by content, the result by its part.
2. META is read first; for a cancelled or ended job nothing is done [processor_looks].
3. A page that cannot be read costs itself, not its batch.
4. A page of low quality is told with its score, and its text is not kept.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from runnel.domain.jobs import Job, Wish
from runnel.domain.payloads import (
    NO_MARKS,
    Heading,
    Hidden,
    PageOutcome,
    ProcessPage,
    ProcessRequest,
    ProcessResult,
    SiteMarks,
    StoredPage,
)
from runnel.domain.quality import LOW_QUALITY_BELOW
from runnel.domain.results import encode_result
from runnel.domain.verdicts import ErrorCategory, FetchError, RawRef
from runnel.domain.warc import body_of
from runnel.errors import ConfigInvalid, PageUnreadable, StoreUnavailable
from runnel.extraction.dates import to_instant
from runnel.extraction.titles import cut_learned, find_version
from runnel.fetching.canonical import url_hash
from runnel.ports.batches import Batches
from runnel.ports.bell import Bell
from runnel.ports.content_store import ContentStore, RawStore
from runnel.ports.job_store import JobStore
from runnel.ports.output import Outputs
from runnel.ports.page_reader import PageReader
from runnel.usecases.site_profiles import ProfileMemory, find_marks
from runnel.usecases.track_batches import result_key

if TYPE_CHECKING:  # the parser is heavy, and who only reads a library needs none
    from runnel.extraction.page import PageReading


class Rendered(Protocol):
    """Pages that the crawler of this process has rendered already; a home without such answers None."""

    def take(self, raw: RawRef) -> "PageReading | None":
        """The reading of the response stored at *raw*, at most once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorPorts:
    """What the processor may touch."""

    jobs: JobStore
    batches: Batches
    content: ContentStore
    raw: RawStore
    reader: PageReader
    rendered: Rendered
    batch_bell: Bell
    outputs: Outputs
    profiles: ProfileMemory = field(default_factory=ProfileMemory)


async def process_pages(ports: ProcessorPorts, request: ProcessRequest) -> ProcessResult:
    """Store the pages of *request* and note the result with its batch; no outcomes when the job wants no more."""
    job = await ports.jobs.get(request.tenant, request.job_id)
    if job is None or job.is_over or job.wish is Wish.CANCEL:
        return ProcessResult(batch_id=request.batch_id, part=request.part, outcomes=())
    result, kept = await read_batch(ports, request)
    await _store(ports, job, kept)
    key = result_key(request.job_id, request.batch_id, request.part)
    await ports.content.put(request.tenant, key, encode_result(result))
    indexes = tuple(page.index for page in request.pages)
    await ports.batches.add_part(request.tenant, request.job_id, request.batch_id, request.part, indexes)
    ports.batch_bell.ring(request.job_id)
    return result


async def read_batch(
    ports: ProcessorPorts, request: ProcessRequest
) -> "tuple[ProcessResult, list[tuple[StoredPage, PageReading]]]":
    """What comes of the pages of *request*, stored nowhere, and those worth keeping; equal responses, equal result."""
    outcomes = await asyncio.gather(*(_process(ports, request, page) for page in request.pages))
    good = [(outcome.page, reading) for outcome, reading in outcomes if outcome.page and reading]
    kept = [(page, reading) for page, reading in good if not page.low_quality]
    result = ProcessResult(
        batch_id=request.batch_id,
        part=request.part,
        outcomes=tuple(outcome for outcome, _ in outcomes),
        puts=1 + len(kept),
    )
    return result, kept


async def _store(ports: ProcessorPorts, job: Job, kept: "list[tuple[StoredPage, PageReading]]") -> None:
    """Store the pages' Markdown, and show it where the job has a folder."""
    objects = [(page_key(page.content_hash), reading.markdown_gz) for page, reading in kept]
    await ports.content.put_addressed(job.tenant, objects)
    output = ports.outputs.of(job)
    if output is None:
        return
    # The library has the pages; at its end the job makes the folder equal to it, and says so if it cannot.
    with suppress(StoreUnavailable, ConfigInvalid):
        await output.write_many(job.library_id, [(page, reading.utf8) for page, reading in kept])


async def _process(
    ports: ProcessorPorts, request: ProcessRequest, page: ProcessPage
) -> "tuple[PageOutcome, PageReading | None]":
    try:
        marks = await _marks(ports, request, page.source_id)
        reading = await _read(ports, request.tenant, page, marks.blocks)
        twin = await _adopted(ports, request.tenant, page, reading)
    except PageUnreadable as error:
        problem = FetchError(category=ErrorCategory(error.category), message=error.message)
        return PageOutcome(index=page.index, url=page.url, error=problem), None
    if twin is None:
        page = page.model_copy(update={"twin": None}) if page.twin else page
    read = twin or reading
    stored = to_stored_page(page, read, request.metadata, marks, low_quality_below=request.low_quality_below)
    return PageOutcome(index=page.index, url=page.url, page=stored), read


async def _marks(ports: ProcessorPorts, request: ProcessRequest, source_id: str) -> SiteMarks:
    """What the site of a source repeats."""
    profile = request.profiles.get(source_id)
    if profile is None:
        return NO_MARKS
    return await find_marks(
        ports, ports.profiles, tenant=request.tenant, job_id=request.job_id, source_id=source_id, profile=profile
    )


async def _read(ports: ProcessorPorts, tenant: str, page: ProcessPage, blocks: tuple[str, ...]) -> "PageReading":
    from runnel.extraction.learning import name_blocks

    reading = ports.rendered.take(page.raw)
    if reading is not None and reading.profile == name_blocks(blocks):
        return reading
    record = await ports.raw.get(tenant, page.raw)
    if record is None:
        raise PageUnreadable("The raw response has gone.")
    from runnel.extraction.plain import PLAIN_TYPES, read_plain

    body = body_of(record)
    if sha256(body).hexdigest() != page.body_hash:
        raise PageUnreadable("The raw response is damaged; crawl the page again.")
    if page.content_type in PLAIN_TYPES:
        return read_plain(body, url=page.final_url, content_type=page.content_type, charset=page.charset)
    return await ports.reader.read(body, url=page.final_url, charset=page.charset, render=True, blocks=blocks)


async def _adopted(
    ports: ProcessorPorts, tenant: str, page: ProcessPage, reading: "PageReading"
) -> "PageReading | None":
    """The page with the text of its Markdown twin; None without one, and when it is Markdown of something else."""
    record = None if page.twin is None else await ports.raw.get(tenant, page.twin.raw)
    if page.twin is None or record is None:
        return None
    from runnel.extraction.markdown_twin import adopt_twin

    return await asyncio.to_thread(
        adopt_twin, reading, body_of(record), url=page.twin.url, charset=page.twin.charset
    )  # in a thread: a long page takes a tenth of a second


def page_key(content_hash: str) -> str:
    """Where the Markdown with this hash lies."""
    return f"pages/{content_hash}.md.gz"


def to_stored_page(
    page: ProcessPage,
    reading: "PageReading",
    metadata: dict[str, str],
    marks: SiteMarks = NO_MARKS,
    *,
    low_quality_below: int = LOW_QUALITY_BELOW,
) -> StoredPage:
    """The page as the manifest will list it; *marks* are what its site repeats."""
    heading = reading.headings[0][1] if reading.headings else ""
    title, rest = cut_learned(reading.title, frozenset(marks.titles), heading=heading)
    return StoredPage(
        page_id=url_hash(page.final_url),
        url=page.final_url,
        source_id=page.source_id,
        aliases=(page.url,) if page.url != page.final_url else (),
        title=title,
        description=reading.description,
        lang=reading.lang,
        words=reading.words,
        content_hash=reading.content_hash,
        body_hash=page.body_hash,
        chunks=reading.chunks,
        quality_score=reading.quality,
        quality_reason=reading.quality_reason,
        low_quality=reading.quality < low_quality_below,
        modified=reading.modified or to_instant(page.last_modified or ""),
        version=reading.version or find_version(rest),
        breadcrumbs=reading.breadcrumbs,
        hidden_pieces=len(reading.hidden),
        extraction="wide" if reading.is_wide else "",
        etag=page.etag,
        last_modified=page.last_modified,
        fetched_at=page.fetched_at,
        canonical=reading.canonical,
        headings=tuple(Heading(level=level, text=text, anchor=anchor) for level, text, anchor in reading.headings),
        hidden=tuple(Hidden(kind=kind, excerpt=excerpt) for kind, excerpt in reading.hidden),
        links=(reading.refresh, *reading.links)
        if reading.refresh is not None and reading.refresh != page.final_url
        else reading.links,
        raw=page.raw,
        content_type=page.content_type,
        charset=page.charset,
        twin=page.twin,
        twin_url=page.twin.url if page.twin else "",
        metadata=metadata,
    )
