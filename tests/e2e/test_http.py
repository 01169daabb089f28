"""The HTTP interface: one suite, run against both homes."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.site import expected
from tests.site.server import EVERY
from tests.support.http_homes import TERMINAL, Frame, HttpHome, durable_frames, open_http_home

LOCAL = pytest.param("local", marks=pytest.mark.xdist_group("http"))
LAMBDA = pytest.param("lambda", marks=[pytest.mark.timeout(300), pytest.mark.xdist_group("lambda")])
pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Slow enough that a user's wish comes in time, whatever the home.
UNHURRIED = {"sitemap": "skip", "concurrency": 1, "delay_s": 0.1}
#: What a crawl finds that looks at links alone.
FETCHED = expected.FETCHED - expected.SITEMAP_ONLY
PAGES = expected.PAGES - len(expected.SITEMAP_ONLY)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[LOCAL, LAMBDA])
async def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HttpHome]:
    """One home for the module: starting it takes seconds."""
    async with open_http_home(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A crawl of the whole site that has ended, as the client saw it that created it."""

    job_id: str
    library: str
    frames: list[Frame]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def finished(home: HttpHome) -> Finished:
    """One whole crawl, which many tests only read."""
    body = {"url": home.site.url(), "library": "finished", "sitemap": "skip"}
    frames = await home.read("/v1/jobs", method="POST", json=body)
    job_id = frames[0].event["job_id"]
    return Finished(job_id=job_id, library="finished", frames=await home.follow(job_id, seen=frames))


def ids(job_id: str, count: int) -> list[str]:
    """What a client must have seen, whatever happened to its connections."""
    return [f"{job_id}.{seq}" for seq in range(1, count + 1)]


def is_problem(answer: httpx.Response, status: int, code: str) -> bool:
    """Whether an answer is the problem document that it should be."""
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), answer.text
    assert problem["status"] == status
    assert {"type", "title", "detail", "retryable"} <= problem.keys()
    return answer.headers["content-type"] == "application/problem+json"


async def crawl_over(home: HttpHome, job_id: str) -> dict[str, Any]:
    """The job after its end."""
    await home.follow(job_id)
    while True:  # the terminal event comes first, then META
        job: dict[str, Any] = await home.get(f"/v1/jobs/{job_id}")
        if job["ended_at"]:
            return job


# ---- operations


async def test_health_names_the_version_and_says_that_the_stores_answer(home: HttpHome) -> None:
    """The first thing that a monitor, the adapter and `doctor` ask."""
    health = await home.get("/healthz")

    assert health["stores"] == {"state": "ok"}
    assert health["version"].count(".") == 2
    assert await home.get("/readyz") == {"ready": True}


# ---- creating


async def test_a_created_job_says_where_it_is(home: HttpHome) -> None:
    """A client needs nothing but the answer to go on."""
    body = {"url": home.site.url(), "library": "created", "limit": 1}
    answer = await home.client.post("/v1/jobs", json=body)
    created = answer.json()
    job = await home.get(answer.headers["location"])

    assert answer.status_code == 202
    assert answer.headers["location"] == created["links"]["self"] == f"/v1/jobs/{created['job_id']}"
    assert created["links"].keys() == {"self", "stream", "events", "urls"}
    assert (job["job_id"], job["library_id"], job["url"]) == (created["job_id"], "created", home.site.url())
    over = await crawl_over(home, job["job_id"])
    assert (over["state"], over["ended_because"], over["counts"]["fetched"]) == ("completed", "limit", 1)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "http://docs.example.com/", "colour": "red"}, "colour"),
        ({"url": "http://docs.example.com/", "limit": 0}, "limit"),
        ({"url": "http://docs.example.com/", "limit": "many"}, "limit"),
        ({"url": "http://docs.example.com/", "scope": "planet"}, "scope"),
        ({"url": "http://docs.example.com/", "include": [""]}, "include.0"),
        ({"url": "http://docs.example.com/", "headers": {"Cookie": "a secret as it is"}}, "headers.Cookie"),
        ({"url": "http://docs.example.com/", "library": "../up"}, "library"),
        ({"url": "http://docs.example.com/", "robots": "ignore"}, "body"),
        ({"url": "not a url"}, "url"),
        ({"url": "ftp://docs.example.com/"}, "url"),
        ({}, "body"),
        ([], "body"),
    ],
)
async def test_a_request_that_is_not_valid_is_refused_by_the_name_of_its_field(
    home: HttpHome, body: Any, field: str
) -> None:
    """A typing mistake must not start a crawl with a default in its place."""
    answer = await home.client.post("/v1/jobs", json=body)

    assert is_problem(answer, 422, "invalid_url" if field == "url" else "invalid_input")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_json_that_is_none_is_refused(home: HttpHome) -> None:
    """A body that was cut off is no empty one."""
    answer = await home.client.post("/v1/jobs", content=b'{"url": "htt', headers={"Content-Type": "application/json"})

    assert is_problem(answer, 422, "invalid_input")
    assert answer.json()["errors"][0]["field"] == "body"


