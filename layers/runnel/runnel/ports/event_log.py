"""The event log of a job: append, read."""

from datetime import datetime
from typing import Protocol

from runnel.domain.segments import Segment


class EventLog(Protocol):
    """The write-ahead record of a job.

    Promises every adapter keeps (tests/contract/test_event_log.py):

    * `append` inserts a segment only if its first sequence number does not exist [append_conditional];
      a place that is taken by the same bytes is our own lost acknowledgement and counts as done [read_back];
    * reads are strongly consistent [strong_reads]; segments come in order, each whole;
    * `forget` removes whole logs, unless the store lets them go by itself;
    * the first segment read after `after` is the one that contains `after + 1` [mid_segment].
    """

    async def append(self, tenant: str, job_id: str, segment: Segment) -> None:
        """Append; raises `SegmentTaken` when another segment has the place."""
        ...

    async def read(self, tenant: str, job_id: str, *, after: int = 0, limit: int | None = None) -> list[Segment]:
        """The segments that hold events after sequence number *after*, at most *limit* segments."""
        ...

    async def forget(self, *, before: datetime) -> None:
        """Remove the logs of all jobs that have ended before that moment; repeating it is harmless."""
        ...
