"""Access tokens of one store: this machine's, or a deployed stack's table with its operator's own credentials.

There is no HTTP route for tokens, by design: the first one must come from somewhere, and a token cannot make others.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from runnel.cli.backend import Json
from runnel.domain.instants import format_time
from runnel.errors import ConfigInvalid
from runnel.ports.tokens import Token

if TYPE_CHECKING:
    from runnel.ports.clock import Clock
    from runnel.ports.ids import Ids
    from runnel.ports.tokens import Tokens

#: What begins every token, so that one in the wrong place is recognised.
_PREFIX = "rnl_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The tokens of a tenant."""

    tokens: "Tokens"
    clock: "Clock"
    ids: "Ids"
    tenant: str

    async def create(self, body: Mapping[str, Any]) -> Json:
        """Make a token; the answer is the only place that ever holds it."""
        secret, now = f"{_PREFIX}{self.ids.secret()}", self.clock.now()
        days = body.get("expires_days")
        token = Token(
            sha256=sha256(secret.encode()).hexdigest(),
            tenant=body.get("tenant") or self.tenant,
            name=body.get("name") or "",
            created_at=now,
            expires_at=now + timedelta(days=days) if days else None,
        )
        await self.tokens.put(token)
        return {"token": secret, **_view(token)}

    async def listed(self) -> AsyncIterator[Json]:
        """What is known of the tokens."""
        for token in await self.tokens.list_tokens(self.tenant):
            yield _view(token)

    async def revoke(self, sha256: str) -> None:
        """Make a token worthless."""
        await self.tokens.revoke(self.tenant, sha256)


@asynccontextmanager
async def open_table(table: str, *, region: str | None, tenant: str) -> AsyncIterator[Access]:
    """The tokens in a deployed stack's table; raises `ConfigInvalid` without the AWS packages, region or rights."""
    try:
        from runnel.wiring.aws import open_tokens
    except ModuleNotFoundError as error:
        raise ConfigInvalid(f"The package {error.name} is missing; install runnel with its extra 'aws'.") from error
    try:
        async with open_tokens(table, region=region) as (tokens, clock, ids):
            yield Access(tokens=tokens, clock=clock, ids=ids, tenant=tenant)
    except ConfigInvalid as error:
        raise ConfigInvalid(f"{error.message}; check --table, --region and your AWS credentials.") from error


def _view(token: Token) -> Json:
    expires = token.expires_at
    return asdict(token) | {
        "created_at": format_time(token.created_at),
        "expires_at": format_time(expires) if expires else None,
    }
