"""Clients that others have written read a job's stream to the same events, each once, byte for byte."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import httpx
import httpx_sse
import pytest
import sseclient

from runnel.domain.events import EPHEMERAL_TYPES, EVENT_TYPES, TERMINAL_TYPES
from tests.integration.test_stream_cuts import create, log_of, serving_site
from tests.site.server import EVERY
from tests.support.cutting_proxy import CuttingProxy, cutting_proxy
from tests.support.programs import need, need_npm_package
from tests.support.raw_stream import read_to_end

pytestmark = pytest.mark.timeout(120)

_WHY: Final = "it reads a job's stream as its own users' programs do"
#: What EventSource must be told to listen for, one by one.
_TYPES: Final = sorted(EVENT_TYPES - EPHEMERAL_TYPES)
_PAGE: Final = """<!doctype html><title>reader</title><script>
const seen = [], source = new EventSource(PATH);
let opened = 0;
source.onopen = () => (opened += 1);
for (const type of TYPES) source.addEventListener(type, (event) => {
  if (!event.data.includes('"seq":')) return;
  seen.push([event.lastEventId, event.type, event.data]);
  if (!TERMINAL.includes(type)) return;
  source.close();
  fetch("/result", {method: "POST", body: JSON.stringify({opened, seen})});
});
</script>
"""
_CHROMIUM_FLAGS: Final = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--no-default-browser-check", "--no-proxy-server",
)  # fmt: skip

#: Id, type and data of each durable event.
Seen = list[tuple[str, str, str]]


def read_with_httpx_sse(url: str) -> Seen:
    """httpx-sse, over a compressed stream: httpx asks for gzip."""
    with httpx.Client(trust_env=False, timeout=30) as client, httpx_sse.connect_sse(client, "GET", url) as source:
        assert source.response.headers["content-encoding"] == "gzip"
        return _durable(source.iter_sse())


def read_with_sseclient(url: str) -> Seen:
    """sseclient-py, over a plain one."""
    headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
    with httpx.stream("GET", url, headers=headers, trust_env=False, timeout=30) as answer:
        assert "content-encoding" not in answer.headers
        return _durable(sseclient.SSEClient(answer.iter_bytes()).events())


def _durable(events: Any) -> Seen:
    """The ephemeral events say nothing of their place: a client keeps the last id, so they are told by their data."""
    return [(event.id, event.event, event.data) for event in events if '"seq":' in event.data]


@pytest.mark.parametrize("read", [read_with_httpx_sse, read_with_sseclient])
async def test_a_real_client_reads_the_log(tmp_path: Path, read: Callable[[str], Seen]) -> None:
    """A frame that only our own parser understands is none."""
    async with serving_site(tmp_path / "home", 40) as (server, site):
        job_id = await create(server, site, library="clients", limit=20)
        path = f"/v1/jobs/{job_id}/stream"
        live = await asyncio.to_thread(read, server.url + path)
        await read_to_end(server.url, path, [])
        late = await asyncio.to_thread(read, server.url + path)
        log = await log_of(server, job_id)
    ids = [f"{job_id}.{seq}" for seq in range(1, len(log) + 1)]

    assert live == late
    assert [data.encode() for _, _, data in live] == log
    assert [event_id for event_id, _, _ in live] == ids
    assert live[-1][1] == "job_completed"


# ---- EventSource: it comes back by itself


async def read_with_chromium(proxy: CuttingProxy, path: str, folder: Path) -> Any:
    """The browser's own EventSource, in a page of the same origin."""
    told = zip(("PATH", "TYPES", "TERMINAL"), (path, _TYPES, sorted(TERMINAL_TYPES)), strict=True)
    page = _PAGE
    for name, value in told:
        page = page.replace(name, json.dumps(value))
    proxy.page = page.encode()
    chromium = need("chromium", why=_WHY)
    process = await asyncio.create_subprocess_exec(
        chromium, *_CHROMIUM_FLAGS, f"--user-data-dir={folder / 'profile'}", f"{proxy.url}/page",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        return json.loads(await asyncio.wait_for(proxy.result, 60))
    finally:
        process.kill()
        await process.wait()


async def read_with_eventsource(proxy: CuttingProxy, path: str, _: Path) -> Any:
    """npm's eventsource."""
    return await _read_with_node("eventsource", proxy.url + path)


async def read_with_undici(proxy: CuttingProxy, path: str, _: Path) -> Any:
    """undici's EventSource, which is Node's own."""
    return await _read_with_node("undici", proxy.url + path)


async def _read_with_node(package: str, url: str) -> Any:
    node, folder = need("node", why=_WHY), need_npm_package(package, why=_WHY)
    process = await asyncio.create_subprocess_exec(
        node, str(folder / "read_events.mjs"), package, url, *_TYPES,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, said = await asyncio.wait_for(process.communicate(), 60)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, said.decode()
    return json.loads(out)


@pytest.mark.parametrize("read", [read_with_chromium, read_with_eventsource, read_with_undici])
async def test_an_event_source_that_is_cut_comes_back_and_reads_the_log(
    tmp_path: Path, read: Callable[[CuttingProxy, str, Path], Awaitable[Any]]
) -> None:
    """Its connection is reset in the middle of a frame, while the job runs: nothing is missing, nothing comes twice."""
    async with serving_site(tmp_path / "home", 40) as (server, site), cutting_proxy(server.url, cuts=[2_500]) as proxy:
        site.delay(EVERY, 0.02)
        job_id = await create(server, site, library="clients", limit=12)
        told = await read(proxy, f"/v1/jobs/{job_id}/stream", tmp_path)
        log = await log_of(server, job_id)
    ids = [f"{job_id}.{seq}" for seq in range(1, len(log) + 1)]

    assert [data.encode() for _, _, data in told["seen"]] == log
    assert [event_id for event_id, _, _ in told["seen"]] == ids
    assert [kind for _, kind, _ in told["seen"]] == [json.loads(line)["type"] for line in log]
    assert told["opened"] == proxy.streams == 2


async def test_the_stream_of_all_jobs_is_read_by_an_event_source_that_is_cut(tmp_path: Path) -> None:
    """Before it has seen a job's event, and later: its place is that of the id that it was told last."""
    async with serving_site(tmp_path / "home", 40) as (server, site):
        site.delay(EVERY, 0.02)
        async with cutting_proxy(server.url, cuts=[600, 1_500], reset=False) as proxy:
            job_id = await create(server, site, library="clients", limit=12)
            told = await read_with_eventsource(proxy, "/v1/jobs/stream", tmp_path)
            log = await log_of(server, job_id)

    assert [data.encode() for _, _, data in told["seen"]] == log
    assert proxy.streams == 3
