"""How a URL ends: its verdict, and why.

Every distinct canonical URL that a job has seen gets exactly one verdict; names are those of the event vocabulary.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Verdict(StrEnum):
    """How a URL ended."""

    FETCHED = "fetched"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"


#: The verdicts of a page that the library may keep.
GOOD = frozenset({Verdict.FETCHED, Verdict.UNCHANGED})

Outcome = Literal["fetched", "unchanged", "duplicate"]


class SkipReason(StrEnum):
    """Why a URL was not fetched, or not kept."""

    OUT_OF_SCOPE = "out_of_scope"
    EXCLUDED = "excluded"
    NOT_INCLUDED = "not_included"
    ROBOTS = "robots"
    NOFOLLOW = "nofollow"
    DEPTH = "depth"
    LIMIT = "limit"
    TRAP = "trap"
    ASSET = "asset"
    LOGIN = "login"


class ErrorCategory(StrEnum):
    """What kind of failure ended a fetch."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    HTTP_4XX = "http_4xx"
    HTTP_5XX = "http_5xx"
    RATE_LIMITED = "rate_limited"
    TOO_LARGE = "too_large"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    REDIRECT_OUT_OF_SCOPE = "redirect_out_of_scope"
    BLOCKED_ADDRESS = "blocked_address"
    UNSUPPORTED_TYPE = "unsupported_type"
    DECODE = "decode"
    ROBOTS = "robots"
    EMPTY_PAGE = "empty_page"
    PROTOCOL = "protocol"
    CRASHED = "crashed"


#: Failures that may pass by themselves: they are tried again. All others are final at once.
TRANSIENT = frozenset(
    {
        ErrorCategory.DNS,
        ErrorCategory.CONNECT,
        ErrorCategory.TIMEOUT,
        ErrorCategory.HTTP_5XX,
        ErrorCategory.RATE_LIMITED,
        ErrorCategory.PROTOCOL,
    }
)


class FetchError(BaseModel):
    """Why a fetch failed: category and one sentence."""

    model_config = ConfigDict(frozen=True)

    category: ErrorCategory
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRef:
    """Where a raw response lies: object key (below the tenant), and the record's place in it."""

    key: str
    offset: int = 0
    length_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedUrl:
    """One URL of the queue: step (1) of a flush. It counts only if its segment is in the log [url_flush]."""

    url: str
    depth: int
    parent: str | None
    #: The first sequence number and the term of the segment it was written for.
    first: int
    term: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetFacts:
    """What a server says of a file that is no page."""

    #: Of its last answer; None = there was none.
    status: int | None = None
    content_type: str | None = None
    #: None: it does not say.
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlVerdict:
    """The verdict of one URL: step (3) of a flush, a function of a committed event."""

    url: str
    verdict: Verdict
    reason: str | None = None
    rule: str | None = None
    final_url: str | None = None
    status: int | None = None
    error: FetchError | None = None
    attempts: int = 0
    duplicate_of: str | None = None
    body_hash: str | None = None
    #: RFC 3339, UTC; when the response was complete.
    fetched_at: str | None = None
    #: Of a URL that looked like a page's and is a file's.
    facts: AssetFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuledOut:
    """A URL that was decided without a fetch; many are stored packed in one item."""

    url: str
    reason: SkipReason
    rule: str
    parent: str | None
    depth: int
    #: Of a file whose size was asked for; the record without them is older, wherever it stands.
    facts: AssetFacts | None = None


def newest(records: Iterable[RuledOut]) -> list[RuledOut]:
    """Each URL once: a job that was taken over may have packed one twice, and the size of a file comes later."""
    found: dict[str, RuledOut] = {}
    for one in records:
        if one.facts is not None or one.url not in found:
            found[one.url] = one
    return list(found.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """URLs of a job by verdict; `seen` is their sum."""

    seen: int = 0
    fetched: int = 0
    unchanged: int = 0
    duplicate: int = 0
    skipped: int = 0
    failed: int = 0
    cancelled: int = 0
