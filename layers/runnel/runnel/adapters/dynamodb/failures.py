"""What DynamoDB and botocore may raise, said in our errors; no other module sees theirs.

* A store that is slow, busy, broken or unreachable is `StoreUnavailable`: the same call may succeed later.
* A missing table, right or credential is `ConfigInvalid`: no repetition helps.
* Anything that DynamoDB calls invalid is a mistake of ours: `RunnelError`, code `unexpected`.
"""

from collections.abc import Mapping
from typing import Any

from botocore import exceptions as botocore
from botocore.parsers import ResponseParserError

from runnel.errors import ConfigInvalid, RunnelError, StoreUnavailable


class Throttled(StoreUnavailable):
    """The table takes no more requests for the moment; this one was not done."""


class ConditionFailed(Exception):
    """A conditional write found another state; `item` is what stands there, or None."""

    def __init__(self, item: Any) -> None:
        super().__init__("condition not met")
        self.item: Mapping[str, Any] | None = item


#: Answers that ask for fewer requests. The request was refused before anything was done.
THROTTLES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "Throttling",
        "LimitExceededException",
        "TooManyRequestsException",
    }
)
#: Answers that only a person can change.
MISCONFIGURED = frozenset(
    {
        "ResourceNotFoundException",
        "AccessDeniedException",
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "IncompleteSignatureException",
        "MissingAuthenticationTokenException",
        "MissingAuthenticationToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "OptInRequired",
        "NotAuthorized",
    }
)
#: Answers that pass by themselves though their status is 4xx.
TRANSIENT = frozenset({"TransactionConflictException", "RequestTimeout", "RequestTimeoutException"})
#: The network between us and the service: nobody knows whether the request was done.
UNREACHABLE: tuple[type[Exception], ...] = (
    botocore.HTTPClientError,
    botocore.ConnectionError,
    botocore.ResponseStreamingError,
    botocore.IncompleteReadError,
    botocore.ChecksumError,
    botocore.CapacityNotAvailableError,
    botocore.MetadataRetrievalError,
    ResponseParserError,
)
#: Calls that botocore refuses to send: a mistake of ours.
UNSENDABLE: tuple[type[Exception], ...] = (
    botocore.ParamValidationError,
    botocore.ValidationError,
    botocore.OperationNotPageableError,
    botocore.PaginationError,
    botocore.WaiterError,
    botocore.MissingParametersError,
)

#: What a call through botocore may raise.
BotoFailure = (botocore.BotoCoreError, botocore.ClientError, ResponseParserError)


def translate(failure: Exception, operation: str) -> Exception:
    """Return our error for *failure*; raise it `from` the foreign one."""
    if isinstance(failure, botocore.ClientError):
        return _translate_answer(failure, operation)
    if isinstance(failure, UNREACHABLE):
        return StoreUnavailable(f"DynamoDB did not answer {operation}.")
    if isinstance(failure, UNSENDABLE):
        return RunnelError(f"DynamoDB cannot be asked {operation}: {failure}")
    return ConfigInvalid(f"DynamoDB cannot be used: {failure}")


def _translate_answer(failure: botocore.ClientError, operation: str) -> Exception:
    error = failure.response.get("Error", {})
    code, message = error.get("Code", ""), error.get("Message", "")
    status = failure.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "ConditionalCheckFailedException":
        return ConditionFailed(dict(failure.response).get("Item") or None)
    if code == "TransactionCanceledException":
        return _translate_cancelled(failure, operation)
    if code in THROTTLES or status == 429:
        return Throttled(f"DynamoDB asks for fewer requests ({operation}).")
    if code in MISCONFIGURED:
        return ConfigInvalid(f"DynamoDB refused {operation}: {code}: {message}")
    if code in TRANSIENT or status >= 500:
        return StoreUnavailable(f"DynamoDB failed at {operation} ({code}).")
    return RunnelError(f"DynamoDB refused {operation}: {code}: {message}")


def _translate_cancelled(failure: botocore.ClientError, operation: str) -> Exception:
    """Nothing of a cancelled transaction was done: a condition was not met, or somebody else was faster."""
    answer: Mapping[str, Any] = dict(failure.response)
    reasons = {str(reason.get("Code")) for reason in answer.get("CancellationReasons", ())}
    if "ConditionalCheckFailed" in reasons:
        return ConditionFailed(None)
    return StoreUnavailable(f"DynamoDB cancelled {operation} ({', '.join(sorted(reasons))}).")
