"""`runnel source`: where the pages of a library come from."""

import click

from runnel.cli.backend import Backend
from runnel.cli.jobs import show_rows
from runnel.cli.options import Call, example, shared, with_backend
from runnel.cli.terminal import write_json


@click.group(epilog=example("runnel source list docs.example.com-guide"))
def source() -> None:
    """List, add or remove the sources of a library."""


@source.command("list", epilog=example("runnel source list docs.example.com-guide"))
@click.argument("library", metavar="LIBRARY")
@shared
def list_sources(call: Call, /, library: str) -> None:
    """List where a library's pages come from, in the order in which they are crawled."""

    async def work(backend: Backend) -> None:
        found = (await backend.desk().library(library))["sources"]
        show_rows(call, found, ("source_id", "url"), "sources")

    with_backend(call.settings(), work)


@source.command(epilog=example("runnel source add docs.example.com-guide https://docs.example.com/api/ --id api"))
@click.argument("library", metavar="LIBRARY")
@click.argument("url", metavar="URL")
@click.option("--id", "source_id", metavar="ID", help="What to call it.  [default: main, source-2, …]")
@shared
def add(call: Call, /, library: str, url: str, source_id: str | None) -> None:
    """Let pages come from a further URL, with the next crawl of the library."""

    async def work(backend: Backend) -> None:
        added = await backend.desk().add_source(library, url, source_id)
        if call.wants_json:
            write_json(added)
        call.talk.say(f"Source {added['source_id']}: {added['url']}. To crawl it: runnel crawl --library {library}")

    with_backend(call.settings(), work)


@source.command(epilog=example("runnel source remove docs.example.com-guide api"))
@click.argument("library", metavar="LIBRARY")
@click.argument("source_id", metavar="ID")
@shared
def remove(call: Call, /, library: str, source_id: str) -> None:
    """Remove a source with its pages; `runnel rollback` brings the pages back."""

    async def work(backend: Backend) -> None:
        gone = await backend.desk().remove_source(library, source_id)
        if call.wants_json:
            write_json(gone)
        call.talk.say(f"Removed: {gone['source_id']} ({gone['url']}), with its pages.")

    with_backend(call.settings(), work)