async def test_what_is_not_there_is_a_problem_before_any_byte_of_a_stream(home: HttpHome) -> None:
    """A client must not take an empty stream for a job that says nothing."""
    job = "/v1/jobs/01jd0000000000000000000000"
    gets = [job, f"{job}/stream", f"{job}/events", f"{job}/urls"]
    posts = [f"{job}/pause", f"{job}/resume", f"{job}/cancel"]
    answers = [await home.client.get(path, headers={"Accept": "text/event-stream"}) for path in gets]
    answers += [await home.client.post(path) for path in posts] + [await home.client.delete(job)]

    assert all(is_problem(answer, 404, "job_not_found") for answer in answers)
    assert is_problem(await home.client.get("/v1/libraries/none"), 404, "library_not_found")
    assert is_problem(await home.client.get("/v1/nothing"), 404, "not_found")
    assert is_problem(await home.client.put("/v1/jobs"), 405, "method_not_allowed")


async def test_equal_posts_under_one_key_make_one_job(home: HttpHome) -> None:
    """A client that lost the answer may ask again; one that changed its mind is told."""
    body = {"url": home.site.url(), "library": "once", "limit": 1}
    headers = {"Idempotency-Key": "the key"}
    first, second = await asyncio.gather(*(home.client.post("/v1/jobs", json=body, headers=headers) for _ in range(2)))
    await crawl_over(home, first.json()["job_id"])
    later = await home.client.post("/v1/jobs", json=body, headers=headers)
    other = await home.client.post("/v1/jobs", json={**body, "limit": 2}, headers=headers)

    assert first.status_code == second.status_code == later.status_code == 202
    assert first.json()["job_id"] == second.json()["job_id"] == later.json()["job_id"]
    assert is_problem(other, 409, "idempotency_conflict")


async def test_a_library_is_crawled_by_one_job_at_a_time(home: HttpHome) -> None:
    """Two crawls of one library would publish over each other; the answer names the one to watch."""
    home.site.hold(expected.START)
    try:
        async with home.job(library="busy") as job_id:
            answer = await home.client.post("/v1/jobs", json={"url": home.site.url(), "library": "busy"})
            listed = await home.get("/v1/jobs", library="busy")
            home.site.release(expected.START)
    finally:
        home.site.release(expected.START)

    assert is_problem(answer, 409, "library_busy")
    assert answer.json()["job_id"] == job_id
    assert [job["job_id"] for job in listed["items"]] == [job_id]


# ---- the stream


async def test_a_map_answers_urls_and_an_estimate(home: HttpHome) -> None:
    """No content, no library; what was not looked at has no verdict."""
    body = {"url": home.site.url(), "library": "mapped", "sitemap": "skip", "pages": 5}
    answer = await home.client.post("/v1/map", json=body, timeout=90)
    found = answer.json()
    verdicts = Counter(url["verdict"] for url in found["urls"])

    assert answer.status_code == 200, answer.text
    assert verdicts["fetched"] == 5
    assert found["estimate"]["pages"] >= 5 + verdicts[None] * 0.5 > 5
    assert not found["estimate"]["is_complete"]
    assert (await home.client.get("/v1/libraries/mapped")).status_code == 404
    assert is_problem(await home.client.post("/v1/map", json={**body, "pages": 0}), 422, "invalid_input")


