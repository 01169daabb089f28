"""Processes that wake when another one drives change nothing; a server whose disk is full says so."""

import asyncio
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.e2e.test_cli_full_disk import Mount, mount
from tests.site.generated import GeneratedPages
from tests.site.server import EVERY, SiteServer
from tests.support.attached_reader import AttachedReader
from tests.support.kill_report import read_result
from tests.support.local_fleet import local_fleet

__all__ = ["mount"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")


async def _create(base: str, site: SiteServer) -> str:
    body = {"url": site.url("/docs/"), "library": "docs", "concurrency": 2}
    async with httpx.AsyncClient(base_url=base, timeout=60, trust_env=False) as client:
        answer = await client.post("/v1/jobs", json=body)
    assert answer.status_code == 202, answer.text
    job_id: str = answer.json()["job_id"]
    return job_id


async def _freeze(process: asyncio.subprocess.Process, home: Path) -> None:
    """Stop *process* where it holds no lock of the store: one that is stopped within a write holds up everybody."""
    process.send_signal(signal.SIGSTOP)
    while await asyncio.to_thread(_is_locked, home / "runnel.db"):
        process.send_signal(signal.SIGCONT)
        await asyncio.to_thread(_is_locked, home / "runnel.db")  # a moment, in which its write ends
        process.send_signal(signal.SIGSTOP)


def _is_locked(database: Path) -> bool:
    with closing(sqlite3.connect(database, timeout=0.2, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        connection.execute("ROLLBACK")
        return False


async def test_a_driver_that_is_frozen_past_its_lease_changes_nothing_when_it_wakes(tmp_path: Path) -> None:
    """SIGSTOP keeps the lock of its process; the lease decides, and the zombie finds its place in the log taken."""
    async with (
        SiteServer(GeneratedPages(40)) as site,
        local_fleet(tmp_path / "home", RUNNEL_ALLOW_PRIVATE=site.address, RUNNEL_LEASE_TTL_S="2") as fleet,
    ):
        job_id = await _create(fleet.servers[0].url, site)
        await site.wait_requests(20)
        site.hold(EVERY)
        await site.wait_held(EVERY, 2)  # all that it may have: none is just about to be sent
        zombie = await fleet.driver(job_id)
        other = next(server for server in fleet.servers if server is not zombie)
        await _freeze(zombie.process, tmp_path / "home")
        site.release(EVERY)
        reader = AttachedReader(lambda: other.url, job_id)
        await reader.run()
        before = await read_result(other.url, job_id, "docs")
        asked = len(site.requests)
        zombie.process.send_signal(signal.SIGCONT)
        async with httpx.AsyncClient(base_url=zombie.url, timeout=60, trust_env=False) as client:
            # Its own server answers, and by then its driver has met its next renewal, flush or look at META.
            for _ in range(30):
                assert (await client.get("/healthz")).status_code == 200
                await reader.wait_a_moment()
            shown = (await client.get(f"/v1/jobs/{job_id}")).json()
        after = await read_result(other.url, job_id, "docs")

    assert [event["type"] for event in before.log].count("handover") == 1
    assert before.log[-1]["type"] == "job_completed"
    assert [frame.event for frame in reader.frames] == before.log == after.log
    assert after.library == before.library
    assert shown["state"] == "completed"
    assert len(site.requests) == asked, "the zombie has fetched"


async def test_a_server_on_a_full_disk_says_that_its_jobs_wait(tmp_path: Path, mount: Mount) -> None:
    """Nothing moves and nothing fails: whoever looks at the terminal must read why, and it goes on by itself."""
    disk = tmp_path / "disk"
    await mount(disk, "2600k")
    async with (
        SiteServer(GeneratedPages(400)) as site,
        local_fleet(disk / "home", 1, RUNNEL_ALLOW_PRIVATE=site.address) as fleet,
    ):
        server = fleet.servers[0]
        job_id = await _create(server.url, site)
        reading = asyncio.create_task(AttachedReader(fleet.address, job_id).run())
        assert server.process.stderr is not None
        waits = (await server.process.stderr.readline()).decode()
        await mount(disk, "80m", again=True)
        goes_on = (await server.process.stderr.readline()).decode()
        await reading
        result = await read_result(server.url, job_id, "docs")

    assert "is full: jobs wait" in waits
    assert "room again" in goes_on
    assert result.log[-1]["type"] == "job_completed"
    assert result.log[-1]["counts"]["fetched"] == len(result.library) == 400
