"""
What readers cost: one beside a crawl, two hundred on one job, and the replay of a long one.

    python -m tests.bench.readers [one|many|replay]

* The server is `runnel serve`, a process of its own; site and readers share this one, on the same cores.
* One reader: pages a second by the job's own account, with a reader and without, in turns; the median of the ratios.
* Two hundred readers: memory (PSS) of the server at its peak, less its peak without readers; and how long after it
  happened an event was at each client, the flush of 200 ms included.
* Replay: a log of 20,000 events in SQLite, from the connection to its terminal event.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from runnel.adapters.sqlite.database import Database
from runnel.adapters.sqlite.stores import SqliteStores
from runnel.domain import events as e
from runnel.usecases.end_job import broken_down
from runnel.usecases.leasing import LeaseKeeper, take_lease
from runnel.usecases.leave_job import JobExit
from runnel.usecases.recording import Recorder
from tests.bench.measure import process_tree, pss_bytes
from tests.bench.recovery import fill, over, processes_nothing
from tests.site.generated import GeneratedPages
from tests.site.server import SiteServer
from tests.support.homes import TENANT
from tests.support.http_homes import serving

PAGES, READERS, ROUNDS = 600, 200, 3
REPLAYED = 20_000
#: An event waits up to 0.2 s for its append, and may take 0.5 s from there to its client.
MOST_COST, MOST_BYTES, MOST_P99_S, MOST_REPLAY_S = 0.05, 150e6, 0.7, 2.0
#: A section of `recovery.fill`: 50 URLs found, 16 of them crawled.
_EVENTS_A_SECTION, _URLS_A_SECTION = 33, 50
_LOOK_S = 0.2
#: A durable event, its time and nothing else of it: two hundred readers that parse all would be what is measured.
_EVENT = re.compile(rb"\nid: [^\n]+\ndata: \{\"job_id\":\"[^\"]+\",\"time\":\"(?P<time>[^\"]+)\"")
_SAMPLED = 20


@asynccontextmanager
async def serving_site(pages: int) -> AsyncIterator[tuple[str, int, SiteServer]]:
    """`runnel serve` that may crawl a made-up site: its address, its process, the site."""
    with tempfile.TemporaryDirectory(prefix="bench-readers-") as folder:
        async with SiteServer(GeneratedPages(pages)) as site:
            home = Path(folder) / "home"
            async with serving(home, RUNNEL_ALLOW_PRIVATE=site.address) as (url, process):
                yield url, process.pid, site


async def crawl(url: str, site: SiteServer, library: str, readers: int) -> tuple[float, list[float]]:
    """Pages a second of a job with so many readers, and how late each event was at each of them, in seconds."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
        body = {"url": site.url("/docs/"), "library": library, "sitemap": "skip"}
        job_id = (await client.post("/v1/jobs", json=body)).json()["job_id"]
        late: list[float] = []
        reading = [asyncio.create_task(read(url, job_id, late, number=number)) for number in range(readers)]
        while (ended := (await client.get(f"/v1/jobs/{job_id}")).json())["ended_at"] is None:  # noqa: ASYNC110 - from outside
            await asyncio.sleep(_LOOK_S)
        await asyncio.gather(*reading)
        log = (await client.get(f"/v1/jobs/{job_id}/events", headers={"Accept": "application/x-ndjson"})).text
    end = json.loads(log.splitlines()[-1])
    return ended["counts"]["fetched"] / (end["elapsed_ms"] / 1000), late


