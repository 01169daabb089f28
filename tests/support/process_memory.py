"""How much memory a process and its descendants have at once, from Linux's /proc."""

import asyncio
import os
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_EVERY_S = 0.02


async def peak_of_tree(pid: int) -> int:
    """Look every 20 ms until the process has ended; the most that its tree held at one time, in bytes."""
    peak = 0
    while (held := memory_of_tree(pid)) is not None:
        peak = max(peak, held)
        await asyncio.sleep(_EVERY_S)
    return peak


def memory_of_tree(pid: int) -> int | None:
    """Resident bytes of the process and all below it; None when it has ended."""
    own = _resident(pid)
    if own is None:
        return None
    return own + sum(memory_of_tree(child) or 0 for child in _children(pid))


def _resident(pid: int) -> int | None:
    try:
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return None
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (FileNotFoundError, ProcessLookupError):
        return None


def _children(pid: int) -> list[int]:
    try:
        return [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return []
