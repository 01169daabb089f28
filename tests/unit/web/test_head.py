"""HEAD is GET without its body, and without what GET begins."""

import pytest

from runnel.domain.jobs import JobState
from tests.support.homes import ScriptedHome, ScriptedPage
from tests.support.web_client import web_client


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs/{job}", "/v1/jobs/{job}/events", "/v1/jobs/none", "/docs"])
async def test_head_answers_as_get_does(path: str) -> None:
    """Status and headers are those of GET; a monitor or a proxy asks so."""
    home = ScriptedHome({"/": ScriptedPage()})
    job = await home.create()
    await home.finish(home.drive(home.process("D1"), job))
    async with web_client(home) as client:
        got = await client.get(path.format(job=job.job_id))
        head = await client.head(path.format(job=job.job_id))

    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers == got.headers


@pytest.mark.parametrize("path", ["/v1/jobs/{job}/stream", "/v1/jobs/stream"])
async def test_head_opens_no_stream_and_drives_no_job(path: str) -> None:
    """Whoever streams a job that nobody drives becomes its driver; whoever asks for the head alone does not."""
    home = ScriptedHome({"/": ScriptedPage()})
    job = await home.create()
    async with web_client(home) as client:
        head = await client.head(path.format(job=job.job_id))
        gauge = (await client.get("/healthz")).json()["streams"]["open"]
    await home.clock.advance(30)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"].startswith("text/event-stream")
    assert gauge == 0
    assert (home.meta(job).state, home.fetched) == (JobState.QUEUED, [])


async def test_a_route_without_get_answers_405_and_what_it_takes() -> None:
    """There is no HEAD of what only changes something."""
    async with web_client(ScriptedHome({})) as client:
        head = await client.head("/v1/jobs/none/pause")

    assert (head.status_code, head.content) == (405, b"")
    assert "POST" in head.headers["allow"]
