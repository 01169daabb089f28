"""Generate what is generated in docs/, and fail when the files there differed: `make docs`.

* docs/architecture.md: the state diagram, between its two markers;
* docs/cli.md: the command line's reference;
* docs/http.md: the HTTP routes;
* docs/events/: JSON Schema and TypeScript.

The version in CHANGELOG.md is compared with the package's on the way. `--check` writes nothing.
"""

import re
import sys
from pathlib import Path

import runnel
from tools.doc_cli import cli_reference
from tools.doc_events import event_schema, schema_files, typescript
from tools.doc_http import http_reference, openapi_document
from tools.doc_states import state_diagram

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PACKAGE = ROOT / "layers" / "runnel" / "runnel"
DIAGRAM = re.compile(r"(<!-- generated: job states -->\n).*?(<!-- end -->)", re.DOTALL)
#: The newest release in the changelog, as Keep a Changelog writes it.
RELEASE = re.compile(r"^## \[?(\d+\.\d+\.\d+)", re.MULTILINE)


def generated() -> dict[Path, str]:
    """Every generated file with the text it should have."""
    files = {DOCS / "architecture.md": architecture((DOCS / "architecture.md").read_text(encoding="utf-8"))}
    files |= {DOCS / "events" / name: text for name, text in schema_files().items()}
    files[DOCS / "events" / "events.ts"] = typescript(event_schema())
    files[DOCS / "cli.md"] = _cli()
    source = (PACKAGE / "web" / "http.md").read_text(encoding="utf-8")
    files[DOCS / "http.md"] = http_reference(source, openapi_document())
    return files


def architecture(page: str) -> str:
    """The page with its state diagram drawn anew."""
    drawn, count = DIAGRAM.subn(lambda match: match[1] + state_diagram() + match[2], page)
    if count != 1:
        raise ValueError("docs/architecture.md has lost the markers of the state diagram")
    return drawn


def _cli() -> str:
    from runnel.cli.main import cli

    return cli_reference(cli)


def outdated() -> dict[Path, str]:
    """The generated files that are not what they should be."""
    return {
        path: text
        for path, text in generated().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }


def version_problem(changelog: str) -> str | None:
    """What is wrong with the changelog's newest version, if anything."""
    found = RELEASE.search(changelog)
    if found and found[1] == runnel.__version__:
        return None
    return f"CHANGELOG.md ends with {found[1] if found else 'no version'}, the package is {runnel.__version__}"


def main(arguments: list[str]) -> int:
    """Write what differs, unless asked only to check; 1 when something differed or the versions do."""
    files = outdated()
    for path, text in files.items():
        if "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        print(f"{path.relative_to(ROOT)} {'differs' if '--check' in arguments else 'written: commit it'}")
    problem = version_problem((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    if problem:
        print(problem)
    return 1 if files or problem else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
