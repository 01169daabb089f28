"""Reads pages in threads of this process: for Lambda, where a page has no neighbours to disturb.

Limits: the parser holds the interpreter's lock, so this keeps the loop alive between pages, not within one. A thread
cannot be killed, so with *kill_after* a parse that hangs ends the whole process, by the kernel's alarm, which needs no
turn of the interpreter: Lambda makes a new one, and the call counts as failed.
"""

import asyncio
import signal
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar

from runnel.extraction.learning import PageMarks
from runnel.extraction.page import PageReading
from runnel.extraction.profile import NO_PROFILE, SiteProfile
from runnel.extraction.reading import read_links, read_marks, read_page, read_present

Answer = TypeVar("Answer")


class ThreadPageReader:
    """A `PageReader` over the loop's default threads."""

    def __init__(self, *, kill_after: timedelta | None = None) -> None:
        """End the process when pages are being read and none is done for *kill_after*; None: wait for ever."""
        self._kill_after_s = kill_after.total_seconds() if kill_after is not None else 0.0
        self._busy = 0

    async def read(
        self, body: bytes, *, url: str, charset: str | None, render: bool, blocks: tuple[str, ...] = ()
    ) -> PageReading:
        reading = read_page if render else read_links
        profile = SiteProfile(frozenset(blocks)) if blocks else NO_PROFILE
        return await self._watched(partial(reading, body, url=url, charset=charset, profile=profile))

    async def read_marks(self, body: bytes, *, charset: str | None) -> PageMarks:
        return await self._watched(partial(read_marks, body, charset=charset))

    async def find_present(self, body: bytes, *, charset: str | None, asked: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(await self._watched(partial(read_present, body, charset=charset, asked=asked))))

    async def _watched(self, work: Callable[[], Answer]) -> Answer:
        self._count(+1)
        try:
            return await asyncio.to_thread(work)
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        """Set the alarm anew while pages are being read, and off when none is."""
        self._busy += change
        if self._kill_after_s:
            signal.setitimer(signal.ITIMER_REAL, self._kill_after_s if self._busy else 0.0)
