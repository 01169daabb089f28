"""The guard is as strict, as expensive and as unreliable as AWS: a lax guard would make every other test worthless."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from runnel.adapters.dynamodb.client import make_client as make_dynamodb
from runnel.adapters.s3.client import make_client as make_s3
from tests.support.dynamodb_guard import Fault, Guard, always, at, crash_after, running_guard, seeded
from tests.support.dynamodb_rules import item_size
from tests.support.dynamodb_stores import objects_past_the_guard, past_the_guard, shared_moto
from tests.support.moto_server import client_arguments, create_bucket, create_table

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client

TABLE = "guarded"


@dataclass(frozen=True, slots=True)
class Guarded:
    """A client that talks through the guard, and one that goes past it."""

    guard: Guard
    client: DynamoDBClient
    past: DynamoDBClient
    s3: S3Client

    def put(self, sk: str, **attributes: Any) -> float:
        answer = self.client.put_item(TableName=TABLE, Item=make_item(sk, **attributes), ReturnConsumedCapacity="TOTAL")
        return answer["ConsumedCapacity"]["CapacityUnits"]

    def stored(self) -> list[str]:
        return [item["sk"]["S"] for item in self.past.scan(TableName=TABLE)["Items"]]


def make_item(sk: str, **attributes: Any) -> dict[str, Any]:
    return {"pk": {"S": "T#main#JOB#1"}, "sk": {"S": sk}, **attributes}


def make_key(sk: str) -> dict[str, Any]:
    return make_item(sk)


@pytest.fixture
def guarded() -> Iterator[Guarded]:
    past, objects = past_the_guard(), objects_past_the_guard()
    create_table(past, TABLE)
    create_bucket(objects, TABLE)
    with running_guard(shared_moto().endpoint_url) as guard:
        arguments = client_arguments(guard.endpoint_url)
        client, s3 = make_dynamodb(**arguments), make_s3(path_style=True, **arguments)
        yield Guarded(guard, client, past, s3)
        client.close()
        s3.close()
    past.delete_table(TableName=TABLE)
    for entry in objects.list_objects_v2(Bucket=TABLE).get("Contents", []):
        objects.delete_object(Bucket=TABLE, Key=entry["Key"])
    objects.delete_bucket(Bucket=TABLE)


# ---------------------------------------------------------------- refusals


def _batch(count: int, size: int = 1) -> dict[str, Any]:
    return {TABLE: [{"PutRequest": {"Item": make_item(f"U#{n}", u={"S": "x" * size})}} for n in range(count)]}


def _update(change: str, **more: Any) -> dict[str, Any]:
    return {"TableName": TABLE, "Key": make_key("META"), "UpdateExpression": change, **more}


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "26 items in a batch": ("batch_write_item", {"RequestItems": _batch(26)}),
    "more than 16 MB in a batch": ("batch_write_item", {"RequestItems": _batch(25, 700_000)}),
    "one key twice in a batch": ("batch_write_item", {"RequestItems": {TABLE: _batch(1)[TABLE] * 2}}),
    "an item over 400 KB": ("put_item", {"TableName": TABLE, "Item": make_item("E#1", z={"S": "x" * 410_000})}),
    "an empty key": ("put_item", {"TableName": TABLE, "Item": make_item("")}),
    "an empty index key": ("put_item", {"TableName": TABLE, "Item": make_item("META", gsi1pk={"S": ""})}),
    "101 items in a transaction": (
        "transact_write_items",
        {"TransactItems": [{"Put": {"TableName": TABLE, "Item": make_item(f"U#{n}")}} for n in range(101)]},
    ),
    "101 keys in a batch": (
        "batch_get_item",
        {"RequestItems": {TABLE: {"Keys": [make_key(str(n)) for n in range(101)]}}},
    ),
    "an unused value": (
        "update_item",
        _update("SET ap = :a", ExpressionAttributeValues={":a": {"N": "1"}, ":b": {"N": "2"}}),
    ),
    "an unused name": ("update_item", _update("REMOVE ow", ExpressionAttributeNames={"#x": "ow"})),
    "a value that is not given": ("update_item", _update("SET ap = :a")),
    "a reserved word": ("update_item", _update("SET ttl = :a", ExpressionAttributeValues={":a": {"N": "1"}})),
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_guard_refuses(guarded: Guarded, what: str) -> None:
    """moto takes most of these; AWS takes none."""
    operation, arguments = REFUSED[what]

    with pytest.raises(ClientError) as refused:
        getattr(guarded.client, operation)(**arguments)

    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert guarded.stored() == []


def test_the_guard_takes_what_aws_takes(guarded: Guarded) -> None:
    """Full batches, functions and references are not refused by mistake."""
    guarded.client.batch_write_item(RequestItems=_batch(25))
    guarded.put("META", pt={"M": {}})

    guarded.client.update_item(
        **_update(
            "SET pt.#part = if_not_exists(pt.#part, :one), #ttl = :one",
            ConditionExpression="attribute_not_exists(cl) AND size(pt) = :none",
            ExpressionAttributeNames={"#part": "a", "#ttl": "ttl"},
            ExpressionAttributeValues={":one": {"N": "1"}, ":none": {"N": "0"}},
        )
    )

    assert len(guarded.stored()) == 26


# ---------------------------------------------------------------- capacity


def test_a_write_costs_its_kilobytes(guarded: Guarded) -> None:
    """moto says 1.0 whatever is written: a bench on that would prove nothing."""
    small = guarded.put("E#1", z={"B": b"x" * 900})
    large = guarded.put("E#2", z={"B": b"x" * 2_500})

    assert (small, large) == (1.0, 3.0)
    assert guarded.guard.spent.write_units == {"E": 4.0}


def test_an_update_is_sized_by_the_larger_of_before_and_after(guarded: Guarded) -> None:
    """Taking a long attribute away costs as much as putting it."""
    guarded.put("META", op={"S": "x" * 3_000})

    answer = guarded.client.update_item(**_update("REMOVE op"), ReturnConsumedCapacity="TOTAL")

    assert answer["ConsumedCapacity"]["CapacityUnits"] == 3.0


def test_a_refused_condition_is_charged(guarded: Guarded) -> None:
    """Trying is not free: that is why URLs are deduplicated in memory."""
    guarded.put("E#1", z={"B": b"x" * 1_500})
    guarded.guard.reset()

    with pytest.raises(ClientError):
        guarded.client.put_item(TableName=TABLE, Item=make_item("E#1"), ConditionExpression="attribute_not_exists(pk)")

    assert guarded.guard.spent.write_units == {"E": 2.0}


def test_an_index_entry_costs_a_unit_to_put_and_one_to_remove(guarded: Guarded) -> None:
    """And none while its keys stand still: beats must not touch them."""
    index = {"gsi1pk": {"S": "ACTIVE"}, "gsi1sk": {"S": "job"}}

    put = guarded.put("META", **index)
    beat = guarded.put("META", **index, bt={"N": "1"})
    moved = guarded.put("META", **(index | {"gsi1sk": {"S": "other"}}))
    removed = guarded.put("META")

    assert (put, beat, moved, removed) == (2.0, 1.0, 3.0, 2.0)


def test_a_batch_costs_what_its_items_cost_alone(guarded: Guarded) -> None:
    """A batch saves requests, not units."""
    answer = guarded.client.batch_write_item(RequestItems=_batch(3, 1_500), ReturnConsumedCapacity="TOTAL")

    assert [table["CapacityUnits"] for table in answer["ConsumedCapacity"]] == [6.0]


def test_reads_cost_by_four_kilobytes_and_half_when_eventual(guarded: Guarded) -> None:
    """A projection does not make a query cheaper."""
    for n in range(3):
        guarded.put(f"U#{n}", u={"S": "x" * 3_900})
    query = {
        "TableName": TABLE,
        "KeyConditionExpression": "pk = :pk",
        "ProjectionExpression": "sk",
        "ExpressionAttributeValues": {":pk": {"S": "T#main#JOB#1"}},
    }

    guarded.client.query(**query)  # type: ignore[arg-type]
    eventual = guarded.guard.spent.read_units
    guarded.client.get_item(TableName=TABLE, Key=make_key("U#1"), ConsistentRead=True)

    assert (eventual, guarded.guard.spent.read_units - eventual) == (1.5, 1.0)


def test_sizes_are_those_of_the_developer_guide() -> None:
    """Names count, and so does the overhead of documents."""
    item = make_item("META", n={"N": "-12345"}, m={"M": {"a": {"S": "bc"}}}, t={"BOOL": True})

    assert item_size(item) == (2 + 12) + (2 + 4) + (1 + 5) + (1 + 3 + 1 + 2 + 1) + (1 + 1)


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("fault", "code"),
    [(Fault.THROTTLE, "ProvisionedThroughputExceededException"), (Fault.ERROR, "InternalServerError")],
)
def test_a_refused_request_is_not_done(guarded: Guarded, fault: Fault, code: str) -> None:
    """Both may be repeated without a thought."""
    guarded.guard.fail(at({1: fault}))

    with pytest.raises(ClientError) as refused:
        guarded.put("META")

    assert (refused.value.response["Error"]["Code"], guarded.stored()) == (code, [])


@pytest.mark.parametrize(("fault", "stored"), [(Fault.DROP, []), (Fault.LOST, ["META"])])
def test_a_lost_answer_may_mean_done_or_not_done(guarded: Guarded, fault: Fault, stored: list[str]) -> None:
    """The two cannot be told apart from here: that is the whole difficulty."""
    guarded.guard.fail(at({1: fault}))

    with pytest.raises(ConnectionClosedError):
        guarded.put("META")

    assert guarded.stored() == stored


def test_a_doubled_write_is_done_twice(guarded: Guarded) -> None:
    """A plain ADD counts twice: no write of ours may be one."""
    guarded.guard.fail(at({1: Fault.DOUBLE}))

    answer = guarded.client.update_item(
        **_update("ADD bt :one", ExpressionAttributeValues={":one": {"N": "1"}}), ReturnValues="ALL_NEW"
    )

    stored = guarded.past.get_item(TableName=TABLE, Key=make_key("META"))["Item"]
    assert (answer["Attributes"]["bt"]["N"], stored["bt"]["N"]) == ("1", "2")


def test_a_batch_comes_back_in_part(guarded: Guarded) -> None:
    """moto never does this; AWS does under load."""
    guarded.guard.fail(at({1: Fault.UNPROCESSED}))

    answer = guarded.client.batch_write_item(RequestItems=_batch(5))

    left = [entry["PutRequest"]["Item"]["sk"]["S"] for entry in answer["UnprocessedItems"][TABLE]]
    assert (guarded.stored(), left) == (["U#0", "U#1"], ["U#2", "U#3", "U#4"])


def test_nothing_is_done_after_a_crash(guarded: Guarded) -> None:
    """Request 2 is done and its answer lost, as when a process dies in the middle."""
    guarded.guard.fail(crash_after(2, Fault.LOST))
    for sk in ("a", "b", "c"):
        try:
            guarded.put(sk)
        except ConnectionClosedError:
            continue

    assert guarded.stored() == ["a", "b"]


async def test_a_held_request_waits_until_it_is_released(guarded: Guarded) -> None:
    """Slowness without a clock."""
    with guarded.guard.holding("PutItem") as held:
        put = asyncio.create_task(asyncio.to_thread(guarded.put, "META"))
        await asyncio.to_thread(held.arrived.wait)
        before = guarded.stored()
        held.release()
        await put

    assert (before, guarded.stored()) == ([], ["META"])


def test_a_seed_repeats_its_faults(guarded: Guarded) -> None:
    """A failure that cannot be repeated cannot be mended."""
    runs = []
    for _ in range(2):
        guarded.guard.fail(seeded(7, 0.5, (Fault.THROTTLE, Fault.ERROR)))
        outcomes = []
        for n in range(12):
            try:
                outcomes.append(str(guarded.put(f"U#{n}")))
            except ClientError as refused:
                outcomes.append(refused.response["Error"]["Code"])
        runs.append(outcomes)

    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 3


def test_objects_pass_through_counted_and_under_the_same_faults(guarded: Guarded) -> None:
    """What S3 costs is the number of requests."""
    guarded.s3.put_object(Bucket=TABLE, Key="t/main/a b+ü", Body=b"\x00\xff")
    body = guarded.s3.get_object(Bucket=TABLE, Key="t/main/a b+ü", Range="bytes=1-1")["Body"].read()
    guarded.guard.fail(always("PutObject", Fault.THROTTLE))
    with pytest.raises(ClientError) as refused:
        guarded.s3.put_object(Bucket=TABLE, Key="b", Body=b"")

    assert (body, refused.value.response["Error"]["Code"]) == (b"\xff", "SlowDown")
    assert guarded.guard.spent.requests == {"PutObject": 2, "GetObject": 1}
