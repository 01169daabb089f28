"""The event vocabulary: one Pydantic union of everything a job says.

Laws:
1. A durable event has `seq`, contiguous from 1 within its job, and is stored before anyone sees it.
2. An ephemeral event has no `seq` and is never stored: it is a fold of the durable log and the clock.
3. Names and fields change only with a new version of the vocabulary; JSON Schema and TypeScript come from here.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, TypeAdapter

from runnel.domain.instants import format_time
from runnel.domain.jobs import EndedBecause, JobState
from runnel.domain.verdicts import FetchError, Outcome, SkipReason

#: An event's JSON is at most so large; longer lists are cut and `truncated` is set.
MAX_EVENT_BYTES = 16 * 1024
#: Texts of so many characters are never cut: names, times, ids.
_SHORT = 100


Instant = Annotated[datetime, PlainSerializer(format_time, return_type=str, when_used="json")]


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True)

    job_id: str
    time: Instant


class _Durable(_Event):
    seq: int = Field(ge=1)
    truncated: bool = False


class SourceRef(BaseModel):
    """A source as the events name it."""

    model_config = ConfigDict(frozen=True)

    source_id: str
    url: str


class EventCounts(BaseModel):
    """URLs by verdict; `seen` is their sum."""

    model_config = ConfigDict(frozen=True)

    seen: int = 0
    fetched: int = 0
    unchanged: int = 0
    duplicate: int = 0
    skipped: int = 0
    failed: int = 0
    cancelled: int = 0


class JobCreated(_Durable):
    """The job exists; always seq 1."""

    type: Literal["job_created"] = "job_created"
    kind: str
    library_id: str
    mode: str
    scope: str
    sources: tuple[SourceRef, ...]
    dry_run: bool
    options: dict[str, Any]
    links: dict[str, str]


class JobStarted(_Durable):
    """The first driver took the job."""

    type: Literal["job_started"] = "job_started"
    term: int


class SourceStarted(_Durable):
    """The crawl of a source begins; `count` new URLs come from its start."""

    type: Literal["source_started"] = "source_started"
    source_id: str
    url: str
    count: int = 1


class SourceCompleted(_Durable):
    """The crawl of a source has ended."""

    type: Literal["source_completed"] = "source_completed"
    source_id: str
    url: str
    counts: EventCounts


class RobotsLoaded(_Durable):
    """A host's robots.txt was read; `status` is null when it could not be fetched."""

    type: Literal["robots_loaded"] = "robots_loaded"
    host: str
    status: int | None
    crawl_delay_s: float | None
    sitemaps: tuple[str, ...]
    #: What its Content-Signal lines say to us of `search`, `ai-input` and `ai-train`.
    content_signal: dict[str, Literal["yes", "no"]] = Field(default_factory=dict)


class SitemapLoaded(_Durable):
    """A sitemap file was read."""

    type: Literal["sitemap_loaded"] = "sitemap_loaded"
    url: str
    urls: int
    skipped: int


class UrlStarted(_Durable):
    """The crawler is about to be asked for this URL."""

    type: Literal["url_started"] = "url_started"
    url: str
    depth: int
    attempt: int


class UrlCrawled(_Durable):
    """A page was fetched."""

    type: Literal["url_crawled"] = "url_crawled"
    url: str
    success: Literal[True] = True
    final_url: str
    status: int
    outcome: Outcome
    duplicate_of: str | None
    title: str
    content_length: int
    body_hash: str
    elapsed_ms: int


class UrlsDiscovered(_Durable):
    """A page had links to URLs that were not known; `skipped` counts those ruled out at once, by reason.

    `reconsidered` of those discovered were ruled out before, by depth or nofollow: `count` has them no second time.
    """

    type: Literal["urls_discovered"] = "urls_discovered"
    source_url: str
    depth: int
    discovered_urls: tuple[str, ...]
    count: int
    total_discovered: int
    skipped: dict[SkipReason, int]
    reconsidered: int = 0


class UrlSkipped(_Durable):
    """A URL that stood in the queue will not be kept after all."""

    type: Literal["url_skipped"] = "url_skipped"
    url: str
    reason: SkipReason
    rule: str
    parent: str | None


class UrlRetry(_Durable):
    """A fetch failed and will be tried again."""

    type: Literal["url_retry"] = "url_retry"
    url: str
    attempt: int
    #: None: in the next retry batch, when nothing else is left.
    retry_in_s: float | None
    error: FetchError


class UrlFailed(_Durable):
    """A URL was given up."""

    type: Literal["url_failed"] = "url_failed"
    url: str
    attempts: int
    error: FetchError


class SentToProcessing(_Durable):
    """The processor was asked for these pages."""

    type: Literal["sent_to_processing"] = "sent_to_processing"
    batch_id: str
    urls: tuple[str, ...]
    pages: int


