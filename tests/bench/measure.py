"""
What a command costs: wall time, CPU of it and its children, peak memory of its whole process tree.

* CPU comes from the kernel's own account (`wait4`): a command and all children it waited for;
* memory is PSS summed over the tree, so that pages shared between processes count once; it is sampled, so a peak
  shorter than a sample can be missed. To look takes a tenth of a core, which a tool that uses all of them lacks and one
  that uses a single one does not feel: time and memory are measured in runs of their own;
* Linux only, for both.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

SAMPLE_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One run of a command."""

    returncode: int
    wall_s: float
    cpu_s: float
    peak_pss_bytes: int
    stdout: str
    stderr: str


def run_measured(
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = 900,
    watch_memory: bool = True,
) -> Cost:
    """Run a command to its end; after *timeout_s* it is killed, which its return code shows."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        timer = threading.Timer(timeout_s, process.kill)
        timer.start()
        sampler = _Sampler(process.pid)
        if watch_memory:
            sampler.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start
        timer.cancel()
        # wait4 took the status, so Popen must be told or it would wait for a process that is no more.
        process.returncode = os.waitstatus_to_exitcode(status)
        return Cost(
            returncode=process.returncode,
            wall_s=wall_s,
            cpu_s=usage.ru_utime + usage.ru_stime,
            peak_pss_bytes=sampler.finish(),
            stdout=_text(out),
            stderr=_text(err),
        )


class _Sampler(threading.Thread):
    """Watches the memory of a process and its descendants."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self._root = root
        self._stop_asked = threading.Event()
        self._peak = 0

    def run(self) -> None:
        while not self._stop_asked.wait(SAMPLE_S):
            self._peak = max(self._peak, sum(map(pss_bytes, process_tree(self._root))))

    def finish(self) -> int:
        self._stop_asked.set()
        if self.is_alive():
            self.join()
        return self._peak


def process_tree(root: int) -> list[int]:
    """Return a process and its descendants, as far as they live."""
    found = [root]
    for pid in found:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            # A process that ends while it is looked at has no descendants any more.
            with contextlib.suppress(OSError):
                found.extend(map(int, children.read_text().split()))
    return found


def pss_bytes(pid: int) -> int:
    """Return the proportional set size of a process; 0 when it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
