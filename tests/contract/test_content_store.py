"""What every content store promises (runnel/ports/content_store.py)."""

import asyncio

import pytest

from runnel.errors import InputInvalid
from tests.contract.bundle import Home, Stores
from tests.contract.makers import TENANT

KEYS = ("pages/00ff.md.gz", "pages/0a/1.md", "pages-old/x", "raw/job1/1-2.warc", "raw/job11/1-1", "a", "pages/0b")


async def keys(stores: Stores, prefix: str, tenant: str = TENANT) -> list[str]:
    return [key async for key in stores.content.keys(tenant, prefix)]


@pytest.mark.parametrize("body", [b"", b"a", bytes(range(256)) * 3500], ids=["empty", "small", "large"])
async def test_an_object_comes_back_as_it_was_put(stores: Stores, body: bytes) -> None:
    """Also an empty one, and one of nearly a megabyte."""
    assert await stores.content.put(TENANT, "pages/x.md.gz", body) is True
    assert await stores.content.get(TENANT, "pages/x.md.gz") == body
    assert await stores.content.exists(TENANT, "pages/x.md.gz") is True


@pytest.mark.parametrize("key", ["pages/x", "pages", "pages/x.md/y"])
async def test_a_missing_key_is_none(stores: Stores, key: str) -> None:
    """Neither an error nor somebody else's object, nor a folder that only some homes have."""
    await stores.content.put("other", "pages/x", b"theirs")
    await stores.content.put(TENANT, "pages/x.md", b"ours")

    assert await stores.content.get(TENANT, key) is None
    assert await stores.content.exists(TENANT, key) is False


async def test_many_objects_are_read_and_looked_for_at_once(stores: Stores) -> None:
    """Publishing reads hundreds; those that are missing are told, and nobody else's are taken for them."""
    bodies = {f"batches/job1/{number}.gz": b"%d" % number for number in range(150)}
    await stores.content.put_addressed(TENANT, list(bodies.items()))
    await stores.content.put("other", "pages/theirs", b"theirs")
    asked = [*bodies, "pages/theirs", "batches/job1/1", "nothing"]

    assert await stores.content.get_many(TENANT, asked) == bodies
    assert await stores.content.missing(TENANT, asked) == {"pages/theirs", "batches/job1/1", "nothing"}
    assert await stores.content.missing(TENANT, asked[-3:]) == {"pages/theirs", "batches/job1/1", "nothing"}
    assert await stores.content.get_many(TENANT, []) == {}
    assert await stores.content.missing(TENANT, []) == set()


async def test_a_put_replaces(stores: Stores) -> None:
    """A report is written again with the same name."""
    await stores.content.put(TENANT, "reports/x", b"a longer first body")
    await stores.content.put(TENANT, "reports/x", b"second")

    assert await stores.content.get(TENANT, "reports/x") == b"second"


async def test_a_put_if_absent_never_replaces_and_says_so(stores: Stores) -> None:
    """What is content-addressed or immutable is written once."""
    assert await stores.content.put(TENANT, "pages/x", b"first", if_absent=True) is True
    assert await stores.content.put(TENANT, "pages/x", b"second", if_absent=True) is False
    assert await stores.content.get(TENANT, "pages/x") == b"first"


async def test_addressed_objects_are_stored_together_and_again(stores: Stores) -> None:
    """A batch of pages costs one visit; a processor that runs twice stores the same."""
    objects = [(f"pages/{number:04}.md.gz", bytes([number]) * number) for number in range(30)]
    await stores.content.put_addressed(TENANT, objects)
    await stores.content.put_addressed(TENANT, [*objects[:3], ("pages/new.md.gz", b"new")])

    assert await keys(stores, "pages/") == sorted([key for key, _ in objects] + ["pages/new.md.gz"])
    for key, body in objects:
        assert await stores.content.get(TENANT, key) == body


async def test_of_many_puts_if_absent_one_writes(stores: Stores) -> None:
    """Two publishers of the same path: one of them must learn that it is not the one."""
    bodies = [bytes([number]) * 70_000 for number in range(6)]
    for attempt in range(40):  # who wins is chance; that one wins is not
        key = f"generations/{attempt}"
        puts = [stores.content.put(TENANT, key, body, if_absent=True) for body in bodies]
        wrote = await asyncio.gather(*puts)

        assert sum(wrote) == 1
        assert await stores.content.get(TENANT, key) == bodies[wrote.index(True)]


async def test_an_object_is_whole_while_it_is_replaced(stores: Stores) -> None:
    """A reader never sees half of one body and half of another."""
    bodies = [bytes([number]) * 300_000 for number in range(4)]
    await stores.content.put(TENANT, "pages/x", bodies[0])
    puts = [stores.content.put(TENANT, "pages/x", body) for body in bodies]
    reads = asyncio.gather(*(stores.content.get(TENANT, "pages/x") for _ in range(8)))
    await asyncio.gather(*puts)

    assert set(await reads) <= set(bodies)


async def test_a_deleted_object_is_gone(stores: Stores) -> None:
    """And deleting it again is fine."""
    await stores.content.put(TENANT, "pages/x", b"x")
    for _ in range(2):
        await stores.content.delete(TENANT, "pages/x")

    assert await stores.content.get(TENANT, "pages/x") is None
    assert await keys(stores, "") == []


@pytest.mark.parametrize(
    "prefix", ["", "pages", "pages/", "pages/0", "raw/job1", "raw/job1/", "b", "pages/0a/1.md", "/"]
)
async def test_keys_are_listed_by_prefix_in_order(stores: Stores, prefix: str) -> None:
    """A prefix is text, not a folder; the order is that of the bytes."""
    for key in KEYS:
        await stores.content.put(TENANT, key, b"x")
    await stores.content.put("acme2", "pages/theirs", b"x")

    assert await keys(stores, prefix) == sorted(key for key in KEYS if key.startswith(prefix))


@pytest.mark.parametrize("prefix", ["../", "pages/../../other/", "..", "./"])
async def test_a_prefix_leads_nowhere_else(stores: Stores, prefix: str) -> None:
    """A tenant must not list what another one has."""
    await stores.content.put("other", "secret", b"x")
    await stores.content.put(TENANT, "pages/x", b"x")

    assert await keys(stores, prefix) == []


@pytest.mark.parametrize(
    "key",
    ["", "/", "/etc/passwd", "../other/x", "a/../x", "a/./x", "a//x", "a/", "ä", "a\\..\\x", "a\0", "c:x", ".tmp-1"],
)
async def test_a_key_that_leads_elsewhere_reaches_nothing(home: Home, key: str) -> None:
    """A key is refused, or is no more than a name among others."""
    stores = home.stores
    await stores.content.put("other", "x", b"secret")
    try:
        await stores.content.put(TENANT, key, b"ours")
        found = await stores.content.get(TENANT, key)
    except InputInvalid:
        found = None

    assert found in {None, b"ours"}
    assert await stores.content.get("other", "x") == b"secret"
