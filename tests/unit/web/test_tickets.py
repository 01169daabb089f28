"""Tickets and share links: one job, to be read, for a time."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.domain.jobs import Job
from runnel.errors import StoreUnavailable, TicketInvalid
from runnel.usecases.share_job import check_ticket, make_link
from tests.support.homes import ScriptedHome, ScriptedPage
from tests.support.web_client import web_client
from tests.unit.web.test_access import put_token

_AUTH = {"Authorization": "Bearer mine"}


async def _shared(kind: str, **body: Any) -> tuple[ScriptedHome, httpx.AsyncClient, Job, dict[str, Any]]:
    """A home that wants tokens, a client without one, a finished job, and the answer to its ticket or link."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    await put_token(home, "mine")
    job = await home.crawl()
    client = web_client(home, mode="token")
    request = {"json": body} if body else {}
    answer = await client.post(f"/v1/jobs/{job.job_id}/{kind}", headers=_AUTH, **request)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return home, client, job, answer.json()


@pytest.mark.parametrize("kind", ["ticket", "share"])
async def test_a_link_opens_its_job_without_a_token(kind: str) -> None:
    """EventSource can send no header, and a colleague has no token."""
    _, client, job, link = await _shared(kind)
    answers = [await client.get(path) for path in link["links"].values()]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 200]
    assert "job_completed" in answers[1].text
    assert (await client.get(f"/v1/jobs/{job.job_id}")).status_code == 401


@pytest.mark.parametrize(
    ("kind", "body", "lasts_s"), [("ticket", {}, 60), ("share", {}, 86_400), ("share", {"expires_s": 5}, 5)]
)
async def test_a_link_lasts_as_long_as_it_says(kind: str, body: dict[str, Any], lasts_s: int) -> None:
    """And then says what to do."""
    home, client, _, link = await _shared(kind, **body)
    await home.clock.advance(lasts_s - 1)
    assert (await client.get(link["links"]["stream"])).status_code == 200
    await home.clock.advance(1.5)
    late = await client.get(link["links"]["stream"])

    assert (late.status_code, late.json()["code"]) == (401, "ticket_expired")


async def test_a_link_opens_no_other_job_and_changes_nothing() -> None:
    """Who may watch may not cancel."""
    home, client, job, link = await _shared("share")
    other = await home.create(library="other")
    ticket = link["ticket"]
    answers = [
        await client.get(f"/v1/jobs/{other.job_id}/stream?ticket={ticket}"),
        await client.get(f"/v1/jobs/{job.job_id}x?ticket={ticket}"),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(401, "ticket_invalid")] * 2
    for path in (f"/v1/jobs/{job.job_id}/cancel", f"/v1/jobs/{job.job_id}/share", "/v1/jobs"):
        assert (await client.post(f"{path}?ticket={ticket}")).status_code == 401
    assert (await client.get(f"/v1/jobs?ticket={ticket}")).status_code == 401
    assert (await client.delete(f"/v1/jobs/{job.job_id}?ticket={ticket}")).status_code == 401


async def test_a_changed_link_opens_nothing() -> None:
    """Neither a later end, nor another tenant, nor a signature of somebody else's."""
    home, client, job, link = await _shared("ticket")
    claims, _, signature = link["ticket"].partition(".")
    text = urlsafe_b64decode(claims + "=" * (-len(claims) % 4)).decode()
    later = text[:-2] + "9]"
    foreign = text.replace('"local"', '"another"')
    path = text.replace('"local"', '"../local"')
    home_2 = ScriptedHome({})
    stranger = (await make_link(home_2.outside.services, job.tenant, job.job_id, lasts=home.tuning.heartbeat)).ticket
    forged = [f"{urlsafe_b64encode(one.encode()).decode().rstrip('=')}.{signature}" for one in (later, foreign, path)]
    for ticket in (*forged, claims, f"{claims}.", "", ".", stranger.partition(".")[0] + "." + signature, "x" * 2_000):
        answer = await client.get(f"/v1/jobs/{job.job_id}", params={"ticket": ticket})
        assert (answer.status_code, answer.json()["code"]) == (401, "ticket_invalid"), ticket


@given(ticket=st.text(max_size=80) | st.from_regex(r"[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}", fullmatch=True))
async def test_no_text_is_a_ticket(ticket: str) -> None:
    """It comes from outside: a refusal, never an error of ours."""
    with pytest.raises(TicketInvalid):
        await check_ticket(ScriptedHome({}).outside.services, ticket, job_id="job1")


async def test_a_foreign_page_may_use_no_link_of_this_machine() -> None:
    """On a laptop only this machine may ask, link or not."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    job = await home.crawl()
    client = web_client(home)
    link = (await client.post(f"/v1/jobs/{job.job_id}/ticket")).json()

    assert (await client.get(link["links"]["self"])).status_code == 200
    assert (await client.get(link["links"]["self"], headers={"Host": "evil.example"})).status_code == 403


async def test_a_guest_starts_no_driver() -> None:
    """To read is not to begin: a job that waits for its first stream goes on waiting."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    job = await home.create()
    client = web_client(home)
    link = (await client.post(f"/v1/jobs/{job.job_id}/ticket")).json()
    reading = client.stream("GET", link["links"]["stream"])

    async def read() -> None:
        async with reading as answer:
            await answer.aread()

    task = asyncio.create_task(read())
    await home.clock.advance(3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert home.meta(job).term == 0


async def test_a_key_that_is_gone_again_is_a_fault_of_the_store() -> None:
    """Not a link that nobody can open."""
    home = ScriptedHome({"/": ScriptedPage(text="home")})
    job = await home.create()
    services = home.outside.services

    async def nothing(*_: Any) -> None:
        return None

    services.content.get = nothing  # type: ignore[method-assign,assignment]
    with pytest.raises(StoreUnavailable):
        await make_link(services, job.tenant, job.job_id, lasts=home.tuning.heartbeat)
