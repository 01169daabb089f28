"""Access tokens, looked up by their hash."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """Who may call: a tenant, for a time. The token itself is never stored."""

    sha256: str
    tenant: str
    name: str
    scopes: tuple[str, ...] = ("*",)
    created_at: datetime
    expires_at: datetime | None = None


class Tokens(Protocol):
    """Token records by SHA-256 (tests/contract/test_tokens.py)."""

    async def put(self, token: Token) -> None:
        """Store the record."""
        ...

    async def find(self, sha256: str) -> Token | None:
        """The record, or None; whether it has expired is the caller's question."""
        ...

    async def list_tokens(self, tenant: str) -> list[Token]:
        """The tenant's tokens."""
        ...

    async def revoke(self, tenant: str, sha256: str) -> None:
        """Remove the record."""
        ...
