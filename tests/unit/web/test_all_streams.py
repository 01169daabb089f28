"""The stream of all jobs as a client gets it; tests/unit/usecases/test_follow_jobs.py holds what it shows."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from runnel.domain.jobs import Job
from runnel.streaming.places import parse_places
from runnel.usecases.services import Tuning
from tests.support.homes import ScriptedHome, ScriptedPage
from tests.support.web_client import web_client
from tests.unit.web.test_access import put_token

_PATH = "/v1/jobs/stream"
_SITE = {"/": ScriptedPage(text="home")}


async def read(home: ScriptedHome, client: httpx.AsyncClient, path: str = _PATH, **request: Any) -> httpx.Response:
    """One whole connection: it ends with its window."""
    asking = asyncio.create_task(client.get(path, **request))
    await home.until(asking.done)
    return asking.result()


def short_home() -> ScriptedHome:
    """A home whose windows are short, as on Lambda."""
    return ScriptedHome(_SITE, tuning=Tuning(follow_window=timedelta(seconds=5)))


def ids(text: str) -> list[str]:
    """Every id in a stream."""
    return re.findall(r"^id: (.*)$", text, re.MULTILINE)


@asynccontextmanager
async def crawled_while_open(home: ScriptedHome) -> AsyncIterator[tuple[Job, asyncio.Task[Any]]]:
    """A job whose driver runs."""
    job = await home.create()
    driver = home.drive(home.process("D1"), job)
    yield job, driver
    await home.finish(driver)


async def test_a_stream_of_all_jobs_tells_its_place_before_any_event() -> None:
    """A client that was cut off before the first event comes back to when it came, and misses no job."""
    home = short_home()
    answer = await read(home, web_client(home))
    place = ids(answer.text)
    async with crawled_while_open(home) as (job, _):
        pass
    late = await read(home, web_client(home), headers={"Last-Event-ID": place[0]})

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.startswith(f": connected\n\nretry: 1000\n\nevent: jobs_connected\nid: {place[0]}\ndata: ")
    assert re.findall("event: (.*)", answer.text) == ["jobs_connected"]
    assert late.text.count('"seq":') == len(home.log(job))


async def test_the_id_of_each_event_is_a_place_to_go_on_from() -> None:
    """By header or by parameter."""
    home = short_home()
    async with crawled_while_open(home) as (job, _):
        whole = await read(home, web_client(home))
    total, every = len(home.log(job)), ids(whole.text)
    assert len(every) == total + 1
    for seq, place in list(enumerate(every))[::3]:
        by_header = await read(home, web_client(home), headers={"Last-Event-ID": place})
        by_parameter = await read(home, web_client(home), f"{_PATH}?after={place}")

        assert parse_places(place) is not None
        assert by_header.text.count('"seq":') == by_parameter.text.count('"seq":') == total - seq


@pytest.mark.parametrize("place", ["text", "job0001.3", "all.", "9" * 9_000, "\u00e9.1"])
async def test_an_odd_place_counts_as_none(place: str) -> None:
    """Whoever knows no place has seen nothing: all active jobs come from their beginning."""
    home = short_home()
    job = await home.create()
    header = await read(home, web_client(home), headers={b"Last-Event-ID": place.encode()})
    parameter = await read(home, web_client(home), params={"after": place})

    for answer in (header, parameter):
        assert (answer.status_code, answer.text.count('"seq":')) == (200, len(home.log(job)))


async def test_types_and_libraries_are_chosen_by_name() -> None:
    """A name that is none is refused before the stream begins."""
    home = short_home()
    wrong = await web_client(home).get(_PATH, params={"type": ["job_created", "job_finished"]})
    many = await web_client(home).get(_PATH, params={"library": ["x"] * 51})
    one, other = await home.create(library="one"), await home.create(library="other")
    chosen = await read(home, web_client(home), params={"type": "job_created", "library": "one"})

    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_input")
    assert "job_finished" in wrong.json()["detail"]
    assert many.status_code == 422
    assert re.findall(r"event: (.*)", chosen.text) == ["jobs_connected", "job_created"]
    assert f'"jobs":["{one.job_id}"]' in chosen.text
    assert other.job_id not in chosen.text


async def test_a_ticket_for_all_jobs_opens_their_stream_and_nothing_else() -> None:
    """And one for a single job does not open it."""
    home = short_home()
    await put_token(home, "mine")
    job, client, headers = await home.create(), web_client(home, mode="token"), {"Authorization": "Bearer mine"}
    link = (await client.post("/v1/jobs/ticket", headers=headers)).json()
    single = (await client.post(f"/v1/jobs/{job.job_id}/ticket", headers=headers)).json()
    opened = await read(home, client, link["links"]["stream"])
    refused = [
        await client.get(f"/v1/jobs/{job.job_id}/stream?ticket={link['ticket']}"),
        await client.get(f"/v1/jobs?ticket={link['ticket']}"),
        await client.get(f"{_PATH}?ticket={single['ticket']}"),
        await client.get(_PATH),
    ]
    await home.clock.advance(60)
    late = await client.get(link["links"]["stream"])

    assert (opened.status_code, opened.text.count('"seq":')) == (200, len(home.log(job)))
    assert [answer.status_code for answer in refused] == [401] * 4
    assert (late.status_code, late.json()["code"]) == (401, "ticket_expired")


async def test_another_tenant_sees_no_job_of_it() -> None:
    """Neither live nor with a place that names them."""
    home = short_home()
    await put_token(home, "mine")
    await put_token(home, "theirs", tenant="another")
    client = web_client(home, mode="token")
    async with crawled_while_open(home) as (job, _):
        mine = await read(home, client, headers={"Authorization": "Bearer mine"})
        theirs = await read(home, client, headers={"Authorization": "Bearer theirs"})
    guessed = {"Authorization": "Bearer theirs", "Last-Event-ID": ids(mine.text)[3]}
    with_place = await read(home, client, headers=guessed)
    old = await home.create(library="old")
    await home.clock.advance(3_600)
    later = await read(home, client, headers={"Authorization": "Bearer theirs"})

    assert job.job_id in mine.text
    assert job.job_id not in theirs.text
    assert job.job_id not in with_place.text
    assert old.job_id not in later.text


async def test_the_stream_ends_with_its_server_and_is_counted_while_it_is_open() -> None:
    """A process that is told to end waits for no reader."""
    home = ScriptedHome(_SITE)
    client = web_client(home)
    app: Any = client._transport.app  # type: ignore[attr-defined]  # noqa: SLF001 - the app under test
    reading = asyncio.create_task(client.get(_PATH))
    await home.clock.advance(2)
    open_streams = app.state.home.streams.active
    app.state.home.closing.set()
    await home.clock.advance(1.5)

    assert open_streams == 1
    assert reading.done()
    assert app.state.home.streams.active == 0


@pytest.mark.parametrize("who", ["guest", "owner"])
async def test_a_guest_starts_no_driver_and_the_owner_does(who: str) -> None:
    """A job whose start was lost gets its driver from whoever may begin something."""
    home = short_home()
    job, client = await home.create(), web_client(home)
    ticket = (await client.post("/v1/jobs/ticket")).json()["ticket"]
    await home.clock.advance(40)
    await read(home, client, f"{_PATH}?ticket={ticket}" if who == "guest" else _PATH)

    assert (job.job_id in home.orchestrators.started) is (who == "owner")
