"""`runnel library`: one library, its name and settings, and its end."""

import click

from runnel.cli.backend import Backend, Json
from runnel.cli.options import Call, example, shared, with_backend
from runnel.cli.terminal import clean, write_json, write_line


@click.group(epilog=example("runnel library show docs.example.com-guide"))
def library() -> None:
    """Show, rename, describe or delete one library."""


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
        else:
            _show(one)

    with_backend(call.settings(), work)


def _show(one: Json) -> None:
    for field in ("library_id", "title", "generation", "pages", "published_at", "active_job"):
        if one.get(field) not in {None, ""}:
            write_line(f"{field:14} {clean(str(one[field]))}")
    for field in ("words", "chunks", "low_quality", "with_hidden_text"):
        write_line(f"{field:14} {one['statistics'][field]}")
    for field, value in one["metadata"].items():
        write_line(f"{'metadata':14} {clean(field)}={clean(value)}")
    for source in one["sources"]:
        write_line(f"{'source':14} {clean(source['source_id'])}  {clean(source['url'])}")
    for kept in one["generations"]:
        write_line(f"  generation {kept['generation']}: {kept['pages']} pages, {kept['published_at']}")


@library.command(epilog=example("runnel library rename docs.example.com-guide guide"))
@click.argument("name", metavar="LIBRARY")
@click.argument("new_name", metavar="NEW")
@shared
def rename(call: Call, /, name: str, new_name: str) -> None:
    """Give a library another name; its jobs keep the one that it had."""
    _change(call, name, {"library_id": new_name}, f"{name} is {new_name} now.")


@library.command("set", epilog=example("runnel library set guide --title 'The guide' --metadata team=docs"))
@click.argument("name", metavar="LIBRARY")
@click.option("--title", metavar="TEXT", help="A title for people.")
@click.option(
    "--metadata", multiple=True, metavar="NAME=VALUE", help="A field for every page of its crawls; NAME= removes it."
)
@shared
def set_fields(call: Call, /, name: str, title: str | None, metadata: tuple[str, ...]) -> None:
    """Set what a library is called for people, and the fields that its pages get."""
    if title is None and not metadata:
        raise click.UsageError("give --title or --metadata")
    changes: Json = {} if title is None else {"title": title}
    if metadata:
        changes["metadata"] = dict(_pair(one) for one in metadata)
    _change(call, name, changes, f"Set: {name}")


def _pair(text: str) -> tuple[str, str | None]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise click.UsageError(f"--metadata takes NAME=VALUE, not {text!r}")
    return name, value or None


def _change(call: Call, name: str, changes: Json, sentence: str) -> None:
    async def work(backend: Backend) -> None:
        changed = await backend.desk().change(name, changes)
        if call.wants_json:
            write_json(changed)
        call.talk.say(sentence)

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
