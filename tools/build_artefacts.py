"""Builds what is deployed: `sam build`, byte code for the layer, and the stand-in for Lambda's own runtime folder.

* SAM strips byte code, which doubles a cold start's imports, so the built layer is compiled here after every build.
* boto3 is not in the layer (it is half of its size and Lambda's runtime has it): `runtime/` beside the build folder
  holds boto3 and awslambdaric at the lock file's versions, as `/var/runtime` does on Lambda.
* Needs `sam` and a Python of the functions' own version; both are looked for where people have them.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
BUILD = PROJECT / ".aws-sam" / "build"
RUNTIME_VERSION = "3.13"
#: What Lambda's Python runtime brings itself.
RUNTIME_PACKAGES = ("awslambdaric", "boto3", "botocore")


class ProgramMissing(Exception):
    """A program that the build needs is not on this machine."""


def main(arguments: list[str] | None = None) -> int:
    """Build for one architecture and say where it lies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", choices=["host", "arm64", "x86_64"], default="host")
    parser.add_argument("--build-dir", type=Path, default=BUILD)
    options = parser.parse_args(arguments)
    try:
        build(options.build_dir.resolve(), architecture=options.architecture)
    except (ProgramMissing, subprocess.CalledProcessError) as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    print(f"built for {architecture_of(options.architecture)}: {options.build_dir}")
    return 0


def build(build_dir: Path, *, architecture: str = "host") -> None:
    """
    Build layer, functions and runtime folder into *build_dir*.

    Raises:
        ProgramMissing: `sam` or the functions' Python is not installed.
        subprocess.CalledProcessError: a step failed; its output went to stderr.
    """
    python = find_python()
    _sam_build(find_sam(), python, build_dir, architecture_of(architecture))
    runtime = build_dir / "runtime"
    _install_runtime(python, runtime)
    _compile(python, build_dir / "RunnelLayer" / "python", runtime)


def architecture_of(name: str) -> str:
    """Return the template's name of an architecture; `host` is this machine's."""
    if name != "host":
        return name
    return "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"


def find_python() -> Path:
    """Return a Python of the runtime's version; a shim with nothing behind it does not count."""
    major, minor = RUNTIME_VERSION.split(".")
    is_it = f"import sys; sys.exit(sys.version_info[:2] != ({major}, {minor}))"
    for candidate in _python_candidates():
        if _answers(candidate, "-c", is_it):
            return candidate
    raise ProgramMissing(f"Python {RUNTIME_VERSION}, the functions' own version, is not installed (uv python install)")


def find_sam() -> Path:
    """Return the SAM command line."""
    return find_program("sam", hint="uv tool install aws-sam-cli")


def find_program(name: str, *, hint: str) -> Path:
    """Return a program from the PATH or from where uv and cargo put theirs."""
    home = Path.home()
    folders = os.pathsep.join([os.environ.get("PATH", ""), str(home / ".local" / "bin"), str(home / ".cargo" / "bin")])
    found = shutil.which(name, path=folders)
    if found is None:
        raise ProgramMissing(f"{name} is not installed ({hint})")
    return Path(found)


def _python_candidates() -> Iterator[Path]:
    name = f"python{RUNTIME_VERSION}"
    if on_path := shutil.which(name):
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted((pyenv / "versions").glob(f"{RUNTIME_VERSION}*/bin/{name}"), reverse=True)
    yield Path.home() / ".local" / "bin" / name
    if uv := shutil.which("uv"):
        asked = [uv, "python", "find", "--no-python-downloads", "--system", RUNTIME_VERSION]
        found = subprocess.run(asked, capture_output=True, text=True, check=False)
        if found.returncode == 0:
            yield Path(found.stdout.strip())


def _answers(program: Path, *arguments: str) -> bool:
    try:
        return subprocess.run([program, *arguments], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _sam_build(sam: Path, python: Path, build_dir: Path, architecture: str) -> None:
    environment = os.environ | {
        "PATH": os.pathsep.join([str(python.parent), os.environ.get("PATH", "")]),
        "SAM_CLI_TELEMETRY": "0",
    }
    command = f"build --cached --parameter-overrides Architecture={architecture}".split()
    folders: dict[str, Path | str] = {
        "--template": PROJECT / "template.yaml",
        "--base-dir": PROJECT,
        "--build-dir": build_dir,
    }
    cache = PROJECT / ".aws-sam" / "cache" / architecture
    _run(sam, *command, *chain.from_iterable(folders.items()), "--cache-dir", cache, environment=environment)


def _install_runtime(python: Path, folder: Path) -> None:
    """Install what stands for `/var/runtime`, at the lock file's versions."""
    lock = tomllib.loads((PROJECT / "uv.lock").read_text(encoding="utf-8"))
    versions = {package["name"]: package["version"] for package in lock["package"] if "version" in package}
    pins = [f"{name}=={versions[name]}" for name in RUNTIME_PACKAGES]
    shutil.rmtree(folder, ignore_errors=True)
    install = (
        "-m pip install --quiet --no-compile --disable-pip-version-check --no-warn-conflicts --root-user-action ignore"
    )
    _run(python, *install.split(), "--target", folder, *pins)


def _compile(python: Path, *folders: Path) -> None:
    """Write byte code that is never checked against its source: SAM zips every file with a date of 1980."""
    _run(python, *["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"], *folders)


def _run(*command: Path | str, environment: dict[str, str] | None = None) -> None:
    """Run a step with its output on stderr, so that stdout stays ours."""
    subprocess.run([str(part) for part in command], check=True, env=environment, cwd=PROJECT, stdout=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
