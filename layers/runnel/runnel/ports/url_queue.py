"""The URL queue: every URL a job has seen, and how each ended."""

from typing import Protocol

from runnel.domain.verdicts import QueuedUrl, RuledOut, UrlVerdict


class UrlQueue(Protocol):
    """What the frontier is rebuilt from.

    Promises every adapter keeps (tests/contract/test_url_queue.py):

    * reads are strongly consistent and complete: every page of results is followed;
    * URLs come with the segment they were written for; whether it is in the log is the reader's question [url_flush].
    """

    async def urls(self, tenant: str, job_id: str) -> list[QueuedUrl]:
        """Every queued URL, also those whose segment never came into the log."""
        ...

    async def verdicts(self, tenant: str, job_id: str) -> list[UrlVerdict]:
        """The verdict items, one per decided URL that stood in the queue."""
        ...

    async def ruled_out(self, tenant: str, job_id: str) -> list[RuledOut]:
        """The URLs decided without a fetch."""
        ...
