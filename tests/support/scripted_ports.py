"""The ports of a home without network: a made-up site, and neighbours that do what the test says."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from runnel.adapters.fts5.indexer import build_segment, is_segment
from runnel.domain.instants import format_time
from runnel.domain.jobs import Job
from runnel.domain.payloads import CrawlRequest, CrawlResponse, CrawlResult, CrawlTarget, FetchedPage, ProcessRequest
from runnel.domain.verdicts import AssetFacts, ErrorCategory, FetchError, RawRef
from runnel.domain.warc import RECORD_END, record_head
from runnel.errors import CallFailed
from runnel.extraction.learning import PageMarks
from runnel.extraction.page import PageReading
from runnel.extraction.profile import SiteProfile
from runnel.extraction.reading import read_links, read_marks, read_page, read_present
from runnel.ports.clock import Clock
from runnel.ports.crawler import Turn
from runnel.ports.indexer import IndexedPage
from runnel.ports.output import Output
from runnel.usecases.process_pages import ProcessorPorts, process_pages
from tests.support.killable_process import Killed, Process

if TYPE_CHECKING:
    from tests.support.homes import ScriptedHome


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedPage:
    """What a path of the made-up site answers."""

    text: str = "Some words that are worth a page of their own."
    links: tuple[str, ...] = ()
    nofollow_links: tuple[str, ...] = ()
    status: int = 200
    final: str | None = None
    canonical: str | None = None
    noindex: bool = False
    nofollow: bool = False
    is_empty: bool = False
    retry_after_s: float | None = None
    category: ErrorCategory | None = None
    #: It is a file and no page, of which the answer says so much.
    facts: AssetFacts | None = None
    #: Answer `skipped` with this reason and rule: a redirect into the forbidden.
    skipped: tuple[str, str] | None = None
    #: The crawler's process, which is the driver's own, dies at this page so often.
    kills: int = 0
    #: Whether the body holds the links too, for whoever reads it again.
    links_in_body: bool = False
    #: The whole body, instead of one made of the text.
    body: str = ""

    @property
    def html(self) -> bytes:
        """The page's body."""
        if self.body:
            return self.body.encode()
        links = "".join(f'<a href="{link}">there</a>' for link in self.links) if self.links_in_body else ""
        text = f"<!doctype html><title>{self.text[:20]}</title><main><h1>Page</h1><p>{self.text}</p></main>{links}"
        return text.encode()


