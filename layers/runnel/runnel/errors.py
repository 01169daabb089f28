"""Every error Runnel raises on purpose, as one tree.

    RunnelError
    ├── InputInvalid            what the caller gave cannot be used
    │   ├── UrlInvalid
    │   └── ConfigInvalid
    │       └── SecretMissing
    ├── NotFound                no such thing, or not yours
    │   ├── JobNotFound
    │   ├── LibraryNotFound
    │   ├── PageNotFound
    │   ├── GenerationNotFound
    │   ├── SourceNotFound
    │   ├── ReportNotFound
    │   └── ReportFileNotFound
    ├── Conflict                true of another state than the present one
    │   ├── LibraryBusy
    │   ├── LibraryExists
    │   ├── SourceExists
    │   ├── JobConflict
    │   ├── PublicationHeld
    │   └── IdempotencyConflict
    ├── ManifestDamaged         the list of a library's pages cannot be read
    ├── EventsExpired           part of the log is past its retention
    ├── Unauthorized            no token, or a wrong one
    │   ├── TicketInvalid
    │   └── TicketExpired
    ├── StateUnreadable         what is stored is damaged, or of a newer Runnel
    ├── LeaseLost               another driver holds the job
    ├── SegmentTaken            the place in the log is occupied
    ├── FetchFailed             one request to a site failed, with its category
    ├── PageUnreadable          the parser could not read a page
    ├── CallFailed              an invocation of the crawler or processor failed
    ├── StoreUnavailable        a store did not answer, or refused for now
    │   └── DiskFull            there is no room left to write
    └── RemoteFailed            a Runnel server could not be reached or refused

The docstring is the default message. `code` names the error on every surface; `retryable` says whether the same call
may succeed later. Adapters translate foreign errors into these, with `from`.
"""

from typing import ClassVar


class RunnelError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "unexpected"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str = "") -> None:
        """Take *message*, or the class's docstring when there is none."""
        self.message = message or (self.__doc__ or "").strip()
        super().__init__(self.message)


class InputInvalid(RunnelError):
    """What was given cannot be used."""

    code = "invalid_input"


class UrlInvalid(InputInvalid):
    """The URL is not an http or https address that can be crawled."""

    code = "invalid_url"

    def __init__(self, message: str = "", *, field: str = "url") -> None:
        """Say in *field* where it stood in what was given."""
        super().__init__(message)
        self.field = field


class ConfigInvalid(InputInvalid):
    """A setting is wrong."""

    code = "invalid_config"


class SecretMissing(ConfigInvalid):
    """A secret that a header names cannot be read."""

    code = "secret_missing"


class NotFound(RunnelError):
    """There is no such thing."""

    code = "not_found"


class JobNotFound(NotFound):
    """There is no job with this id."""

    code = "job_not_found"


class LibraryNotFound(NotFound):
    """There is no library with this name."""

    code = "library_not_found"


class PageNotFound(NotFound):
    """The library holds no such page."""

    code = "page_not_found"


class GenerationNotFound(NotFound):
    """The library keeps no such generation."""

    code = "generation_not_found"


class SourceNotFound(NotFound):
    """The library has no source with this id."""

    code = "source_not_found"


class ReportNotFound(NotFound):
    """There is no such report."""

    code = "report_not_found"


class ReportFileNotFound(NotFound):
    """The report has no such file."""

    code = "file_not_found"


class Conflict(RunnelError):
    """The present state does not allow this."""

    code = "conflict"


class LibraryBusy(Conflict):
    """Another job is crawling this library."""

    code = "library_busy"

    def __init__(self, message: str = "", *, job_id: str = "") -> None:
        """Name the job that holds the library in *job_id*."""
        super().__init__(message or f"{self.__doc__} It is {job_id}.")
        self.job_id = job_id


class LibraryExists(Conflict):
    """There is a library with this name already."""

    code = "library_exists"


class SourceExists(Conflict):
    """The library has such a source already."""

    code = "source_exists"


class JobConflict(Conflict):
    """The job's state does not allow this."""

    def __init__(self, message: str, *, code: str) -> None:
        """Say in *code* which state stands in the way, for instance `terminal` or `publishing`."""
        super().__init__(message)
        self.code = code  # type: ignore[misc]  # one class, several codes: the state is what differs


class PublicationHeld(Conflict):
    """The result is held back: the library would get worse."""

    code = "held"


class IdempotencyConflict(Conflict):
    """This Idempotency-Key was used with another request."""

    code = "idempotency_conflict"


class ManifestDamaged(RunnelError):
    """The list of the library's pages cannot be read."""

    code = "manifest_damaged"

    def __init__(self, message: str = "", *, key: str = "", is_missing: bool = False) -> None:
        """Name the object that cannot be read, and whether it has gone altogether."""
        super().__init__(message)
        self.key = key
        self.is_missing = is_missing


class EventsExpired(RunnelError):
    """Part of this job's events are past their retention."""

    code = "events_expired"


class Unauthorized(RunnelError):
    """A valid token is needed."""

    code = "unauthorized"


class TicketInvalid(Unauthorized):
    """This ticket does not open this job; tickets and links are for reading one job."""

    code = "ticket_invalid"


class TicketExpired(Unauthorized):
    """This ticket has expired; ask for a new one and go on after the last event."""

    code = "ticket_expired"


class StateUnreadable(RunnelError):
    """What is stored cannot be read: it is damaged, or a newer Runnel wrote it."""

    code = "state_unreadable"


class LeaseLost(RunnelError):
    """Another driver holds this job now."""

    code = "lease_lost"


class SegmentTaken(RunnelError):
    """The log already has a segment at this place, and it is not ours."""

    code = "segment_taken"


class FetchFailed(RunnelError):
    """A request to a site failed."""

    code = "fetch_failed"

    def __init__(
        self, category: str, message: str,
        *, told: tuple[int, str, int | None] | None = None, status: int | None = None,
    ) -> None:  # fmt: skip
        """Take the *category* of `ErrorCategory` and a sentence.

        *told* is what the answer says of a file that is no page: status, type, and its size in bytes if it says that.
        *status* is that of an answer which came whole: the failure is what it says.
        """
        super().__init__(message)
        self.category = category
        self.told = told
        self.status = status


class PageUnreadable(RunnelError):
    """The page could not be parsed."""

    code = "page_unreadable"

    def __init__(self, message: str = "", *, category: str = "decode") -> None:
        """Say in *category*, one of `ErrorCategory`, how the page ends: too big, broken, or deadly to its reader."""
        super().__init__(message)
        self.category = category


class CallFailed(RunnelError):
    """A function could not be called, or its call failed."""

    code = "call_failed"
    retryable = True

    def __init__(self, message: str = "", *, throttled: bool = False) -> None:
        """Say in *throttled* that the service asked for fewer calls: that is no attempt."""
        super().__init__(message)
        self.throttled = throttled


class StoreUnavailable(RunnelError):
    """The store does not answer at the moment."""

    code = "store_unavailable"
    retryable = True


class DiskFull(StoreUnavailable):
    """The disk is full."""

    code = "disk_full"


class RemoteFailed(RunnelError):
    """The Runnel server cannot be reached, or refused."""

    code = "remote_failed"
