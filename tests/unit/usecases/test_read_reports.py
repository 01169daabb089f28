"""Reports over HTTP and the command line's desks: listed, read, downloaded, deleted; never another tenant's."""

import asyncio
import io
import json
import zipfile
from typing import Any

import pytest

from runnel.cli.desk import LibraryDesk
from runnel.cli.local_desk import LocalDesk
from runnel.cli.remote import RemoteBackend
from runnel.domain.jobs import Job
from runnel.errors import JobConflict, JobNotFound, ReportNotFound
from runnel.usecases.collect_garbage import SPARED, collect_garbage
from runnel.usecases.delete_jobs import delete_job, finish_deletions
from runnel.usecases.read_reports import delete_report, get_report, zip_report
from runnel.usecases.report_crawl import report_key
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage
from tests.support.web_client import web_client


@pytest.fixture
def home() -> ScriptedHome:
    return ScriptedHome({"/": ScriptedPage(text="home", links=("/a",)), "/a": ScriptedPage(text="A")})


def files(home: ScriptedHome) -> list[str]:
    return sorted(key for _, key in home.state.objects if key.startswith("reports/"))


async def test_a_report_is_read_as_json_as_zip_and_file_by_file(home: ScriptedHome) -> None:
    """By its job or by its own id; the zip holds what the links name."""
    job = await home.crawl()
    client = web_client(home)
    by_job, by_id = [(await client.get(f"/v1/{of}")) for of in (f"jobs/{job.job_id}/report", f"reports/{job.job_id}")]
    zips = [
        await client.get(f"/v1/{of}", headers={"Accept": "application/zip"})
        for of in (f"jobs/{job.job_id}/report", f"reports/{job.job_id}")
    ]
    archive = zipfile.ZipFile(io.BytesIO(zips[0].content))
    shown = by_job.json()

    assert by_id.json() == shown
    assert zips[0].headers["content-type"] == "application/zip"
    assert zips[0].headers["content-disposition"] == f'attachment; filename="report-{job.job_id}.zip"'
    assert zips[0].content == zips[1].content
    assert archive.namelist() == ["report.json", "map-main.json"] == list(shown["links"]["files"])
    for name, place in shown["links"]["files"].items():
        answer = await client.get(place)
        assert answer.headers["content-type"] == "application/json"
        assert answer.content == archive.read(name)
    assert {name: value for name, value in shown.items() if name != "links"} == json.loads(archive.read("report.json"))


async def test_the_same_report_gives_the_same_bytes(home: ScriptedHome) -> None:
    """Whenever and wherever it is asked for: no time of ours is in it."""
    job = await home.crawl()
    found = [await zip_report(home.outside.services, await get_report(home.outside.services, TENANT, job.job_id))]
    await home.clock.advance(90_000)
    found.append(await zip_report(home.outside.services, await get_report(home.outside.services, TENANT, job.job_id)))

    assert found[0] == found[1]
    assert {entry.date_time for entry in zipfile.ZipFile(io.BytesIO(found[0])).infolist()} == {(1980, 1, 1, 0, 0, 0)}


async def test_reports_are_listed_newest_first_and_page_by_page(home: ScriptedHome) -> None:
    """Jobs without a report between them are passed over, and end no page early."""
    wanted: list[Job] = []
    for number in range(7):
        library = "odd" if number % 2 else "even"
        job = await home.create(library=library, dry_run=number in {2, 3})
        await home.finish(home.drive(home.process(f"D{number}"), job))
        if number not in {2, 3}:
            wanted.insert(0, job)
        await home.clock.advance(10)
    client = web_client(home)
    found, cursor = [], None
    while True:
        params: dict[str, Any] = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        part = (await client.get("/v1/reports", params=params)).json()
        found += [report["job_id"] for report in part["items"]]
        assert len(part["items"]) == 2 or part["next_cursor"] is None
        cursor = part["next_cursor"]
        if cursor is None:
            break
    odd = (await client.get("/v1/reports", params={"library": "odd"})).json()["items"]

    assert found == [job.job_id for job in wanted]
    assert [one["library_id"] for one in odd] == ["odd", "odd"]


