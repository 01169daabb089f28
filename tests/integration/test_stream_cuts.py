"""Streams cut at any byte, in any way: what a reader's connections got, joined, is the log, each event once.

`make test` makes a hundred cuts of each kind; `make soak` makes them all.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_args

import httpx
import pytest
import pytest_asyncio

from runnel.local.server import Server, running_server
from runnel.settings import Settings
from tests.site.generated import GeneratedPages
from tests.site.server import EVERY, SiteServer
from tests.support.http_homes import TERMINAL, Frame, durable_frames
from tests.support.raw_stream import Cut, close_abandoned, raw_stream, read_on, read_to_end

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

_CUTS: tuple[Cut, ...] = get_args(Cut)


@asynccontextmanager
async def serving_site(folder: Path, pages: int) -> AsyncIterator[tuple[Server, SiteServer]]:
    """A server of this process, and a made-up site that it may crawl."""
    async with SiteServer(GeneratedPages(pages)) as site:
        host, _, port = site.address.rpartition(":")
        settings = Settings(home=folder, allow_private=frozenset({(host, int(port))}))
        async with running_server(settings) as server:
            try:
                yield server, site
            finally:
                await close_abandoned()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Server, SiteServer]]:
    async with serving_site(tmp_path_factory.mktemp("cuts") / "home", 400) as both:
        yield both


async def create(server: Server, site: SiteServer, *, library: str, limit: int) -> str:
    """A job of the made-up site."""
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        body = {"url": site.url("/docs/"), "library": library, "limit": limit, "sitemap": "skip"}
        answer = await client.post("/v1/jobs", json=body, timeout=30)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["job_id"])


async def log_of(server: Server, job_id: str) -> list[bytes]:
    """The stored lines: the reference."""
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        answer = await client.get(f"/v1/jobs/{job_id}/events", headers={"Accept": "application/x-ndjson"}, timeout=30)
        return answer.content.splitlines()


def is_whole(job_id: str, frames: list[Frame], log: list[bytes]) -> bool:
    """Whether a reader has each event once, in order, byte for byte."""
    return [frame.data for frame in frames] == log and [frame.id for frame in frames] == [
        f"{job_id}.{seq}" for seq in range(1, len(log) + 1)
    ]


async def cut_finished(server: Server, site: SiteServer, *, library: str, step: int) -> int:
    """Cut the stream of a finished job at every *step*-th byte, and read on; the number of cuts."""
    job_id = await create(server, site, library=library, limit=2)
    path, frames = f"/v1/jobs/{job_id}/stream", list[Frame]()
    await read_to_end(server.url, path, frames)
    log = await log_of(server, job_id)
    async with raw_stream(server.url, path) as stream:
        whole = await stream.read()
    assert is_whole(job_id, frames, log)
    assert is_whole(job_id, durable_frames(whole), log)
    offsets = range(0, len(whole) + 1, step)
    for offset in offsets:
        got: list[Frame] = []
        await read_on(server.url, path, got, size=offset, cut=_CUTS[offset // step % 2])
        assert len(got) == len(durable_frames(whole[:offset]))
        status = await read_on(server.url, path, got)
        assert is_whole(job_id, got, log), offset
        assert status == (204 if len(durable_frames(whole[:offset])) == len(log) else 200)
    return len(offsets)


async def cut_live(server: Server, site: SiteServer, *, library: str, limit: int, readers: int, least: int) -> int:
    """Cut the streams of running jobs at random, until there were *least* cuts; the number of cuts."""
    cuts, number = 0, 0
    while cuts < least:
        number += 1
        job_id = await create(server, site, library=f"{library}-{number}", limit=limit)
        seeds = [random.Random(1_000 * number + reader) for reader in range(readers)]
        joined = await asyncio.gather(*(read_and_cut(server.url, job_id, chance) for chance in seeds))
        log = await log_of(server, job_id)
        for reader, (frames, count) in enumerate(joined):
            assert is_whole(job_id, frames, log), (number, reader)
            cuts += count
    return cuts


async def read_and_cut(base: str, job_id: str, chance: random.Random) -> tuple[list[Frame], int]:
    """All frames of a job, over as many connections as chance wills, and how often they were cut.

    Mostly after some 2,000 bytes; but now and then after many more, for an event may be longer than that.
    """
    frames: list[Frame] = []
    path, count = f"/v1/jobs/{job_id}/stream", 0
    while not frames or frames[-1].type not in TERMINAL:
        await read_on(base, path, frames, size=int(chance.lognormvariate(7.6, 1.2)), cut=chance.choice(_CUTS))
        count += 1
    return frames, count


async def test_a_finished_job_is_taken_up_after_a_cut_anywhere(served: tuple[Server, SiteServer]) -> None:
    """In a frame, in the head of one, within a character: the reader has whole events, and the rest comes."""
    assert await cut_finished(*served, library="finished", step=67) >= 100


async def test_a_live_job_is_taken_up_after_a_cut_anywhere(served: tuple[Server, SiteServer]) -> None:
    """Closed, reset or left half open, while events are being written."""
    served[1].delay(EVERY, 0.02)

    assert await cut_live(*served, library="live", limit=25, readers=4, least=100) >= 100


@pytest.mark.soak
async def test_a_finished_job_is_taken_up_after_a_cut_at_every_byte(served: tuple[Server, SiteServer]) -> None:
    """Every offset there is."""
    print("cuts of a finished job:", await cut_finished(*served, library="every-byte", step=1))  # noqa: T201 - for the record


@pytest.mark.soak
async def test_a_live_job_read_by_eight_is_taken_up_after_a_thousand_cuts(served: tuple[Server, SiteServer]) -> None:
    """Chance finds what nobody thought of."""
    served[1].delay(EVERY, 0.02)
    cuts = await cut_live(*served, library="thousand", limit=300, readers=8, least=1_000)

    print("cuts of live jobs:", cuts)  # noqa: T201 - for the record
    assert cuts >= 1_000
