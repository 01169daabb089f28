"""Tickets and share links: who holds one may read one job (or the stream of all), and nothing else, until it expires.

Laws (tests/unit/web/test_tickets.py):
1. A link names its tenant, its job and its end, and is signed with the tenant's key: nothing of it can be changed.
2. Nothing is stored for a link; the key lies among the tenant's objects, and all links end when it is deleted.
3. A link of another job, another key or no sense is the same refusal; only one that was good says that it has expired.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from runnel.domain.object_keys import check_name
from runnel.errors import InputInvalid, StoreUnavailable, TicketExpired, TicketInvalid
from runnel.usecases.services import Services

#: A ticket opens one connection of an EventSource, which can send no header.
TICKET_TIME: Final = timedelta(seconds=60)
SHARE_TIME: Final = timedelta(hours=24)
#: What stands in a ticket for the stream of all jobs: no job is called so.
ALL_JOBS: Final = "*"
_KEY: Final = "keys/links"
_MOST_CHARACTERS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What the holder of a link presents, and when it ends."""

    ticket: str
    expires_at: datetime


async def make_link(services: Services, tenant: str, job_id: str, *, lasts: timedelta) -> Link:
    """A link to read the job with from now on; `ALL_JOBS` for the stream of all."""
    expires_at = (services.clock.now() + lasts).replace(microsecond=0)
    claims = json.dumps([tenant, job_id, int(expires_at.timestamp())], separators=(",", ":")).encode()
    key = await services.content.get(tenant, _KEY) or await _make_key(services, tenant)
    return Link(ticket=f"{_encode(claims)}.{_encode(_sign(key, claims))}", expires_at=expires_at)


async def check_ticket(services: Services, ticket: str, *, job_id: str) -> str:
    """The tenant whose job *job_id* (or `ALL_JOBS`) the ticket opens; raises `TicketInvalid`, `TicketExpired`."""
    claims, signature = _parts(ticket)
    tenant, job, expires = _claims(claims)
    key = await services.content.get(tenant, _KEY)
    if job != job_id or key is None or not hmac.compare_digest(signature, _sign(key, claims)):
        raise TicketInvalid
    if datetime.fromtimestamp(expires, UTC) <= services.clock.now():
        raise TicketExpired
    return tenant


async def _make_key(services: Services, tenant: str) -> bytes:
    """The tenant's key; of several that are made at once the first one counts."""
    await services.content.put(tenant, _KEY, services.ids.secret().encode(), if_absent=True)
    key = await services.content.get(tenant, _KEY)
    if key is None:
        raise StoreUnavailable("The key that links are signed with is gone.")
    return key


def _parts(ticket: str) -> tuple[bytes, bytes]:
    claims, _, signature = ticket.partition(".")
    try:
        if len(ticket) > _MOST_CHARACTERS:
            raise TicketInvalid
        return _decode(claims), _decode(signature)
    except ValueError as error:
        raise TicketInvalid from error


def _claims(claims: bytes) -> tuple[str, str, int]:
    """What a ticket claims, not yet believed: but a tenant's name is no path, whoever wrote it."""
    try:
        tenant, job_id, expires = json.loads(claims)
        return check_name(str(tenant)), str(job_id), int(expires)
    except (ValueError, TypeError, RecursionError, InputInvalid) as error:
        raise TicketInvalid from error


def _sign(key: bytes, claims: bytes) -> bytes:
    return hmac.new(key, claims, hashlib.sha256).digest()


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