async def test_a_report_that_is_deleted_is_gone_and_its_job_stays(home: ScriptedHome) -> None:
    """The answer is the report as it was."""
    job = await home.crawl()
    client = web_client(home)
    before = (await client.get(f"/v1/reports/{job.job_id}")).json()
    gone = await client.delete(f"/v1/reports/{job.job_id}")
    answers = [
        await client.get(f"/v1/reports/{job.job_id}"),
        await client.get(f"/v1/reports/{job.job_id}/files/map-main.json"),
        await client.delete(f"/v1/reports/{job.job_id}"),
        await client.get(f"/v1/jobs/{job.job_id}/report"),
    ]

    assert gone.json() == before
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "report_not_found")] * 4
    assert answers[-1].json()["detail"].endswith("has no report: it was deleted.")
    assert files(home) == []
    assert (await client.get("/v1/reports")).json()["items"] == []
    assert (await client.get(f"/v1/jobs/{job.job_id}")).status_code == 200


async def test_a_deletion_that_was_broken_off_has_taken_the_report_and_leaves_the_rest_to_its_job(
    home: ScriptedHome,
) -> None:
    """The head goes first; the files go with the job."""
    job = await home.crawl()
    process = home.process("P")
    process.kill_at = 4  # it has looked for the job, read the head, and deleted it
    task: asyncio.Task[Any] = asyncio.create_task(delete_report(process.services, TENANT, job.job_id))
    process.tasks.append(task)
    await home.finish(task)

    assert files(home) == [report_key(job.job_id, "map-main.json")]
    with pytest.raises(ReportNotFound):
        await get_report(home.outside.services, TENANT, job.job_id)

    await delete_job(home.outside.services, TENANT, job.job_id)
    await finish_deletions(home.outside.services)

    assert files(home) == []


async def test_a_report_goes_with_its_job(home: ScriptedHome) -> None:
    """Deleted by its user: at once. Expired: with the next garbage but one."""
    first, second = await home.crawl(), await home.crawl()
    services = home.outside.services
    await delete_job(services, TENANT, first.job_id)
    with pytest.raises(ReportNotFound):
        await get_report(services, TENANT, first.job_id)
    await finish_deletions(services)

    assert {key.split("/")[1] for key in files(home)} == {second.job_id}

    third = await home.crawl()
    del home.state.jobs[TENANT, second.job_id]  # as DynamoDB does, thirty days after its end
    for _ in range(2):
        await home.clock.advance(SPARED.total_seconds() + 3_600)
        await collect_garbage(services, TENANT)

    assert {key.split("/")[1] for key in files(home)} == {third.job_id}


async def test_nothing_is_shown_of_a_report_before_its_job_has_ended(home: ScriptedHome) -> None:
    """What a driver has written may still be written again."""
    job = await home.create()
    process = home.process("D1")
    process.kill_before = "libraries.free"
    await home.finish(home.drive(process, job))

    assert files(home)
    assert not home.meta(job).is_over

    client = web_client(home)
    running = await client.get(f"/v1/jobs/{job.job_id}/report")

    assert (running.status_code, running.json()["code"]) == (409, "active")
    assert (await client.get(f"/v1/reports/{job.job_id}")).status_code == 404
    assert (await client.get("/v1/reports")).json()["items"] == []


@pytest.fixture(params=["local", "remote"])
def desk(request: pytest.FixtureRequest, home: ScriptedHome) -> LibraryDesk:
    """The two ways of the command line."""
    if request.param == "local":
        return LocalDesk(home.outside.services, TENANT)
    return RemoteBackend(web_client(home)).desk()


async def test_the_command_line_gets_the_same_here_and_there(home: ScriptedHome, desk: LibraryDesk) -> None:
    """And the same errors."""
    job, dry = await home.crawl(), await home.crawl(dry_run=True)
    waiting = await home.create(library="other")
    found = await desk.report(job.job_id)
    zipped = b"".join([part async for part in desk.report_zip(job.job_id)])

    assert found == (await web_client(home).get(f"/v1/reports/{job.job_id}")).json()
    assert zipfile.ZipFile(io.BytesIO(zipped)).testzip() is None
    for error, job_id, says in (
        (JobNotFound, "nonsense", "There is no job"), (JobConflict, waiting.job_id, "its report comes with its end"),
        (ReportNotFound, dry.job_id, "a dry run reports nothing"),
    ):  # fmt: skip
        with pytest.raises(error, match=says):
            await desk.report(job_id)
        with pytest.raises(error):
            _ = [part async for part in desk.report_zip(job_id)]


async def test_a_file_that_a_report_has_not_is_said(home: ScriptedHome) -> None:
    """Also a name that leads elsewhere."""
    job = await home.crawl()
    client = web_client(home)
    names = ("..%2f..%2fpages", "report.json.gz", "map-other.json")
    answers = [await client.get(f"/v1/reports/{job.job_id}/files/{name}") for name in names]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert answers[-1].json()["code"] == "file_not_found"
    assert "it has: report.json, map-main.json" in answers[-1].json()["detail"]
