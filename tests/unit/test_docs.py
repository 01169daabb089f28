"""Documents are checked like code: what they show must be what there is."""

import re
from pathlib import Path

import click
import pytest

from runnel import settings
from runnel.domain.jobs import TERMINAL, TRANSITIONS, JobState
from tools import make_docs
from tools.doc_events import Unsupported, event_schema, typescript
from tools.doc_states import state_diagram

ROOT = make_docs.ROOT
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
SETTING = re.compile(r"\bRUNNEL_[A-Z][A-Z_]*\b")
CODE = re.compile(r"`([^`]+)`")
#: make targets that users were promised.
PROMISED = {
    "help", "crawl", "test", "check", "dev", "fmt", "lint", "types", "cov", "integration", "e2e", "soak", "bench",
    "conformance", "build", "artefact", "validate", "invoke", "deploy", "serve", "lock", "docs",
}  # fmt: skip


def targets() -> dict[str, str]:
    """The targets of the Makefile that `make help` shows, with what it says of them."""
    return dict(re.findall(r"^([a-z0-9-]+):.*?## (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE))


def cli() -> click.Group:
    """The root of the command line."""
    from runnel.cli.main import cli as root

    assert isinstance(root, click.Group)
    return root


def commands(group: click.Group, path: str = "") -> dict[str, click.Command]:
    """Every command that users see, by its words."""
    context = click.Context(group)
    found: dict[str, click.Command] = {}
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found |= commands(command, f"{path}{name} ")
        elif not command.hidden:
            found[f"{path}{name}"] = command
    return found


def test_what_is_generated_is_what_the_code_says() -> None:
    """A reference that drifts is worse than none: `make docs` writes it."""
    texts = make_docs.generated()

    assert {path: path.read_text(encoding="utf-8") for path in texts} == texts


def test_what_was_called_before_does_not_change_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    """click keeps a command's help option once it is made: one made differently would depend on the tests' order."""
    cli().main(["jobs", "--help"], standalone_mode=False)
    called = capsys.readouterr().out
    [documented] = re.findall(
        r"## `runnel jobs`\n\n```text\n(.*?)```", (ROOT / "docs" / "cli.md").read_text(), re.DOTALL
    )

    assert "-h, --help" in called
    assert "-h, --help" in documented


def test_the_changelog_ends_with_the_version_of_the_package() -> None:
    """A release without an entry tells users nothing."""
    assert make_docs.version_problem((ROOT / "CHANGELOG.md").read_text()) is None
    assert make_docs.version_problem("## [0.0.1] - 2020-01-01\n") is not None


def test_the_state_diagram_draws_every_move() -> None:
    """The picture is what people reason with."""
    drawn = state_diagram()
    moves = {(old, new) for old, news in TRANSITIONS.items() for new in news}
    living = set(JobState) - TERMINAL

    for old, new in moves:
        from_box = f"living --> {new}\n" in drawn and all(new in TRANSITIONS[state] for state in living)
        assert from_box or f"{old} --> {new}\n" in drawn


def test_typescript_names_every_type_of_event_as_a_literal() -> None:
    """A client narrows the union by `type`: an optional or wide one would defeat it."""
    written = typescript(event_schema())
    types = re.findall(r'^  type: "(\w+)";$', written, re.MULTILINE)

    assert sorted(types) == sorted(event_schema()["discriminator"]["mapping"])


def test_typescript_refuses_what_it_does_not_know() -> None:
    """A type that came out wrong in silence would only be noticed by a client."""
    schema = {
        "$defs": {"Odd": {"type": "object", "properties": {"pair": {"type": "array", "prefixItems": []}}}},
        "oneOf": [{"$ref": "#/$defs/Odd"}],
    }

    with pytest.raises(Unsupported):
        typescript(schema)


def test_every_setting_that_the_code_reads_is_documented() -> None:
    """A setting that nobody can find is a trap for the one who inherits it."""
    sources = [ROOT / "template.yaml", *(ROOT / "functions").rglob("*.*"), *make_docs.PACKAGE.rglob("*.py")]
    read = {
        name for path in sources if path.suffix in {".py", ".sh", ".yaml"} for name in SETTING.findall(path.read_text())
    }
    read |= {f"RUNNEL_{name.upper()}" for name in settings.NAMES}
    documented = set(SETTING.findall((ROOT / "docs" / "settings.md").read_text()))

    assert read <= documented


def test_every_promised_target_exists_and_says_what_it_does() -> None:
    """The names of the targets are promises."""
    assert set(targets()) >= PROMISED


def test_every_make_command_in_the_documents_exists() -> None:
    """The first thing that a newcomer types must work."""
    shown = {
        name
        for page in PAGES
        for name in re.findall(r"(?:^|`)make ([a-z0-9][a-z0-9 -]*)", page.read_text(), re.MULTILINE)
    }

    assert {target for line in shown for target in line.split()} <= set(targets())


def test_every_command_in_the_readme_exists() -> None:
    """The second thing, too."""
    readme = (ROOT / "README.md").read_text()
    shown = set(re.findall(r"(?:^|`)runnel ([a-z]+)", readme, re.MULTILINE))
    shown |= set(re.findall(r" · `([a-z]+)`", readme))

    assert shown <= {name.split()[0] for name in commands(cli())}


def test_every_command_has_help_with_an_example() -> None:
    """One worked example says more than ten options."""
    without = [
        name for name, command in commands(cli()).items() if "example" not in f"{command.help} {command.epilog}".lower()
    ]

    assert without == []


def test_every_port_is_in_the_glossary() -> None:
    """The ports are the program's nouns; a synonym would start here."""
    glossary = (ROOT / "docs" / "glossary.md").read_text()
    known = set(re.findall(r"\w+", " ".join(CODE.findall(glossary))))
    ports = {
        name
        for path in (make_docs.PACKAGE / "ports").glob("*.py")
        for name in re.findall(r"^class (\w+)\(Protocol\)", path.read_text(), re.MULTILINE)
    }

    assert ports <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_documents_lead_somewhere(page: Path) -> None:
    """Files move, and nobody remembers who pointed at them."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    broken = [link for link in links if not (page.parent / link).exists()]

    assert broken == []
