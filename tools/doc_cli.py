"""Write the command line's reference from the commands themselves."""

from collections.abc import Iterator

import click

from runnel.cli import exit_codes

INTRODUCTION = """\
# Command line

Generated from the commands by `make docs`; do not edit. Data goes to standard output, talk to standard error; when
standard output is no terminal, data comes as JSON lines.

## Exit codes

"""


def cli_reference(root: click.Command, name: str = "runnel") -> str:
    """Give the reference of *root* and every command below it."""
    sections = [f"## `{path}`\n\n```text\n{help_text}\n```\n" for path, help_text in _help_texts(root, name, None)]
    return "\n".join([INTRODUCTION + exit_code_table(), *sections])


def exit_code_table() -> str:
    """The table that stands in the docstring of the exit codes."""
    return "".join(f"{line}\n" for line in (exit_codes.__doc__ or "").splitlines() if line.startswith("|"))


def _help_texts(command: click.Command, name: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    # With the settings that a call has: click keeps the help option that it made first, so another would come and go.
    settings = {"terminal_width": 100, "color": False, **command.context_settings}
    context = click.Context(command, info_name=name, parent=parent, **settings)
    text = command.get_help(context)
    yield context.command_path, "\n".join(line.rstrip() for line in text.splitlines())
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None and not found.hidden:
                yield from _help_texts(found, child, context)
