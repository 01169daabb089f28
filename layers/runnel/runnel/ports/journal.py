"""The driver's flush: one call, in the commit order."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from runnel.domain.segments import Effects, Flush


class Journal(Protocol):
    """Makes a flush durable.

    Promises every adapter keeps (tests/contract/test_journal.py):

    1. URL items are put first, each naming its segment [urls_first, url_flush];
    2. then the segment is appended: the commit. `committed` is called at once after it [publish_after];
    3. then verdict items are put, single and packed [verdicts_after];
    4. then batch items are inserted if they do not exist, and `invoke` is called for each
       [batches_after, batch_insert]; at last `applied_seq` of META becomes the segment's last number, conditional on
       owner and term [applied_last];
    * a call that raises `StoreUnavailable` may have stopped anywhere: calling again with the same flush is right;
    * `SegmentTaken` is raised when another segment stands in the place, and nothing after (2) was done.
    """

    async def commit(
        self, flush: Flush, *, committed: Callable[[], None], invoke: Callable[[str], Awaitable[None]]
    ) -> None:
        """Do all of it; *invoke* gets each batch's id."""
        ...

    async def redo(self, tenant: str, job_id: str, effects: Effects, *, applied: tuple[str, int, int]) -> None:
        """Do (3) and (4) again for committed events, without invoking; *applied* = owner, term, sequence number."""
        ...
