"""The bus: the event log of a tenant's libraries."""

from typing import Protocol

from runnel.domain.bus import BusSegment


class Bus(Protocol):
    """Records of what has happened to libraries, numbered from 1 for each tenant.

    Promises every adapter keeps (tests/contract/test_bus.py):

    * a segment is there whole or not at all, once for its key, however often and by whom it is appended;
    * the numbers of a tenant's records are contiguous, in the order of the appends;
    * reads are strongly consistent.
    """

    async def append(self, tenant: str, segment: BusSegment) -> None:
        """Put the segment behind what is there, unless its key is there already."""
        ...

    async def has(self, tenant: str, key: str) -> bool:
        """Whether a segment with this key is there."""
        ...

    async def read(self, tenant: str, *, after: int = 0, limit: int | None = None) -> list[tuple[int, bytes]]:
        """Records with their numbers, those after number *after*, at most *limit*."""
        ...
