"""`runnel libraries`, `pages` and `get`: what the crawls have made."""

import sys
from urllib.parse import urlsplit

import click

from runnel.cli.backend import Backend, Json
from runnel.cli.jobs import show_rows
from runnel.cli.options import Call, example, shared, with_backend
from runnel.cli.terminal import clean, write_json


@click.command(epilog=example("runnel libraries"))
@shared
def libraries(call: Call, /) -> None:
    """List the libraries."""

    async def work(backend: Backend) -> None:
        found = [library async for library in backend.libraries()]
        show_rows(call, found, ("library_id", "pages", "generation", "published_at", "active_job"), "libraries")

    with_backend(call.settings(), work)


@click.command(epilog=example("runnel pages docs.example.com-guide"))
@click.argument("library", metavar="LIBRARY")
@shared
def pages(call: Call, /, library: str) -> None:
    """List the pages of a library; `path` is a page's file in the output folder."""

    async def work(backend: Backend) -> None:
        show_rows(call, await _pages(backend, library), ("words", "title", "path", "url"), "pages")

    with_backend(call.settings(), work)


@click.command(epilog=example("runnel get docs.example.com-guide https://docs.example.com/guide/intro.html"))
@click.argument("library", metavar="LIBRARY")
@click.argument("page", metavar="PAGE_OR_URL")
@shared
def get(call: Call, /, library: str, page: str) -> None:
    """Print one page's Markdown."""

    async def work(backend: Backend) -> None:
        markdown = await backend.page_markdown(library, page)
        if call.as_json:
            write_json({"library_id": library, "page": page, "markdown": markdown})
        else:
            text = clean(markdown, one_line=False) if sys.stdout.isatty() else markdown
            sys.stdout.write(text if text.endswith("\n") else f"{text}\n")

    with_backend(call.settings(), work)


async def _pages(backend: Backend, library_id: str) -> list[Json]:
    """The pages with their paths, which depend on all of them together."""
    from runnel.domain.paths import resolve_collisions

    found = [page async for page in backend.pages(library_id)]
    home = [library async for library in backend.libraries() if library["library_id"] == library_id]
    sources = home[0]["sources"] if home else []
    paths = resolve_collisions((page["url"] for page in found), urlsplit(sources[0]["url"]).netloc if sources else None)
    return [{**page, "path": paths[page["url"]]} for page in found]
