"""The folder of Markdown follows what a library shows, also when no crawl changed that."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from runnel.adapters.filesystem.output import FolderOutput
from runnel.cli.local_desk import LocalDesk
from runnel.domain.jobs import Job
from runnel.errors import StoreUnavailable
from runnel.usecases.read_library import markdown_of
from runnel.usecases.show_output import show_output
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

NAMES = tuple(f"/{number}" for number in range(10))
FULL = {"index", "mine", *(name[1:] for name in NAMES)}


def site(*names: str) -> dict[str, Any]:
    return {
        "/": ScriptedPage(text="home", links=names),
        **{name: ScriptedPage(text=f"leaf {name}") for name in names},
    }


class Folders:
    """One real folder for every job that has one."""

    def __init__(self, home: ScriptedHome, root: Path) -> None:
        async def read(tenant: str, page: Any) -> str | None:
            return await markdown_of(home.outside.services.content, tenant, page)

        self.output: Any = FolderOutput(root, read_markdown=read)

    def of(self, job: Job) -> Any:
        return self.output if job.output else None


async def held(root: Path) -> tuple[ScriptedHome, Job]:
    """A library whose folder is there, and the result of a crawl that was held."""
    home = ScriptedHome(site(*NAMES))
    first = await home.crawl()
    home.state.jobs[TENANT, first.job_id] = replace(home.meta(first), output=str(root))
    object.__setattr__(home.outside.services, "outputs", Folders(home, root))
    root.mkdir(exist_ok=True)
    await show_output(home.outside.services, TENANT, first.library_id)
    (root / "mine.md").write_text("mine")
    home.pages = site(*NAMES[:6])
    job = await home.crawl()
    return home, job


def names(root: Path) -> set[str]:
    return {path.stem for path in root.rglob("*.md")}


async def test_the_folder_follows_what_is_published_by_hand_and_what_is_gone_back_to(tmp_path: Path) -> None:
    """Whoever reads the files sees what the library shows; files of others stay."""
    home, job = await held(tmp_path)
    desk = LocalDesk(home.outside.services, TENANT)
    before = names(tmp_path)
    published = await desk.publish(job.library_id, None, force=True)
    smaller = names(tmp_path)
    back = await desk.roll_back(job.library_id, None)

    assert "warning" not in published | back
    assert before == FULL
    assert smaller == FULL - {name[1:] for name in NAMES[6:]}
    assert names(tmp_path) == FULL


async def test_a_folder_that_is_gone_or_of_a_job_that_runs_is_left_alone(tmp_path: Path) -> None:
    """The one was somebody's wish; the other is brought up to date at the job's end."""
    home, job = await held(tmp_path / "out")
    desk = LocalDesk(home.outside.services, TENANT)
    running = await home.create()
    await desk.publish(job.library_id, job.job_id, force=True)
    meanwhile = names(tmp_path / "out")
    await home.finish(home.drive(home.process("D9"), running))
    shutil.rmtree(tmp_path / "out")
    await desk.roll_back(job.library_id, None)

    assert meanwhile == FULL
    assert not (tmp_path / "out").exists()


async def test_a_folder_that_takes_nothing_undoes_nothing(tmp_path: Path) -> None:
    """The library shows what was asked for, and a sentence says what is behind."""
    home, job = await held(tmp_path)
    services = home.outside.services
    folders: Any = services.outputs

    async def full(*_: Any) -> None:
        raise StoreUnavailable("No space left")

    folders.output.reconcile = full
    done = await LocalDesk(services, TENANT).publish(job.library_id, None, force=True)

    assert done["generation"] == 2
    assert "No space left" in done["warning"]
    assert f"runnel verify {job.library_id} --repair" in done["warning"]
    assert names(tmp_path) == FULL
