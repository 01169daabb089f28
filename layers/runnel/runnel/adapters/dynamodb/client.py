"""The connection to DynamoDB: how long it may take, and that it never repeats a request on its own.

* Repeating is the table's part (`table.py`): only there is it known which request may be sent twice.
* A session's clients share nothing with another process; make one per process.
* An answer that breaks off is none. botocore takes what came of it for the whole, and what it cannot read for nothing:
  "no such item". Only its own repetition would look at the checksum.
* The client is botocore's own: boto3 would only wrap it, and cost a cold start its import.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from zlib import crc32

from botocore.config import Config
from botocore.exceptions import ResponseStreamingError
from botocore.session import get_session

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

#: Well under a lease's ttl, so that a hanging request cannot cost a driver its job.
CONFIG = Config(
    connect_timeout=2,
    read_timeout=4,
    retries={"total_max_attempts": 1},
    tcp_keepalive=True,
    max_pool_connections=24,
)


def make_client(**arguments: Any) -> "DynamoDBClient":
    """Make a client; *arguments* (endpoint, region, credentials) go to botocore, whose environment is the default."""
    client = get_session().create_client("dynamodb", config=CONFIG, **arguments)
    client.meta.events.register("before-parse.dynamodb", _refuse_broken_off)
    return cast("DynamoDBClient", client)


def _refuse_broken_off(response_dict: Mapping[str, Any], **_: Any) -> None:
    """Raise as for a lost connection: every answer of DynamoDB, an error too, has a body, and says how long it is."""
    body, headers = response_dict["body"], response_dict["headers"]
    checksum = headers.get("x-amz-crc32", "")
    is_whole = str(len(body)) == headers.get("content-length", str(len(body)))
    if not body or not is_whole or (checksum.isdecimal() and crc32(body) != int(checksum)):
        raise ResponseStreamingError(error="the answer breaks off")
