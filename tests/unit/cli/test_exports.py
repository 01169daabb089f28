"""Exports on disk: there whole or not at all, one sentence where they cannot be."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runnel.cli.exports import write_file, write_folder
from runnel.cli.local_desk import LocalDesk
from runnel.cli.remote import RemoteBackend
from runnel.errors import ConfigInvalid, DiskFull, InputInvalid, PageNotFound, StoreUnavailable
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage
from tests.support.web_client import web_client


async def parts(*given: bytes | Exception) -> AsyncIterator[bytes]:
    for one in given:
        if isinstance(one, Exception):
            raise one
        yield one


async def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """Nothing is left beside it."""
    path = tmp_path / "guide.md"
    path.write_text("old")
    await write_file(path, parts(b"new ", b"text"))

    assert path.read_text() == "new text"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("failure", "error"),
    [(PageNotFound("gone"), PageNotFound), (OSError(28, "No space left on device"), DiskFull)],
)
async def test_what_fails_in_the_middle_leaves_what_was_there(
    tmp_path: Path, failure: Exception, error: type[Exception]
) -> None:
    """Half an export is none."""
    path = tmp_path / "guide.md"
    path.write_text("old")
    with pytest.raises(error):
        await write_file(path, parts(b"new", failure))

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


async def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A folder, and a folder that is not there."""
    with pytest.raises(ConfigInvalid, match="is a folder; name a file"):
        await write_file(tmp_path, parts(b"x"))
    with pytest.raises(ConfigInvalid, match="cannot be written: No such file"):
        await write_file(tmp_path / "missing" / "guide.md", parts(b"x"))


@pytest.mark.parametrize(
    ("cause", "error"),
    [
        (OSError(30, "Read-only file system"), ConfigInvalid),
        (OSError(28, "No space left"), DiskFull),
        (None, StoreUnavailable),
    ],
)
async def test_a_folder_that_cannot_be_written_is_a_wrong_setting(
    tmp_path: Path, cause: OSError | None, error: type[Exception]
) -> None:
    """Only a person can help; what a store could not do may pass."""

    async def fail() -> None:
        raise StoreUnavailable("Cannot write.") from cause

    with pytest.raises(error):
        await write_folder(tmp_path / "out", fail)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigInvalid, match="is a file; name a folder"):
        await write_folder(tmp_path / "file", fail)


async def test_an_export_is_the_same_here_and_there(tmp_path: Path) -> None:
    """One use case; a folder is for this machine alone."""
    home = ScriptedHome({"/": ScriptedPage(text="home", links=("/a",)), "/a": ScriptedPage(text="A")})
    job = await home.crawl()
    here, there = LocalDesk(home.outside.services, TENANT), RemoteBackend(web_client(home)).desk()
    for kind in ("zip", "jsonl"):
        assert b"".join([part async for part in here.export(job.library_id, kind)]) == b"".join(
            [part async for part in there.export(job.library_id, kind)]
        )
    assert b"".join([part async for part in here.download(job.job_id)]) == b"".join(
        [part async for part in there.download(job.job_id)]
    )
    await here.export_folder(job.library_id, tmp_path / "out")
    with pytest.raises(InputInvalid, match="--format zip"):
        await there.export_folder(job.library_id, tmp_path)

    assert sorted(path.name for path in (tmp_path / "out").glob("*.md")) == ["a.md", "index.md"]
