"""Streams that come and go leave nothing: no task, no socket, no timer, no reader of a tail, no count of the gauge."""

import asyncio
import os
from pathlib import Path

import httpx
import pytest

from runnel.adapters.system.bell import LoopBell
from runnel.local.server import Server
from tests.integration.test_stream_cuts import create, serving_site
from tests.support.raw_stream import Cut, raw_stream

pytestmark = pytest.mark.timeout(25)

_OPENS = 100


async def health(server: Server) -> dict[str, int]:
    """The gauge that anybody can read."""
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        streams: dict[str, int] = (await client.get("/healthz", timeout=30)).json()["streams"]
        return streams


def held() -> tuple[int, int, int]:
    """Tasks, files and timers of this process; the loop's own heap says which timers still stand."""
    timers = [timer for timer in asyncio.get_running_loop()._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]  # noqa: SLF001
    return len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd")), len(timers)  # noqa: PTH208 - a count


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts files as Linux shows them")
async def test_a_hundred_opens_aborts_and_errors_leave_nothing(tmp_path: Path) -> None:
    """A page left open in a browser reconnects all night; in the morning the server is as it was."""
    async with serving_site(tmp_path / "home", 40) as (server, site):
        job_id = await create(server, site, library="leaks", limit=1)
        await one_stream(server.url, job_id, "close", 10**6)
        site.hold("/docs/")
        running = await create(server, site, library="running", limit=40)
        await site.wait_held("/docs/")  # its driver has all the tasks that it will have
        await asyncio.gather(*(one_stream(server.url, job_id, "close", 10**6) for _ in range(5)))
        await until_idle(server)
        before = held()
        for number in range(_OPENS):
            cut: Cut = "reset" if number % 3 == 1 else "close"
            await one_stream(server.url, (running, job_id, "01jd0000000000000000000000")[number % 3], cut, number * 7)
        together = [asyncio.create_task(one_stream(server.url, running, "close", 10**6)) for _ in range(20)]
        await until_open(server, 20)
        for task in together:
            task.cancel()
        await asyncio.gather(*together, return_exceptions=True)
        await until_idle(server)
        after = held()
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
            await client.post(f"/v1/jobs/{running}/cancel")
        site.release("/docs/")
        bell = server.home.services.bell

    assert all(now <= then + 3 for now, then in zip(after, before, strict=True)), (before, after)
    assert not isinstance(bell, LoopBell) or bell.waiters == 0


async def one_stream(base: str, job_id: str, cut: Cut, size: int) -> None:
    """Open, read a little, and go."""
    async with raw_stream(base, f"/v1/jobs/{job_id}/stream", cut=cut) as stream:
        await stream.read(size if stream.status == 200 else None)


async def until_open(server: Server, count: int) -> None:
    """Wait until so many streams are open."""
    async with asyncio.timeout(20):
        while (await health(server))["open"] != count:
            await server.home.services.clock.sleep(server.home.services.tuning.flush)


async def until_idle(server: Server) -> None:
    """Wait until no stream is open and none is followed."""
    async with asyncio.timeout(20):
        while await health(server) != {"open": 0, "jobs": 0} or server.home.services.tails.readers:
            await server.home.services.clock.sleep(server.home.services.tuning.flush)
