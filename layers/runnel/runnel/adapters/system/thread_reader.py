"""Reads pages in a thread of this process: for Lambda, where a page has no neighbours to disturb.

Limits: the parser holds the interpreter's lock, so this keeps the loop alive between pages, not within one; and a
thread cannot be killed, so a parse that hangs ends with the function's own time-out.
"""

import asyncio

from runnel.extraction.page import PageReading
from runnel.extraction.reading import read_links, read_page


class ThreadPageReader:
    """A `PageReader` over the loop's default threads."""

    async def read(self, body: bytes, *, url: str, charset: str | None, render: bool) -> PageReading:
        reading = read_page if render else read_links
        return await asyncio.to_thread(reading, body, url=url, charset=charset)
