"""The laptop: SQLite and folders below `RUNNEL_HOME`, crawler and processor in this process.

What only a crawl needs (the network, the parser, the folder of Markdown) is imported when the first page asks for it:
the commands that look at jobs start without.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from runnel.adapters.filesystem.locks import FolderJobLocks
from runnel.adapters.filesystem.private_leave import FolderPrivateLeave
from runnel.adapters.filesystem.raw_store import AppendingReader, FolderPageKeeper, FolderRawStore
from runnel.adapters.inprocess.functions import (
    InProcessCrawler,
    InProcessOrchestrators,
    InProcessProcessor,
    NoBill,
    Patience,
    PatientPageKeeper,
    PatientRawStore,
    RenderedPages,
)
from runnel.adapters.sqlite.bell import SqliteBell
from runnel.adapters.sqlite.stores import SqliteStores
from runnel.adapters.system.bell import LoopBell
from runnel.adapters.system.clock import SystemClock
from runnel.adapters.system.ids import SystemIds
from runnel.adapters.system.secrets import EnvironmentSecrets
from runnel.settings import Settings, ensure_home, environment_secret
from runnel.usecases.services import Services, Tuning

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from runnel.adapters.filesystem.output import FolderOutput
    from runnel.adapters.http.fetcher import HttpFetcher
    from runnel.adapters.http.guard import Resolve
    from runnel.domain.jobs import Job
    from runnel.domain.payloads import CrawlRequest, CrawlResponse, ProcessRequest, ProcessResult, StoredPage
    from runnel.ports.content_store import ContentStore
    from runnel.ports.crawler import Turn
    from runnel.ports.indexer import IndexedPage
    from runnel.ports.page_reader import PageReader

#: The tenant of everything on a laptop.
TENANT = "local"
#: Fetches of all jobs of this process together.
_CONNECTIONS = 100
#: Bodies of over a megabyte that may be in memory at once: 100 MB by their limit, whatever the concurrency.
_LONG_BODIES = 2

_TUNING = Tuning(
    batch_poll=timedelta(seconds=1),
    batch_wait=timedelta(milliseconds=500),
    batch_overdue=timedelta(seconds=120),
    poll=timedelta(seconds=1),
    follow_window=None,
)


@dataclass(slots=True)
class LocalServices:
    """The services of a laptop, and what only a laptop has."""

    services: Services
    orchestrators: InProcessOrchestrators
    settings: Settings
    #: Set when there is no room left to write.
    full: asyncio.Event
    leave: FolderPrivateLeave

    def on_lacking_leave(self, say: Callable[[str, str], None]) -> None:
        """Let *say* hear of each job that this process leaves alone, and why."""
        self.leave.say = say


@dataclass(slots=True)
class _JobOutputs:
    """One folder writer for each folder."""

    content: ContentStore
    folders: dict[str, FolderOutput] = field(default_factory=dict)

    def of(self, job: Job) -> FolderOutput | None:
        if job.output is None:
            return None
        if job.output not in self.folders:
            from runnel.adapters.filesystem.output import FolderOutput

            home_host = urlsplit(job.url).netloc if job.url else None
            self.folders[job.output] = FolderOutput(Path(job.output), home_host, self._read)
        return self.folders[job.output]

    async def close(self) -> None:
        for folder in self.folders.values():
            await folder.close()

    async def _read(self, tenant: str, page: StoredPage) -> str | None:
        from runnel.usecases.read_library import markdown_of

        return await markdown_of(self.content, tenant, page)


@dataclass(frozen=True, slots=True)
class _IndexerOnDemand:
    """Loads what makes segments when there is one to make; whoever has read the pages may rest then."""

    rest: Callable[[], None] | None

    async def build(self, pages: Sequence[IndexedPage]) -> bytes:
        from runnel.adapters.fts5.indexer import Fts5Indexer

        if self.rest is not None:
            self.rest()
        return await Fts5Indexer().build(pages)

    async def is_whole(self, segment: bytes) -> bool:
        from runnel.adapters.fts5.indexer import Fts5Indexer

        return await Fts5Indexer().is_whole(segment)


@dataclass(slots=True, kw_only=True)
class _Functions:
    """The crawler and the processor of this process, each made when it is first called."""

    settings: Settings
    stores: SqliteStores
    content: ContentStore
    raw: FolderRawStore
    clock: SystemClock
    reader: PageReader
    appending: AppendingReader | None
    batch_bell: LoopBell
    outputs: _JobOutputs
    resolve: Resolve | None
    full: asyncio.Event
    _rendered: RenderedPages = field(default_factory=RenderedPages)
    _fetcher: HttpFetcher | None = None
    _crawl: Callable[[CrawlRequest, Turn | None], Awaitable[CrawlResponse]] | None = None
    _process: Callable[[ProcessRequest], Awaitable[ProcessResult]] | None = None

    async def crawl(self, request: CrawlRequest, turn: Turn | None = None) -> CrawlResponse:
        if self._crawl is None:
            self._crawl = self._make_crawler()
        return await self._crawl(request, turn)

    async def process(self, request: ProcessRequest) -> ProcessResult:
        if self._process is None:
            self._process = self._make_processor()
        return await self._process(request)

    async def close(self) -> None:
        if self._fetcher is not None:
            await self._fetcher.close()

    def _make_crawler(self) -> Callable[[CrawlRequest, Turn | None], Awaitable[CrawlResponse]]:
        from runnel.adapters.http.body_room import BodyRoom
        from runnel.adapters.http.fetcher import HttpFetcher
        from runnel.usecases.crawl_pages import CrawlerPorts, crawl_pages

        self._fetcher = HttpFetcher(
            allow_private=self.settings.allow_private,
            connections=_CONNECTIONS,
            resolve=self.resolve,
            proxy=self.settings.proxy,
            room=BodyRoom(_LONG_BODIES),
        )
        patience = Patience(clock=self.clock, full=self.full.set)
        keeper = FolderPageKeeper(self.raw, self.appending) if self.appending else None
        ports = CrawlerPorts(
            fetcher=self._fetcher,
            reader=self.reader,
            raw=PatientRawStore(self.raw, patience),
            clock=self.clock,
            rendered=self._rendered,
            keeper=PatientPageKeeper(keeper, patience) if keeper else None,
        )
        return partial(crawl_pages, ports)

    def _make_processor(self) -> Callable[[ProcessRequest], Awaitable[ProcessResult]]:
        from runnel.usecases.process_pages import ProcessorPorts, process_pages

        ports = ProcessorPorts(
            jobs=self.stores.jobs,
            batches=self.stores.batches,
            content=self.content,
            raw=self.raw,
            reader=self.reader,
            rendered=self._rendered,
            batch_bell=self.batch_bell,
            outputs=self.outputs,
        )
        return partial(process_pages, ports)


@asynccontextmanager
async def open_services(
    settings: Settings,
    *,
    reader: PageReader,
    appending: AppendingReader | None = None,
    tuning: Tuning = _TUNING,
    resolve: Resolve | None = None,
    rest: Callable[[], None] | None = None,
) -> AsyncIterator[LocalServices]:
    """The laptop's services while the context lasts.

    Args:
        settings: Where everything lies.
        reader: Parses pages elsewhere than on the event loop.
        appending: The same, where it can store raw responses too.
        tuning: Times and sizes, for tests.
        resolve: Instead of the system's resolver, for tests.
        rest: Called when memory is wanted for something else than reading pages.

    Raises:
        ConfigInvalid: `RUNNEL_HOME` cannot be used.
    """
    home = ensure_home(settings.home)
    async with AsyncExitStack() as stack:
        stores = SqliteStores.open(home / "runnel.db")
        stack.push_async_callback(stores.close)
        content, raw, clock = stores.content, FolderRawStore(home), SystemClock()
        stack.push_async_callback(raw.close)
        outputs, bell, full = _JobOutputs(content), LoopBell(), _tell_when_full(stores)
        stack.push_async_callback(outputs.close)
        functions = _Functions(
            settings=settings,
            stores=stores,
            content=content,
            raw=raw,
            clock=clock,
            reader=reader,
            appending=appending,
            batch_bell=bell,
            outputs=outputs,
            resolve=resolve,
            full=full,
        )
        stack.push_async_callback(functions.close)
        processor = InProcessProcessor(functions.process, clock=clock)
        stack.push_async_callback(processor.close)
        orchestrators = InProcessOrchestrators()
        leave = FolderPrivateLeave(home / "private", settings.allow_private)
        services = Services(
            clock=clock,
            ids=SystemIds(clock),
            jobs=stores.jobs,
            leases=stores.leases,
            log=stores.log,
            queue=stores.queue,
            journal=stores.journal,
            batches=stores.batches,
            libraries=stores.libraries,
            bus=stores.bus,
            content=content,
            raw=raw,
            hosts=stores.hosts,
            tokens=stores.tokens,
            crawler=InProcessCrawler(functions.crawl),
            processor=processor,
            orchestrators=orchestrators,
            bell=SqliteBell(stores.database, LoopBell()),
            batch_bell=bell,
            locks=FolderJobLocks(home / "locks"),
            meter=NoBill(),
            outputs=outputs,
            reader=reader,
            indexer=_IndexerOnDemand(rest),
            tuning=replace(
                tuning.with_lease_ttl(settings.lease_ttl_s),
                tracking_parameters=settings.tracking_parameters,
                markdown_twins=settings.markdown_twins,
                low_quality_below=settings.low_quality_below,
                asset_sizes=settings.asset_sizes,
            ),
            secrets=EnvironmentSecrets(environment_secret),
            leave=leave,
        )
        yield LocalServices(services=services, orchestrators=orchestrators, settings=settings, full=full, leave=leave)


def open_folder(root: Path, home_host: str | None) -> FolderOutput:
    """A folder for Markdown files; raises `StoreUnavailable` when it is written and cannot be."""
    from runnel.adapters.filesystem.output import FolderOutput

    return FolderOutput(root, home_host)


def _tell_when_full(stores: SqliteStores) -> asyncio.Event:
    full, loop = asyncio.Event(), asyncio.get_running_loop()

    def tell() -> None:
        loop.call_soon_threadsafe(full.set)  # it is called in the writer's thread

    stores.database.on_full = tell
    return full
