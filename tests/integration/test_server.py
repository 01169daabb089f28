"""`runnel serve` as a process: its address, its end, and what it takes up."""

import asyncio
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from runnel.local.server import running_server
from runnel.settings import Settings
from tests.site.server import SiteServer
from tests.support.http_homes import TERMINAL, Frame, HttpHome, serving

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's"),
    pytest.mark.timeout(60),
]

#: Slow enough that a process can be ended in the middle of the crawl.
UNHURRIED = {"sitemap": "skip", "concurrency": 1, "delay_s": 0.1, "limit": 12}


@pytest.fixture
async def site() -> AsyncIterator[SiteServer]:
    async with SiteServer() as server:
        yield server


def client_of(url: str, token: str | None = None) -> httpx.AsyncClient:
    """A client of a server on this machine."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=30, trust_env=False)


@asynccontextmanager
async def served(folder: Path, site: SiteServer) -> AsyncIterator[tuple[HttpHome, asyncio.subprocess.Process]]:
    """A server over the home *folder* as the HTTP suite sees it, and its process."""
    async with serving(folder, RUNNEL_ALLOW_PRIVATE=site.address) as (url, process), client_of(url) as client:
        yield HttpHome(name="local", site=site, client=client), process


async def runnel(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """A command over the home *folder*: its exit code, its data and its talk."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from runnel.cli.main import main; main()", *arguments,
        env={**os.environ, "RUNNEL_HOME": str(folder)},  # noqa: TID251 - for what we start
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def until_state(home: HttpHome, job_id: str, state: str) -> dict[str, Any]:
    """The job as soon as it is in *state*."""
    while True:
        job: dict[str, Any] = await home.get(f"/v1/jobs/{job_id}")
        if job["state"] == state:
            return job


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_server_that_is_ended_hands_its_jobs_back_and_the_next_one_goes_on(
    tmp_path: Path, site: SiteServer, number: signal.Signals
) -> None:
    """An update of the machine costs nothing but time; the stream of a reader ends, and what he reads next fits on."""
    sent: list[str] = []
    async with served(tmp_path / "home", site) as (home, process):

        def end_it(frame: Frame) -> bool:
            if frame.type == "url_crawled" and not sent:
                process.send_signal(number)
                sent.append(frame.id)
            return False

        job_id = await home.create(**UNHURRIED)
        frames = await home.read(f"/v1/jobs/{job_id}/stream", until=end_it)
        code = await process.wait()
    async with served(tmp_path / "home", site) as (home, _):
        frames = await home.follow(job_id, seen=frames)
    handovers = [frame.event["reason"] for frame in frames if frame.type == "handover"]

    assert code == 128 + number
    assert [frame.event["seq"] for frame in frames] == list(range(1, len(frames) + 1))
    assert frames[-1].type == "job_completed"
    assert frames[-1].event["counts"]["fetched"] == UNHURRIED["limit"]
    assert len(handovers) == 1


async def test_a_second_server_takes_over_at_once_from_one_that_was_killed(tmp_path: Path, site: SiteServer) -> None:
    """The lock died with its process, so nobody waits for a lease to run out; whoever reads sees one log."""
    async with (
        served(tmp_path / "home", site) as (one, first),
        served(tmp_path / "home", site) as (other, _),
    ):
        job_id = await one.create(**UNHURRIED)
        watching = asyncio.create_task(other.follow(job_id))
        await one.read(f"/v1/jobs/{job_id}/stream", until=lambda frame: frame.type == "url_crawled")
        first.kill()
        frames = await watching
    times = {frame.type: frame.event["time"] for frame in frames}

    assert [frame.event["seq"] for frame in frames] == list(range(1, len(frames) + 1))
    assert [frame.event["reason"] for frame in frames if frame.type == "handover"] == ["lease_lost"]
    assert frames[-1].event["counts"]["fetched"] == UNHURRIED["limit"]
    assert times["handover"] < times["job_completed"]


