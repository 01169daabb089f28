"""Every error is one document that a program can read and a stranger learns nothing from."""

from collections.abc import AsyncIterator

import pytest

from runnel.errors import RunnelError
from runnel.web.body_limit import MOST_BYTES
from tests.support.homes import ScriptedHome
from tests.support.web_client import web_client

PROBLEM = "application/problem+json"


def every_error(kind: type[RunnelError] = RunnelError) -> list[type[RunnelError]]:
    """The tree of errors.py, flat."""
    return [kind, *(one for child in kind.__subclasses__() for one in every_error(child))]


async def test_what_nobody_foresaw_tells_the_client_nothing() -> None:
    """A stack trace is for the log of whoever runs it."""
    home = ScriptedHome({})

    async def explode() -> None:
        raise ZeroDivisionError("the secret of the house")

    home.outside.before["jobs.list_jobs"] = explode
    answer = await web_client(home).get("/v1/jobs")

    assert (answer.status_code, answer.json()["code"]) == (500, "unexpected")
    assert answer.headers["content-type"] == PROBLEM
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


async def test_a_store_that_does_not_answer_is_worth_another_try() -> None:
    """A client that knows when to come back does not hammer."""
    home = ScriptedHome({})
    home.outside.refuse("jobs.list")
    answer = await web_client(home).get("/v1/jobs")

    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (503, "store_unavailable", True)
    assert answer.headers["retry-after"] == "2"


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
async def test_every_error_of_ours_is_a_problem_with_its_code(kind: type[RunnelError]) -> None:
    """An error class that HTTP does not know would come out as an accident."""
    home, error = ScriptedHome({}), RunnelError.__new__(kind)
    RunnelError.__init__(error, "what happened")
    for name, value in {"job_id": "a", "category": "dns", "field": "url"}.items():
        setattr(error, name, value)

    async def fail() -> None:
        raise error

    home.outside.before["jobs.list_jobs"] = fail
    answer = await web_client(home).get("/v1/jobs")

    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["code"] == error.code
    assert answer.json()["detail"] == "what happened"
    assert answer.status_code >= 400


async def test_routes_and_methods_that_do_not_exist_are_problems() -> None:
    """Also what the framework answers by itself."""
    client = web_client(ScriptedHome({}))
    nothing, method = await client.get("/nothing"), await client.delete("/healthz")

    assert (nothing.status_code, nothing.json()["code"]) == (404, "not_found")
    assert (method.status_code, method.json()["code"]) == (405, "method_not_allowed")
    assert method.headers["allow"] == "GET"
    assert nothing.headers["content-type"] == method.headers["content-type"] == PROBLEM


async def test_a_body_over_the_limit_is_refused_whether_it_tells_its_length_or_not() -> None:
    """Nobody fills our memory."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MOST_BYTES // 1_000 + 1):
            yield b" " * 1_000

    client, headers = web_client(ScriptedHome({})), {"Content-Type": "application/json"}
    told = await client.post("/v1/jobs", content=b" " * (MOST_BYTES + 1), headers=headers)
    untold = await client.post("/v1/jobs", content=endless(), headers=headers)
    at_the_limit = await client.post("/v1/jobs", content=b"{}".rjust(MOST_BYTES), headers=headers)

    assert (told.status_code, told.json()["code"]) == (413, "too_large")
    assert (untold.status_code, untold.json()["code"]) == (413, "too_large")
    assert at_the_limit.status_code == 422


async def test_a_method_that_is_not_known_is_answered_with_those_that_are() -> None:
    """All of them, whatever route comes first."""
    client = web_client(ScriptedHome({}))
    answers = {path: await client.put(path) for path in ("/v1/jobs", "/v1/jobs/x", "/v1/jobs/delete", "/healthz")}

    assert {answer.status_code for answer in answers.values()} == {405}
    assert {path: answer.headers["allow"] for path, answer in answers.items()} == {
        "/v1/jobs": "GET, POST",
        "/v1/jobs/x": "DELETE, GET",
        "/v1/jobs/delete": "POST",
        "/healthz": "GET",
    }
