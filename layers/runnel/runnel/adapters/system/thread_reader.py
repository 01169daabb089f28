"""Reads pages in threads of this process: for Lambda, where a page has no neighbours to disturb.

Limits: the parser holds the interpreter's lock, so this keeps the loop alive between pages, not within one. A thread
cannot be killed, so with *kill_after* a parse that hangs ends the whole process, by the kernel's alarm, which needs no
turn of the interpreter: Lambda makes a new one, and the call counts as failed.
"""

import asyncio
import signal
from datetime import timedelta

from runnel.extraction.page import PageReading
from runnel.extraction.reading import read_links, read_page


class ThreadPageReader:
    """A `PageReader` over the loop's default threads."""

    def __init__(self, *, kill_after: timedelta | None = None) -> None:
        """End the process when pages are being read and none is done for *kill_after*; None: wait for ever."""
        self._kill_after_s = kill_after.total_seconds() if kill_after is not None else 0.0
        self._busy = 0

    async def read(self, body: bytes, *, url: str, charset: str | None, render: bool) -> PageReading:
        reading = read_page if render else read_links
        self._count(+1)
        try:
            return await asyncio.to_thread(reading, body, url=url, charset=charset)
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        """Set the alarm anew while pages are being read, and off when none is."""
        self._busy += change
        if self._kill_after_s:
            signal.setitimer(signal.ITIMER_REAL, self._kill_after_s if self._busy else 0.0)