async def read(url: str, job_id: str, late: list[float], *, number: int = 0) -> int:
    """Read a job to its end as a client does; note of every twentieth event how late it came; the events there were."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET /v1/jobs/{job_id}/stream HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
    got, events = b"", 0
    while data := await reader.read(65_536):
        now_s = time.time()
        whole, _, got = (got + data).rpartition(b"\n\n")
        for found in _EVENT.finditer(whole):
            events += 1
            if events % _SAMPLED == number % _SAMPLED:
                late.append(now_s - datetime.fromisoformat(found["time"].decode()).timestamp())
    writer.close()
    return events


async def measure_one(pages: int = PAGES, rounds: int = ROUNDS) -> None:
    """One reader against none."""
    ratios = []
    async with serving_site(pages) as (url, _, site):
        await crawl(url, site, "warm", 0)
        for number in range(rounds):
            speed: dict[int, float] = {}
            for readers in (0, 1) if number % 2 else (1, 0):
                speed[readers], _ = await crawl(url, site, f"round-{number}-{readers}", readers)
            ratios.append(speed[1] / speed[0])
            print(f"  round {number + 1}: {speed[0]:.1f} pages/s alone, {speed[1]:.1f} with a reader")
    ratio = statistics.median(ratios)
    verdict = "ok" if ratio >= 1 - MOST_COST else "TOO SLOW"
    print(f"one reader: {ratio:.3f} x pages/s (bar: {1 - MOST_COST:g}): {verdict}")


async def measure_many(pages: int = PAGES, readers: int = READERS) -> None:
    """Two hundred readers of one running job."""
    async with serving_site(pages) as (url, pid, site):
        await crawl(url, site, "warm", 0)
        alone, _ = await _peak(pid, crawl(url, site, "alone", 0))
        more, (speed, late) = await _peak(pid, crawl(url, site, "read", readers))
    late.sort()
    p50, p99 = late[len(late) // 2], late[len(late) * 99 // 100]
    verdicts = ("ok" if more - alone <= MOST_BYTES else "TOO MUCH", "ok" if p99 <= MOST_P99_S else "TOO LATE")
    print(f"{readers} readers: {(more - alone) / 1e6:.0f} MB PSS more (bar: {MOST_BYTES / 1e6:g}): {verdicts[0]}")
    print(
        f"  event to client: p50 {p50:.3f} s, p99 {p99:.3f} s (bar: {MOST_P99_S:g}): {verdicts[1]}; {speed:.1f} pages/s"
    )


async def _peak(pid: int, work: Any) -> tuple[int, Any]:
    """The most memory of a process and its children while *work* goes on, and its answer."""
    task, peak = asyncio.ensure_future(work), 0
    while not task.done():
        peak = max(peak, sum(await asyncio.to_thread(lambda: [pss_bytes(one) for one in process_tree(pid)])))
        await asyncio.wait({task}, timeout=_LOOK_S)
    return peak, await task


async def measure_replay(events: int = REPLAYED) -> None:
    """A long job that is over, over HTTP."""
    with tempfile.TemporaryDirectory(prefix="bench-replay-") as folder:
        home = Path(folder) / "home"
        home.mkdir(mode=0o700)
        job_id = await _write(home, events)
        async with serving(home) as (url, process):
            times, read_events = list[tuple[float, float]](), 0
            for _ in range(ROUNDS):
                began_s, began_cpu_s = time.perf_counter(), _cpu_s(process.pid)
                read_events = await read(url, job_id, [])
                times.append((_cpu_s(process.pid) - began_cpu_s, time.perf_counter() - began_s))
    cpu_s, took_s = min(times)
    verdict = "ok" if cpu_s <= MOST_REPLAY_S else "TOO SLOW"
    print(f"replay of {read_events:,} events: {cpu_s:.2f} s of the server's CPU, {took_s:.2f} s in all")
    print(f"  (bar: {MOST_REPLAY_S:g} s; a busy machine changes only the second): {verdict}")


def _cpu_s(pid: int) -> float:
    """What a process has used of the processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _write(home: Path, events: int) -> str:
    """A job of so many events that is over, in a laptop's file."""
    stores = SqliteStores(Database.open(home / "runnel.db"))
    async with over(stores) as services:
        job = await fill(services, events // _EVENTS_A_SECTION * _URLS_A_SECTION)
        taken = await take_lease(services, TENANT, job.job_id)
        assert taken is not None
        recorder = Recorder(services, taken.job, taken.lease, invoke=processes_nothing)
        await recorder.write_barrier(taken.reason)
        await recorder.read_state()
        recorder.emit(e.Log, level="info", message="The bench ends here.")
        keeper = LeaseKeeper(services, taken)
        await JobExit(services, taken.job, recorder, keeper).end(
            broken_down("the bench"), seen=len(recorder.fold.decided)
        )
    await stores.close()
    return job.job_id


_ROWS: dict[str, Any] = {"one": measure_one, "many": measure_many, "replay": measure_replay}


def measure(names: Sequence[str] = tuple(_ROWS)) -> None:
    """Measure what is named, or all of it."""
    for name in names:
        asyncio.run(_ROWS[name]())


if __name__ == "__main__":
    measure(sys.argv[1:] or tuple(_ROWS))