class Quality(BaseModel):
    """How good a page's Markdown is, 0 to 100, and why not better."""

    model_config = ConfigDict(frozen=True)

    score: int
    reason: str


class PageProcessed(BaseModel):
    """What the processor made of one page."""

    model_config = ConfigDict(frozen=True)

    url: str
    page_id: str
    word_count: int
    chunks: int
    quality: Quality
    low_quality: bool


class BatchProcessed(_Durable):
    """The processor's result was seen."""

    type: Literal["batch_processed"] = "batch_processed"
    batch_id: str
    pages: int
    words: int
    chunks: int
    vectors: int
    low_quality: int
    failed: int
    results: tuple[PageProcessed, ...]


class BatchFailed(_Durable):
    """A crawler or processor call failed, or is overdue."""

    type: Literal["batch_failed"] = "batch_failed"
    batch_id: str | None
    urls: tuple[str, ...]
    attempt: int
    error: FetchError
    will_retry: bool


class _Control(_Durable):
    state: JobState
    by: str


class JobPaused(_Control):
    """The job stands still; nothing holds it."""

    type: Literal["job_paused"] = "job_paused"


class JobResumed(_Control):
    """The job goes on."""

    type: Literal["job_resumed"] = "job_resumed"


class JobCancelling(_Control):
    """The job will end without further work."""

    type: Literal["job_cancelling"] = "job_cancelling"


class Handover(_Durable):
    """A later driver took the job over."""

    type: Literal["handover"] = "handover"
    term: int
    reason: Literal["deadline", "lease_lost", "sigterm", "started"]


class LibraryPublished(_Durable):
    """The library shows a new generation; in a dry run: it would, and goes on showing `generation`."""

    type: Literal["library_published"] = "library_published"
    library_id: str
    generation: int
    added: int
    changed: int
    removed: int
    unchanged: int


class LibraryHeld(_Durable):
    """The result was not published."""

    type: Literal["library_held"] = "library_held"
    library_id: str
    reason: str
    limits: dict[str, float]


class Log(_Durable):
    """Everything else worth a line."""

    type: Literal["log"] = "log"
    level: Literal["debug", "info", "warning", "error"]
    message: str
    item: int | None = None
    total: int | None = None


class _JobEnd(_Durable):
    state: JobState
    ok: bool
    error: str | None
    ended_because: EndedBecause
    library_id: str
    mode: str
    scope: str
    dry_run: bool
    sources_processed: int
    counts: EventCounts
    total_processed: int
    total_discovered: int
    pages: int
    #: Of the pages: those that scored too little, and are not in the library.
    low_quality: int = 0
    words: int
    chunks: int
    vectors: int
    bytes: int
    elapsed_ms: int
    started_at: Instant
    finished_at: Instant
    cost_usd: float
    report_id: str | None = None


class JobCompleted(_JobEnd):
    """The job has done what it could."""

    type: Literal["job_completed"] = "job_completed"


class JobFailed(_JobEnd):
    """The job has nothing to show; `error` says why."""

    type: Literal["job_failed"] = "job_failed"


class JobTimeout(_JobEnd):
    """The job's time was over."""

    type: Literal["job_timeout"] = "job_timeout"


class JobCancelled(_JobEnd):
    """The job was cancelled by a user."""

    type: Literal["job_cancelled"] = "job_cancelled"


class StreamConnected(_Event):
    """First frame of each connection."""

    type: Literal["stream_connected"] = "stream_connected"
    url: str | None
    state: JobState
    role: Literal["driver", "follower"]
    last_seq: int


class JobsConnected(_Event):
    """First frame of each connection to the stream of all jobs: its id is the reader's place before any event."""

    type: Literal["jobs_connected"] = "jobs_connected"
    #: It is of no single job.
    job_id: str = "*"
    #: The jobs that the stream shows, or will when others have ended.
    jobs: tuple[str, ...]


class TimeUpdate(_Event):
    """Once a second: seconds since `job_created`, and the queue."""

    type: Literal["time_update"] = "time_update"
    elapsed: int
    formatted: str
    total_processed: int
    total_discovered: int
    queue_size: int
    pending_count: int


class Progress(_Event):
    """On change, at most twice a second."""

    type: Literal["progress"] = "progress"
    processed: int
    discovered: int
    queued: int
    pending: int


StageStatus = Literal["pending", "in_progress", "completed", "error"]


class Stage(BaseModel):
    """One stage of the pipeline."""

    name: Literal["discover", "fetch", "process", "chunk", "embed", "index"]
    status: StageStatus
    processed: int
    total: int
    in_flight: int
    progress_percent: float
    duration_ms: int
    is_complete: bool
    error: str | None


class Worker(BaseModel):
    """One place where a page can be fetched."""

    id: int
    status: Literal["idle", "processing", "error"]
    current_url: str | None
    progress_percent: float


