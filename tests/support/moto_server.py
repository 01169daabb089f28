"""
DynamoDB and S3 over real HTTP: moto's server on a free port, with the stack's own table and bucket.

* Keys, index and TTL attribute are read from `template.yaml`, so that tests and stack cannot drift apart.
* moto keeps its state per process: two servers of one process share it, so give each test its own names.
* moto's traps are listed in the tests that need to know them; capacity, batch limits and faults come from our guard.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from moto.server import ThreadedMotoServer

from tests.support.template import REGION, Json, load_template

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client

#: What boto3 needs to sign; moto accepts anything.
CREDENTIALS: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}
#: Path-style addresses: a bucket's own host name does not resolve on loopback.
_CONFIG = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})


@dataclass(frozen=True, slots=True, kw_only=True)
class MotoServer:
    """A running server; `stop()` ends it."""

    endpoint_url: str
    _server: ThreadedMotoServer = field(repr=False)

    def dynamodb(self) -> DynamoDBClient:
        """Return a client of its tables."""
        return boto3.client("dynamodb", config=_CONFIG, **client_arguments(self.endpoint_url))

    def s3(self) -> S3Client:
        """Return a client of its buckets."""
        return boto3.client("s3", config=_CONFIG, **client_arguments(self.endpoint_url))

    def environment(self) -> dict[str, str]:
        """Return what a process needs so that its boto3 talks to this server and to nothing else."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL_DYNAMODB": self.endpoint_url, "AWS_ENDPOINT_URL_S3": self.endpoint_url}

    def stop(self) -> None:
        """End the server; what it stored stays in the process."""
        self._server.stop()


def client_arguments(endpoint_url: str) -> dict[str, Any]:
    """Return the keyword arguments of `boto3.client` for a server on loopback."""
    return {
        "endpoint_url": endpoint_url,
        "region_name": REGION,
        "aws_access_key_id": CREDENTIALS["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    }


def start_moto() -> MotoServer:
    """Start moto's server on a free loopback port."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # not a line for every request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return MotoServer(endpoint_url=f"http://{host}:{port}", _server=server)


@contextmanager
def running_moto() -> Iterator[MotoServer]:
    """Run moto's server for the length of a `with` block."""
    server = start_moto()
    try:
        yield server
    finally:
        server.stop()


@cache
def _table_of_the_stack() -> Json:
    properties: Json = load_template()["Resources"]["Table"]["Properties"]
    return properties


def create_table(client: DynamoDBClient, name: str) -> None:
    """Create the stack's table, as `template.yaml` describes it, under another name."""
    properties = _table_of_the_stack()
    client.create_table(
        TableName=name,
        BillingMode=properties["BillingMode"],
        AttributeDefinitions=properties["AttributeDefinitions"],
        KeySchema=properties["KeySchema"],
        GlobalSecondaryIndexes=properties["GlobalSecondaryIndexes"],
    )
    ttl = properties["TimeToLiveSpecification"]
    client.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)


def create_bucket(client: S3Client, name: str) -> None:
    """Create a bucket; its lifecycles are the template's affair, moto never runs them."""
    client.create_bucket(Bucket=name)
