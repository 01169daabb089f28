"""The tests' DynamoDB and S3 are the stack's table and bucket on a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.moto_server import MotoServer, create_bucket, create_table, running_moto


@pytest.fixture
def moto() -> Iterator[MotoServer]:
    with running_moto() as server:
        yield server


def test_the_table_has_the_keys_and_the_index_of_the_template(moto: MotoServer) -> None:
    """A store tested on other keys than the stack's proves nothing about the stack."""
    client = moto.dynamodb()
    create_table(client, "keys")

    table = client.describe_table(TableName="keys")["Table"]

    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["gsi1"]
    assert table["GlobalSecondaryIndexes"][0]["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_an_object_is_put_only_once_under_a_condition(moto: MotoServer) -> None:
    """Content-addressed objects rely on `If-None-Match: *` instead of a HEAD."""
    client = moto.s3()
    create_bucket(client, "once")
    client.put_object(Bucket="once", Key="t/main/pages/a", Body=b"1", IfNoneMatch="*")

    with pytest.raises(client.exceptions.ClientError) as refused:
        client.put_object(Bucket="once", Key="t/main/pages/a", Body=b"2", IfNoneMatch="*")

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
