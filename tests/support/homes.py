"""A home without network for tests of the driver: a made-up site, in-memory stores, a clock that the test moves.

Each driver is a `Process` that can be killed, frozen, cut off from the stores or left without answers.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from types import MappingProxyType, SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from runnel.domain import events as e
from runnel.domain.jobs import Job, JobOptions
from runnel.domain.payloads import CrawlRequest, CrawlResult, FetchedPage, ProcessRequest, StoredPage
from runnel.domain.segments import decode_segment
from runnel.domain.verdicts import AssetFacts, Counts, ErrorCategory, FetchError
from runnel.errors import CallFailed, StateUnreadable
from runnel.testing import FixedIds, MemoryState, MemoryStores, MovedClock
from runnel.usecases.create_job import NewJob, create_job
from runnel.usecases.manifests import read_manifest
from runnel.usecases.process_pages import ProcessorPorts
from runnel.usecases.run_crawl import Drive, run_crawl
from runnel.usecases.services import Services, Tuning
from tests.support.killable_process import Killed, Port, Process
from tests.support.scripted_ports import (
    ClockBell,
    InlineIndexer,
    InlineReader,
    NoLocks,
    NoOutputs,
    NothingRendered,
    ScriptedCrawler,
    ScriptedOrchestrators,
    ScriptedPage,
    ScriptedProcessor,
    Spent,
    category_of,
)
from tests.support.scripted_sitemaps import ScriptedSitemaps
from tests.support.verdict_sums import check_counts, check_verdicts

__all__ = ["BASE", "TENANT", "ScriptedHome", "ScriptedPage"]

TENANT = "local"
BASE = "https://docs.example.com"
#: The ports that keep something.
STORES = (
    "jobs",
    "leases",
    "log",
    "queue",
    "journal",
    "batches",
    "libraries",
    "bus",
    "content",
    "raw",
    "hosts",
    "tokens",
)


def check_sum(counts: Counts) -> None:
    """The sum of a job's verdicts equals the URLs it has seen."""
    check_counts(asdict(counts))


