"""Health, and the events that only Lambda's adapter may pass through."""

import json
from typing import Any

import httpx
import pytest

from tests.support.homes import TENANT, ScriptedHome
from tests.support.web_client import web_client

PASSED_THROUGH = {"x-amzn-request-context": "null"}


async def send(home: ScriptedHome, event: Any) -> httpx.Response:
    """An event as the adapter passes it."""
    return await web_client(home, mode="token", is_lambda=True).post("/events", json=event, headers=PASSED_THROUGH)


async def test_health_says_when_a_store_does_not_answer() -> None:
    """A monitor must see it before a user does."""
    home = ScriptedHome({})
    well = await web_client(home).get("/healthz")
    home.outside.refuse("jobs.active")
    ill = await web_client(home).get("/healthz")

    assert (well.status_code, well.json()["stores"]["state"]) == (200, "ok")
    assert (ill.status_code, ill.json()["stores"]["state"]) == (503, "failing")


@pytest.mark.parametrize(
    ("is_lambda", "headers"),
    [(False, PASSED_THROUGH), (True, {}), (True, {"x-amzn-request-context": json.dumps({"http": {}})})],
)
async def test_events_are_taken_from_the_adapter_alone(is_lambda: bool, headers: dict[str, str]) -> None:  # noqa: FBT001
    """The route is an ordinary one: whoever finds it must not be able to crawl as any tenant."""
    home = ScriptedHome({})
    job = await home.create()
    event = {"type": "resume", "tenant": TENANT, "job_id": job.job_id}
    answer = await web_client(home, is_lambda=is_lambda).post("/events", json=event, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_an_event_that_is_none_of_ours_counts_as_a_failed_invocation() -> None:
    """590 is the one status that the adapter reports as a failure, so that it reaches the queue for failures."""
    events: list[Any] = [{}, {"type": "party"}, [], {"type": "resume"}]
    answers = [await send(ScriptedHome({}), event) for event in events]

    assert {answer.status_code for answer in answers} == {590}


async def test_a_scheduled_crawl_of_a_busy_library_skips_and_says_so() -> None:
    """No failure: the crawl that it would have been is under way."""
    home = ScriptedHome({})
    job = await home.create()
    answer = await send(home, {"type": "crawl", "tenant": TENANT, "execution_id": "1", "url": home.url("/")})

    assert answer.status_code == 200
    assert job.job_id in answer.json()["skipped"]


async def test_a_function_never_sends_its_own_environment_to_a_site() -> None:
    """It holds the function's credentials."""
    home, headers = ScriptedHome({}), {"X-Key": "env:AWS_SECRET_ACCESS_KEY"}
    body = {"url": home.url("/"), "headers": headers}
    event = {"type": "crawl", "tenant": TENANT, "execution_id": "1", "url": home.url("/")}
    posted = await web_client(home, mode="iam", is_lambda=True).post("/v1/jobs", json=body)
    scheduled = await send(home, {**event, "options": {"headers": headers}})
    on_a_laptop = await web_client(home).post("/v1/jobs", json=body)

    assert (posted.status_code, posted.json()["code"]) == (422, "invalid_input")
    assert "env:" in posted.json()["detail"]
    assert (scheduled.status_code, scheduled.json()["code"]) == (590, "invalid_input")
    assert on_a_laptop.json()["code"] == "secret_missing"  # it is asked for: this home has none
