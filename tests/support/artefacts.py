"""
The built functions, for tests: built once for the sources as they are, and run with nothing else on their path.

* A build lies in a folder named by the hash of its sources, so a later build never changes what a test is running.
* Without `sam` or the functions' Python a test is skipped, and fails in CI.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support.template import PROJECT
from tools.build_artefacts import ProgramMissing, build, find_program, find_python

_BUILDS = PROJECT / ".aws-sam" / "tests"
#: Builds that are kept: this one, and what a test run beside us may still use.
_KEPT = 3
#: What the built artefacts are made from.
_SOURCES = ("functions", "layers", "template.yaml", "uv.lock", "tools/build_artefacts.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefacts:
    """What `sam build` made, and the Python that runs it."""

    folder: Path
    python: Path

    @property
    def layer(self) -> Path:
        """What Lambda unpacks to /opt/python."""
        return self.folder / "RunnelLayer" / "python"

    @property
    def runtime(self) -> Path:
        """What stands for /var/runtime: boto3 and the runtime client."""
        return self.folder / "runtime"

    @property
    def python_path(self) -> str:
        """The PYTHONPATH of a function: the layer, then the runtime."""
        return os.pathsep.join([str(self.layer), str(self.runtime)])

    @property
    def programs(self) -> str:
        """A PATH on which `python` is the functions' own Python."""
        return os.pathsep.join([str(self.folder / "bin"), os.defpath])

    def task_root(self, logical_id: str) -> Path:
        """Return what Lambda unpacks to /var/task for a function of the template."""
        return self.folder / logical_id


@cache
def build_once() -> Artefacts:
    """
    Return the build of the sources as they are, made now if there is none.

    Raises:
        ProgramMissing: `sam` or the functions' Python is not installed.
        subprocess.CalledProcessError: the build failed.
    """
    python = find_python()
    folder = _BUILDS / _digest()
    if not folder.exists():
        with _alone():
            if not folder.exists():
                _build_into(folder, python)
            _drop_old_builds()
    folder.touch()
    return Artefacts(folder=folder, python=python)


def need_artefacts() -> Artefacts:
    """Build what is not built yet; skip the test, or fail it in CI, where that is not possible."""
    try:
        return build_once()
    except ProgramMissing as error:
        _skip_or_fail(str(error))
    except subprocess.CalledProcessError as error:
        pytest.fail(f"the build failed: {error}", pytrace=False)


def build_for(architecture: str, folder: Path) -> Path:
    """Build for another processor into *folder*; call it where `need_artefacts` has not skipped."""
    with _alone():
        build(folder, architecture=architecture)
    return folder


def need_adapter() -> Path:
    """Return the Lambda Web Adapter's binary, or skip."""
    try:
        return find_program("lambda-adapter", hint="cargo install lambda_web_adapter --version 1.0.0-rc1")
    except ProgramMissing as error:
        _skip_or_fail(str(error))


def only_in_ci(reason: str) -> None:
    """Skip a test that is too long for a laptop, saying the *reason*; CI runs it."""
    if os.environ.get("CI") != "true":
        pytest.skip(f"{reason}; CI=true runs it")


def _skip_or_fail(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; CI must have it", pytrace=False)
    pytest.skip(reason)


def _build_into(folder: Path, python: Path) -> None:
    """Build beside *folder* and move it there whole, so that a broken build is never taken for a good one."""
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    build(unfinished)
    programs = unfinished / "bin"
    programs.mkdir()
    (programs / "python").symlink_to(python.resolve())
    unfinished.rename(folder)


def _drop_old_builds() -> None:
    builds = sorted((one for one in _BUILDS.iterdir() if one.is_dir()), key=lambda one: one.stat().st_mtime)
    for old in builds[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _alone() -> Iterator[None]:
    """One build at a time, for all test processes of this checkout."""
    _BUILDS.mkdir(parents=True, exist_ok=True)
    with (_BUILDS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _digest() -> str:
    """Return the hash of every source file's path and content."""
    digest = hashlib.sha256()
    for path in _source_files():
        digest.update(f"{path.relative_to(PROJECT)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _source_files() -> Iterator[Path]:
    for name in _SOURCES:
        source = PROJECT / name
        found = sorted(source.rglob("*")) if source.is_dir() else [source]
        yield from (path for path in found if path.is_file() and "__pycache__" not in path.parts)
