"""Whether a process runs, and when one that is not our child has ended."""

import asyncio
import os
from pathlib import Path


def is_running(pid: int) -> bool:
    """Tell whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def gone(pid: int) -> None:
    """Wait until a process that is not our child has ended."""
    while is_alive(pid):
        await asyncio.wait([asyncio.ensure_future(asyncio.to_thread(int))], timeout=1)


def is_alive(pid: int) -> bool:
    """Tell whether a process that is not our child runs; a zombie that nobody reaps does not."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z" if Path("/proc").exists() else is_running(pid)
    except FileNotFoundError:
        return False