class WorkerPool(BaseModel):
    """The places together."""

    active: int
    max: int
    queue_depth: int
    workers: tuple[Worker, ...]


class Metrics(BaseModel):
    """Totals; `<name>_delta` is the change since the connection's last snapshot."""

    pages_total: int
    chunks_total: int
    vector_writes: int
    store_writes: int
    bytes_total: int
    cost_usd: float
    pages_total_delta: int = 0
    chunks_total_delta: int = 0
    vector_writes_delta: int = 0
    store_writes_delta: int = 0
    bytes_total_delta: int = 0
    cost_usd_delta: float = 0.0


class Timing(BaseModel):
    """When it began and how long it may last; null while unknown."""

    started_at: Instant | None
    elapsed_ms: int
    estimated_remaining_ms: int | None


class PipelineProgress(_Event):
    """The whole pipeline, at most every 500 ms."""

    type: Literal["pipeline_progress"] = "pipeline_progress"
    name: str
    total_pages: int
    total_chunks: int
    stages: tuple[Stage, ...]
    worker_pool: WorkerPool
    metrics: Metrics
    timing: Timing
    overall_progress_percent: float


DurableEvent = (
    JobCreated | JobStarted | SourceStarted | SourceCompleted | RobotsLoaded | SitemapLoaded | UrlStarted | UrlCrawled
    | UrlsDiscovered | UrlSkipped | UrlRetry | UrlFailed | SentToProcessing | BatchProcessed | BatchFailed | JobPaused
    | JobResumed | JobCancelling | Handover | LibraryPublished | LibraryHeld | Log | JobCompleted | JobFailed
    | JobTimeout | JobCancelled
)  # fmt: skip
EphemeralEvent = StreamConnected | JobsConnected | TimeUpdate | Progress | PipelineProgress
Event = Annotated[DurableEvent | EphemeralEvent, Field(discriminator="type")]
TerminalEvent = JobCompleted | JobFailed | JobTimeout | JobCancelled

#: The types that end a log.
TERMINAL_TYPES = frozenset({"job_completed", "job_failed", "job_timeout", "job_cancelled"})

#: The types that no log has.
EPHEMERAL_TYPES = frozenset(kind.model_fields["type"].default for kind in get_args(EphemeralEvent))
#: Every type there is.
EVENT_TYPES = EPHEMERAL_TYPES | {kind.model_fields["type"].default for kind in get_args(DurableEvent)}

_DURABLE: TypeAdapter[DurableEvent] = TypeAdapter(Annotated[DurableEvent, Field(discriminator="type")])


def encode_event(event: DurableEvent | EphemeralEvent) -> bytes:
    """One event as one line of JSON without a line end: the bytes that are stored, and that every client gets.

    At most `MAX_EVENT_BYTES`: the longest list is halved, then the longest text, until it fits; `truncated` says so.
    """
    line = _to_json(event)
    if len(line) <= MAX_EVENT_BYTES:
        return line
    fields = _clamp(json.loads(line)) | ({"truncated": True} if isinstance(event, _Durable) else {})
    line = _dump(fields)
    while len(line) > MAX_EVENT_BYTES and _shorten(fields):
        line = _dump(fields)
    return line


def _to_json(event: _Event) -> bytes:
    try:
        return event.model_dump_json().encode()
    except ValueError:  # a lone surrogate, which UTF-8 cannot hold
        return _dump(event.model_dump(mode="json"))


def _dump(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _clamp(value: Any) -> Any:
    """The same without any text that could not fit alone, and without long names: what is left is soon shortened."""
    if isinstance(value, dict):
        return {key[:_SHORT]: _clamp(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_clamp(one) for one in value]
    return value[:MAX_EVENT_BYTES] if isinstance(value, str) else value


def _shorten(fields: dict[str, Any]) -> bool:
    """Halve the longest list, or the longest text where no list is left, wherever it lies; False when all are short."""
    places = list(_long_values(fields))
    if not places:  # many short ones: a caller's own options
        had_options, fields["options"] = bool(fields.get("options")), {}
        return had_options
    lists = [place for place in places if isinstance(place[0][place[1]], list)]
    holder, key = max(lists or places, key=lambda place: len(str(place[0][place[1]])))
    holder[key] = holder[key][: len(holder[key]) // 2]
    return True


def _long_values(holder: Any) -> Iterator[tuple[Any, Any]]:
    for key, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
        if isinstance(value, dict | list):
            yield from _long_values(value)
        if (isinstance(value, list) and len(value) > 1) or (isinstance(value, str) and len(value) > _SHORT):
            yield holder, key


def decode_event(line: bytes) -> DurableEvent:
    """The event of a stored line; raises pydantic's ValidationError when it is none."""
    return _DURABLE.validate_json(line)
