"""A job: its options, its states and the moves between them.

Laws:
1. Everything that may happen to a state stands in `TRANSITIONS`; the diagram in docs/architecture.md is drawn from it.
2. A terminal state is never left.
3. `Job` is what META holds; a log that ends with a terminal event is the truth, META a cache of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator

from runnel.domain.verdicts import Counts
from runnel.errors import JobConflict


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETING = "completing"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"


_ENDS = frozenset({JobState.FAILED, JobState.TIMEOUT, JobState.CANCELLED})

TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING}) | _ENDS,
    JobState.RUNNING: frozenset({JobState.PAUSED, JobState.COMPLETING}) | _ENDS,
    JobState.PAUSED: frozenset({JobState.RUNNING}) | _ENDS,
    JobState.COMPLETING: frozenset({JobState.RUNNING, JobState.COMPLETED}) | _ENDS,
    JobState.COMPLETED: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.TIMEOUT: frozenset(),
    JobState.CANCELLED: frozenset(),
}

TERMINAL = frozenset(state for state, moves in TRANSITIONS.items() if not moves)


def check_move(old: JobState, new: JobState) -> None:
    """Raise `JobConflict` when a job may not go from *old* to *new*; staying is always allowed."""
    if new is not old and new not in TRANSITIONS[old]:
        raise JobConflict(f"A job that is {old} cannot become {new}.", code="terminal" if old in TERMINAL else "state")


def job_links(job_id: str, **others: str | None) -> dict[str, str]:
    """Where the job can be read, and the jobs it hangs together with (by name), as paths of the HTTP interface."""
    own = f"/v1/jobs/{job_id}"
    links = {"self": own, "stream": f"{own}/stream", "events": f"{own}/events", "urls": f"{own}/urls"}
    return links | {name: f"/v1/jobs/{other}" for name, other in others.items() if other is not None}


class EndedBecause(StrEnum):
    """Why a job ended."""

    DONE = "done"
    LIMIT = "limit"
    BUDGET = "budget"
    DEADLINE = "deadline"
    USER = "user"
    ERROR = "error"


class Wish(StrEnum):
    """What a user asked of a running job; None asks for nothing (or takes a pause back)."""

    PAUSE = "pause"
    CANCEL = "cancel"


class JobKind(StrEnum):
    """What a job does."""

    CRAWL = "crawl"
    #: Reads stored responses again.
    REPLAY = "replay"


HeaderReference = Annotated[str, StringConstraints(pattern=r"^(env|secret):[A-Za-z0-9_./-]{1,200}$")]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=500)]


#: Headers that the crawler sets itself.
RESERVED_HEADERS = frozenset(
    {
        *("accept-encoding", "connection", "content-length", "expect", "host", "if-modified-since", "if-none-match"),
        *("proxy-authorization", "trailer", "transfer-encoding", "upgrade", "user-agent"),
    }
)


def _not_reserved(name: str) -> str:
    if name.lower() in RESERVED_HEADERS:
        raise ValueError(f"{name} is set by the crawler itself; for User-Agent there is user_agent")
    return name


#: A token of RFC 9110, but none that steers the exchange: those are the crawler's own.
HeaderName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"),
    AfterValidator(_not_reserved),
]


class JobOptions(BaseModel):
    """What a crawl should do; the defaults are those of architecture.md section 10."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(default=10_000, ge=1, le=1_000_000, description="Pages to keep at most.")
    max_depth: int | None = Field(
        default=None, ge=0, le=1_000, description="Links from a start URL; unlimited if absent."
    )
    include: tuple[Pattern, ...] = Field(
        default=(), max_length=100, description="Globs; a page must match one of them."
    )
    exclude: tuple[Pattern, ...] = Field(default=(), max_length=100, description="Globs; they win over include.")
    scope: Literal["subpages", "hostname", "domain"] = Field(
        default="subpages", description="What belongs to the site."
    )
    allow_domains: tuple[Pattern, ...] = Field(default=(), max_length=100, description="More hosts that belong to it.")
    source_id: str | None = Field(default=None, max_length=100, description="Only this source of the library.")
    sitemap: Literal["include", "skip", "only"] = Field(default="include", description="How sitemaps are used.")
    ignore_query: tuple[Pattern, ...] = Field(default=(), max_length=100, description="Parameters that do not matter.")
    concurrency: int = Field(default=10, ge=1, le=100, description="Pages being fetched at once, at most.")
    delay_s: float = Field(
        default=0.0, ge=0, le=3_600, strict=True, description="Pause between two requests to a host, in seconds."
    )
    mode: Literal["full", "incremental"] = Field(default="full", description="Fetch everything, or what changed.")
    steps: tuple[Literal["download", "process", "index"], ...] = Field(default=("download", "process", "index"))
    timeout_s: float = Field(
        default=21_600.0, gt=0, le=604_800, strict=True, description="The whole job's time, in seconds."
    )
    max_usd: float | None = Field(
        default=None, gt=0, strict=True, description="Stop softly when the job has cost so much."
    )
    retry_batches: int = Field(default=2, ge=1, le=10, description="Passes over what failed; 1 = no second try.")
    headers: dict[HeaderName, HeaderReference] = Field(
        default_factory=dict, max_length=20, description="Names to env: or secret: references."
    )
    user_agent: str | None = Field(default=None, max_length=300, pattern=r"^[\x20-\x7e]*$")
    robots: Literal["obey", "ignore"] = Field(default="obey", description="'ignore' needs a reason.")
    reason: str | None = Field(default=None, max_length=500, description="Why robots.txt is ignored; it is logged.")
    content_signal: Literal["report", "obey"] = Field(
        default="report", description="'obey': no page of a site whose Content-Signal refuses search or ai-input."
    )
    dry_run: bool = Field(default=False, strict=True, description="The same events, nothing stored.")
    metadata: dict[str, str] = Field(default_factory=dict, description="Your own fields, kept with every page.")

    @field_validator("limit", "max_depth", "concurrency", "retry_batches", mode="before")
    @classmethod
    def _is_no_bool(cls, value: object) -> object:
        """JSON's `true` is no number; Python's is 1."""
        if isinstance(value, bool):
            raise ValueError("a number is wanted")  # noqa: TRY004
        return value


