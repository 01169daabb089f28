"""What each exit code means, and which one a job or an error gives: the same for local and remote commands.

| code | means |
|---|---|
| 0 | done; also when a `--limit` was reached |
| 1 | unexpected |
| 2 | usage; also: there is no such thing, or this job already runs |
| 3 | done, but pages failed, the result is held, or somebody cancelled the job |
| 4 | configuration |
| 5 | stopped by a time or money budget |
| 6 | nothing fetched: site down, all blocked, nothing in scope |
| 7 | remote or authorisation |
| 130 | interrupted, can be resumed |
| 143 | terminated, can be resumed |
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

from runnel.errors import (
    ConfigInvalid,
    Conflict,
    DiskFull,
    EventsExpired,
    InputInvalid,
    NotFound,
    PublicationHeld,
    RemoteFailed,
    RunnelError,
    Unauthorized,
)


class ExitCode(IntEnum):
    """The table above."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    INCOMPLETE = 3
    CONFIGURATION = 4
    BUDGET = 5
    NOTHING = 6
    REMOTE = 7
    INTERRUPTED = 130
    TERMINATED = 143


#: The first class that fits decides.
_BY_ERROR: Final[tuple[tuple[type[RunnelError], ExitCode], ...]] = (
    (ConfigInvalid, ExitCode.CONFIGURATION),
    (InputInvalid, ExitCode.USAGE),
    (NotFound, ExitCode.USAGE),
    (PublicationHeld, ExitCode.INCOMPLETE),
    (Conflict, ExitCode.USAGE),
    (EventsExpired, ExitCode.USAGE),
    (DiskFull, ExitCode.CONFIGURATION),
    (Unauthorized, ExitCode.REMOTE),
    (RemoteFailed, ExitCode.REMOTE),
)


def exit_code_of(terminal_event: Mapping[str, Any], *, held: bool = False) -> ExitCode:
    """The exit code for a job that ended with this event; *held*: its result was not published."""
    match terminal_event["type"]:
        case "job_timeout":
            return ExitCode.BUDGET
        case "job_cancelled":
            return ExitCode.INCOMPLETE
        case "job_failed":
            return ExitCode.NOTHING if _is_empty(terminal_event) else ExitCode.UNEXPECTED
    if terminal_event["ended_because"] == "budget":
        return ExitCode.BUDGET
    return ExitCode.DONE if terminal_event["ok"] and not held else ExitCode.INCOMPLETE


def exit_code_of_error(error: RunnelError) -> ExitCode:
    """The exit code for an error that ended a command."""
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), ExitCode.UNEXPECTED)


def _is_empty(event: Mapping[str, Any]) -> bool:
    counts = event["counts"]
    return not counts["fetched"] and not counts["unchanged"]
