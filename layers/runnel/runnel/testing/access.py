"""`HostBudget` and `Tokens` over dicts."""

from datetime import timedelta

from runnel.ports.tokens import Token
from runnel.testing.state import MemoryState


class MemoryHostBudget:
    """The next free turn of each host."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def reserve(self, host: str, *, now_s: float, spacing: timedelta, turns: int) -> float:
        await self._state.step("hosts.reserve")
        first = max(now_s, self._state.hosts.get(host, now_s))
        self._state.hosts[host] = first + turns * spacing.total_seconds()
        return first


class MemoryTokens:
    """Token records by their hash."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def put(self, token: Token) -> None:
        await self._state.step("tokens.put")
        self._state.tokens[token.sha256] = token

    async def find(self, sha256: str) -> Token | None:
        await self._state.step("tokens.find")
        return self._state.tokens.get(sha256)

    async def list_tokens(self, tenant: str) -> list[Token]:
        await self._state.step("tokens.list")
        return [token for token in self._state.tokens.values() if token.tenant == tenant]

    async def revoke(self, tenant: str, sha256: str) -> None:
        await self._state.step("tokens.revoke")
        token = self._state.tokens.get(sha256)
        if token is not None and token.tenant == tenant:
            del self._state.tokens[sha256]