class ClockBell:
    """A bell on a clock that tests move."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self.rung: Counter[str] = Counter()

    def ring(self, job_id: str) -> None:
        self.rung[job_id] += 1
        for event in self._waiting[job_id]:
            event.set()

    async def wait(self, job_id: str, *, at_most: timedelta) -> bool:
        event = asyncio.Event()
        self._waiting[job_id].add(event)
        try:
            return await self._clock.wait(event, at_most)
        finally:
            self._waiting[job_id].discard(event)


class ScriptedCrawler:
    """The crawler's port over a made-up site, in one process."""

    def __init__(self, home: "ScriptedHome", process: Process) -> None:
        self._home, self._process = home, process
        self.max_targets = 1

    async def crawl(self, request: CrawlRequest, *, turn: Turn | None = None) -> CrawlResponse:
        home = self._home
        if request.purpose == "text":
            home.robots_requests.append(request.targets[0].url)
            return CrawlResponse(results=tuple(home.robots_answer(target.url) for target in request.targets))
        if request.purpose == "sitemap":
            return await home.sitemaps.answer(request)
        if request.purpose == "head":
            home.heads.append(request)
            return CrawlResponse(results=tuple([await self._head(target.url) for target in request.targets]))
        home.requests.append(request)
        home.in_flight += len(request.targets)
        home.max_in_flight = max(home.max_in_flight, home.in_flight)
        try:
            results = tuple([await self._fetch(request, target) for target in request.targets])
        finally:
            home.in_flight -= len(request.targets)
        if home.reading_s and results[0].page is not None:
            if turn is not None:
                turn.leave()
            await home.clock.sleep(timedelta(seconds=home.reading_s))
        return CrawlResponse(results=results)

    async def _head(self, url: str) -> CrawlResult:
        home = self._home
        await home.clock.sleep(timedelta(seconds=home.latency_s))
        answer = home.files.get(home.path_of(url), 404)
        if isinstance(answer, AssetFacts):
            return CrawlResult(url=url, outcome="fetched", status=answer.status, facts=answer)
        if isinstance(answer, CrawlResult | CallFailed):
            if isinstance(answer, CallFailed):
                raise answer
            return answer.model_copy(update={"url": url})
        error = FetchError(
            category=category_of(answer) or ErrorCategory.PROTOCOL, message=f"the site answered {answer}"
        )
        return CrawlResult(url=url, outcome="failed", status=answer, error=error)

    async def _fetch(self, request: CrawlRequest, target: CrawlTarget) -> CrawlResult:
        home, url = self._home, target.url
        path = home.path_of(url)
        home.on_fetch(path)
        home.fetched.append(path)
        if path in home.held:
            await home.held[path].wait()
        await home.clock.sleep(timedelta(seconds=home.latency_s + home.delays.get(path, 0.0)))
        if home.call_failures:
            raise home.call_failures.pop()
        page = home.pages.get(path, ScriptedPage(status=404))
        if isinstance(page, list):
            page = page.pop(0) if len(page) > 1 else page[0]
        if page.kills:
            home.pages[path] = replace(page, kills=page.kills - 1)
            self._process.kill()
            raise Killed(self._process.name)
        final = home.url(page.final) if page.final else url
        if sha256(page.html).hexdigest() == target.body_hash and final in (url, target.known_url):
            return CrawlResult(url=url, outcome="not_modified", status=304, final_url=final, elapsed_ms=5)
        return await self._result(request, url, page)

    async def _result(self, request: CrawlRequest, url: str, page: ScriptedPage) -> CrawlResult:
        if page.skipped:
            return CrawlResult(url=url, outcome="skipped", reason=page.skipped[0], rule=page.skipped[1])
        category = page.category or category_of(page.status)
        category = ErrorCategory.UNSUPPORTED_TYPE if page.facts else category
        if category:
            return CrawlResult(
                url=url,
                outcome="failed",
                facts=page.facts,
                status=page.status if page.status != 200 else None,
                error=FetchError(category=category, message=f"answered {page.status}"),
                retry_after_s=page.retry_after_s,
            )
        final = self._home.url(page.final) if page.final else url
        stamp = format_time(self._home.clock.now())
        size = len(page.html)
        head = record_head(url=final, status=200, headers={}, body_bytes=size, fetched_at=stamp, record_id="0" * 32)
        record = head + page.html + RECORD_END
        name = f"{request.raw_name}-{sha256(url.encode()).hexdigest()[:8]}"
        put = self._process.services.raw.put
        refs = await put(request.tenant, request.job_id, name, (record,)) if request.keep else (None,)
        fetched = FetchedPage(
            final_url=final,
            status=200,
            content_type="text/html",
            charset="utf-8",
            raw=refs[0],
            body_hash=sha256(page.html).hexdigest(),
            content_length=len(page.html),
            title=page.text[:20],
            links=tuple(self._home.url(link) for link in page.links),
            nofollow_links=tuple(self._home.url(link) for link in page.nofollow_links),
            canonical=self._home.url(page.canonical) if page.canonical else None,
            noindex=page.noindex,
            nofollow=page.nofollow,
            is_empty=page.is_empty,
            **_rated(page),
            last_modified="Wed, 21 Oct 2015 07:28:00 GMT" if page.body else None,
            fetched_at=stamp,
        )
        return CrawlResult(url=url, outcome="fetched", page=fetched, status=200, elapsed_ms=20)


