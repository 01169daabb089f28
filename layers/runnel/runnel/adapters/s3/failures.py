"""What S3 and botocore may raise, said in our errors; no other module sees theirs.

* A store that is slow, busy, broken or unreachable is `StoreUnavailable`: the same call may succeed later.
* A missing bucket, right or credential is `ConfigInvalid`: no repetition helps.
* A request that S3 calls invalid is a mistake of ours: `RunnelError`, code `unexpected`.
"""

from botocore import exceptions as botocore
from botocore.parsers import ResponseParserError

from runnel.errors import ConfigInvalid, RunnelError, StoreUnavailable

#: The network between us and the service: nobody knows whether the request was done.
UNREACHABLE: tuple[type[Exception], ...] = (
    botocore.HTTPClientError,
    botocore.ConnectionError,
    botocore.ResponseStreamingError,
    botocore.IncompleteReadError,
    botocore.ChecksumError,
    botocore.FlexibleChecksumError,
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
#: Answers that pass by themselves though their status is 4xx.
TRANSIENT = frozenset({"RequestTimeout", "ConditionalRequestConflict", "OperationAborted", "SlowDown", "Throttling"})
#: Statuses that say that a person must change something: credentials, rights, the bucket.
MISCONFIGURED = frozenset({401, 403, 404})

#: What a call through botocore may raise.
BotoFailure = (botocore.BotoCoreError, botocore.ClientError, ResponseParserError)


class Absent(Exception):
    """There is no such object, or not so much of it."""


class Exists(Exception):
    """There is an object under this key already."""


class Refused(ConfigInvalid):
    """S3 refused access, which without the right to list is also its answer for an object that is not there."""


def translate(failure: Exception, operation: str) -> Exception:
    """Return our error for *failure*; raise it `from` the foreign one."""
    if isinstance(failure, botocore.ClientError):
        return _translate_answer(failure, operation)
    if isinstance(failure, UNREACHABLE):
        return StoreUnavailable(f"S3 did not answer {operation}.")
    if isinstance(failure, UNSENDABLE):
        return RunnelError(f"S3 cannot be asked {operation}: {failure}")
    return ConfigInvalid(f"S3 cannot be used: {failure}")


def _translate_answer(failure: botocore.ClientError, operation: str) -> Exception:
    error = failure.response.get("Error", {})
    code, message = error.get("Code", ""), error.get("Message", "")
    status = failure.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "NoSuchKey" or status == 416 or (status == 404 and operation == "head_object"):
        return Absent(code)
    if code == "PreconditionFailed" or status == 412:
        return Exists(code)
    if code in TRANSIENT or status == 429 or status >= 500:
        return StoreUnavailable(f"S3 failed at {operation} ({code}).")
    if code == "AccessDenied":
        return Refused(f"S3 refused {operation}: {message}")
    if status in MISCONFIGURED:
        return ConfigInvalid(f"S3 refused {operation}: {code}: {message}")
    return RunnelError(f"S3 refused {operation}: {code}: {message}")
