"""Creating a job: one of many equal requests creates, one job crawls a library, and nothing is left behind."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from runnel.domain.jobs import Job, JobOptions, JobState
from runnel.errors import IdempotencyConflict, InputInvalid, LibraryBusy, LibraryNotFound, SecretMissing, UrlInvalid
from runnel.usecases.create_job import NewJob, create_job, parse_start_url
from runnel.usecases.services import Tuning
from runnel.wiring.aws import make_tuning
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage


def _new(*urls: str, **fields: Any) -> NewJob:
    return NewJob(tenant=TENANT, urls=urls or ("https://docs.example.com/guide/",), **fields)


async def _create(home: ScriptedHome, new: NewJob) -> Job:
    return await create_job(home.outside.services, new)


async def test_a_job_is_stored_told_claimed_and_started() -> None:
    """After the answer anyone may open its stream, and somebody drives it."""
    home = ScriptedHome({})
    job = await _create(home, _new(options=JobOptions(limit=7)))
    created = home.log(job)[0]

    assert home.meta(job) == job
    assert job.state is JobState.QUEUED
    assert created.type == "job_created"
    assert created.options == {"limit": 7}
    assert home.state.libraries[TENANT, job.library_id].active_job == job.job_id
    assert home.orchestrators.started == [job.job_id]


async def test_steps_that_make_no_sense_leave_nothing_behind() -> None:
    """They are refused before there is a job."""
    home = ScriptedHome({})
    with pytest.raises(InputInvalid, match="steps: "):
        await _create(home, _new(options=JobOptions(steps=("download", "index"))))

    assert not home.state.jobs
    assert not home.state.libraries


async def test_a_header_whose_secret_is_missing_is_told_before_there_is_a_job() -> None:
    """Else every page would fail with 401, an hour later."""
    home = ScriptedHome({})
    with pytest.raises(SecretMissing, match="secret:b"):
        await _create(home, _new(options=JobOptions(headers={"A": "secret:b"})))

    assert not home.state.jobs


async def test_on_connect_waits_for_its_first_stream() -> None:
    """The caller wants to see all of it."""
    home = ScriptedHome({})
    await _create(home, _new(start="on_connect"))

    assert home.orchestrators.started == []


async def test_a_start_that_fails_is_no_failure_of_the_call() -> None:
    """The job stands; the sweep starts it."""
    home = ScriptedHome({})
    home.orchestrators.is_down = True

    assert (await _create(home, _new())).state is JobState.QUEUED


async def test_equal_requests_with_one_key_get_one_job() -> None:
    """A client that lost the answer asks again."""
    home = ScriptedHome({})
    jobs = await asyncio.gather(*(_create(home, _new(idempotency_key="k")) for _ in range(3)))

    assert len({job.job_id for job in jobs}) == 1
    assert len(home.state.jobs) == 1
    assert len(home.log(jobs[0])) == 1


async def test_one_key_means_one_body_and_one_tenant() -> None:
    """Another body is another wish; another tenant's key is another key."""
    home = ScriptedHome({})
    job = await _create(home, _new(idempotency_key="k"))
    with pytest.raises(IdempotencyConflict):
        await _create(home, _new(idempotency_key="k", options=JobOptions(limit=3)))
    other = await create_job(home.outside.services, replace(_new(idempotency_key="k"), tenant="somebody"))

    assert other.job_id != job.job_id


async def test_a_key_of_a_job_that_has_ended_gets_that_job() -> None:
    """It is the same request, and its answer has not changed; the library is free for others."""
    home = ScriptedHome({"/guide/": ScriptedPage(text="home")})
    job = await _create(home, _new(idempotency_key="k"))
    await home.finish(home.drive(home.process("D1"), job))
    again = await _create(home, _new(idempotency_key="k"))

    assert again.state is JobState.COMPLETED
    assert home.state.libraries[TENANT, job.library_id].active_job is None
    assert home.orchestrators.started == [job.job_id]


async def test_one_active_job_for_a_library() -> None:
    """Two at once would publish over each other; the second is told of the first, and leaves nothing."""
    home = ScriptedHome({})
    first = await _create(home, _new())
    with pytest.raises(LibraryBusy) as refused:
        await _create(home, _new())

    assert refused.value.job_id == first.job_id
    assert list(home.state.jobs) == [(TENANT, first.job_id)]


async def test_a_claim_that_its_job_never_cleared_is_taken_over() -> None:
    """The job has ended, or is gone: nobody would ever free the library."""
    home = ScriptedHome({})
    first = await _create(home, _new())
    home.state.jobs[TENANT, first.job_id] = replace(first, state=JobState.FAILED)
    second = await _create(home, _new())
    del home.state.jobs[TENANT, second.job_id]
    third = await _create(home, _new())

    assert home.state.libraries[TENANT, third.library_id].active_job == third.job_id


