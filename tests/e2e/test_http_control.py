"""Control, retry, deletion and many jobs over HTTP: one suite, run against both homes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.site import expected
from tests.site.faults import Status
from tests.site.server import EVERY
from tests.support.http_homes import Frame, HttpHome, open_http_home

LOCAL = pytest.param("local", marks=pytest.mark.xdist_group("http_control"))
LAMBDA = pytest.param("lambda", marks=[pytest.mark.timeout(300), pytest.mark.xdist_group("lambda")])
#: What the two homes do alike: in the quick run on the laptop alone, in `make soak` in both.
MOSTLY_LOCAL = pytest.mark.parametrize(
    "home",
    [
        LOCAL,
        pytest.param("lambda", marks=[pytest.mark.timeout(300), pytest.mark.xdist_group("lambda"), pytest.mark.soak]),
    ],
    indirect=True,
    scope="module",
)
pytestmark = pytest.mark.asyncio(loop_scope="module")

#: After a cancel is answered no fetch starts later than this, in seconds.
_LAST_START_S = 2.0
_AT_ONCE = 3
_NO_JOB = "01jd0000000000000000000000"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[LOCAL, LAMBDA])
async def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HttpHome]:
    """One home for the module: starting it takes seconds."""
    async with open_http_home(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running


def is_problem(answer: httpx.Response, status: int, code: str) -> bool:
    """Whether an answer is the problem document that it should be."""
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), answer.text
    return answer.headers["content-type"] == "application/problem+json"


async def over(home: HttpHome, job_id: str) -> tuple[list[Frame], dict[str, Any]]:
    """The frames of a job and the job itself, when META says that it has ended."""
    frames = await home.follow(job_id)
    while True:
        job: dict[str, Any] = await home.get(f"/v1/jobs/{job_id}")
        if job["ended_at"]:
            return frames, job


async def test_after_a_cancel_no_fetch_starts_later_than_two_seconds(home: HttpHome) -> None:
    """Measured at the site; what is in flight may end, and nothing of it is published.

    What was called before may reach the site late, for its process is a busy machine's; a driver that goes on asks for
    as many every 0.6 s.
    """
    home.site.delay(EVERY, 0.6)
    try:
        job_id = await home.create(library="cut-short", sitemap="skip", concurrency=_AT_ONCE)
        home.site.forget_requests()
        await home.site.wait_requests(6)
        asked = await home.client.post(f"/v1/jobs/{job_id}/cancel")
        answered_s = home.site.now_s()
        frames, job = await over(home, job_id)
        await home.site.wait_idle()
    finally:
        home.site.delay(EVERY, 0.0)
    late = [seen.at_s - answered_s for seen in home.site.requests if seen.at_s > answered_s + _LAST_START_S]
    library = await home.get("/v1/libraries/cut-short")
    told = frames[-1].event
    crawled = sum(frame.type == "url_crawled" for frame in frames)

    assert asked.status_code == 200
    assert len(late) <= _AT_ONCE, late
    assert frames[-1].type == "job_cancelled"
    assert (told["ok"], told["ended_because"], told["report_id"]) == (False, "user", None)
    counts = told["counts"]
    assert counts["fetched"] + counts["duplicate"] == crawled > 0
    assert counts["cancelled"] > 0
    assert counts["seen"] == sum(count for name, count in counts.items() if name != "seen")
    assert (library["generation"], library["active_job"]) == (0, None)
    assert job["state"] == "cancelled"


@MOSTLY_LOCAL
async def test_fifty_equal_posts_at_once_make_one_job(home: HttpHome) -> None:
    """A client that panics, or a proxy that repeats."""
    times = 50 if home.name == "local" else 6  # each call at once is a process there
    body = {"url": home.site.url(), "library": "once-only", "limit": 1}
    headers = {"Idempotency-Key": "fifty"}
    answers = await asyncio.gather(*(home.client.post("/v1/jobs", json=body, headers=headers) for _ in range(times)))
    ids = {answer.json()["job_id"] for answer in answers}
    frames, _ = await over(home, next(iter(ids)))
    listed = await home.get("/v1/jobs", library="once-only")

    assert {answer.status_code for answer in answers} == {202}
    assert len(ids) == len(listed["items"]) == 1
    assert [frame.type for frame in frames].count("job_created") == 1


@MOSTLY_LOCAL
async def test_streaming_after_last_seq_gives_exactly_the_rest(home: HttpHome) -> None:
    """A page shows the state first and then follows: nothing between the two is lost or told twice."""
    home.site.delay(EVERY, 0.1)
    try:
        job_id = await home.create(library="the-rest", sitemap="skip", limit=12)
        await home.read(f"/v1/jobs/{job_id}/stream", until=lambda frame: frame.type == "url_crawled")
        look = await home.get(f"/v1/jobs/{job_id}")
        rest = await home.read(f"/v1/jobs/{job_id}/stream?after={look['last_seq']}")
        rest += await home.follow(job_id, seen=rest) if not rest or "job_" not in rest[-1].type else []
    finally:
        home.site.delay(EVERY, 0.0)
    log = await home.log(job_id)

    assert look["state"] in ("queued", "running")
    assert look["last_seq"] >= 2
    assert len(look["activities"]) == min(10, look["last_seq"])
    assert look["activities"][-1]["seq"] == look["last_seq"]
    assert [frame.data for frame in rest] == log[look["last_seq"] :]


async def test_a_retry_brings_what_failed_and_both_jobs_name_each_other(home: HttpHome) -> None:
    """The site had a bad day; its pages come into the library beside those that did come."""
    broken = "/docs/guide/light.html"
    home.site.fail(broken, Status(code=404))
    try:
        job_id = await home.create(library="retried", sitemap="skip")
        _, first = await over(home, job_id)
    finally:
        home.site.heal(broken)
    before = (await home.get("/v1/libraries/retried"))["pages"]
    home.site.forget_requests()
    answers = [await home.client.post(f"/v1/jobs/{job_id}/retry") for _ in range(2)]
    retry = answers[0].json()
    _, second = await over(home, retry["job_id"])
    pages = {page["url"] for page in (await home.get("/v1/libraries/retried/pages"))["items"]}
    first = await home.get(f"/v1/jobs/{job_id}")
    requested = set(home.site.paths()) - {"/robots.txt"}

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["job_id"] == answers[1].json()["job_id"]
    assert answers[0].headers["location"] == f"/v1/jobs/{retry['job_id']}"
    assert (second["retry_of"], first["retried_by"]) == (job_id, retry["job_id"])
    assert second["links"]["retry_of"] == f"/v1/jobs/{job_id}"
    assert first["links"]["retried_by"] == f"/v1/jobs/{retry['job_id']}"
    assert second["counts"]["fetched"] == 1
    assert second["counts"]["seen"] == first["counts"]["failed"]
    assert not requested & (expected.FETCHED - {broken})
    assert home.site.url(broken) in pages
    assert len(pages) == before + 1
    assert is_problem(await home.client.post(f"/v1/jobs/{_NO_JOB}/retry"), 404, "job_not_found")


async def _short_job(home: HttpHome, library: str) -> str:
    """The id of a job of one page that has ended."""
    body = {"url": home.site.url("/docs/guide/light.html"), "library": library, "limit": 1}
    job_id: str = (await home.client.post("/v1/jobs", json=body)).json()["job_id"]
    await over(home, job_id)
    return job_id


@MOSTLY_LOCAL
async def test_states_of_many_jobs_and_their_deletion(home: HttpHome) -> None:
    """A dashboard asks once for all it shows; a clean-up does not stop at the one job that still runs."""
    home.site.hold(expected.START)
    try:
        ended = [await _short_job(home, f"many-{number}") for number in range(2)]
        async with home.job(library="still-running") as running:
            ids = [*ended, running, _NO_JOB]
            states = (await home.client.post("/v1/jobs/batch-state", json={"job_ids": [*ids, ended[0]]})).json()
            one = await home.get(f"/v1/jobs/{ended[0]}")
            gone = (await home.client.post("/v1/jobs/delete", json={"job_ids": ids})).json()
            after = [await home.client.get(f"/v1/jobs/{job_id}") for job_id in ended]
            later = (await home.client.post("/v1/jobs/batch-state", json={"job_ids": ids})).json()
            refused = await home.client.delete(f"/v1/jobs/{running}")
            home.site.release(expected.START)
    finally:
        home.site.release(expected.START)
    listed = {job["job_id"] for job in (await home.get("/v1/jobs", limit=200))["items"]}

    assert states["not_found"] == [_NO_JOB]
    assert states["states"].keys() == {*ended, running}
    assert states["states"][ended[0]].items() <= {**one, "links": states["states"][ended[0]]["links"]}.items()
    assert [job["job_id"] for job in gone["deleted"]] == ended
    assert gone["not_found"] == [_NO_JOB]
    assert [(job["job_id"], job["code"]) for job in gone["refused"]] == [(running, "active")]
    assert all(is_problem(answer, 404, "job_not_found") for answer in after)
    assert later["not_found"] == [*ended, _NO_JOB]
    assert is_problem(refused, 409, "active")
    assert not listed & set(ended)
    assert {library["library_id"] for library in (await home.get("/v1/libraries"))["items"]} >= {"many-0", "many-1"}


@MOSTLY_LOCAL
@pytest.mark.parametrize(("path", "most"), [("batch-state", 20), ("delete", 100)])
async def test_too_many_ids_or_none_are_refused(home: HttpHome, path: str, most: int) -> None:
    """A list without end would be a request without end."""
    bodies: list[Any] = [{"job_ids": [str(number) for number in range(most + 1)]}, {"job_ids": []}, {}, {"ids": ["a"]}]
    answers = [await home.client.post(f"/v1/jobs/{path}", json=body) for body in bodies]

    assert all(is_problem(answer, 422, "invalid_input") for answer in answers)


@MOSTLY_LOCAL
async def test_what_cannot_be_understood_is_a_problem_with_its_code(home: HttpHome) -> None:
    """An unknown action, a cursor of somebody else's, a body that is too large: never a 5xx, never a guess."""
    post, get = home.client.post, home.client.get
    large = b'{"url": "' + b"x" * 1_000_001 + b'"}'
    json = {"Content-Type": "application/json"}

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b" " * 50_000

    assert is_problem(await post(f"/v1/jobs/{_NO_JOB}/explode"), 404, "not_found")
    assert is_problem(await get("/v1/jobs", params={"cursor": "nonsense"}), 422, "invalid_input")
    assert is_problem(await get("/v1/jobs", params={"cursor": "é"}), 422, "invalid_input")
    assert is_problem(await get("/v1/jobs", params={"state": "tired"}), 422, "invalid_input")
    assert is_problem(await get("/v1/jobs", params={"limit": 0}), 422, "invalid_input")
    assert is_problem(await post("/v1/jobs", content=large, headers=json), 413, "too_large")
    assert is_problem(await post("/v1/jobs", content=endless(), headers=json), 413, "too_large")
