"""Looking after libraries: the same answers, and the same errors, in this process and over HTTP."""

from dataclasses import dataclass

import pytest

from runnel.cli.desk import LibraryDesk
from runnel.cli.exit_codes import ExitCode, exit_code_of_error
from runnel.cli.local_desk import LocalDesk
from runnel.cli.remote import RemoteBackend
from runnel.domain.jobs import Job
from runnel.errors import GenerationNotFound, JobNotFound, LibraryNotFound, PublicationHeld
from runnel.usecases.replay_library import replay_library
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage
from tests.support.web_client import web_client

NAMES = tuple(f"/{number}" for number in range(9))


def site(*names: str) -> dict[str, ScriptedPage]:
    leaves = {name: ScriptedPage(text=f"leaf {name}") for name in names}
    return {"/": ScriptedPage(text="home", links=names), **leaves}


@dataclass
class Place:
    """A library whose last crawl was held, and a desk that looks after it."""

    home: ScriptedHome
    held: Job
    desk: LibraryDesk

    @property
    def library(self) -> str:
        return self.held.library_id


@pytest.fixture(params=["local", "remote"])
async def place(request: pytest.FixtureRequest) -> Place:
    home = ScriptedHome(site(*NAMES))
    await home.crawl()
    home.pages = site(*NAMES[:6])
    held = await home.crawl()
    if request.param == "local":
        return Place(home, held, LocalDesk(home.outside.services, TENANT))
    return Place(home, held, RemoteBackend(web_client(home)).desk())


async def test_a_held_result_is_refused_then_forced_then_taken_back(place: Place) -> None:
    """The whole way: see it page by page, publish it, regret it."""
    seen = [change async for change in place.desk.diff_job(place.library, place.held.job_id)]
    with pytest.raises(PublicationHeld, match="3 of 10 pages would go") as held:
        await place.desk.publish(place.library, None, force=False)
    published = await place.desk.publish(place.library, place.held.job_id, force=True)
    back = await place.desk.roll_back(place.library, None)
    kept = await place.desk.generations(place.library)

    assert exit_code_of_error(held.value) == ExitCode.INCOMPLETE
    assert [change["kind"] for change in seen] == ["removed"] * 3
    assert published == {
        "library_id": place.library, "generation": 2, "added": 0, "changed": 0, "removed": 3, "unchanged": 7,
    }  # fmt: skip
    assert (back["generation"], back["pages"]) == (3, 10)
    assert [one["generation"] for one in kept] == [3, 2, 1]
    assert kept[1]["published_by"] == place.held.job_id


async def test_a_diff_shows_the_lines_that_changed(place: Place) -> None:
    """By default of the last publication; between any two kept generations on request."""
    place.home.pages = {**site(*NAMES), "/1": ScriptedPage(text="another text"), "/2": ScriptedPage(status=410)}
    await place.home.crawl()
    found = [change async for change in place.desk.diff(place.library, None, None)]
    back = [change async for change in place.desk.diff(place.library, 2, 1)]

    assert [(change["kind"], place.home.path_of(change["url"])) for change in found] == [
        ("changed", "/1"), ("removed", "/2"),
    ]  # fmt: skip
    assert "-leaf /1" in found[0]["diff"].split("\n")
    assert "+another text" in found[0]["diff"].split("\n")
    assert [change["kind"] for change in back] == ["added", "changed"]
    with pytest.raises(GenerationNotFound):
        _ = [change async for change in place.desk.diff(place.library, 9, None)]


async def test_a_damaged_object_is_found_and_mended(place: Place) -> None:
    """The same shape from both: what is wrong, who suffers, and what became of it."""
    key = next(key for _, key in sorted(place.home.state.objects) if key.startswith("pages/"))
    del place.home.state.objects[TENANT, key]
    seen = await place.desk.verify(place.library, repair=False)
    mended = await place.desk.verify(place.library, repair=True)
    again = await place.desk.verify(place.library, repair=False)

    assert (seen["well"], seen["found"], mended["well"], again["found"]) == (False, 1, True, 0)
    assert [(one["flaw"], one["kind"], one["key"], one["fate"]) for one in mended["findings"]] == [
        ("missing", "page", key, "repaired")
    ]
    assert mended["findings"][0]["urls"]


async def test_a_replay_tells_what_it_would_change_before_it_is_published(place: Place) -> None:
    """Nothing, with the same extractor; and an unknown job is said."""
    home = place.home
    job = await replay_library(home.outside.services, TENANT, place.library, diff=True, invoke=False)
    await home.finish(home.drive(home.process("D9"), job))

    assert [change async for change in place.desk.diff_job(place.library, job.job_id)] == []
    with pytest.raises(JobNotFound):
        _ = [change async for change in place.desk.diff_job(place.library, "nonsense")]


async def test_a_library_that_is_deleted_is_gone(place: Place) -> None:
    """The answer is the library as it was."""
    before = await place.desk.library(place.library)
    gone = await place.desk.delete(place.library)

    assert (gone["library_id"], gone["pages"]) == (place.library, 10) == (before["library_id"], before["pages"])
    with pytest.raises(LibraryNotFound):
        await place.desk.library(place.library)


async def test_what_does_not_exist_is_said_the_same_way(place: Place) -> None:
    """By its own error, which the command line turns into advice."""
    for error, work in (
        (LibraryNotFound, place.desk.generations("nonsense")),
        (LibraryNotFound, place.desk.roll_back("nonsense", None)),
        (JobNotFound, place.desk.publish(place.library, "nonsense", force=True)),
        (GenerationNotFound, place.desk.roll_back(place.library, 9)),
    ):
        with pytest.raises(error) as caught:
            await work
        assert exit_code_of_error(caught.value) == ExitCode.USAGE
