"""Processor batches: what was sent, and what came back."""

from datetime import datetime
from typing import Protocol

from runnel.domain.libraries import Batch


class Batches(Protocol):
    """One record per processor batch; the pages stand in the log, the results in the content store.

    Promises every adapter keeps (tests/contract/test_batches.py):

    * `add_part` is one conditional write: not on a closed batch, and the same part twice changes nothing [close_batch];
    * `close` is one write, conditional on not done and not closed; results that come later do not count;
    * `count_try` is one write, conditional on the number of tries seen.
    """

    async def get_many(self, tenant: str, job_id: str, batch_ids: tuple[str, ...]) -> dict[str, Batch]:
        """The batches that exist, by id; strongly consistent."""
        ...

    async def list_batches(self, tenant: str, job_id: str) -> list[Batch]:
        """Every batch of the job; strongly consistent."""
        ...

    async def add_part(self, tenant: str, job_id: str, batch_id: str, part: str, indexes: tuple[int, ...]) -> bool:
        """Note that result object *part* covers these pages; False when the batch is closed or unknown."""
        ...

    async def count_try(self, tenant: str, job_id: str, batch_id: str, *, seen: int, now: datetime) -> Batch | None:
        """Raise `tries` over *seen*; None when somebody else did."""
        ...

    async def close(self, tenant: str, job_id: str, batch_id: str, *, seen: Batch) -> bool:
        """Give the batch up; False when a result has come since *seen*."""
        ...
