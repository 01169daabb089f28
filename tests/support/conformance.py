"""The conformance tables that other projects wrote: found beside the project, else their tests are skipped."""

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "conformance"


def conformance_rows(name: str) -> list[dict[str, Any]]:
    """Read the JSON lines of the table *name*, or skip the calling module's tests when the folder is not there."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"the conformance table {name} is not beside the project", allow_module_level=True)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
