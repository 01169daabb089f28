"""Check the files that git holds: no trailing space, one newline at the end, no large file, TOML, YAML and JSON parse.

Given file names it checks those (the pre-commit hook), otherwise every file git knows (`make lint`).
"""

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

MAX_BYTES = 1_000_000
#: Test inputs are kept byte for byte; the lock file is written by uv.
AS_THEY_ARE = ("tests/data/", "tests/site/pages/", "uv.lock")


class _CloudFormationLoader(yaml.SafeLoader):
    """YAML with the short forms of CloudFormation's functions (`!Ref`, `!Sub`, …), whose values do not matter here."""


_CloudFormationLoader.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


def _parse_yaml(text: str) -> object:
    # A SafeLoader, as S506 asks; ruff sees only its name.
    return yaml.load(text, Loader=_CloudFormationLoader)  # noqa: S506


PARSERS: dict[str, Callable[[str], object]] = {
    ".json": json.loads,
    ".toml": tomllib.loads,
    ".yaml": _parse_yaml,
    ".yml": _parse_yaml,
}


def problems(path: Path) -> Iterator[str]:
    """Say what is wrong with the file at *path*."""
    content = path.read_bytes()
    if len(content) > MAX_BYTES and path.name != "uv.lock":
        yield f"has {len(content)} bytes, more than {MAX_BYTES}"
    if path.as_posix().startswith(AS_THEY_ARE) or b"\0" in content:
        return
    yield from _layout(content)
    yield from _syntax(path, content)


def _layout(content: bytes) -> Iterator[str]:
    if content and (not content.endswith(b"\n") or content.endswith(b"\n\n")):
        yield "does not end with one newline"
    for number, line in enumerate(content.splitlines(), start=1):
        if line != line.rstrip():
            yield f"line {number} ends with space"


def _syntax(path: Path, content: bytes) -> Iterator[str]:
    parse = PARSERS.get(path.suffix)
    if parse is None:
        return
    try:
        parse(content.decode())
    except (ValueError, yaml.YAMLError) as error:
        yield f"does not parse: {error}"


def tracked_files() -> list[Path]:
    """Every file git holds or is about to hold."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], capture_output=True, text=True, check=True
    )
    return [path for name in listed.stdout.splitlines() if (path := Path(name)).is_file()]


def main(names: list[str]) -> int:
    """Print every problem; 1 when there is one."""
    found = [
        f"{path}: {problem}"
        for path in ([Path(name) for name in names] or tracked_files())
        for problem in problems(path)
    ]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