async def test_a_third_that_takes_a_stale_claim_first_leaves_the_second_nothing() -> None:
    """A job without its library's claim must not stand in the queue: the sweep would start it."""
    home = ScriptedHome({})
    first = await _create(home, _new())
    home.state.jobs[TENANT, first.job_id] = replace(first, state=JobState.FAILED)
    process = home.process("second")
    third: list[Job] = []

    async def overtake() -> None:
        await home.outside.services.libraries.free(TENANT, first.library_id, first.job_id)
        third.append(await _create(home, _new()))

    process.before["libraries.free"] = overtake
    with pytest.raises(LibraryBusy) as refused:
        await create_job(process.services, _new())

    assert refused.value.job_id == third[0].job_id
    assert {job_id for _, job_id in home.state.jobs} == {first.job_id, third[0].job_id}


async def test_a_library_alone_is_crawled_from_its_own_sources() -> None:
    """A schedule names the library, not its URLs."""
    home = ScriptedHome({"/guide/": ScriptedPage(text="home")})
    job = await _create(home, _new(library="docs"))
    await home.finish(home.drive(home.process("D1"), job))
    again = await _create(home, NewJob(tenant=TENANT, library="docs"))

    assert again.sources == job.sources


async def test_what_cannot_be_crawled_is_refused_before_anything_is_stored() -> None:
    """No job, no library, no event."""
    home = ScriptedHome({})
    for kind, new in (
        (UrlInvalid, _new("ftp://a.example/")),
        (LibraryNotFound, NewJob(tenant=TENANT, library="nonsense")),
        (InputInvalid, NewJob(tenant=TENANT)),
    ):
        with pytest.raises(kind):
            await _create(home, new)

    assert home.state.jobs == {}
    assert home.state.libraries == {}


async def test_a_second_writer_of_the_first_event_writes_the_same() -> None:
    """A driver may have found the log empty before the caller came to it [created_by_any]."""
    home = ScriptedHome({})
    process = home.process("POST")
    job: list[Job] = []

    async def driver_first() -> None:
        stored = next(iter(home.state.jobs.values()))
        job.append(stored)
        await home.finish(home.drive(home.process("D1"), stored))

    process.before["log.append"] = driver_first
    created = await create_job(process.services, _new(), invoke=False)

    assert created.job_id == job[0].job_id
    assert [event.type for event in home.log(created)].count("job_created") == 1


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("docs.example.com", "https://docs.example.com/"),
        ("  http://Docs.Example.com:80/a/../b#c ", "http://docs.example.com/b"),
        ("localhost:8000/docs/", "https://localhost:8000/docs/"),
        ("http://[::1]:8000/", "http://[::1]:8000/"),
        ("https://docs.example.com/?utm_source=x", "https://docs.example.com/"),
    ],
)
def test_a_start_url_is_read_kindly(text: str, url: str) -> None:
    """What a browser takes, we take."""
    assert parse_start_url(text) == url


@pytest.mark.parametrize(
    "text",
    ["", "ftp://a.example/", "mailto:a@b.example", "javascript:alert(1)", "https://", "nonsense", "https://a:b@c.example/",
     "file:///etc/passwd", "https://exa mple.com/"],
)  # fmt: skip
def test_what_is_no_website_is_refused(text: str) -> None:
    """Before a job is made of it."""
    with pytest.raises(UrlInvalid):
        parse_start_url(text)


async def test_a_home_that_costs_money_bounds_a_job_that_names_no_bound() -> None:
    """Nobody finds a bill of thousands; who wants more says so, and the job's first event tells the bound."""
    home = ScriptedHome({}, tuning=Tuning(max_usd=5.0))
    bounded = await _create(home, _new(library="one"))
    own = await _create(home, _new(library="two", options=JobOptions(max_usd=80.0)))
    free = await _create(ScriptedHome({}), _new())
    created = home.log(bounded)[0]

    assert [job.options.max_usd for job in (bounded, own, free)] == [5.0, 80.0, None]
    assert created.type == "job_created"
    assert created.options == {"max_usd": 5.0}
    assert make_tuning().max_usd == 5.0


async def test_the_bound_of_a_home_does_not_change_what_an_idempotency_key_means() -> None:
    """The request is the same as before, so is the job."""
    home = ScriptedHome({})
    job = await _create(home, _new(idempotency_key="k"))
    home.outside.services = replace(home.outside.services, tuning=Tuning(max_usd=5.0))

    assert await _create(home, _new(idempotency_key="k")) == job
