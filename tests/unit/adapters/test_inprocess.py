"""The laptop's stand-ins for the functions: they raise what a function would, and wait for a store that is away."""

import asyncio
from typing import Any

import pytest

from runnel.adapters.inprocess.functions import (
    InProcessCrawler,
    InProcessProcessor,
    Patience,
    PatientPageKeeper,
    PatientRawStore,
)
from runnel.domain.payloads import CrawlResponse, ProcessRequest
from runnel.errors import CallFailed, DiskFull, StoreUnavailable
from runnel.testing import MemoryStores, MovedClock

_REQUEST: Any = ProcessRequest(
    tenant="local", job_id="job1", library_id="docs", batch_id="1-1", part="all", batch_pages=0, pages=()
)


class Raising:
    """A use case that raises, call by call, and then works."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self, _request: object, _turn: object = None) -> CrawlResponse:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return CrawlResponse(results=())


@pytest.mark.parametrize("error", [StoreUnavailable("locked"), ValueError("a bug"), OSError(5, "disk")])
async def test_a_crawler_call_that_raises_has_failed_and_does_not_hang(error: Exception) -> None:
    """A URL whose call ended without a word would be in flight for ever, and its job with it."""
    crawler = InProcessCrawler(Raising(error))
    request: Any = object()

    with pytest.raises(CallFailed) as failed:
        await crawler.crawl(request)
    assert type(error).__name__ in failed.value.message
    assert await crawler.crawl(request) == CrawlResponse(results=())


async def test_a_crawler_call_that_failed_keeps_its_own_words() -> None:
    """Throttled is throttled."""
    crawler = InProcessCrawler(Raising(CallFailed("slow down", throttled=True)))
    request: Any = object()

    with pytest.raises(CallFailed) as failed:
        await crawler.crawl(request)
    assert failed.value.throttled


async def test_a_batch_that_raises_is_told_at_once() -> None:
    """The driver need not wait for a time-out."""
    told: list[str] = []
    processor = InProcessProcessor(Raising(ValueError("a\nbug")), clock=MovedClock())
    await processor.submit(_REQUEST, failed=told.append)
    await processor.submit(_REQUEST)
    await processor.close()

    assert told == ["ValueError: a bug"]


async def test_a_batch_waits_for_a_store_that_is_away() -> None:
    """A file that is locked for ten seconds costs no page and no try."""
    clock, told = MovedClock(), list[str]()
    process = Raising(*[StoreUnavailable("locked")] * 20)
    processor = InProcessProcessor(process, clock=clock)
    await processor.submit(_REQUEST, failed=told.append)
    await clock.advance(9.4)
    assert process.calls == 19
    await clock.advance(10)
    await processor.close()

    assert process.calls == 21
    assert told == []


async def test_closing_waits_for_no_store() -> None:
    """A process that ends leaves its batches to the next driver."""
    clock, told = MovedClock(), list[str]()
    processor = InProcessProcessor(Raising(*[StoreUnavailable("locked")] * 1_000), clock=clock)
    await processor.submit(_REQUEST, failed=told.append)
    await clock.settle()
    closing = asyncio.create_task(processor.close())
    await clock.advance(1)

    assert closing.done()
    assert told == ["StoreUnavailable: locked"]


async def test_a_fetched_page_waits_for_room_and_says_so() -> None:
    """It is not fetched again because our disk is full, and whoever watches learns why nothing moves."""
    clock, full, stores = MovedClock(), list[bool](), MemoryStores()
    refused: list[Exception] = [DiskFull("full"), StoreUnavailable("slow"), DiskFull("full")]

    def step(name: str) -> None:
        if name == "raw.put" and refused:
            raise refused.pop(0)

    stores.state.on_step = step
    raw = PatientRawStore(stores.raw, Patience(clock=clock, full=lambda: full.append(True)))
    putting = asyncio.create_task(raw.put("local", "job1", "1-1", (b"record",)))
    await clock.advance(1.4)
    assert not putting.done()
    await clock.advance(1)
    (ref,) = await putting

    assert full == [True, True]
    assert await raw.get("local", ref) == b"record"
    await raw.delete_job("local", "job1")
    assert await raw.get("local", ref) is None


class _FullKeeper:
    """A keeper whose disk is full for a while."""

    def __init__(self, times: int) -> None:
        self.times = times

    async def read_and_keep(self, _body: bytes, **_: Any) -> tuple[Any, None]:
        self.times -= 1
        if self.times >= 0:
            raise DiskFull
        return "reading", None


async def test_a_page_read_elsewhere_waits_for_room_too() -> None:
    """The worker that reads a page also stores its response: the same patience."""
    clock, full = MovedClock(), list[bool]()
    full_keeper: Any = _FullKeeper(3)
    keeper = PatientPageKeeper(full_keeper, Patience(clock=clock, full=lambda: full.append(True)))
    place: Any = None
    keeping = asyncio.create_task(keeper.read_and_keep(b"", url="https://h/", charset=None, place=place))
    await clock.advance(2)

    assert await keeping == ("reading", None)
    assert full == [True] * 3