async def test_a_stream_is_the_stored_log_byte_for_byte(home: HttpHome, finished: Finished) -> None:
    """What a client saw live is what everybody reads later."""
    log = await home.log(finished.job_id)

    assert [frame.data for frame in finished.frames] == log
    assert [frame.id for frame in finished.frames] == ids(finished.job_id, len(log))
    assert [frame.event["seq"] for frame in finished.frames] == list(range(1, len(log) + 1))
    assert [frame.type for frame in finished.frames if frame.type in TERMINAL] == ["job_completed"]
    assert finished.frames[-1].type == "job_completed"


async def test_a_job_that_has_ended_replays_from_anywhere_and_ends(home: HttpHome, finished: Finished) -> None:
    """Late viewers see all of it; who has seen it all is told not to come back."""
    path, last = f"/v1/jobs/{finished.job_id}/stream", finished.frames[-1].id
    middle = len(finished.frames) // 2
    after_last = await home.client.get(path, headers={"Last-Event-ID": last})

    assert await home.read(path) == finished.frames
    assert await home.read(path, last=finished.frames[middle - 1].id) == finished.frames[middle:]
    assert await home.read(f"{path}?after={middle}") == finished.frames[middle:]
    assert (after_last.status_code, after_last.content) == (204, b"")
    assert (await home.client.get(path, params={"after": len(finished.frames)})).status_code == 204


async def test_a_stream_cut_at_any_byte_is_taken_up_without_gap_or_double(home: HttpHome, finished: Finished) -> None:
    """Connections break wherever they like: in a frame, in a header, in the middle of a character."""
    path, chance = f"/v1/jobs/{finished.job_id}/stream", random.Random(3)
    frames: list[Frame] = []
    for _ in range(12):
        frames += await read_bytes(home, path, chance.randint(1, 9_000), frames)
    frames = await home.follow(finished.job_id, seen=frames)

    assert frames == finished.frames


async def read_bytes(home: HttpHome, path: str, size: int, seen: list[Frame]) -> list[Frame]:
    """The whole frames within the first *size* bytes of a connection."""
    got = b""
    async with home.connect("GET", path, last=seen[-1].id if seen else None) as chunks:
        async for chunk in chunks:
            got += chunk
            if len(got) >= size:
                break
    return durable_frames(got[:size])


async def test_the_crawl_belongs_to_no_client_and_all_clients_see_the_same(home: HttpHome) -> None:
    """The one that created the job leaves at once; two that come later read one log, each to its end."""
    home.site.forget_requests()
    home.site.delay(EVERY, 0.05)
    try:
        body = {"url": home.site.url(), "library": "watched"}
        begun = await home.read("/v1/jobs", method="POST", json=body, until=lambda frame: frame.type == "url_started")
        job_id = begun[0].event["job_id"]
        one, other = await asyncio.gather(home.follow(job_id, seen=begun), home.follow(job_id))
    finally:
        home.site.delay(EVERY, 0.0)

    assert one == other
    assert [frame.id for frame in one] == ids(job_id, len(one))
    assert [frame.data for frame in one] == await home.log(job_id)
    assert one[-1].type == "job_completed"
    # The job's concurrency, as the site saw it.
    assert 2 <= home.site.max_in_flight <= 10


async def test_a_page_is_told_while_its_neighbour_still_runs(home: HttpHome) -> None:
    """One slow page must not hold back what is done."""
    slow = "/docs/start/"
    home.site.hold(slow)
    try:
        async with home.job(library="neighbours") as job_id:
            frames = await home.read(
                f"/v1/jobs/{job_id}/stream",
                until=lambda frame: frame.type == "url_crawled" and home.site.url(slow) not in frame.event["url"],
            )
            await home.site.wait_held(slow)
            home.site.release(slow)
    finally:
        home.site.release(slow)

    assert home.site.url(slow) not in [frame.event["url"] for frame in frames if frame.type == "url_crawled"]


