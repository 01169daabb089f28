"""The options that every command takes, and what they add up to."""

import asyncio
import functools
import logging
import shlex
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from runnel.cli.backend import Backend, open_backend
from runnel.cli.terminal import Talk
from runnel.settings import Settings, load_settings

P = ParamSpec("P")
T = TypeVar("T")

_Option = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """How a command was called."""

    remote: str | None = None
    as_json: bool = False
    quiet: bool = False
    verbose: int = 0
    no_color: bool = False

    @property
    def talk(self) -> Talk:
        """The voice that was asked for."""
        return Talk(quiet=self.quiet, verbose=self.verbose, no_color=self.no_color)

    @property
    def wants_json(self) -> bool:
        """Whether data goes out as JSON lines: on request, and when nobody reads it on a terminal."""
        return self.as_json or not sys.stdout.isatty()

    def settings(
        self, *, file: Path | None = None, allow_private: str | None = None, proxy: str | None = None
    ) -> Settings:
        """The settings under this call's flags; raises `ConfigInvalid`, `UsageError`."""
        flags = {"remote": self.remote, "allow_private": allow_private, "proxy": proxy}
        settings = load_settings(flags, file=file)
        if proxy is not None and settings.remote is not None:
            raise click.UsageError("--proxy is about requests of this machine; a server has its own RUNNEL_PROXY.")
        return replace(settings, no_color=settings.no_color or self.no_color)


_SHARED = (
    click.option("--remote", metavar="URL", help="Speak to this Runnel server.  [RUNNEL_REMOTE; token: RUNNEL_TOKEN]"),
    click.option("--json", "as_json", is_flag=True, help="Data as JSON lines, also on a terminal."),
    click.option("-q", "--quiet", is_flag=True, help="Say only what went wrong."),
    click.option(
        "-v", "--verbose", count=True, show_default=False, help="Say more; -vv shows the traceback of an error."
    ),
    click.option("--no-color", is_flag=True, help="No colours.  [NO_COLOR]"),
)

#: Which pages a crawl takes and how fast: of those who crawl, and of those who only look what a crawl would do.
_EXTENT = (
    click.option("-d", "--max-depth", type=int, metavar="N", help="Links from a start URL.  [default: unlimited]"),
    click.option("--include", multiple=True, metavar="GLOB", help="Only matching pages: /docs/** or https://h/x/**."),
    click.option("--exclude", multiple=True, metavar="GLOB", help="No matching pages; wins over --include."),
    click.option(
        "--scope",
        type=click.Choice(["subpages", "hostname", "domain"]),
        help="What belongs to it.  [default: subpages]",
    ),
    click.option("--allow-domain", "allow_domains", multiple=True, metavar="HOST", help="This host belongs to it too."),
    click.option("--source", "source_id", metavar="ID", help="Only this source of the library."),
    click.option(
        "--sitemap", type=click.Choice(["include", "skip", "only"]), help="How sitemaps are used.  [default: include]"
    ),
    click.option("--ignore-query", multiple=True, metavar="NAME", help="This query parameter does not matter."),
    click.option("-c", "--concurrency", type=int, metavar="N", help="Pages fetched at once, at most.  [default: 10]"),
    click.option("--delay", "delay_s", type=float, metavar="SECONDS", help="Pause between two requests.  [default: 0]"),
)

proxy_option = click.option(
    "--proxy", metavar="URL", help="Fetch through this http:// proxy, and no other.  [RUNNEL_PROXY]"
)

allow_private_option = click.option(
    "--allow-private", metavar="HOST:PORT", help="This private address may be crawled.  [RUNNEL_ALLOW_PRIVATE]"
)


def again_with(call: Call, *, allow_private: str | None = None, proxy: str | None = None) -> str:
    """What a command that goes on with the same job must be given too, as a shell reads it; "" when that is nothing."""
    given = {"--remote": call.remote, "--allow-private": allow_private, "--proxy": _without_password(proxy)}
    return "".join(f" {flag} {shlex.quote(value)}" for flag, value in given.items() if value is not None)


def _without_password(proxy: str | None) -> str | None:
    """The proxy as it may stand on a terminal: its user knows the rest."""
    return "URL" if proxy is not None and "@" in proxy else proxy


def example(command: str) -> str:
    """The end of a command's help: one line that works."""
    return f"\b\nExample:\n  {command}"


def shared(function: Callable[Concatenate[Call, P], T]) -> Callable[P, T]:
    """Give a command the shared options; it gets them as its first argument, joined with those before its name."""

    @functools.wraps(function)
    def command(*args: Any, **kwargs: Any) -> T:
        return function(join_call(kwargs), *args, **kwargs)

    return _with_options(_SHARED, command)


def group_options(function: Callable[..., T]) -> Callable[..., T]:
    """Let the shared options stand before a command's name as well."""
    return _with_options(_SHARED, function)


def extent_options(function: Callable[..., T]) -> Callable[..., T]:
    """Give a command the options that say which pages a crawl takes, and how fast."""
    return _with_options(_EXTENT, function)


def join_call(values: dict[str, Any]) -> Call:
    """Take the shared options out of *values*, joined with those of the groups above; the nearest wins."""
    context = click.get_current_context()
    above = context.find_object(Call) or Call()
    own = Call(**{name: values.pop(name) for name in ("remote", "as_json", "quiet", "verbose", "no_color")})
    return Call(
        remote=own.remote or above.remote,
        as_json=own.as_json or above.as_json,
        quiet=own.quiet or above.quiet,
        verbose=max(own.verbose, above.verbose),
        no_color=own.no_color or above.no_color,
    )


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine to its end; what asyncio would say of it beside that is for nobody's eyes."""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    return asyncio.run(work)


def with_backend(settings: Settings, work: Callable[[Backend], Awaitable[T]]) -> T:
    """Open the home that *settings* name, do *work* in it, close it."""

    async def opened() -> T:
        async with open_backend(settings) as backend:
            return await work(backend)

    return run(opened())


def _with_options(options: Sequence[_Option], function: Callable[..., T]) -> Callable[..., T]:
    for option in reversed(options):
        function = option(function)
    return function
