"""Everything the use cases need, in one bundle that a wiring fills."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from runnel.domain.markdown_twins import MarkdownTwins
from runnel.domain.quality import LOW_QUALITY_BELOW
from runnel.ports.batches import Batches
from runnel.ports.bell import Bell
from runnel.ports.bus import Bus
from runnel.ports.clock import Clock
from runnel.ports.content_store import ContentStore, RawStore
from runnel.ports.crawler import Crawler, Orchestrators, Processor
from runnel.ports.event_log import EventLog
from runnel.ports.host_budget import HostBudget
from runnel.ports.ids import Ids
from runnel.ports.indexer import Indexer
from runnel.ports.job_store import JobStore, Leases
from runnel.ports.journal import Journal
from runnel.ports.libraries import Libraries
from runnel.ports.locks import JobLocks
from runnel.ports.meter import Meter
from runnel.ports.output import Outputs
from runnel.ports.page_reader import PageReader
from runnel.ports.private_leave import PrivateLeave, SameLeave
from runnel.ports.secrets import NoSecrets, Secrets
from runnel.ports.telemetry import Silence, Telemetry
from runnel.ports.tokens import Tokens
from runnel.ports.url_queue import UrlQueue
from runnel.usecases.tails import Tails


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """Times and sizes that differ between homes; the defaults are those of architecture.md."""

    lease_ttl: timedelta = timedelta(seconds=12)
    lease_beat: timedelta = timedelta(seconds=4)
    #: How long a would-be driver waits for a lease.
    lease_patience: timedelta = timedelta(seconds=60)
    #: How often the driver looks at META for a wish.
    look: timedelta = timedelta(seconds=1)
    flush: timedelta = timedelta(milliseconds=200)
    #: How often open processor batches are looked at.
    batch_poll: timedelta = timedelta(seconds=1)
    #: Pages to a processor batch, and how long the first may wait for company.
    batch_pages: int = 25
    batch_wait: timedelta = timedelta(seconds=1)
    #: A try of a batch is overdue after this time.
    batch_overdue: timedelta = timedelta(seconds=330)
    #: How long before its deadline a driver stops dispatching, and how long it then drains.
    deadline_margin: timedelta = timedelta(seconds=75)
    drain: timedelta = timedelta(seconds=45)
    #: How long a driver drains that was told to leave: what it leaves in flight is fetched again, if it ever is.
    leave_drain: timedelta = timedelta(seconds=2)
    #: Fetched pages that may wait for the processor before dispatching stops.
    backlog_pages: int = 200
    #: How often a follower polls the log, awake and idle.
    poll: timedelta = timedelta(milliseconds=250)
    poll_idle: timedelta = timedelta(seconds=1)
    #: How long one connection follows before it is asked to come back; None = to the end.
    follow_window: timedelta | None = None
    heartbeat: timedelta = timedelta(seconds=10)
    #: What a job may cost that says nothing of it, in US dollars; None = whatever it does.
    max_usd: float | None = None
    #: How often a driver tells its numbers to operators.
    measure: timedelta = timedelta(seconds=10)
    #: The first pause of a host that refuses or does not answer; it doubles up to 60 times as much.
    host_pause: timedelta = timedelta(seconds=1)
    #: One fetch, in all.
    fetch_deadline: timedelta = timedelta(seconds=30)
    #: A page that scores less, of 100, is told and left out of the library.
    low_quality_below: int = LOW_QUALITY_BELOW
    #: Query parameters that track the reader, besides those that every job drops; in lower case.
    tracking_parameters: frozenset[str] = frozenset()
    #: Whether the site's own Markdown of a page is fetched: where the page declares it, of every page, or never.
    markdown_twins: MarkdownTwins = "declared"
    #: Files that are no pages, of which a job asks for type and size: at most so many.
    asset_sizes: int = 1_000
    user_agent: str = "Runnel/0.1 (+https://github.com/runnel/runnel/blob/main/docs/crawler.md)"

    def with_lease_ttl(self, seconds: float) -> "Tuning":
        """The same with another time after which a silent driver is dead; it beats three times in it."""
        return replace(self, lease_ttl=timedelta(seconds=seconds), lease_beat=timedelta(seconds=seconds / 3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The ports, filled by `wiring`; use cases take this and nothing else from outside."""

    clock: Clock
    ids: Ids
    jobs: JobStore
    leases: Leases
    log: EventLog
    queue: UrlQueue
    journal: Journal
    batches: Batches
    libraries: Libraries
    bus: Bus
    content: ContentStore
    raw: RawStore
    hosts: HostBudget
    tokens: Tokens
    crawler: Crawler
    processor: Processor
    orchestrators: Orchestrators
    #: Rings when the log has grown: for followers.
    bell: Bell
    #: Rings when the processor of this process has finished something: for the driver.
    batch_bell: Bell
    locks: JobLocks
    meter: Meter
    outputs: Outputs
    #: Reads again what was fetched before.
    reader: PageReader
    indexer: Indexer
    secrets: Secrets = field(default_factory=NoSecrets)
    leave: PrivateLeave = field(default_factory=SameLeave)
    telemetry: Telemetry = field(default_factory=Silence)
    tuning: Tuning = field(default_factory=Tuning)
    #: Who reads the logs of this process for its followers.
    tails: Tails = field(default_factory=Tails)
