"""`runnel export` and `download`: pages out of Runnel, into files that are there whole or not at all."""

import errno
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import click

from runnel.cli.backend import Backend
from runnel.cli.options import Call, example, shared, with_backend
from runnel.cli.terminal import write_json
from runnel.errors import ConfigInvalid, DiskFull, RunnelError, StoreUnavailable

_FORMATS: Final = ("folder", "zip", "file", "jsonl", "llms", "llms-full", "warc")
_JOB: Final = "01jd0000000000000000000000"


@click.command(epilog=example("runnel export docs.example.com-guide -o guide.zip --format zip"))
@click.argument("library", metavar="LIBRARY")
@click.option("-o", "--output", metavar="PATH", required=True, help="The file, or the folder, to write.")
@click.option("--format", "kind", type=click.Choice(_FORMATS), default="folder", help="What to write.")
@shared
def export(call: Call, /, library: str, output: str, kind: str) -> None:
    """Write the pages of a library: Markdown files whose links lead to each other, or one file of another format."""
    path = Path(output).expanduser().absolute()

    async def work(backend: Backend) -> None:
        if kind == "folder":
            await write_folder(path, lambda: backend.desk().export_folder(library, path))
        else:
            await write_file(path, backend.desk().export(library, kind))
        _tell(call, library, kind, path)

    with_backend(call.settings(), work)


@click.command(epilog=example(f"runnel download {_JOB} -o guide.md"))
@click.argument("job_id", metavar="JOB")
@click.option("-o", "--output", metavar="FILE", help="The file to write.  [default: JOB.md]")
@shared
def download(call: Call, /, job_id: str, output: str | None) -> None:
    """Write every good page of a job into one Markdown file, sorted, each with its source."""
    path = Path(output or f"{job_id}.md").expanduser().absolute()

    async def work(backend: Backend) -> None:
        await write_file(path, backend.desk().download(job_id))
        _tell(call, job_id, "file", path)

    with_backend(call.settings(), work)


async def write_folder(path: Path, work: Callable[[], Awaitable[None]]) -> None:
    """Let *work* write the folder *path*; raises `ConfigInvalid` and `DiskFull`, where only a person can help."""
    if path.exists() and not path.is_dir():  # noqa: ASYNC240  # nothing else runs in this process
        raise ConfigInvalid(f"{path} is a file; name a folder, or another --format.")
    try:
        await work()
    except StoreUnavailable as error:
        if isinstance(error.__cause__, OSError):
            raise _refusal(path, error.__cause__) from error
        raise


async def write_file(path: Path, parts: AsyncIterator[bytes]) -> None:
    """Write *parts* to *path*, aside first; raises `ConfigInvalid` and `DiskFull`, and leaves nothing half-written."""
    aside = path.with_name(f".{path.name}.part")
    try:
        if path.is_dir():  # noqa: ASYNC240  # nothing else runs in this process
            raise ConfigInvalid(f"{path} is a folder; name a file, or use --format folder.")
        with aside.open("wb") as file:
            async for part in parts:
                file.write(part)
        aside.replace(path)
    except OSError as error:
        raise _refusal(path, error) from error
    finally:
        with suppress(OSError):  # where nothing can be written there is nothing to remove either
            aside.unlink(missing_ok=True)


def _refusal(path: Path, error: OSError) -> RunnelError:
    kind = DiskFull if error.errno == errno.ENOSPC else ConfigInvalid
    return kind(f"{path} cannot be written: {error.strerror or error}.")


def _tell(call: Call, name: str, kind: str, path: Path) -> None:
    if call.wants_json:
        write_json({"name": name, "format": kind, "path": str(path)})
    call.talk.say(f"Written: {path}")
