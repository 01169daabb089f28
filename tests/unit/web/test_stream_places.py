"""Where a stream begins: whatever a client says, the answer is that of docs/http.md, never an error of ours."""

import asyncio
from datetime import timedelta

import pytest

from runnel.domain.jobs import Sign
from runnel.usecases.services import Tuning
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage
from tests.support.web_client import web_client


@pytest.mark.parametrize(
    "place", ["", "text", "{job}", "{job}.", "{job}.-1", "{job}.1.5", "other.3", ".", "{job}." + "9" * 40, "\u00e9.1"]
)
async def test_an_odd_last_event_id_counts_as_none(place: str) -> None:
    """The whole log comes: a client that knows no place of this job has seen nothing of it."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    job = await home.crawl()
    header = place.format(job=job.job_id).encode()
    answer = await web_client(home).get(f"/v1/jobs/{job.job_id}/stream", headers={b"Last-Event-ID": header})

    assert answer.status_code == 200
    assert answer.text.count("\nid: ") == len(home.log(job))


@pytest.mark.parametrize(
    ("after", "status"), [("-1", 422), ("x", 422), ("9" * 15, 204), ("1" + "0" * 15, 204), ("9" * 40, 422)]
)
async def test_a_place_beyond_the_end_has_nothing_more(after: str, status: int) -> None:
    """And a number that no store can count to is refused."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    job = await home.crawl()
    client = web_client(home)
    path = f"/v1/jobs/{job.job_id}/stream"

    assert (await client.get(path, params={"after": after})).status_code == status
    huge = await client.get(path, headers={"Last-Event-ID": f"{job.job_id}.{'9' * 15}"})
    assert huge.status_code == 204


async def test_a_window_ends_with_a_word_when_to_come_back() -> None:
    """And a finished job's stream does not: there is nothing to come back for."""
    home = ScriptedHome({"/": ScriptedPage(text="home")}, tuning=Tuning(follow_window=timedelta(seconds=3)))
    job = await home.create()
    await home.outside.services.leases.take(TENANT, job.job_id, owner="other", seen=Sign.of(job))
    asked = asyncio.create_task(web_client(home).get(f"/v1/jobs/{job.job_id}/stream"))
    await home.until(asked.done)
    whole = await web_client(home).get(f"/v1/jobs/{(await home.crawl(library='two')).job_id}/stream")

    assert asked.result().text.endswith("\n\nretry: 1000\n\n")
    assert "job_completed" not in asked.result().text
    assert not whole.text.endswith("retry: 1000\n\n")


async def test_a_log_past_its_retention_is_gone_and_says_so() -> None:
    """A part of it would look like the whole: neither as a stream nor as a page."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    job = await home.crawl()
    segments = home.state.segments[job.tenant, job.job_id]
    del segments[min(segments)]
    for part in ("stream", "events"):
        answer = await web_client(home).get(f"/v1/jobs/{job.job_id}/{part}")
        assert (answer.status_code, answer.json()["code"]) == (410, "events_expired")
