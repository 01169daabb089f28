"""`Bus` over a list."""

from runnel.domain.bus import BusSegment
from runnel.testing.state import MemoryState


class MemoryBus:
    """Segments in a list for each tenant."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def append(self, tenant: str, segment: BusSegment) -> None:
        await self._state.step("bus.append")
        if not self._has(tenant, segment.key):
            self._state.bus[tenant].append(segment)

    async def has(self, tenant: str, key: str) -> bool:
        await self._state.step("bus.has")
        return self._has(tenant, key)

    async def read(self, tenant: str, *, after: int = 0, limit: int | None = None) -> list[tuple[int, bytes]]:
        await self._state.step("bus.read")
        lines = [line for segment in self._state.bus[tenant] for line in segment.lines]
        return list(enumerate(lines, 1))[after:][:limit]

    def _has(self, tenant: str, key: str) -> bool:
        return any(segment.key == key for segment in self._state.bus[tenant])
