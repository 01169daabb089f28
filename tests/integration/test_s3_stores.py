"""What is particular to objects in S3: conditions, ranges, pages of keys, and what goes wrong on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from botocore.stub import Stubber

from runnel.adapters.s3.client import make_client
from runnel.adapters.s3.content_store import S3ContentStore
from runnel.adapters.s3.raw_store import S3RawStore
from runnel.domain.verdicts import RawRef
from runnel.errors import ConfigInvalid, StoreUnavailable
from runnel.testing.clock import FixedIds
from tests.support.dynamodb_guard import Fault, always, at
from tests.support.dynamodb_stores import (
    AwsStores,
    close_stores,
    make_stores,
    objects_past_the_guard,
    open_stores,
)
from tests.support.moto_server import client_arguments


@pytest.fixture
async def stores() -> AsyncIterator[AwsStores]:
    async with make_stores() as made:
        yield made


async def test_objects_lie_under_their_tenant(stores: AwsStores) -> None:
    """Rights and lifecycles are given by prefix."""
    await stores.content.put("main", "pages/a.md.gz", b"a")
    await stores.raw.put("main", "j1", "1-1", (b"r",))

    listed = objects_past_the_guard().list_objects_v2(Bucket=stores.bucket)["Contents"]
    assert [entry["Key"] for entry in listed] == ["t/main/pages/a.md.gz", "t/main/raw/j1/1-1"]


async def test_a_conditional_put_is_one_request_and_replaces_nothing(stores: AwsStores) -> None:
    """No HEAD before it: an existing page costs one PUT, and its bytes stay."""
    wrote = await stores.content.put("main", "k", b"1", if_absent=True)
    again = await stores.content.put("main", "k", b"2", if_absent=True)

    assert (wrote, again) == (True, False)
    assert stores.guard.spent.requests == {"PutObject": 2}
    assert await stores.content.get("main", "k") == b"1"


async def test_records_of_a_call_are_one_object_read_by_range(stores: AwsStores) -> None:
    """One PUT for five pages, and a processor that reads a page does not pay for its neighbours' bytes."""
    records = tuple(bytes([n]) * 10_000 for n in range(5))
    places = await stores.raw.put("main", "j1", "1-1", records)

    assert [await stores.raw.get("main", place) for place in places] == list(records)
    assert stores.guard.spent.requests == {"PutObject": 1, "GetObject": 5}
    assert [place.offset for place in places[1:]] == [place.offset + place.length_bytes for place in places[:-1]]


async def test_raw_objects_carry_the_tag_by_which_they_expire(stores: AwsStores) -> None:
    """Without it they would be kept, and paid for, for ever; pages carry none."""
    places = await stores.raw.put("main", "j1", "1-1", (b"r",))
    await stores.content.put("main", "k", b"1")

    tags = [
        objects_past_the_guard().get_object_tagging(Bucket=stores.bucket, Key=f"t/main/{key}")["TagSet"]
        for key in (places[0].key, "k")
    ]
    assert tags == [[{"Key": "runnel", "Value": "raw"}], []]


async def test_a_raw_object_that_has_expired_is_absent_to_who_may_not_list(stores: AwsStores) -> None:
    """S3 says 403 then; the page must fail alone, not the whole batch, three times over."""
    client = make_client(**client_arguments("http://127.0.0.1:9"))
    raw = S3RawStore(client, stores.bucket, clock=stores.clock, ids=FixedIds())
    content = S3ContentStore(client, stores.bucket, clock=stores.clock, ids=FixedIds())
    with Stubber(client) as answers:
        for _ in range(2):
            answers.add_client_error("get_object", "AccessDenied", http_status_code=403)
        found = await raw.get("main", RawRef(key="raw/j1/1-1", offset=0, length_bytes=10))
        with pytest.raises(ConfigInvalid):
            await content.get("main", "k")
    raw.close()
    content.close()

    assert found is None


async def test_no_records_are_no_object(stores: AwsStores) -> None:
    """A call whose fetches all failed writes nothing."""
    assert await stores.raw.put("main", "j1", "1-1", ()) == ()
    assert stores.guard.spent.requests == {}


async def test_a_place_that_is_not_a_record_is_never_taken_for_one(stores: AwsStores) -> None:
    """Past the end there is nothing; beside a record is damage, not a page, and asking again would not help."""
    (place,) = await stores.raw.put("main", "j1", "1-1", (b"record",))

    assert await stores.raw.get("main", replace(place, offset=10_000)) is None
    assert await stores.raw.get("main", replace(place, offset=place.offset + 1)) is None


async def test_every_page_of_keys_is_followed(stores: AwsStores) -> None:
    """S3 lists a thousand keys at once; garbage collection must see them all."""
    client = objects_past_the_guard()
    for n in range(1_005):
        client.put_object(Bucket=stores.bucket, Key=f"t/main/pages/{n:04}", Body=b"")
    client.put_object(Bucket=stores.bucket, Key="t/other/pages/x", Body=b"")

    keys = [key async for key in stores.content.keys("main", "pages/")]

    assert keys == [f"pages/{n:04}" for n in range(1_005)]


@pytest.mark.parametrize("fault", [Fault.THROTTLE, Fault.ERROR, Fault.DROP, Fault.LOST])
async def test_a_put_is_repeated_until_it_is_acknowledged(stores: AwsStores, fault: Fault) -> None:
    """The same key gets the same bytes, so nothing can go wrong by it."""
    stores.guard.fail(at({1: fault, 2: fault}))
    await stores.content.put("main", "k", b"body")
    stores.guard.calm()

    assert await stores.content.get("main", "k") == b"body"
    assert [pause.total_seconds() for pause in stores.clock.slept] == [0.1, 0.2]


async def test_a_store_that_does_not_answer_is_given_up(stores: AwsStores) -> None:
    """And every request is counted: S3 bills refused ones too."""
    stores.guard.fail(always("GetObject", Fault.DROP))

    with pytest.raises(StoreUnavailable):
        await stores.content.get("main", "k")

    assert stores.content.usage.used.gets == len(stores.guard.calls) == 4


async def test_a_missing_bucket_is_a_mistake_of_the_configuration(stores: AwsStores) -> None:
    """It is not a missing object."""
    other = open_stores(stores.guard, "no-such-bucket")

    with pytest.raises(ConfigInvalid):
        await other.content.get("main", "k")

    close_stores(other)


async def test_a_response_that_was_fetched_waits_longer_for_its_store(stores: AwsStores) -> None:
    """To fetch the page again would cost its site more than it costs us to wait."""
    stores.guard.fail(at(dict.fromkeys(range(1, 8), Fault.DROP)))
    [place] = await stores.raw.put("main", "j1", "1-1", (b"r",))
    waited_s = sum(pause.total_seconds() for pause in stores.clock.slept)

    assert await stores.raw.get("main", place) == b"r"
    assert waited_s == pytest.approx(12.7), "the most that it may be"