async def test_a_stream_tells_who_it_is_and_what_time_it_is(home: HttpHome, finished: Finished) -> None:
    """EventSource, proxies and CORS each need their header; a client that hears nothing cannot know that it hangs."""
    async with home.client.stream("GET", f"/v1/jobs/{finished.job_id}/stream") as answer:
        text = (await answer.aread()).decode()

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-cache, no-transform"
    assert answer.headers["x-accel-buffering"] == "no"
    assert text.startswith(": connected\n\nretry: 1000\n\nevent: stream_connected\ndata: ")
    assert "\nevent: error\n" not in text


async def test_all_jobs_come_in_one_stream_that_is_taken_up_where_it_was_cut(home: HttpHome) -> None:
    """One connection for a whole page of jobs: each job's log, also of the one that began after the cut."""
    async with home.job(library="all-1", limit=3) as first:
        begun = await home.read("/v1/jobs/stream", until=lambda frame: frame.type == "url_crawled")
        await home.follow(first)
        async with home.job(library="all-2", limit=3) as second:
            missing = {first, second}

            def is_all(frame: Frame) -> bool:
                missing.difference_update({frame.event["job_id"]} if frame.type in TERMINAL else ())
                return not missing

            rest = await home.read("/v1/jobs/stream", last=begun[-1].id, until=is_all)
    got = {job_id: [f.data for f in begun + rest if f.event["job_id"] == job_id] for job_id in (first, second)}

    assert got == {first: await home.log(first), second: await home.log(second)}
    assert max(len(frame.id) for frame in rest) < 128
    assert (await home.client.get("/v1/jobs/stream", params={"type": "none"})).status_code == 422


# ---- the log in other forms


async def test_the_log_is_read_in_pages_that_join_to_the_whole(home: HttpHome, finished: Finished) -> None:
    """JSON for those who do not stream."""
    path, items = f"/v1/jobs/{finished.job_id}/events", list[Any]()
    after: str | None = "0"
    while after is not None:
        page = await home.get(path, after=after, limit=50)
        assert len(page["items"]) <= 50
        items, after = items + page["items"], page["next_cursor"]

    assert items == [frame.event for frame in finished.frames]


async def test_the_log_as_text_is_one_plain_line_an_event(home: HttpHome, finished: Finished) -> None:
    """For eyes and grep; a page's title may not draw on anybody's terminal."""
    path = f"/v1/jobs/{finished.job_id}/events"
    text = (await home.client.get(path, headers={"Accept": "text/plain"})).text
    errors = (await home.client.get(path, params={"level": "error"}, headers={"Accept": "text/plain"})).text
    lines = text.removesuffix("\n").split("\n")

    assert [line.split()[2] for line in lines] == [frame.type for frame in finished.frames]
    assert all(character.isprintable() for line in lines for character in line)
    assert len(errors.splitlines()) == text.count(" ERROR ")


async def test_a_job_shows_its_counts_and_where_its_log_stands(home: HttpHome, finished: Finished) -> None:
    """Streaming after `last_seq` gives exactly the rest."""
    job = await crawl_over(home, finished.job_id)
    told = finished.frames[-1].event

    assert (job["state"], job["ok"], job["ended_because"]) == ("completed", False, "done")
    assert job["last_seq"] == len(finished.frames)
    assert job["counts"] == told["counts"]
    assert [event["seq"] for event in job["activities"]] == list(range(job["last_seq"] - 9, job["last_seq"] + 1))


# ---- verdicts and pages


