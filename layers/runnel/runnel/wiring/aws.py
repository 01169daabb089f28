"""AWS: the table, the bucket and the functions, as the template's environment names them.

Each function makes only what it needs, and imports it only then: the crawler never loads the web framework, the
processor never the network client for sites.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from runnel.settings import AwsSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from runnel.adapters.system.thread_reader import ThreadPageReader
    from runnel.domain.jobs import Job
    from runnel.domain.payloads import CrawlRequest, CrawlResponse, ProcessRequest, ProcessResult
    from runnel.domain.verdicts import RawRef
    from runnel.extraction.learning import PageMarks
    from runnel.extraction.page import PageReading
    from runnel.ports.clock import Clock
    from runnel.ports.ids import Ids
    from runnel.ports.indexer import IndexedPage
    from runnel.ports.secrets import Secrets
    from runnel.ports.tokens import Tokens
    from runnel.usecases.services import Services, Tuning

#: Time-outs of the functions in seconds, as the template has them.
CRAWLER_TIMEOUT_S = 60
PROCESSOR_TIMEOUT_S = 300
_INVOKES_AT_ONCE = 16
_FETCHES_AT_ONCE = 10
#: A page that is read for longer takes its process with it, long before the function's own time-out.
_PARSE_TIMEOUT_S = 12


def make_crawler() -> Callable[[CrawlRequest], Awaitable[CrawlResponse]]:
    """The crawler's use case; call it inside the event loop that it will live in."""
    from runnel.adapters.http.fetcher import HttpFetcher
    from runnel.adapters.s3.client import make_client
    from runnel.adapters.s3.raw_store import S3RawStore
    from runnel.adapters.system.clock import SystemClock
    from runnel.adapters.system.ids import SystemIds
    from runnel.adapters.system.thread_reader import ThreadPageReader
    from runnel.usecases.crawl_pages import CrawlerPorts, crawl_pages

    settings = AwsSettings.from_environment()
    clock = SystemClock()
    ports = CrawlerPorts(
        fetcher=HttpFetcher(allow_private=settings.allow_private, connections=_FETCHES_AT_ONCE),
        reader=ThreadPageReader(kill_after=timedelta(seconds=_PARSE_TIMEOUT_S)),
        raw=S3RawStore(make_client(), settings.bucket, clock=clock, ids=SystemIds(clock)),
        clock=clock,
    )
    return partial(crawl_pages, ports)


def make_processor() -> Callable[[ProcessRequest], Awaitable[ProcessResult]]:
    """The processor's use case; call it inside the event loop that it will live in."""
    from runnel.adapters.dynamodb.client import make_client as make_table_client
    from runnel.adapters.dynamodb.stores import DynamoDBStores
    from runnel.adapters.s3.client import make_client as make_bucket_client
    from runnel.adapters.s3.content_store import S3ContentStore
    from runnel.adapters.s3.raw_store import S3RawStore
    from runnel.adapters.system.bell import LoopBell
    from runnel.adapters.system.clock import SystemClock
    from runnel.adapters.system.ids import SystemIds
    from runnel.adapters.system.thread_reader import ThreadPageReader
    from runnel.usecases.process_pages import ProcessorPorts, process_pages

    settings = AwsSettings.from_environment().need("table")
    clock = SystemClock()
    ids = SystemIds(clock)
    stores = DynamoDBStores(make_table_client(), settings.table, clock=clock, ids=ids)
    bucket = make_bucket_client()
    ports = ProcessorPorts(
        jobs=stores.jobs,
        batches=stores.batches,
        content=S3ContentStore(bucket, settings.bucket, clock=clock, ids=ids),
        raw=S3RawStore(bucket, settings.bucket, clock=clock, ids=ids),
        reader=ThreadPageReader(kill_after=timedelta(seconds=_PARSE_TIMEOUT_S)),
        rendered=_NoRenderedPages(),
        batch_bell=LoopBell(),
        outputs=_NoOutputs(),
    )
    return partial(process_pages, ports)


@asynccontextmanager
async def open_tokens(table: str, *, region: str | None = None) -> AsyncIterator[tuple[Tokens, Clock, Ids]]:
    """A stack's tokens, for its operator, with the credentials of whoever calls; raises `ConfigInvalid`."""
    from runnel.adapters.dynamodb.client import make_client
    from runnel.adapters.dynamodb.failures import BotoFailure, translate
    from runnel.adapters.dynamodb.stores import DynamoDBStores
    from runnel.adapters.system.clock import SystemClock
    from runnel.adapters.system.ids import SystemIds

    try:
        client = make_client(region_name=region)
    except BotoFailure as error:  # no region, or a profile that does not exist
        raise translate(error, "a connection") from error
    clock = SystemClock()
    stores = DynamoDBStores(client, table, clock=clock, ids=SystemIds(clock))
    try:
        yield stores.tokens, clock, SystemIds(clock)
    finally:
        stores.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestratorHome:
    """What the orchestrator's app serves."""

    services: Services
    settings: AwsSettings


def make_orchestrator() -> OrchestratorHome:
    """The services that drive jobs and answer requests."""
    settings = AwsSettings.from_environment().need("table", "crawler_function", "processor_function", "self_function")
    return OrchestratorHome(services=_make_services(settings), settings=settings)


