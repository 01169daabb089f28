"""
What a crawl that was killed again and again must show in the end, and the figures to print.

* The log is contiguous, is what the attached reader read, and ends once.
* Verdicts, counts and library are those of the undisturbed run; nothing is there twice.
* Only what was in flight at a kill was fetched again, counted at the site.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.site.server import EVERY, SiteServer
from tests.support.attached_reader import AttachedReader
from tests.support.http_homes import TERMINAL

#: With a reader attached a dead driver is replaced within 20 s; processes on a busy machine may take three times that.
TAKEOVER_S = 3 * 20.0
_DECIDING = frozenset({"url_crawled", "url_failed", "url_skipped"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One kill: what was killed, and when on the clock of `time.monotonic`."""

    what: str
    at_s: float = field(default_factory=time.monotonic)
    #: Whether a driver died, so that a successor must take over.
    is_driver: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A job as HTTP shows it when it has ended."""

    job: dict[str, Any]
    log: list[dict[str, Any]]
    verdicts: dict[str, str]
    #: Content hash by URL.
    library: dict[str, str]
    libraries: list[dict[str, Any]]


async def read_result(base: str, job_id: str, library: str, headers: Mapping[str, str] | None = None) -> Result:
    """Ask a living server for everything about an ended job."""
    async with httpx.AsyncClient(base_url=base, timeout=120, trust_env=False, headers=dict(headers or {})) as client:
        log = await client.get(f"/v1/jobs/{job_id}/events", headers={"Accept": "application/x-ndjson"})
        urls = await _all(client, f"/v1/jobs/{job_id}/urls")
        pages = await _all(client, f"/v1/libraries/{library}/pages")
        job = (await _patiently(client, f"/v1/jobs/{job_id}", {})).json()
        libraries = (await client.get("/v1/libraries")).json()["items"]
    addresses = Counter(url["url"] for url in urls) + Counter(page["url"] for page in pages)
    assert max(addresses.values()) <= 2, "a URL or a page is listed twice"
    return Result(
        job=job,
        log=[json.loads(line) for line in log.content.splitlines()],
        verdicts={url["url"]: url["verdict"] for url in urls},
        library={page["url"]: page["content_hash"] for page in pages},
        libraries=libraries,
    )


async def _all(client: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        answer = await _patiently(client, path, {"limit": "10000", **({"cursor": cursor} if cursor else {})})
        body = answer.json()
        items += body["items"]
        cursor = body.get("next_cursor")
        if not cursor:
            return items


async def _patiently(client: httpx.AsyncClient, path: str, params: Mapping[str, str]) -> httpx.Response:
    """Ask again while the store is slow: moto answers one request at a time."""
    answer = await client.get(path, params=dict(params))
    for _ in range(20):
        if answer.status_code != 503:
            break
        answer = await client.get(path, params=dict(params))
    assert answer.status_code == 200, answer.text
    return answer


@dataclass(slots=True, kw_only=True)
class KillReport:
    """Figures of one killed crawl; `check` raises on the first promise that is broken."""

    name: str
    seed: int
    kills: list[Kill] = field(default_factory=list)
    fetches: int = 0
    takeovers_s: list[float] = field(default_factory=list)
    #: URLs that the log shows as started and undecided, at each change of drivers.
    in_flight: list[int] = field(default_factory=list)
    #: Calls of the crawler that failed, by URL: each is asked again.
    retries: int = 0
    lost: int = 0
    doubled: int = 0
    pages: int = 0
    connections: int = 0

    def check(self, site: SiteServer, reader: AttachedReader, result: Result, undisturbed: Result) -> None:
        """Hold the killed crawl against the undisturbed one."""
        self._count(site, reader, result, undisturbed)
        print(self.line())
        assert [event["seq"] for event in result.log] == list(range(1, len(result.log) + 1))
        assert [frame.event for frame in reader.frames] == result.log
        ends = [event["type"] for event in result.log if event["type"] in TERMINAL]
        assert ends == ["job_completed"] == [result.log[-1]["type"]]
        assert self.lost == 0
        assert self.doubled == 0
        assert result.verdicts == undisturbed.verdicts
        assert result.library == undisturbed.library
        assert _recount(result) == _plain(result.log[-1]["counts"]) == _plain(undisturbed.log[-1]["counts"])
        assert [event["type"] for event in result.log].count("library_published") == 1
        assert self.fetches - self.pages <= sum(self.in_flight) + self.retries, self.line()
        assert max(self.takeovers_s, default=0) <= TAKEOVER_S, self.line()

    def strike(self, kill: Kill) -> None:
        """Take note of a kill."""
        self.kills.append(kill)
        print(f"{self.name} seed {self.seed}: kill {len(self.kills)}, {kill.what}", flush=True)

    def line(self) -> str:
        """The figures in one line."""
        kinds = ", ".join(f"{what} {count}" for what, count in sorted(Counter(k.what for k in self.kills).items()))
        slowest = f"{max(self.takeovers_s):.1f}" if self.takeovers_s else "-"
        each = ", ".join(f"{took_s:.1f}" for took_s in self.takeovers_s)
        mean = f"{sum(self.takeovers_s) / len(self.takeovers_s):.1f}" if self.takeovers_s else "-"
        return (
            f"{self.name} seed {self.seed}: {len(self.kills)} kills ({kinds}); {self.pages} pages, {self.lost} lost, "
            f"{self.doubled} doubled; {self.fetches - self.pages} extra fetches "
            f"(in flight at the kills: {sum(self.in_flight)} + {self.retries} in killed calls); "
            f"takeover mean {mean} s, most {slowest} s ({each}); {self.connections} connections of the reader"
        )

    def _count(self, site: SiteServer, reader: AttachedReader, result: Result, undisturbed: Result) -> None:
        # A sitemap is asked for by each driver that does not know what became of it, and is no page.
        fetched = [path for path in site.paths() if path.startswith("/docs/") and not path.endswith("/sitemap.xml")]
        decided = Counter(event["url"] for event in result.log if event["type"] in _DECIDING)
        batches = Counter(event["batch_id"] for event in result.log if event["type"] == "batch_processed")
        sent = Counter(url for event in result.log if event["type"] == "sent_to_processing" for url in event["urls"])
        self.fetches, self.pages = len(fetched), len(set(fetched))
        self.lost = len(undisturbed.verdicts.keys() - result.verdicts.keys()) + len(
            undisturbed.library.keys() - result.library.keys()
        )
        self.doubled = sum(count - 1 for counted in (decided, batches, sent) for count in counted.values())
        self.connections = reader.connections
        self.in_flight = list(_in_flight(result.log))
        self.retries = sum(event["type"] == "url_retry" for event in result.log)
        for kill in self.kills:
            took_s = reader.first_after(kill.at_s, "handover") if kill.is_driver else None
            if took_s is not None:
                self.takeovers_s.append(took_s)


def _in_flight(log: list[dict[str, Any]]) -> Iterator[int]:
    """How many URLs were started and undecided whenever a driver was lost."""
    undecided: set[str] = set()
    for event in log:
        if event["type"] == "url_started":
            undecided.add(event["url"])
        elif event["type"] in _DECIDING or event["type"] == "url_retry":
            undecided.discard(event["url"])
        elif event["type"] == "handover":
            yield len(undecided)


def _recount(result: Result) -> dict[str, int]:
    counts = Counter(result.verdicts.values())
    return _plain({"seen": len(result.verdicts), **counts})


def _plain(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: number for name, number in counts.items() if number}


@asynccontextmanager
async def everything_held(site: SiteServer) -> AsyncIterator[None]:
    """Let no page be answered while the context lasts; it begins when at least one waits, so that a kill finds it."""
    site.hold(EVERY)
    try:
        await site.wait_held(EVERY)
        yield
    finally:
        site.release(EVERY)


def spread(total: int, kills: int, draw: Sequence[float]) -> list[int]:
    """After how many requests to kill: one place in each of *kills* equal stretches of the crawl."""
    stretch = total * 0.9 / kills
    return [int((number + draw[number]) * stretch) + 1 for number in range(kills)]