async def test_every_url_has_the_verdict_that_it_should(home: HttpHome, finished: Finished) -> None:
    """Why is a page missing? The answer is here, for each."""
    path = f"/v1/jobs/{finished.job_id}/urls"
    items = (await home.get(path))["items"]
    lines = (await home.client.get(path, headers={"Accept": "application/x-ndjson"})).text.splitlines()
    first = await home.get(path, limit=10)
    second = await home.get(path, limit=10, cursor=first["next_cursor"])
    failed = (await home.get(path, verdict="failed"))["items"]
    robots = (await home.get(path, reason="robots"))["items"]
    job = await crawl_over(home, finished.job_id)
    counted = {name: count for name, count in job["counts"].items() if count and name != "seen"}
    fetched = {item["url"] for item in items if item["verdict"] == "fetched"}
    categories = {item["url"]: item["error"]["category"] for item in failed}

    assert Counter(item["verdict"] for item in items) == counted
    assert job["counts"]["seen"] == len(items)
    assert fetched > {home.site.url(path) for path in FETCHED}
    assert (counted["fetched"], counted["duplicate"]) == (PAGES, expected.DUPLICATE_COUNT)
    assert categories[home.site.url("/docs/gone.html")] == "http_4xx"
    assert categories[home.site.url("/docs/loop/a.html")] == "too_many_redirects"
    assert {item["url"] for item in robots} == {home.site.url(path) for path in expected.ROBOTS}
    assert {item["content_type"] for item in items if item["reason"] == "asset"} == {"application/pdf"}
    assert all(item["content_length"] for item in items if item["reason"] in {"asset", "unsupported_type"})
    assert [json.loads(line) for line in lines] == items
    assert first["items"] + second["items"] == items[:20]


async def test_a_page_that_declares_its_markdown_has_it_as_its_text(home: HttpHome) -> None:
    """Through the worker that keeps responses on a laptop, and through S3 and two functions on AWS."""
    words = "The twin of this page was written by whoever wrote the page."
    head = '<link rel="alternate" type="text/markdown" href="page.md">'
    home.site.add("/twins/", f"<title>Twins</title>{head}<main><h1>Twins</h1><p>{words}</p></main>")
    home.site.add("/twins/page.md", f"# Twins\n\n{words} [On](on.md).\n", "text/markdown")
    job = await crawl_over(home, await home.create(url=home.site.url("/twins/"), library="twins", sitemap="skip"))
    url = home.site.url("/twins/")
    page = await home.client.get(f"/v1/libraries/twins/pages/{httpx.URL(url)}", headers={"Accept": "text/markdown"})

    assert (job["state"], job["counts"]["seen"]) == ("completed", 1)
    assert page.text == f"# Twins\n\n{words} [On]({home.site.url('/twins/on.md')}).\n"


async def test_a_page_is_read_as_markdown_by_its_id_and_by_its_url(home: HttpHome, finished: Finished) -> None:
    """What all of this is for."""
    path = f"/v1/libraries/{finished.library}/pages"
    pages = (await home.get(path))["items"]
    one = next(page for page in pages if page["url"].endswith("/docs/guide/light.html"))
    headers = {"Accept": "text/markdown"}
    by_id = await home.client.get(f"{path}/{one['page_id']}", headers=headers)
    by_url = await home.client.get(f"{path}/{httpx.URL(one['url'])}", headers=headers)
    as_json = await home.get(f"{path}/{one['page_id']}")
    missing = await home.client.get(f"{path}/none")

    assert len(pages) == PAGES
    assert by_id.headers["content-type"] == "text/markdown; charset=utf-8"
    assert by_id.text.startswith("# Light\n")
    assert by_url.text == by_id.text == as_json["markdown"]
    assert is_problem(missing, 404, "page_not_found")


async def test_libraries_are_listed_with_the_generation_they_show(home: HttpHome, finished: Finished) -> None:
    """Whoever did not crawl it finds it too."""
    listed = (await home.get("/v1/libraries"))["items"]
    one = await home.get(f"/v1/libraries/{finished.library}")

    assert {name: value for name, value in one.items() if name != "statistics"} in listed
    assert (one["generation"], one["pages"], one["active_job"]) == (1, PAGES, None)
    assert one["sources"] == [{"source_id": "main", "url": home.site.url()}]


async def test_jobs_are_listed_newest_first_in_pages(home: HttpHome) -> None:
    """A list that loses or repeats a job between two pages is no list."""
    made = []
    for number in range(3):
        async with home.job(library=f"listed-{number}", limit=1) as job_id:
            made.append(job_id)
    first = await home.get("/v1/jobs", limit=2)
    second = await home.get("/v1/jobs", limit=2, cursor=first["next_cursor"])
    filtered = await home.get("/v1/jobs", library="listed-1")

    assert [job["job_id"] for job in first["items"] + second["items"]][:3] == made[::-1]
    assert [job["job_id"] for job in filtered["items"]] == [made[1]]


# ---- control


