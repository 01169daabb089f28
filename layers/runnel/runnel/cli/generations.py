"""`runnel publish`, `rollback` and `diff`: which generation a library shows, and what it changed."""

from collections.abc import AsyncIterator

import click

from runnel.cli.backend import Backend, Json
from runnel.cli.options import Call, example, shared, with_backend
from runnel.cli.terminal import clean, write_json, write_line


@click.command(epilog=example("runnel publish docs.example.com-guide --force"))
@click.argument("library", metavar="LIBRARY")
@click.option("--job", "job_id", metavar="JOB", help="The job whose result it is.  [default: the newest held one]")
@click.option("--force", is_flag=True, help="Publish although the library would get worse.")
@shared
def publish(call: Call, /, library: str, job_id: str | None, *, force: bool) -> None:
    """Publish the result of a job that ended without: held back, cancelled or failed."""

    async def work(backend: Backend) -> None:
        done = await backend.desk().publish(library, job_id, force=force)
        changes = ", ".join(f"{done[name]} {name}" for name in ("added", "changed", "removed", "unchanged"))
        _tell(call, done, f"{library} shows generation {done['generation']}: {changes}.")

    with_backend(call.settings(), work)


@click.command(epilog=example("runnel rollback docs.example.com-guide 12"))
@click.argument("library", metavar="LIBRARY")
@click.argument("generation", metavar="[GENERATION]", type=click.IntRange(min=1), required=False)
@shared
def rollback(call: Call, /, library: str, generation: int | None) -> None:
    """Show the pages of an earlier generation again; without a number, of the one before the present."""

    async def work(backend: Backend) -> None:
        done = await backend.desk().roll_back(library, generation)
        _tell(call, done, f"{library} shows generation {done['generation']}, with {done['pages']} pages.")

    with_backend(call.settings(), work)


@click.command(epilog=example("runnel diff docs.example.com-guide --from 11 --to 12"))
@click.argument("library", metavar="LIBRARY")
@click.option(
    "--from", "older", type=click.IntRange(min=1), metavar="G", help="[default: what the other was built from]"
)
@click.option("--to", "newer", type=click.IntRange(min=1), metavar="G", help="[default: the present one]")
@click.option("--job", "job_id", metavar="JOB", help="What publishing this job's result would change.")
@shared
def diff(call: Call, /, library: str, older: int | None, newer: int | None, job_id: str | None) -> None:
    """Show which pages differ between two generations, and the lines of their text."""
    if job_id is not None and not (older is newer is None):
        raise click.UsageError("--job compares with the present generation: leave out --from and --to.")

    async def work(backend: Backend) -> None:
        desk = backend.desk()
        await show_changes(call, desk.diff(library, older, newer) if job_id is None else desk.diff_job(library, job_id))

    with_backend(call.settings(), work)


async def show_changes(call: Call, changes: AsyncIterator[Json]) -> int:
    """Show pages that differ, each with the lines of its text that do; how many they are."""
    count = 0
    async for change in changes:
        count += 1
        if call.wants_json:
            write_json(change)
            continue
        write_line(f"{change['kind']:8} {clean(change['url'])}{_moved(change)}")
        for line in change.get("diff", "").split("\n")[2:]:
            write_line(f"  {clean(line)}")
    call.talk.say(f"{count} pages differ.")
    return count


def _moved(change: Json) -> str:
    """Where a page was before, or is now."""
    for name, word in (("moved_from", "was"), ("moved_to", "now")):
        if name in change:
            return f"  ({word} {clean(change[name])})"
    return ""


def _tell(call: Call, done: Json, sentence: str) -> None:
    if call.wants_json:
        write_json(done)
    call.talk.say(sentence)
    if "warning" in done:
        call.talk.insist(done["warning"])
