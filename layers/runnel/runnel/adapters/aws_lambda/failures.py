"""What Lambda and botocore may raise, said as `CallFailed`; no other module sees theirs."""

from botocore import exceptions as botocore
from botocore.parsers import ResponseParserError

from runnel.errors import CallFailed

#: Answers that ask for fewer calls; none of them was one.
THROTTLES = frozenset({"TooManyRequestsException", "ThrottlingException", "Throttling", "EC2ThrottledException"})
#: No connection came about, so nothing was asked.
UNCONNECTED: tuple[type[Exception], ...] = (
    botocore.EndpointConnectionError,
    botocore.ConnectTimeoutError,
    botocore.ProxyConnectionError,
)

#: What a call through botocore may raise.
BotoFailure = (botocore.BotoCoreError, botocore.ClientError, ResponseParserError)


class NotStarted(CallFailed):
    """The call did not begin."""


def translate(failure: Exception, name: str) -> CallFailed:
    """Return our error for *failure* of a call of function *name*; raise it `from` the foreign one."""
    if isinstance(failure, botocore.ClientError):
        return _translate_answer(failure, name)
    if isinstance(failure, UNCONNECTED):
        return NotStarted(f"{name} cannot be reached.")
    if isinstance(failure, botocore.ReadTimeoutError):
        return CallFailed(f"{name} did not answer in time.")
    if isinstance(failure, botocore.HTTPClientError | ResponseParserError):
        return CallFailed(f"The answer of {name} was lost.")
    return CallFailed(f"{name} cannot be called: {failure}")


def _translate_answer(failure: botocore.ClientError, name: str) -> CallFailed:
    error = failure.response.get("Error", {})
    code, message = error.get("Code", ""), error.get("Message", "")
    status = failure.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in THROTTLES or status == 429:
        return CallFailed(f"Lambda asks for fewer calls of {name}.", throttled=True)
    if status >= 500:
        return NotStarted(f"Lambda failed to call {name} ({code}).")
    return CallFailed(f"Lambda refused to call {name}: {code}: {message}")
