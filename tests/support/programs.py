"""Optional programs: a test that lacks one is skipped on a laptop and fails in CI."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

_NODE = Path(__file__).with_name("node")


def need(program: str, *, why: str) -> str:
    """Find *program* on the PATH; without it skip the test, saying *why* it is needed, or fail it in CI."""
    found = shutil.which(program)
    return found or _go_without(f"{program} is not installed: {why}")


def need_npm_package(name: str, *, why: str) -> Path:
    """The folder from which `node` finds the npm package *name*; without it skip or fail, as `need` does."""
    if not (_NODE / "node_modules" / name).is_dir():
        _go_without(f"npm's {name} is not installed (npm ci --prefix tests/support/node): {why}")
    return _NODE


def _go_without(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (CI must have it: .ci/run installs it)", pytrace=False)
    pytest.skip(reason)