async def test_a_paused_job_is_never_taken_up(tmp_path: Path, site: SiteServer) -> None:
    """Whoever paused it decides; a server that starts beside it knows that."""
    async with served(tmp_path / "home", site) as (home, _):
        job_id = await home.create(**UNHURRIED)
        await home.client.post(f"/v1/jobs/{job_id}/pause")
        await until_state(home, job_id, "paused")
    async with served(tmp_path / "home", site) as (home, _):
        # The sweep looks as soon as the server runs, so it has passed when another job has ended.
        async with home.job(library="beside", limit=1) as other:
            await home.follow(other)
        job = await home.get(f"/v1/jobs/{job_id}")
        await home.client.post(f"/v1/jobs/{job_id}/cancel")
        frames = await home.follow(job_id)

    assert job["state"] == "paused"
    assert frames[-1].type == "job_cancelled"


async def test_others_are_let_in_with_a_token_only(tmp_path: Path) -> None:
    """A server that the whole office can reach must not be open for the time it takes to notice."""
    folder = tmp_path / "home"
    code, _, talk = await runnel(folder, "serve", "--host", "0.0.0.0", "--port", "0")  # noqa: S104 - what is refused
    _, made, _ = await runnel(folder, "token", "create", "--name", "office", "--json")
    _, theirs, _ = await runnel(folder, "token", "create", "--tenant", "another", "--json")

    assert code == 4
    assert "runnel token create" in talk
    assert "Traceback" not in talk
    async with serving(folder, arguments=("--host", "0.0.0.0")) as (shown, _):  # noqa: S104 - with a token it may
        url, mine, another = shown.replace("0.0.0.0", "127.0.0.1"), json.loads(made), json.loads(theirs)  # noqa: S104
        async with (
            client_of(url) as stranger,
            client_of(url, mine["token"]) as office,
            client_of(url, another["token"]) as other,
        ):
            answers = [await client.get("/v1/jobs") for client in (stranger, office, other)]
            # Nothing is fetched: a job that waits for its first reader.
            body = {"url": "https://docs.example.com/", "start": "on_connect"}
            job = (await office.post("/v1/jobs", json=body)).json()["links"]["self"]
            answers += [await office.get(job), await other.get(job), await other.get(f"{job}/stream")]

    assert [answer.status_code for answer in answers] == [401, 200, 200, 200, 404, 404]


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    """One sentence, the next thing to try, an exit code."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, talk = await runnel(tmp_path / "home", "serve", "--port", str(port))

    assert code == 4
    assert f"127.0.0.1:{port}" in talk
    assert "--port 0" in talk
    assert "Traceback" not in talk


async def test_a_reader_that_reads_nothing_keeps_neither_the_job_nor_the_server(
    tmp_path: Path, site: SiteServer
) -> None:
    """A laptop that fell asleep with a stream open must not hold anything up."""
    async with served(tmp_path / "home", site) as (home, process):
        job_id = await home.create(sitemap="skip")
        async with home.connect("GET", f"/v1/jobs/{job_id}/stream"):
            frames = await home.follow(job_id)
            process.terminate()
            code = await process.wait()

    assert frames[-1].type in TERMINAL
    assert code == 128 + signal.SIGTERM


async def test_an_answer_does_not_wait_until_the_one_before_is_acknowledged(tmp_path: Path) -> None:
    """A client that keeps its connection, as every browser does, had each answer and each frame 40 ms late."""
    async with running_server(Settings(home=tmp_path)) as server, client_of(server.url) as client:
        took_s = [(await client.get("/healthz")).elapsed.total_seconds() for _ in range(20)]

    assert min(took_s[5:]) < 0.035, "the quickest of many: what load costs is no matter here"


async def test_readers_who_leave_cost_no_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """asyncio complains of each frame for somebody who has left: a log full of that hides what matters."""
    caplog.set_level(logging.WARNING, logger="asyncio")  # a command that ran in this process has silenced it
    async with running_server(Settings(home=tmp_path)):
        ours, theirs = socket.socketpair()
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
        theirs.close()
        for _ in range(20):
            transport.write(b"a frame")
        transport.close()
        logging.getLogger("asyncio").warning("what matters")

    assert caplog.messages == ["what matters"]
