"""What every store of tokens promises (runnel/ports/tokens.py)."""

from dataclasses import replace
from datetime import timedelta

from runnel.ports.tokens import Token
from tests.contract.bundle import Stores
from tests.contract.makers import NOON, TENANT


def make_token(letter: str = "a", *, tenant: str = TENANT) -> Token:
    return Token(
        sha256=letter * 64, tenant=tenant, name="laptop", scopes=("crawl", "read"), created_at=NOON,
        expires_at=NOON + timedelta(days=30),
    )  # fmt: skip


async def test_a_token_is_found_by_its_hash(stores: Stores) -> None:
    """With everything that decides what its bearer may do; expired or not is the caller's question."""
    forever = replace(make_token("b"), expires_at=None, scopes=("*",))
    for token in (make_token(), forever):
        await stores.tokens.put(token)

    assert await stores.tokens.find("a" * 64) == make_token()
    assert await stores.tokens.find("b" * 64) == forever
    assert await stores.tokens.find("c" * 64) is None


async def test_a_token_that_is_put_again_is_replaced(stores: Stores) -> None:
    """Its scopes may shrink."""
    await stores.tokens.put(make_token())
    await stores.tokens.put(replace(make_token(), scopes=()))

    assert await stores.tokens.list_tokens(TENANT) == [replace(make_token(), scopes=())]


async def test_a_tenant_lists_its_own_tokens(stores: Stores) -> None:
    """And sees no other tenant's."""
    for token in (make_token("a"), make_token("b"), make_token("c", tenant="other")):
        await stores.tokens.put(token)

    assert {token.sha256[0] for token in await stores.tokens.list_tokens(TENANT)} == {"a", "b"}


async def test_a_revoked_token_is_gone(stores: Stores) -> None:
    """Revoking is how a lost laptop is locked out; doing it twice is fine."""
    await stores.tokens.put(make_token())
    for _ in range(2):
        await stores.tokens.revoke(TENANT, "a" * 64)

    assert await stores.tokens.find("a" * 64) is None
    assert await stores.tokens.list_tokens(TENANT) == []


async def test_a_tenant_revokes_only_its_own_tokens(stores: Stores) -> None:
    """Who knows another tenant's hash cannot lock it out."""
    await stores.tokens.put(make_token())
    await stores.tokens.revoke("other", "a" * 64)

    assert await stores.tokens.find("a" * 64) == make_token()
