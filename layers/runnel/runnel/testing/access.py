"""`HostBudget` and `Tokens` over dicts."""

from runnel.domain.host_book import Ask, HostBook, Share
from runnel.ports.tokens import Token
from runnel.testing.state import MemoryState


class MemoryHostBudget:
    """The book of each host."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def take(self, host: str, ask: Ask) -> Share:
        await self._state.step("hosts.take")
        self._state.hosts[host], share = self._state.hosts.get(host, HostBook()).take(ask)
        return share

    async def leave(self, host: str, taker: str) -> None:
        await self._state.step("hosts.leave")
        self._state.hosts[host] = self._state.hosts.get(host, HostBook()).leave(taker)


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
