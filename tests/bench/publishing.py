"""
How long a publication of 10,000 pages takes on a laptop: merge, safety, parts and pointer, over SQLite.

    python -m tests.bench.publishing [pages]
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runnel.adapters.sqlite.stores import SqliteStores
from runnel.domain.fold import Crawled, JobFold
from runnel.domain.jobs import EndedBecause, Job, Source
from runnel.domain.libraries import Library
from runnel.domain.payloads import Heading, PageOutcome, ProcessResult, StoredPage
from runnel.domain.results import encode_result
from runnel.domain.segments import BatchItem, Effects, Flush, Segment
from runnel.domain.verdicts import Verdict
from runnel.fetching.canonical import url_hash
from runnel.testing import MovedClock
from runnel.usecases.process_pages import page_key
from runnel.usecases.publish import publish
from runnel.usecases.track_batches import result_key
from tests.support.homes import ScriptedHome

PAGES = 10_000
MOST_S = 0.5
_BATCH = 25


def make_page(number: int) -> StoredPage:
    """A page of a documentation site: forty links and ten headings."""
    url = f"https://docs.example.com/guide/chapter-{number % 100}/page-{number}.html"
    links = tuple(
        f"https://docs.example.com/guide/chapter-{(number + i) % 100}/page-{number + i}.html" for i in range(40)
    )
    digest = url_hash(url) + url_hash(url[::-1])
    return StoredPage(
        page_id=url_hash(url), url=url, title=f"Page {number}", words=400, content_hash=digest, body_hash=digest,
        fetched_at="2026-01-31T12:00:00.000Z", etag=f'"{number}"', links=links,
        headings=tuple(Heading(level=2, text=f"Section {i} of page {number}", anchor=f"s{i}") for i in range(10)),
    )  # fmt: skip


async def measure(pages: int = PAGES) -> list[float]:
    """Seconds of a first publication, and of one that replaces it."""
    with tempfile.TemporaryDirectory() as folder:
        stores = SqliteStores.open(Path(folder) / "runnel.db")
        services = _services(stores)
        try:
            return [await _publish(services, stores, f"job{n}", pages) for n in range(2)]
        finally:
            await stores.close()


def _services(stores: SqliteStores) -> Any:
    from dataclasses import replace

    home = ScriptedHome({})
    return replace(
        home.outside.services, clock=MovedClock(), libraries=stores.libraries, bus=stores.bus, content=stores.content,
        batches=stores.batches,
    )  # fmt: skip


async def fill(path: Path, pages: int, text_of: Callable[[StoredPage], bytes]) -> None:
    """Make a library `docs` of so many pages in the stores at *path*."""
    stores = SqliteStores.open(path)
    try:
        await _publish(_services(stores), stores, "job0", pages, text_of)
    finally:
        await stores.close()


def _no_text(_page: StoredPage) -> bytes:
    return b"text"


async def _publish(
    services: Any, stores: SqliteStores, job_id: str, pages: int, text_of: Callable[[StoredPage], bytes] = _no_text
) -> float:
    source = Source(source_id="main", url="https://docs.example.com/guide/")
    job = Job(tenant="local", job_id=job_id, library_id="docs", sources=(source,), created_at=services.clock.now())
    await stores.libraries.ensure(
        Library(tenant="local", library_id="docs", sources=(source,), created_at=services.clock.now())
    )
    await stores.jobs.create(job)
    fold = JobFold()
    for start in range(0, pages, _BATCH):
        members = [make_page(number) for number in range(start, min(pages, start + _BATCH))]
        batch_id = f"1-{start}"
        objects = [(page_key(page.content_hash), text_of(page)) for page in members]
        await stores.content.put_addressed("local", objects)
        outcomes = tuple(PageOutcome(index=i, url=page.url, page=page) for i, page in enumerate(members))
        result = ProcessResult(batch_id=batch_id, part="all", outcomes=outcomes)
        await stores.content.put("local", result_key(job_id, batch_id, "all"), encode_result(result))
        item = BatchItem(batch_id=batch_id, pages=len(members))
        segment = Segment(first=start + 1, term=1, owner="bench", lines=(b"{}",))
        flush = Flush(tenant="local", job_id=job_id, segment=segment, effects=Effects(batches=(item,)))
        await stores.journal.commit(flush, committed=lambda: None, invoke=_nothing)
        await stores.batches.add_part("local", job_id, batch_id, "all", tuple(range(len(members))))
        for page in members:
            fold.decided[page.url] = Verdict.FETCHED
            fold.crawled[page.url] = Crawled(Verdict.FETCHED, page.url, page.body_hash, {})
            fold.first_of_body[page.body_hash] = page.url
            fold.batch_of[page.url] = batch_id
    start_s = time.perf_counter()
    published = await publish(services, job, fold, run="1", because=EndedBecause.DONE)
    taken_s = time.perf_counter() - start_s
    if len(published.pages) != pages:
        raise RuntimeError(f"{len(published.pages)} of {pages} pages were published")
    return taken_s


async def _nothing(_batch_id: str) -> None:
    return None


if __name__ == "__main__":
    first_s, second_s = asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else PAGES))
    print(f"publish: first {first_s:.2f} s, over a library {second_s:.2f} s; at most {MOST_S} s")