def _rated(page: ScriptedPage) -> dict[str, Any]:
    """The facts of a page that its crawler counts; of a page that is made of its text, without reading it."""
    if not page.body:
        return {"words": len(page.text.split()) + 1}
    reading = read_links(page.html, url="https://docs.example.com/")
    return {"words": reading.words, "quality_score": reading.quality, "quality_reason": reading.quality_reason}


def category_of(status: int) -> ErrorCategory | None:
    if status == 429:
        return ErrorCategory.RATE_LIMITED
    if status >= 500:
        return ErrorCategory.HTTP_5XX
    return ErrorCategory.HTTP_4XX if status >= 400 else None


class InlineReader:
    """Reads pages where it stands, so that a moved clock knows when it is done."""

    async def read(
        self,
        body: bytes,
        *,
        url: str,
        charset: str | None,
        render: bool,  # noqa: ARG002
        blocks: tuple[str, ...] = (),
    ) -> PageReading:
        return read_page(body, url=url, charset=charset, profile=SiteProfile(frozenset(blocks)))

    async def read_marks(self, body: bytes, *, charset: str | None) -> PageMarks:
        return read_marks(body, charset=charset)

    async def find_present(self, body: bytes, *, charset: str | None, asked: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(read_present(body, charset=charset, asked=asked)))


class InlineIndexer:
    """Makes segments where it stands, so that a moved clock knows when it is done."""

    async def build(self, pages: Sequence[IndexedPage]) -> bytes:
        return build_segment(pages)

    async def is_whole(self, segment: bytes) -> bool:
        return is_segment(segment)


class NothingRendered:
    """A processor that shares its process with no crawler."""

    def take(self, raw: RawRef) -> PageReading | None:  # noqa: ARG002
        return None


class NoOutputs:
    """No job writes a folder."""

    def of(self, job: Job) -> Output | None:  # noqa: ARG002
        return None


class ScriptedProcessor:
    """The processor's port: runs the real use case some time later, or as the test says."""

    def __init__(self, home: "ScriptedHome", ports: ProcessorPorts) -> None:
        self._home, self._ports = home, ports

    async def submit(self, request: ProcessRequest, *, failed: Callable[[str], None] | None = None) -> None:
        home = self._home
        home.submitted.append(request)
        if home.processor == "fails":
            raise CallFailed("no processor")
        broken = [path for page in request.pages if home.unprocessable[path := home.path_of(page.url)]]
        if failed is not None and broken:
            home.unprocessable.subtract(broken)
            failed("ValueError: a bug")
            return
        times = {"runs": 1, "twice": 2, "lost": 0}[home.processor]
        for _ in range(times):
            home.processing.append(asyncio.create_task(self._process_later(request)))

    async def _process_later(self, request: ProcessRequest) -> None:
        await self._home.clock.sleep(timedelta(seconds=self._home.processor_s))
        with suppress(Killed):
            await self.process(request)

    async def process(self, request: ProcessRequest) -> None:
        """Process now, whoever asks."""
        await process_pages(self._ports, request)


class ScriptedOrchestrators:
    """Notes who was asked to drive."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.is_down = False

    async def start(self, tenant: str, job_id: str, *, hop: int = 0) -> None:  # noqa: ARG002
        if self.is_down:
            raise CallFailed("no orchestrator")
        self.started.append(job_id)


class Spent:
    """A meter that the test turns."""

    def __init__(self) -> None:
        self.total_usd = 0.0

    def usd(self) -> float:
        return self.total_usd


@dataclass(slots=True)
class NoLocks:
    """A home without locks; with `is_free`, every lock can be had."""

    is_free: bool = False

    def acquire(self, job_id: str) -> bool:  # noqa: ARG002
        return self.is_free

    def release(self, job_id: str) -> None:
        """Nothing was held."""
