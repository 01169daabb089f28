"""No error of botocore or DynamoDB reaches a use case."""

from __future__ import annotations

import botocore.exceptions
import pytest
from botocore.exceptions import ClientError

from runnel.adapters.dynamodb import failures as dynamodb
from runnel.adapters.s3 import failures as s3
from runnel.errors import ConfigInvalid, RunnelError, StoreUnavailable

INTERNAL = (dynamodb.ConditionFailed, s3.Absent, s3.Exists)


def _foreign_errors(of: type[Exception]) -> list[type[Exception]]:
    return [of, *(error for child in of.__subclasses__() for error in _foreign_errors(child))]


FOREIGN = _foreign_errors(botocore.exceptions.BotoCoreError)


@pytest.mark.parametrize("translate", [dynamodb.translate, s3.translate], ids=["dynamodb", "s3"])
@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: kind.__name__)
def test_no_error_of_botocore_is_unmapped(translate: object, kind: type[Exception]) -> None:
    """A new botocore brings new errors; each is ours before a use case sees it."""
    assert callable(translate)

    assert isinstance(translate(kind.__new__(kind), "get_item"), RunnelError)


@pytest.mark.parametrize("translate", [dynamodb.translate, s3.translate], ids=["dynamodb", "s3"])
@pytest.mark.parametrize(
    ("kind", "ours"),
    [
        ("EndpointConnectionError", StoreUnavailable),
        ("ConnectTimeoutError", StoreUnavailable),
        ("ReadTimeoutError", StoreUnavailable),
        ("ConnectionClosedError", StoreUnavailable),
        ("ResponseStreamingError", StoreUnavailable),
        ("IncompleteReadError", StoreUnavailable),
        ("NoCredentialsError", ConfigInvalid),
        ("PartialCredentialsError", ConfigInvalid),
        ("NoRegionError", ConfigInvalid),
        ("ProfileNotFound", ConfigInvalid),
    ],
)
def test_what_may_pass_is_told_from_what_a_person_must_change(
    translate: object, kind: str, ours: type[Exception]
) -> None:
    """The driver waits for the first and stops at the second."""
    foreign = getattr(botocore.exceptions, kind)
    assert callable(translate)

    assert type(translate(foreign.__new__(foreign), "get_item")) is ours


def _answer(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Any")  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("code", "status", "ours"),
    [
        ("ProvisionedThroughputExceededException", 400, dynamodb.Throttled),
        ("ThrottlingException", 400, dynamodb.Throttled),
        ("RequestLimitExceeded", 400, dynamodb.Throttled),
        ("InternalServerError", 500, StoreUnavailable),
        ("ServiceUnavailable", 503, StoreUnavailable),
        ("ResourceNotFoundException", 400, ConfigInvalid),
        ("AccessDeniedException", 400, ConfigInvalid),
        ("UnrecognizedClientException", 400, ConfigInvalid),
        ("ConditionalCheckFailedException", 400, dynamodb.ConditionFailed),
        ("ValidationException", 400, RunnelError),
        ("SomethingNew", 400, RunnelError),
    ],
)
def test_answers_of_dynamodb_are_mapped(code: str, status: int, ours: type[Exception]) -> None:
    """A mistake of ours is never called unavailable: a driver would repeat it for ever."""
    assert type(dynamodb.translate(_answer(code, status), "put_item")) is ours


@pytest.mark.parametrize(
    ("code", "status", "operation", "ours"),
    [
        ("SlowDown", 503, "put_object", StoreUnavailable),
        ("InternalError", 500, "put_object", StoreUnavailable),
        ("RequestTimeout", 400, "put_object", StoreUnavailable),
        ("ConditionalRequestConflict", 409, "put_object", StoreUnavailable),
        ("PreconditionFailed", 412, "put_object", s3.Exists),
        ("NoSuchKey", 404, "get_object", s3.Absent),
        ("404", 404, "head_object", s3.Absent),
        ("InvalidRange", 416, "get_object", s3.Absent),
        ("NoSuchBucket", 404, "get_object", ConfigInvalid),
        ("AccessDenied", 403, "get_object", s3.Refused),
        ("InvalidAccessKeyId", 403, "get_object", ConfigInvalid),
        ("InvalidRequest", 400, "put_object", RunnelError),
    ],
)
def test_answers_of_s3_are_mapped(code: str, status: int, operation: str, ours: type[Exception]) -> None:
    """A missing object is an answer, a missing bucket a mistake of the configuration."""
    assert type(s3.translate(_answer(code, status), operation)) is ours
