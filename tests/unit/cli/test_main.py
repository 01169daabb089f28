"""The frame of every command: imports, help, errors."""

import subprocess
import sys

import click
import pytest

from runnel.cli.main import cli, explain
from runnel.errors import JobNotFound, RemoteFailed

#: Packages that a command must not load unless it uses them.
HEAVY = ("boto3", "botocore", "fastapi", "httptools", "httpx", "pydantic", "rich", "turbohtml", "uvicorn", "yaml")


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (["--version"], ()),
        (["crawl", "--help"], ()),
        (["config"], ()),
        (["jobs"], ("pydantic",)),
        (["libraries"], ("pydantic",)),
        (["status", "01jd0000000000000000000000"], ("pydantic",)),
        (["pages", "nothing"], ("pydantic",)),
        (["get", "nothing", "page"], ("pydantic",)),
        (["events", "01jd0000000000000000000000"], ("pydantic",)),
        (["jobs", "--remote", "http://127.0.0.1:9"], ("httpx", "rich")),  # httpx loads rich for its own command
    ],
)
def test_a_command_loads_only_what_it_uses(arguments: list[str], allowed: tuple[str, ...]) -> None:
    """A command line that takes half a second to say its version is not used."""
    program = (
        "import sys\nfrom runnel.cli.main import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
        f"sys.stderr.write('LOADED ' + ' '.join(name for name in {HEAVY!r} if name in sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert set(ran.stderr.rpartition("LOADED ")[2].split()) == set(allowed)


def all_commands(group: click.Group) -> list[click.Command]:
    context, found = click.Context(group), list[click.Command]()
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found += all_commands(command) if isinstance(command, click.Group) else [command]
    return found


def test_every_command_takes_the_shared_options_and_shows_an_example() -> None:
    """They work everywhere, as promised."""
    assert isinstance(cli, click.Group)
    for command in all_commands(cli):
        names = {parameter.name for parameter in command.params}

        assert {"remote", "as_json", "quiet", "verbose", "no_color"} <= names, command.name
        assert "Example:\n  runnel " in (command.epilog or ""), command.name


def test_an_error_is_a_sentence_and_the_next_thing_to_try(capsys: pytest.CaptureFixture[str]) -> None:
    """Never a traceback, unless it is asked for; never a control character."""
    code = explain(JobNotFound("There is no job '\x1b[2J'."))
    out, err = capsys.readouterr()

    assert code == 2
    assert out == ""
    assert err == "Error: There is no job '\\u001b[2J'.\nTry: runnel jobs\n"


def test_the_unexpected_is_said_to_be_so(capsys: pytest.CaptureFixture[str]) -> None:
    """And -vv shows where."""
    assert explain(ZeroDivisionError("x")) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert explain(RemoteFailed(), verbose=2) == 7
    assert "runnel.errors.RemoteFailed" in capsys.readouterr().err
