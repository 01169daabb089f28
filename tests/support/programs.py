"""Optional programs: a test that lacks one is skipped on a laptop and fails in CI."""

import os
import shutil

import pytest


def need(program: str, *, why: str) -> str:
    """Find *program* on the PATH; without it skip the test, saying *why* it is needed, or fail it in CI."""
    found = shutil.which(program)
    if found:
        return found
    reason = f"{program} is not installed: {why}"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (CI must have it: .ci/run installs it)", pytrace=False)
    pytest.skip(reason)