class ScriptedHome:
    """A made-up site, one set of stores, and as many processes as a test wants."""

    #: Fields of a page that differ between two homes of the same site: here the clocks are equal too.
    varying: frozenset[str] = frozenset()
    #: By path: how much longer it takes to answer, in seconds.
    delays: Mapping[str, float] = MappingProxyType({})
    #: How long a page is read when it has come.
    reading_s = 0.0

    def __init__(
        self, pages: Mapping[str, Any], *, tuning: Tuning | None = None, low_quality_below: int = 0,
        clock: MovedClock | None = None,
    ) -> None:  # fmt: skip
        """Most made-up pages have few words: they are kept, unless *low_quality_below* says otherwise."""
        self.pages: dict[str, Any] = dict(pages)
        self.robots: dict[str, tuple[int, str]] = {}
        self.robots_requests: list[str] = []
        self.sitemaps = ScriptedSitemaps()
        self.clock = clock or MovedClock()
        self.ids = FixedIds()
        self.state = MemoryState()
        self.bell, self.batch_bell = ClockBell(self.clock), ClockBell(self.clock)
        self.orchestrators = ScriptedOrchestrators()
        self.meter = Spent()
        self.locks = NoLocks()
        self.outputs: Any = NoOutputs()
        self.tuning = replace(tuning or Tuning(), low_quality_below=low_quality_below)
        #: By path: what a file that is no page answers to HEAD, or the status of its refusal; any other is a 404.
        self.files: dict[str, AssetFacts | CrawlResult | CallFailed | int] = {}
        #: What was asked by HEAD, in order.
        self.heads: list[CrawlRequest] = []
        self.requests, self.fetched = list[CrawlRequest](), list[str]()
        #: Told each path when it is asked for.
        self.on_fetch: Callable[[str], None] = lambda _path: None
        self.held: dict[str, asyncio.Event] = {}
        self.in_flight = self.max_in_flight = 0
        self.latency_s = 0.02
        self.call_failures: list[CallFailed] = []
        self.submitted: list[ProcessRequest] = []
        self.processing: list[asyncio.Task[None]] = []
        self.processor = "runs"
        #: By path: how often its batch fails at once in the processor of the driver's own process.
        self.unprocessable: Counter[str] = Counter()
        self.processor_s = 0.1
        #: Whether a processor dies with the driver that asked for it, as on a laptop.
        self.processor_dies = False
        #: Jobs whose ends were found to add up.
        self._checked: set[str] = set()
        self.outside = self.process("outside")

    # ---- the site

    def path_of(self, url: str) -> str:
        """The path of a URL of the site; the whole URL for another host's."""
        return url.removeprefix(BASE)

    def url(self, path: str) -> str:
        """The URL of a path of the site."""
        return path if "://" in path else f"{BASE}{path}"

    def robots_answer(self, url: str) -> CrawlResult:
        """What the site says of robots."""
        status, text = self.robots.get(urlsplit(url).netloc, (404, ""))
        if status == 0:
            error = FetchError(category=ErrorCategory.CONNECT, message="nobody there")
            return CrawlResult(url=url, outcome="failed", error=error)
        if status != 200:
            error = FetchError(category=category_of(status) or ErrorCategory.PROTOCOL, message=f"HTTP {status}")
            return CrawlResult(url=url, outcome="failed", status=status, error=error)
        page = FetchedPage(
            final_url=url, status=200, content_type="text/plain", charset=None, raw=None, body_hash="",
            content_length=len(text), fetched_at="", text=text,
        )  # fmt: skip
        return CrawlResult(url=url, outcome="fetched", page=page, status=200)

    def hold(self, path: str) -> asyncio.Event:
        """Let this path answer only when the event is set."""
        self.held[path] = asyncio.Event()
        return self.held[path]

    # ---- processes

    def process(self, name: str, *, tuning: Tuning | None = None) -> Process:
        """A new process with services of its own over the same state."""
        process = Process(name)
        stores = self.stores_of(process)
        ports: dict[str, Any] = {store: Port(store, getattr(stores, store), process) for store in STORES}
        theirs: Any = SimpleNamespace(**ports)
        if name != "outside" and not self.processor_dies:
            theirs = self.outside.services
        processor = ScriptedProcessor(
            self,
            ProcessorPorts(
                jobs=theirs.jobs, batches=theirs.batches, content=theirs.content, raw=theirs.raw,
                reader=InlineReader(), rendered=NothingRendered(), batch_bell=self.batch_bell, outputs=self.outputs,
            ),
        )  # fmt: skip
        process.services = Services(
            clock=self.clock, ids=self.ids, crawler=ScriptedCrawler(self, process), processor=processor,
            orchestrators=self.orchestrators, bell=self.bell, batch_bell=self.batch_bell, locks=self.locks,
            meter=self.meter, outputs=self.outputs, reader=InlineReader(), indexer=InlineIndexer(),
            tuning=tuning or self.tuning, **ports,
        )  # fmt: skip
        return process

    def stores_of(self, process: Process) -> Any:
        """The stores as *process* opens them; they tell it each step that they are about to make."""
        return MemoryStores(replace(self.state, on_step=process.step))

    async def create(self, *paths: str, library: str | None = None, **options: Any) -> Job:
        """A new job that nobody drives yet."""
        urls = tuple(self.url(path) for path in paths or ("/",))
        new = NewJob(tenant=TENANT, urls=urls, library=library, options=JobOptions(**options))
        return await create_job(self.outside.services, new, invoke=False)

    def drive(self, process: Process, job: Job, **fields: Any) -> asyncio.Task[Drive]:
        """Let *process* drive the job."""
        task = asyncio.create_task(
            run_crawl(process.services, job.tenant, job.job_id, leaving=process.leaving, **fields)
        )
        process.tasks.append(task)
        return task

    async def until(self, is_true: Callable[[], bool], *, at_most_s: float = 900.0, step_s: float = 0.05) -> None:
        """Let time pass until something is true."""
        end_s = self.clock.monotonic() + at_most_s
        while not is_true():
            assert self.clock.monotonic() < end_s, "it never came true"
            await self.clock.advance(step_s)

    async def until_step(self, process: Process, step: str, task: asyncio.Task[Any]) -> None:
        """Let time pass until *process* has made a step of this name, or its task has ended."""
        await self.until(lambda: step in process.steps or task.done())

    async def finish(self, task: asyncio.Task[Drive], *, at_most_s: float = 3_000.0) -> Drive | None:
        """Let time pass until the driver has gone; None when it was killed."""
        await self.until(task.done, at_most_s=at_most_s, step_s=0.5)
        if task.cancelled():
            return None
        error = task.exception()
        if isinstance(error, Killed):
            return None
        self.check_sums()
        return task.result()

    def check_sums(self) -> None:
        """Every job that has ended says the truth: its verdicts add up to the URLs it has seen (promise 3)."""
        for job in self.state.jobs.values():
            if job.ending is not None and job.job_id not in self._checked:
                self._checked.add(job.job_id)
                check_sum(job.ending.counts)
                with suppress(StateUnreadable):  # where a test has damaged the log
                    check_verdicts(event.model_dump(mode="json") for event in self.log(job))

    async def crawl(self, **options: Any) -> Job:
        """A whole crawl by one driver; the job as META shows it at the end."""
        job = await self.create(**options)
        await self.finish(self.drive(self.process("D1"), job))
        return self.meta(job)

    # ---- what there is to see, without a store call

    def meta(self, job: Job) -> Job:
        """META now."""
        return self.state.jobs[job.tenant, job.job_id]

    def log(self, job: Job) -> list[e.DurableEvent]:
        """The events, in order; they are contiguous, or this fails."""
        segments = [decode_segment(data) for _, data in sorted(self.state.segments[job.tenant, job.job_id].items())]
        events = [e.decode_event(line) for segment in segments for line in segment.lines]
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        return events

    def of_type(self, job: Job, *kinds: type[Any]) -> list[Any]:
        """The events of these classes."""
        return [event for event in self.log(job) if isinstance(event, kinds)]

    async def library(self, job: Job) -> dict[str, StoredPage]:
        """The published pages by path."""
        library = self.state.libraries[job.tenant, job.library_id]
        pages = await read_manifest(self.outside.services, library)
        return {self.path_of(url): page for url, page in pages.items()}


# ---------------------------------------------------------------- the real one
