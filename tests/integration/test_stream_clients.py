"""Clients that others have written read a job's stream to the same events, each once, byte for byte."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import httpx_sse
import pytest
import sseclient

from tests.integration.test_stream_cuts import create, log_of, serving_site
from tests.support.raw_stream import read_to_end

pytestmark = pytest.mark.timeout(60)

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