async def test_a_paused_job_goes_on_where_it_was(home: HttpHome) -> None:
    """A pause costs nothing: no page is fetched twice, none is lost."""
    home.site.forget_requests()
    async with home.job(library="paused", **UNHURRIED) as job_id:
        begun = await home.read(f"/v1/jobs/{job_id}/stream", until=lambda frame: frame.type == "url_crawled")
        asked = await home.client.post(f"/v1/jobs/{job_id}/pause")
        while (await home.get(f"/v1/jobs/{job_id}"))["state"] != "paused":
            await home.site.wait_idle()
        fetched = len(home.site.requests)
        deleted = await home.client.delete(f"/v1/jobs/{job_id}")
        resumed = await home.client.post(f"/v1/jobs/{job_id}/resume")
        frames = await home.follow(job_id, seen=begun)
    types = [frame.type for frame in frames]
    counts = Counter(home.site.paths())

    assert asked.status_code == resumed.status_code == 200
    assert is_problem(deleted, 409, "active")
    assert fetched < PAGES
    assert types.index("job_paused") < types.index("job_resumed") < types.index("job_completed")
    assert frames[-1].event["counts"]["fetched"] == PAGES
    assert {counts[path] for path in FETCHED} == {1}


async def test_a_cancelled_job_stops_and_publishes_nothing(home: HttpHome) -> None:
    """The user's last word: no further fetch, and the library stays as it was."""
    async with home.job(library="cancelled", **UNHURRIED) as job_id:
        begun = await home.read(f"/v1/jobs/{job_id}/stream", until=lambda frame: frame.type == "url_crawled")
        asked = await home.client.post(f"/v1/jobs/{job_id}/cancel")
        frames = await home.follow(job_id, seen=begun)
    job = await crawl_over(home, job_id)
    again = await home.client.post(f"/v1/jobs/{job_id}/cancel")
    library = await home.get("/v1/libraries/cancelled")
    gone = await home.client.delete(f"/v1/jobs/{job_id}")

    assert asked.status_code == 200
    assert [frame.type for frame in frames][-1] == "job_cancelled"
    assert (job["state"], job["ended_because"]) == ("cancelled", "user")
    assert 0 < job["counts"]["fetched"] < PAGES
    assert (library["generation"], library["active_job"]) == (0, None)
    assert is_problem(again, 409, "terminal")
    assert (gone.status_code, gone.json()["job_id"]) == (200, job_id)
    assert is_problem(await home.client.get(f"/v1/jobs/{job_id}"), 404, "job_not_found")


# ---- access


async def test_without_a_valid_token_there_is_not_one_event(home: HttpHome, finished: Finished) -> None:
    """Nobody watches another's crawl."""
    if home.stranger is None:
        pytest.skip("on loopback no token is asked for; tests/integration/test_server.py has the rest")
    path = f"/v1/jobs/{finished.job_id}/stream"
    missing = await home.stranger.get(path)
    wrong = await home.stranger.get(path, headers={"Authorization": "Bearer wrong"})

    every = await home.stranger.get("/v1/jobs/stream")

    assert is_problem(missing, 401, "unauthorized")
    assert is_problem(every, 401, "unauthorized")
    assert is_problem(wrong, 401, "unauthorized")
    assert missing.headers["www-authenticate"] == "Bearer"


async def test_the_jobs_of_another_tenant_do_not_exist(home: HttpHome, finished: Finished) -> None:
    """Not even as a 403: that would say that they are there."""
    if home.other is None:
        pytest.skip("on loopback there is one tenant; tests/integration/test_server.py has the rest")
    job = f"/v1/jobs/{finished.job_id}"
    answers = [await home.other.get(path) for path in (job, f"{job}/stream", f"{job}/events", f"{job}/urls")]
    answers.append(await home.other.post(f"{job}/cancel"))

    assert all(is_problem(answer, 404, "job_not_found") for answer in answers)
    assert (await home.other.get("/v1/jobs")).json()["items"] == []
    assert (await home.other.get("/v1/libraries")).json()["items"] == []
    assert is_problem(await home.other.get(f"/v1/libraries/{finished.library}"), 404, "library_not_found")
