"""Another tenant sees of a job exactly what it sees of one that is not there: on every route that there is."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from runnel.domain.jobs import Job
from runnel.ports.tokens import Token
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage
from tests.support.web_client import web_client

_OTHER = "other"
_MISSING = {
    "job_id": "01jd0000000000000000000000", "library_id": "no-such-library", "page_id": "0" * 32,
    "source_id": "main", "report_id": "01jd0000000000000000000000", "name": "report.json",
}  # fmt: skip
#: What a route needs besides its path; `{job_id}` and the like stand for an id in question.
_QUERIES: dict[str, dict[str, str]] = {"url": {"url": "https://docs.example.com/"}}
_BODIES: dict[str, Any] = {
    "POST /v1/jobs/batch-state": {"job_ids": ["{job_id}"]},
    "POST /v1/jobs/delete": {"job_ids": ["{job_id}"]},
    "PATCH /v1/libraries/{library_id}": {"title": "mine"},
    "POST /v1/libraries/{library_id}/sources": {"url": "https://docs.example.com/mine/"},
    "PUT /v1/libraries/{library_id}/sources/{source_id}": {"url": "https://docs.example.com/mine/"},
    "PATCH /v1/libraries/{library_id}/pages/{page_id}": {"metadata": {"mine": "yes"}},
    # A library's name is the tenant's own: the same name is another library.
    "POST /v1/jobs": {"library": "{library_id}"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation of the OpenAPI document."""

    method: str
    path: str
    operation: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def parameters(self) -> set[str]:
        """The ids in the path."""
        return set(re.findall(r"\{(\w+)\}", self.path))

    async def ask(self, client: httpx.AsyncClient, ids: dict[str, str]) -> httpx.Response:
        """Ask this route about these ids."""
        needed = {one["name"] for one in self.operation.get("parameters", ()) if one.get("required")}
        query = {name: value for key in needed for name, value in _QUERIES.get(key, {}).items()}
        body = _filled(_BODIES.get(self.name, {}), ids)
        path = str(_filled(self.path, ids))
        if self.method == "GET":
            return await client.get(path, params=query)
        return await client.request(self.method, path, params=query, json=body)


def _filled(value: Any, ids: dict[str, str]) -> Any:
    """The value with every id that stands in it by its name."""
    if isinstance(value, str):
        for name, one in ids.items():
            value = value.replace(f"{{{name}}}", one)
        return value
    if isinstance(value, list):
        return [_filled(one, ids) for one in value]
    if isinstance(value, dict):
        return {name: _filled(one, ids) for name, one in value.items()}
    return value


def _neutral(answer: httpx.Response, ids: dict[str, str]) -> tuple[int, str | None, str]:
    """Status, type and body of an answer, without the ids that were asked about."""
    text = answer.text
    for name, one in sorted(ids.items(), key=lambda pair: -len(pair[1])):
        text = text.replace(one, f"<{name}>")
    return answer.status_code, answer.headers.get("content-type"), text


async def _token(home: ScriptedHome, tenant: str) -> httpx.AsyncClient:
    """A client of *tenant*."""
    services, secret = home.outside.services, f"token-of-{tenant}"
    sha256 = hashlib.sha256(secret.encode()).hexdigest()
    await services.tokens.put(Token(sha256=sha256, tenant=tenant, name="t", created_at=services.clock.now()))
    client = web_client(home, mode="token")
    client.headers["Authorization"] = f"Bearer {secret}"
    return client


async def _routes(client: httpx.AsyncClient) -> list[Route]:
    described = (await client.get("/openapi.json")).json()
    return [
        Route(method=method.upper(), path=path, operation=operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


async def _crawled(home: ScriptedHome) -> tuple[Job, dict[str, str]]:
    """A job of the first tenant that has ended with a failure, and the ids of what is the tenant's."""
    job = await home.crawl()
    page = next(iter((await home.library(job)).values()))
    ids = {"job_id": job.job_id, "library_id": job.library_id, "page_id": page.page_id}
    return job, ids | {"report_id": job.job_id, "name": "report.json", "source_id": "main"}


@pytest.fixture
def home() -> ScriptedHome:
    return ScriptedHome({"/": ScriptedPage(text="secret words", links=("/gone",)), "/gone": ScriptedPage(status=404)})


async def test_of_anothers_things_there_is_no_trace_on_any_route(home: ScriptedHome) -> None:
    """Same status, same body: not even that they exist can be learnt."""
    _, theirs = await _crawled(home)
    client = await _token(home, _OTHER)
    routes = [route for route in await _routes(client) if route.parameters or route.name in _BODIES]
    before = {key: job for key, job in home.state.jobs.items() if key[0] == TENANT}
    for route in routes:
        assert route.parameters <= theirs.keys(), f"{route.name}: say in this test what its ids are"
        seen = _neutral(await route.ask(client, theirs), theirs)
        missing = _neutral(await route.ask(client, _MISSING), _MISSING)
        assert seen == missing, route.name

    assert len(routes) > 15
    assert {key: job for key, job in home.state.jobs.items() if key[0] == TENANT} == before


async def test_the_owner_finds_them_on_the_same_routes(home: ScriptedHome) -> None:
    """Or the test above would be true of a server that shows nothing to anybody."""
    _, own = await _crawled(home)
    client = await _token(home, TENANT)
    shown = set()
    for route in await _routes(client):
        is_reading = route.method == "GET" and route.parameters
        if is_reading and (await route.ask(client, own)).status_code != 404:
            shown.add(route.path)

    assert shown >= {
        "/v1/jobs/{job_id}", "/v1/jobs/{job_id}/stream", "/v1/jobs/{job_id}/events", "/v1/jobs/{job_id}/urls",
        "/v1/jobs/{job_id}/report", "/v1/reports/{report_id}", "/v1/reports/{report_id}/files/{name}",
        "/v1/libraries/{library_id}", "/v1/libraries/{library_id}/pages", "/v1/libraries/{library_id}/pages/{page_id}",
    }  # fmt: skip


def _ids_in(text: str, ids: dict[str, str]) -> Iterator[str]:
    return (name for name, one in ids.items() if one in text)


#: It never ends by itself; tests/unit/web/test_all_streams.py has it.
_ENDLESS = "/v1/jobs/stream"


async def test_lists_name_nothing_of_anothers(home: ScriptedHome) -> None:
    """Every list, filtered or not."""
    _, theirs = await _crawled(home)
    client = await _token(home, _OTHER)
    for route in await _routes(client):
        if route.method == "GET" and not route.parameters and route.path != _ENDLESS:
            text = (await route.ask(client, theirs)).text
            assert list(_ids_in(text, theirs)) == [], route.name


async def test_one_key_of_two_tenants_makes_two_jobs(home: ScriptedHome) -> None:
    """An Idempotency-Key is the tenant's own; guessing one shows nothing."""
    headers, body = {"Idempotency-Key": "nightly"}, {"url": home.url("/"), "library": "docs"}
    answers = [
        await (await _token(home, tenant)).post("/v1/jobs", json=body, headers=headers) for tenant in (TENANT, _OTHER)
    ]
    ids = [answer.json()["job_id"] for answer in answers]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert len(set(ids)) == 2
    assert {(tenant, job_id) for tenant, job_id in home.state.jobs} == {(TENANT, ids[0]), (_OTHER, ids[1])}
