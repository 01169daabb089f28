"""Print the versions of uv.lock as pip constraints, for machines without uv.

Standard library only: it runs before anything is installed.
"""

import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

LOCK = Path(__file__).resolve().parent.parent / "uv.lock"


def constraints(lock: dict[str, Any]) -> list[str]:
    """Give one line a package; one that the lock resolves differently by platform or Python gets its markers."""
    packages = [package for package in lock["package"] if "registry" in package["source"]]
    versions = Counter(package["name"] for package in packages)
    return [line for package in packages for line in _lines(package, alone=versions[package["name"]] == 1)]


def _lines(package: dict[str, Any], *, alone: bool) -> list[str]:
    pin = f"{package['name']}=={package['version']}"
    if alone:
        return [pin]
    return [f"{pin} ; {marker}" for marker in package["resolution-markers"]]


if __name__ == "__main__":
    sys.stdout.write("\n".join(constraints(tomllib.loads(LOCK.read_text(encoding="utf-8")))) + "\n")
