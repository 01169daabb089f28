"""Who is asking: the tenant of a request.

Laws (tests/unit/web/test_access.py):
1. On loopback without tokens, `Host` and `Origin` must be loopback too: a foreign page in the browser gets nothing,
   whatever name it makes resolve to this machine.
2. A token is looked up by its SHA-256 and cached for a minute; a wrong one and a missing one get the same status.
"""

import hashlib
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, Literal
from urllib.parse import urlsplit

from fastapi import HTTPException, Request

from runnel.errors import Unauthorized
from runnel.ports.tokens import Token
from runnel.usecases.services import Services

_CACHE_S: Final = 60.0
_CACHED_TOKENS: Final = 1_000

Mode = Literal["loopback", "token", "iam"]


@dataclass(slots=True)
class Access:
    """Decides the tenant of each request."""

    services: Services
    mode: Mode
    #: The tenant where no token names one.
    tenant: str
    _cache: dict[str, tuple[float, Token]] = field(default_factory=dict)

    def check_place(self, request: Request) -> None:
        """Raise 403 for a foreign page, where only this machine may ask."""
        if self.mode == "loopback":
            _check_loopback(request)

    async def tenant_of(self, request: Request) -> str:
        """The caller's tenant; raises `Unauthorized`, or 403 for a foreign page."""
        if self.mode == "iam":
            return self.tenant
        if self.mode == "loopback":
            self.check_place(request)
            return self.tenant
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise Unauthorized("A token is needed: send it as 'Authorization: Bearer <token>'.")
        token = await self._find(hashlib.sha256(secret.strip().encode()).hexdigest())
        if token is None or (token.expires_at and token.expires_at <= self.services.clock.now()):
            raise Unauthorized("This token is not valid; `runnel token create` makes one.")
        return token.tenant

    async def _find(self, sha256: str) -> Token | None:
        """The record; only what was found is cached, so a new token works at once and guesses fill no memory."""
        now_s = self.services.clock.monotonic()
        known = self._cache.get(sha256)
        if known is not None and now_s - known[0] <= _CACHE_S:
            return known[1]
        token = await self.services.tokens.find(sha256)
        self._cache.pop(sha256, None)
        if token is not None:
            if len(self._cache) >= _CACHED_TOKENS:
                self._cache.clear()
            self._cache[sha256] = now_s, token
        return token


def is_loopback(host: str) -> bool:
    """Whether *host* is a name or address of this machine alone."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _check_loopback(request: Request) -> None:
    origin = request.headers.get("origin")
    is_ours = _names_loopback(f"//{request.headers.get('host', '')}")
    if not is_ours or (origin is not None and not _names_loopback(origin)):
        raise HTTPException(403, "This server answers pages of this machine only.")


def _names_loopback(url: str) -> bool:
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False
