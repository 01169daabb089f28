"""A bell that rings within one event loop."""

import asyncio
from datetime import timedelta


class LoopBell:
    """A `Bell` for tasks of one event loop; ring it from that loop only.

    Law: who waits leaves nothing behind, however its wait ends.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}

    def ring(self, job_id: str) -> None:
        for future in self._waiting.pop(job_id, ()):
            if not future.done():
                future.set_result(None)

    async def wait(self, job_id: str, *, at_most: timedelta) -> bool:
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(job_id, set()).add(future)
        try:
            done, _ = await asyncio.wait({future}, timeout=max(0.0, at_most.total_seconds()))
            return bool(done)
        finally:
            self._leave(job_id, future)

    @property
    def waiters(self) -> int:
        """How many wait now."""
        return sum(map(len, self._waiting.values()))

    def _leave(self, job_id: str, future: asyncio.Future[None]) -> None:
        others = self._waiting.get(job_id)
        if others is not None:
            others.discard(future)
            if not others:
                del self._waiting[job_id]
