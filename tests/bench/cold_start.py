"""
What a cold start costs each function before its first request: its imports, and what the first request makes.

    python -m tests.bench.cold_start [rounds]

* Fresh processes of the functions' own Python run the built folders alone, byte code compiled, as on Lambda.
* CPU time is the figure to compare, wall time stands beside it: Lambda lends a whole processor while a function
  initialises, and a busy machine changes only the wall.
* The bar is the crawler's import: `MOST_IMPORT_MS` of CPU.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass

from tests.support.artefacts import Artefacts, build_once
from tests.support.moto_server import CREDENTIALS

ROUNDS = 7
MOST_IMPORT_MS = 650
#: What makes all that a function's first request needs.
MAKE = {
    "CrawlerFunction": "aws.make_crawler()",
    "ProcessorFunction": "aws.make_processor()",
    "OrchestratorFunction": "app.create()",
}
#: Every name that a function's environment may give.
NAMES = ("TABLE", "BUCKET", "TENANT", "CRAWLER_FUNCTION", "PROCESSOR_FUNCTION", "SELF_FUNCTION")

_SCRIPT = """
import time
def now():
    return time.process_time(), time.perf_counter()
begun = now()
import app
imported = now()
import asyncio, json, sys
from runnel.wiring import aws
async def make():
    eval(sys.argv[1])
asyncio.run(make())
made = now()
print(json.dumps({"import": [b - a for a, b in zip(begun, imported)], "make": [b - a for a, b in zip(imported, made)]}))
"""
#: A line of `-X importtime`: own and cumulative microseconds, then the module.
_IMPORT = re.compile(r"^import time:\s*(\d+) \|\s*\d+ \|\s*([\w.]+)$", flags=re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The medians of one function, and its heaviest packages by their own import time."""

    function: str
    import_cpu_ms: float
    import_wall_ms: float
    make_cpu_ms: float
    make_wall_ms: float
    heaviest: tuple[tuple[str, float], ...]


def measure(rounds: int = ROUNDS) -> list[Start]:
    """Build what is not built, and start each function so often."""
    artefacts = build_once()
    return [_measure(artefacts, function, rounds) for function in MAKE]


def run_built(artefacts: Artefacts, function: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the functions' Python in a function's folder, with nothing but the build on its path."""
    environment = {
        **CREDENTIALS,
        **{f"RUNNEL_{name}": "x" for name in NAMES},
        "RUNNEL_AUTH_TYPE": "NONE",
        "PYTHONPATH": artefacts.python_path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": artefacts.programs,
    }
    # -S: no site-packages of this Python, so that only the build folder can give a module.
    return subprocess.run(
        [str(artefacts.folder / "bin" / "python"), "-S", *arguments],
        cwd=artefacts.task_root(function),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def _measure(artefacts: Artefacts, function: str, rounds: int) -> Start:
    said = [json.loads(_output(artefacts, function, "-c", _SCRIPT, MAKE[function]).stdout) for _ in range(rounds)]

    def median_ms(step: str, place: int) -> float:
        return float(statistics.median(one[step][place] for one in said)) * 1000

    return Start(
        function=function,
        import_cpu_ms=median_ms("import", 0),
        import_wall_ms=median_ms("import", 1),
        make_cpu_ms=median_ms("make", 0),
        make_wall_ms=median_ms("make", 1),
        heaviest=_weigh(_output(artefacts, function, "-X", "importtime", "-c", "import app").stderr),
    )


def _output(artefacts: Artefacts, function: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    ran = run_built(artefacts, function, *arguments)
    if ran.returncode:
        raise RuntimeError(f"{function}: {ran.stderr}")
    return ran


def _weigh(said: str) -> tuple[tuple[str, float], ...]:
    """The ten packages whose modules take longest themselves, in milliseconds."""
    weights: Counter[str] = Counter()
    for microseconds, module in _IMPORT.findall(said):
        weights[module.partition(".")[0]] += int(microseconds)
    return tuple((name, weight / 1000) for name, weight in weights.most_common(10))


def report(starts: list[Start]) -> None:
    """Print a line for each function, and what weighs most in it."""
    load = os.getloadavg()[0]
    print(f"cold start, medians, load {load:.1f}: CPU ms (wall ms); bar for the crawler's import: {MOST_IMPORT_MS}")
    print(f"  {'':22}{'import':>14}{'first request':>16}")
    for start in starts:
        imports = f"{start.import_cpu_ms:.0f} ({start.import_wall_ms:.0f})"
        makes = f"{start.make_cpu_ms:.0f} ({start.make_wall_ms:.0f})"
        print(f"  {start.function:22}{imports:>14}{makes:>16}")
        print("    " + ", ".join(f"{name} {weight_ms:.0f}" for name, weight_ms in start.heaviest))
    print()


if __name__ == "__main__":
    report(measure(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))