def _make_services(settings: AwsSettings) -> Services:
    from runnel.adapters.aws_lambda.client import Function, make_client
    from runnel.adapters.aws_lambda.functions import LambdaCrawler, LambdaOrchestrators, LambdaProcessor
    from runnel.adapters.aws_lambda.meter import AwsMeter, MeteredCrawler, MeteredProcessor
    from runnel.adapters.dynamodb.client import make_client as make_table_client
    from runnel.adapters.dynamodb.stores import DynamoDBStores
    from runnel.adapters.powertools.telemetry import PowertoolsTelemetry
    from runnel.adapters.s3.client import make_client as make_bucket_client
    from runnel.adapters.s3.content_store import S3ContentStore
    from runnel.adapters.s3.raw_store import S3RawStore
    from runnel.adapters.system.bell import LoopBell
    from runnel.adapters.system.clock import SystemClock
    from runnel.adapters.system.ids import SystemIds
    from runnel.usecases.services import Services

    clock = SystemClock()
    ids = SystemIds(clock)
    stores = DynamoDBStores(make_table_client(), settings.table, clock=clock, ids=ids)
    bucket = make_bucket_client()
    content = S3ContentStore(bucket, settings.bucket, clock=clock, ids=ids)
    calls = make_client(function_timeout_s=CRAWLER_TIMEOUT_S, calls=_INVOKES_AT_ONCE)
    crawler = LambdaCrawler(Function(calls, settings.crawler_function, calls=_INVOKES_AT_ONCE))
    processor = LambdaProcessor(Function(calls, settings.processor_function, calls=4))
    meter = AwsMeter(clock, lambda: stores.usage.used, lambda: content.usage.used)
    return Services(
        clock=clock,
        ids=ids,
        jobs=stores.jobs,
        leases=stores.leases,
        log=stores.log,
        queue=stores.queue,
        journal=stores.journal,
        batches=stores.batches,
        libraries=stores.libraries,
        bus=stores.bus,
        content=content,
        raw=S3RawStore(bucket, settings.bucket, clock=clock, ids=ids),
        hosts=stores.hosts,
        tokens=stores.tokens,
        crawler=MeteredCrawler(crawler, meter),
        processor=MeteredProcessor(processor, meter),
        orchestrators=LambdaOrchestrators(Function(calls, settings.self_function, calls=2)),
        bell=LoopBell(),
        batch_bell=LoopBell(),
        locks=_NoLocks(),
        meter=meter,
        outputs=_NoOutputs(),
        reader=_ReaderOnDemand(),
        indexer=_IndexerOnDemand(),
        telemetry=PowertoolsTelemetry(),
        tuning=replace(
            make_tuning().with_lease_ttl(settings.lease_ttl_s),
            batch_overdue=timedelta(seconds=settings.batch_overdue_s),
            follow_window=timedelta(seconds=settings.follow_window_s),
            # A reader's invocation also waits for the lease of a dead driver: no longer than the reader's window lasts.
            lease_patience=timedelta(seconds=min(settings.follow_window_s, _LEASE_PATIENCE_S)),
            tracking_parameters=settings.tracking_parameters,
            markdown_twins=settings.markdown_twins,
            low_quality_below=settings.low_quality_below,
            asset_sizes=settings.asset_sizes,
        ),
        secrets=_make_secrets(settings.secrets),
    )


def _make_secrets(names: frozenset[str]) -> Secrets:
    """Those of Secrets Manager that the template names; without any, its client is not even made."""
    if not names:
        from runnel.ports.secrets import NoSecrets

        return NoSecrets()
    from runnel.adapters.secretsmanager.secrets import SecretsManagerSecrets, make_client

    return SecretsManagerSecrets(make_client(), names)


#: How long a driver's successor waits for the lease, at most.
_LEASE_PATIENCE_S = 60.0


def make_tuning() -> Tuning:
    """What differs from the defaults: who waits is billed, so is every batch of pages, and what a job may cost ends."""
    from runnel.usecases.services import Tuning

    return Tuning(follow_window=timedelta(seconds=60), batch_wait=timedelta(seconds=2), max_usd=5.0)


class _ReaderOnDemand:
    """Loads the parser when the orchestrator has a page to read: what was fetched before, to mend or to replay it."""

    async def read(
        self, body: bytes, *, url: str, charset: str | None, render: bool, blocks: tuple[str, ...] = ()
    ) -> PageReading:
        return await self._reader().read(body, url=url, charset=charset, render=render, blocks=blocks)

    async def read_marks(self, body: bytes, *, charset: str | None) -> PageMarks:
        return await self._reader().read_marks(body, charset=charset)

    async def find_present(self, body: bytes, *, charset: str | None, asked: tuple[str, ...]) -> tuple[str, ...]:
        return await self._reader().find_present(body, charset=charset, asked=asked)

    def _reader(self) -> ThreadPageReader:
        from runnel.adapters.system.thread_reader import ThreadPageReader

        return ThreadPageReader()


class _IndexerOnDemand:
    """Loads SQLite when there is a segment to make."""

    async def build(self, pages: Sequence[IndexedPage]) -> bytes:
        from runnel.adapters.fts5.indexer import Fts5Indexer

        return await Fts5Indexer().build(pages)

    async def is_whole(self, segment: bytes) -> bool:
        from runnel.adapters.fts5.indexer import Fts5Indexer

        return await Fts5Indexer().is_whole(segment)


class _NoLocks:
    """Lambda has no locks that die with their process: there the lease alone decides."""

    def acquire(self, job_id: str) -> bool:
        return False

    def release(self, job_id: str) -> None:
        return None


class _NoOutputs:
    """Lambda writes no folders."""

    def of(self, job: Job) -> None:
        return None


class _NoRenderedPages:
    """Lambda's crawler renders nothing: the processor reads each page itself."""

    def take(self, raw: RawRef) -> None:
        return None
