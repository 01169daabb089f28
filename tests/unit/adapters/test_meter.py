"""The bill of a job, against sums made by hand from the list prices (us-east-1)."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from runnel.adapters.aws_lambda.meter import AwsMeter, MeteredCrawler, MeteredProcessor
from runnel.adapters.dynamodb.usage import Used as TableUsed
from runnel.adapters.s3.usage import Used as BucketUsed
from runnel.domain.payloads import CrawlRequest, CrawlResponse, CrawlTarget, ProcessPage, ProcessRequest
from runnel.domain.verdicts import RawRef
from runnel.errors import CallFailed
from runnel.ports.crawler import Turn
from runnel.testing import MovedClock


@dataclass(slots=True)
class Used:
    """What the stores have counted, as the test says."""

    table: TableUsed = field(default_factory=TableUsed)
    bucket: BucketUsed = field(default_factory=BucketUsed)


@dataclass(slots=True)
class SlowCrawler:
    """A crawler that takes two seconds and puts one object, or breaks down at the end."""

    clock: MovedClock
    breaks: bool = False
    max_targets: int = 5

    async def crawl(self, request: CrawlRequest, *, turn: Turn | None = None) -> CrawlResponse:  # noqa: ARG002
        await self.clock.advance(2)
        if self.breaks:
            raise CallFailed("no answer")
        return CrawlResponse(results=(), puts=1)


@dataclass(slots=True)
class Queue:
    """A processor that only accepts."""

    submitted: list[ProcessRequest] = field(default_factory=list)

    async def submit(self, request: ProcessRequest, *, failed: object = None) -> None:  # noqa: ARG002
        self.submitted.append(request)


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def used() -> Used:
    return Used()


@pytest.fixture
def meter(clock: MovedClock, used: Used) -> AwsMeter:
    """A meter that begins now."""
    return AwsMeter(clock, lambda: used.table, lambda: used.bucket)


def crawl_request() -> CrawlRequest:
    """A request of one URL."""
    target = CrawlTarget(url="https://docs.example.com/")
    return CrawlRequest(tenant="main", job_id="j1", targets=(target,), raw_name="1-1", user_agent="Runnel")


def process_request(pages: int) -> ProcessRequest:
    """A batch of so many pages."""
    page = ProcessPage(
        index=0, url="https://docs.example.com/", final_url="https://docs.example.com/",
        raw=RawRef(key="raw/j1/1-1", offset=0, length_bytes=9), content_type="text/html", charset=None, body_hash="0",
        fetched_at="2030-01-01T00:00:00.000Z",
    )  # fmt: skip
    return ProcessRequest(
        tenant="main", job_id="j1", library_id="docs", batch_id="1-1", part="all", batch_pages=pages,
        pages=tuple(page.model_copy(update={"index": index}) for index in range(pages)),
    )  # fmt: skip


def test_nothing_used_costs_nothing(meter: AwsMeter) -> None:
    """A job is billed from when its driver began, not from when its process did."""
    assert meter.usd() == 0


@pytest.mark.parametrize(
    ("table", "bucket", "usd"),
    [
        ({"write_units": 1_000_000}, {}, 0.625),
        ({"read_units": 1_000_000}, {}, 0.125),
        ({}, {"puts": 1_000}, 0.005),
        ({}, {"lists": 1_000}, 0.005),
        ({}, {"gets": 1_000}, 0.0004),
        # 1,000 pages: 2,500 at $0.625/M + 240 at $0.125/M + 1,300 at $5/M + 1,080 at $0.4/M
        ({"write_units": 2_500, "read_units": 240}, {"puts": 1_300, "gets": 1_080}, 0.0085245),
    ],
)
def test_units_and_requests_cost_their_list_price(
    meter: AwsMeter, used: Used, table: dict[str, int], bucket: dict[str, int], usd: float
) -> None:
    """`max_usd` ends a crawl by this sum, so a zero too many or too few is somebody's money."""
    used.table, used.bucket = TableUsed(**table), BucketUsed(**bucket)

    assert meter.usd() == pytest.approx(usd)


async def test_the_drivers_own_time_costs_its_memory(meter: AwsMeter, clock: MovedClock) -> None:
    """Ten minutes of half a gigabyte: 300 GB-seconds at $0.0000133334."""
    await clock.advance(600)

    assert meter.usd() == pytest.approx(0.00400002)


async def test_a_crawler_call_costs_its_request_its_time_and_its_puts(meter: AwsMeter, clock: MovedClock) -> None:
    """$0.20/M a request; one GB-second for the crawler and one for the driver that waited; $5/M a put."""
    crawler = MeteredCrawler(SlowCrawler(clock), meter)

    await crawler.crawl(crawl_request())

    assert meter.usd() == pytest.approx(0.2e-6 + 0.0000133334 + 0.0000133334 + 5e-6)
    assert crawler.max_targets == 5


async def test_a_crawler_call_that_broke_down_was_billed_too(meter: AwsMeter, clock: MovedClock) -> None:
    """Calls that time out are the dearest of all."""
    crawler = MeteredCrawler(SlowCrawler(clock, breaks=True), meter)

    with pytest.raises(CallFailed):
        await crawler.crawl(crawl_request())

    assert meter.usd() == pytest.approx(0.2e-6 + 0.0000133334 + 0.0000133334)


async def test_a_batch_costs_its_request_its_pages_and_its_result(meter: AwsMeter) -> None:
    """25 pages: a request, 25 times $2.70/M of time, 25 pages and one result as objects."""
    queue = Queue()

    await MeteredProcessor(queue, meter).submit(process_request(25))

    assert meter.usd() == pytest.approx(0.2e-6 + 25 * 2.7e-6 + 26 * 5e-6)
    assert [len(request.pages) for request in queue.submitted] == [25]
