"""`runnel`: the commands by name, each imported when it is called, and what an error looks like.

Laws (tests/unit/cli/test_main.py, tests/e2e/test_cli.py):

1. An error is one sentence, the next thing to try, and an exit code; a traceback only under `-vv`.
2. A command imports what it needs and nothing else: `runnel --version` is no slower for the server.
"""

import errno
import gc
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, Final, NoReturn

import click

from runnel import __version__
from runnel.cli.exit_codes import ExitCode, exit_code_of_error
from runnel.cli.options import example, group_options, join_call
from runnel.cli.terminal import clean, drop_output, fill_standard_places, hearer_may_leave
from runnel.errors import RunnelError
from runnel.settings import quicken_imports

#: New objects before the collector looks for cycles: its default, 700, costs a crawl a twelfth of its time, and the
#: imports before it too.
_COLLECT_AFTER: Final = 50_000

#: Command → where it is.
_COMMANDS: Final[Mapping[str, str]] = {
    "crawl": "runnel.cli.crawl:crawl",
    "map": "runnel.cli.map:map_site",
    "jobs": "runnel.cli.jobs:jobs",
    "status": "runnel.cli.jobs:status",
    "watch": "runnel.cli.watch:watch",
    "pause": "runnel.cli.jobs:pause",
    "resume": "runnel.cli.watch:resume",
    "cancel": "runnel.cli.jobs:cancel",
    "retry": "runnel.cli.watch:retry",
    "delete": "runnel.cli.jobs:delete",
    "events": "runnel.cli.events:events",
    "urls": "runnel.cli.jobs:urls",
    "why": "runnel.cli.why:why",
    "report": "runnel.cli.report:report",
    "libraries": "runnel.cli.libraries:libraries",
    "library": "runnel.cli.library:library",
    "source": "runnel.cli.source:source",
    "pages": "runnel.cli.libraries:pages",
    "get": "runnel.cli.libraries:get",
    "download": "runnel.cli.exports:download",
    "export": "runnel.cli.exports:export",
    "diff": "runnel.cli.generations:diff",
    "publish": "runnel.cli.generations:publish",
    "rollback": "runnel.cli.generations:rollback",
    "verify": "runnel.cli.integrity:verify",
    "replay": "runnel.cli.watch:replay",
    "serve": "runnel.cli.serve:serve",
    "doctor": "runnel.cli.doctor:doctor",
    "config": "runnel.cli.config:config",
    "token": "runnel.cli.token:token",
}

#: Error code → the next thing to try.
_NEXT: Final[Mapping[str, str]] = {
    "invalid_url": "Try: runnel crawl https://docs.example.com/guide/",
    "invalid_config": "Try: runnel config",
    "job_not_found": "Try: runnel jobs",
    "library_not_found": "Try: runnel libraries",
    "page_not_found": "Try: runnel pages LIBRARY",
    "generation_not_found": "Try: runnel library show LIBRARY",
    "library_exists": "Choose another name; see: runnel libraries",
    "library_busy": "Try again when that job has ended; see: runnel jobs",
    "source_not_found": "Try: runnel source list LIBRARY",
    "source_exists": "Try: runnel source list LIBRARY",
    "report_not_found": "Try: runnel status JOB",
    "held": "Look at what it would change: runnel diff LIBRARY --job JOB; then: runnel publish LIBRARY --force",
    "manifest_damaged": "Try: runnel rollback LIBRARY, or crawl it again",
    "unauthorized": "Set RUNNEL_TOKEN to a token of that server; its operator makes one with: runnel token create",
    "remote_failed": "Try: runnel doctor --remote URL",
    "store_unavailable": "Try: runnel doctor",
    "disk_full": "Make room, then try again.",
    "events_expired": "Try: runnel status JOB",
    "terminal": "Try: runnel status JOB",
    "publishing": "Try: runnel watch JOB",
    "active": "Try: runnel cancel JOB",
    "retrying": "Try: runnel status JOB",
    "nothing_to_process": "Try: runnel crawl URL --steps download",
    "nothing_to_index": "Try: runnel crawl URL",
    "nothing_to_replay": "Try: runnel crawl URL",
    "not_processed": "Try: runnel crawl --library LIBRARY --steps process",
    "nothing_to_retry": "Try: runnel urls JOB",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of the table: the story of a job first."""
        return [*_COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = place.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


@click.group(
    cls=LazyGroup,
    epilog=example("runnel crawl https://docs.example.com/guide/"),
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.version_option(__version__, prog_name="runnel")
@group_options
@click.pass_context
def cli(context: click.Context, /, **shared: Any) -> None:
    """Crawl documentation sites into LLM-ready Markdown.

    Data goes to standard output, talk to standard error; JSON lines when standard output is no terminal.
    """
    context.obj = join_call(shared)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code."""
    gc.set_threshold(_COLLECT_AFTER, 20, 100)
    quicken_imports()
    fill_standard_places()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = cli.main(given, prog_name="runnel", standalone_mode=False)
    except BrokenPipeError:  # whoever read the data has enough
        code = ExitCode.DONE
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # the edge: all becomes a sentence
        code = explain(error, verbose=_verbosity(given))
    code = _finish_output(code if isinstance(code, int) else ExitCode.DONE)
    if arguments is not None:
        sys.exit(code)
    _leave(code)


def _finish_output(code: int) -> int:
    """Send what is left for standard output on its way; a reader who has enough is no error, a full disk is one."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
    except OSError as error:
        drop_output()
        return code or explain(error)
    return code


def _leave(code: int) -> NoReturn:
    """End the process where it stands: to free an interpreter's objects one by one takes a twentieth of a crawl.

    By now everything is closed that has to be; what is left for the interpreter's end are logs and standard error.
    """
    if "logging" in sys.modules:
        sys.modules["logging"].shutdown()
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(code)


def explain(error: BaseException, *, verbose: int = 0) -> int:
    """Say what went wrong and what to try; the exit code."""
    if verbose > 1:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    if isinstance(error, RunnelError):
        _show(error.message, _NEXT.get(error.code))
        return exit_code_of_error(error)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:  # the stores say it in words of their own
        _show(f"Standard output cannot be written: {error.strerror}.", "Make room, then try again.")
        return ExitCode.CONFIGURATION
    _show(f"Unexpected: {type(error).__name__}: {error}", "Try again with -vv; if it stays, please report it.")
    return ExitCode.UNEXPECTED


def _show(sentence: str, advice: str | None) -> None:
    with hearer_may_leave():
        click.echo(f"Error: {clean(sentence)}", err=True)
        if advice:
            click.echo(advice, err=True)


def _verbosity(arguments: Sequence[str]) -> int:
    """How often -v was given, also when parsing failed."""
    short = [argument for argument in arguments if argument.startswith("-v") and set(argument[1:]) == {"v"}]
    return sum(len(argument) - 1 for argument in short) + arguments.count("--verbose")
