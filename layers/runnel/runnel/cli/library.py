"""`runnel library`: one library, and its end."""

import click

from runnel.cli.backend import Backend
from runnel.cli.options import Call, example, shared, with_backend
from runnel.cli.terminal import clean, write_json, write_line


@click.group(epilog=example("runnel library show docs.example.com-guide"))
def library() -> None:
    """Show or delete one library."""


@library.command(epilog=example("runnel library show docs.example.com-guide"))
@click.argument("name", metavar="LIBRARY")
@shared
def show(call: Call, /, name: str) -> None:
    """Show where a library's pages come from, and the generations that are kept."""

    async def work(backend: Backend) -> None:
        desk = backend.desk()
        one = {**await desk.library(name), "generations": await desk.generations(name)}
        if call.wants_json:
            write_json(one)
            return
        for field in ("library_id", "generation", "pages", "published_at", "active_job"):
            if one.get(field) is not None:
                write_line(f"{field:14} {clean(str(one[field]))}")
        for source in one["sources"]:
            write_line(f"{'source':14} {clean(source['source_id'])}  {clean(source['url'])}")
        for kept in one["generations"]:
            write_line(f"  generation {kept['generation']}: {kept['pages']} pages, {kept['published_at']}")

    with_backend(call.settings(), work)


@library.command(epilog=example("runnel library delete docs.example.com-guide"))
@click.argument("name", metavar="LIBRARY")
@shared
def delete(call: Call, /, name: str) -> None:
    """Delete a library with all of its pages and generations; its jobs stay."""

    async def work(backend: Backend) -> None:
        gone = await backend.desk().delete(name)
        if call.wants_json:
            write_json(gone)
        call.talk.say(f"Deleted: {name}, which had {gone['pages']} pages.")

    with_backend(call.settings(), work)