#: The id of a job's first start URL, and of a library's only source.
DEFAULT_SOURCE = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where pages of a library come from."""

    source_id: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a job ended, as META keeps it."""

    ended_because: EndedBecause
    ok: bool
    ended_at: datetime
    counts: Counts
    error: str | None = None
    cost_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run, as META holds it."""

    tenant: str
    job_id: str
    library_id: str
    sources: tuple[Source, ...]
    created_at: datetime
    options: JobOptions = field(default_factory=JobOptions)
    kind: JobKind = JobKind.CRAWL
    state: JobState = JobState.QUEUED
    start: Literal["now", "on_connect"] = "now"
    #: SHA-256 of the request body; what an Idempotency-Key is compared by.
    request_hash: str = ""
    #: Where a local crawl writes its Markdown, absolute; None = nowhere.
    output: str | None = None
    #: The job whose failed pages this one fetches again.
    retry_of: str | None = None
    # --- the lease
    owner: str | None = None
    term: int = 0
    beat: int = 0
    # --- control
    wish: Wish | None = None
    wish_no: int = 0
    publishing: bool = False
    # --- what the driver has reached
    applied_seq: int = 0
    #: Seconds of the job's time budget used up by earlier drivers.
    spent_s: float = 0.0
    #: US dollars that earlier drivers have cost.
    spent_usd: float = 0.0
    ending: Ending | None = None
    #: Its user has deleted it: what belongs to it is being removed.
    deleted: bool = False

    @property
    def is_over(self) -> bool:
        """Whether META says that the job has ended."""
        return self.state in TERMINAL

    @property
    def wants_driver(self) -> bool:
        """Whether some driver should hold this job: it is not over, and a paused one only to be cancelled."""
        return not self.is_over and (self.state is not JobState.PAUSED or self.wish is Wish.CANCEL)

    @property
    def downloads(self) -> bool:
        """Whether the job asks any site for anything."""
        return self.kind is JobKind.CRAWL and "download" in self.options.steps

    @property
    def publishes(self) -> bool:
        """Whether its pages become the library's: not those that wait to be processed, or that were only compared."""
        steps = self.options.steps
        return "process" in steps and (self.kind is JobKind.CRAWL or "index" in steps)

    @property
    def url(self) -> str | None:
        """The first start URL."""
        return self.sources[0].url if self.sources else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One driver's exclusive claim on a job."""

    tenant: str
    job_id: str
    owner: str
    term: int
    beat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What a taker watches: a lease is dead when this stood still for its whole ttl on the taker's own clock."""

    owner: str | None
    term: int
    beat: int

    @classmethod
    def of(cls, job: Job) -> "Sign":
        """The sign of life that META shows now."""
        return cls(owner=job.owner, term=job.term, beat=job.beat)
