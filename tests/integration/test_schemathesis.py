"""The HTTP interface does what its OpenAPI document says: schemathesis asks a real server whatever it can think of."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from tests.support.http_homes import serving

#: What is valid by the document and refused all the same: an address that is none, an option that is not built yet.
_NOT_ASKED = "positive_data_acceptance"
#: A stream that never ends by itself; tests/unit/web/test_all_streams.py asks it.
_ENDLESS = "/v1/jobs/stream"
#: It answers when its job has ended, which waits between two requests as long as it is told to.
_PATIENT = "/v1/map"


async def ask(url: str, *, examples: int, seed: int, report: Path) -> tuple[int, str]:
    """Let schemathesis ask the server at *url*; its exit code and what it said."""
    phases = "coverage,fuzzing" if examples > 1 else "coverage"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json",
        "--checks", "all", "--exclude-checks", _NOT_ASKED, "--phases", phases,
        "--exclude-path", _ENDLESS, "--exclude-path", _PATIENT,
        "--max-examples", str(examples), "--seed", str(seed), "--no-shrink", "--request-timeout", "20",
        "--warnings", "off", "--generation-database", "none",
        cwd=report, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("examples", "seed"), [(1, 1), pytest.param(100, 2, marks=[pytest.mark.soak, pytest.mark.timeout(1_800)])]
)
@pytest.mark.timeout(300)
async def test_every_route_answers_as_it_is_described(tmp_path: Path, examples: int, seed: int) -> None:
    """No 5xx, no status, type or header that the document does not name, nothing invalid that is taken."""
    async with serving(tmp_path / "home") as (url, _):
        code, said = await ask(url, examples=examples, seed=seed, report=tmp_path)
    tested = re.search(r"Tested: (\d+)", said)

    assert code == 0, said[-6_000:]
    assert tested is not None, said
    assert int(tested[1]) >= 20
