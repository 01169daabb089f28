"""Answers of AWS that break off: botocore takes what came for the whole, which would lose data."""

from collections.abc import Awaitable, Callable

import pytest

from runnel.adapters.dynamodb.client import make_client as make_dynamodb
from runnel.adapters.dynamodb.table import Table
from runnel.adapters.s3.client import Bucket
from runnel.adapters.s3.client import make_client as make_s3
from runnel.errors import StoreUnavailable
from runnel.testing.clock import FixedIds
from tests.support.dynamodb_stores import PassingClock
from tests.support.moto_server import client_arguments
from tests.support.raw_server import sending, serving

KEY = {"pk": {"S": "a"}, "sk": {"S": "b"}}
HEADS = [
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 200 OK\r\nx-amzn-RequestId: 1\r\nDate: x\r\n",
    b"HTTP/1.1 400 Bad\r\nx: y",
    b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"Item": {"a": {"S": "b"}, "Attrib',
]

Ask = Callable[[Table, Bucket], Awaitable[object]]
ASKED: dict[str, Ask] = {
    "an item": lambda table, _: table.get(KEY),
    "a query": lambda table, _: table.query("pk = :a", {":a": {"S": "a"}}),
    "an update": lambda table, _: table.update(KEY, "SET a = b", condition="a = b"),
    "an object": lambda _, bucket: bucket.call("get_object", Key="k"),
    "a listing": lambda _, bucket: bucket.call("list_objects_v2", Prefix="k"),
}


async def test_an_answer_whose_checksum_differs_is_none() -> None:
    """As long as it should be, and another."""
    body = b'{"Item": {"a": {"S": "b"}}}'
    answer = b"HTTP/1.1 200 OK\r\nx-amz-crc32: 1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    async with serving(sending(answer, then_close=True)) as port:
        client = make_dynamodb(**client_arguments(f"http://127.0.0.1:{port}"))
        table = Table(client, "t", clock=PassingClock(), ids=FixedIds(jitter=1.0))
        with pytest.raises(StoreUnavailable):
            await table.get(KEY)
        table.close()


@pytest.mark.parametrize("head", HEADS, ids=["at once", "later", "of an error", "in its body"])
@pytest.mark.parametrize("asked", ASKED)
async def test_an_answer_that_breaks_off_is_none(asked: str, head: bytes) -> None:
    """Taken for whole it says that there is no such item, no event, no object."""
    clock, ids = PassingClock(), FixedIds(jitter=1.0)
    async with serving(sending(head, then_close=True)) as port:
        arguments = client_arguments(f"http://127.0.0.1:{port}")
        table = Table(make_dynamodb(**arguments), "t", clock=clock, ids=ids)
        bucket = Bucket(make_s3(path_style=True, **arguments), "bucket", clock=clock, ids=ids)
        try:
            with pytest.raises(StoreUnavailable):
                await ASKED[asked](table, bucket)
        finally:
            table.close()
            bucket.close()
