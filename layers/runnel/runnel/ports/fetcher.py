"""One HTTP request to a crawled site."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    """What to ask, and how long it may take."""

    #: Canonical.
    url: str
    user_agent: str
    #: HEAD asks for the headers alone.
    method: Literal["GET", "HEAD"] = "GET"
    #: Further headers, secrets resolved: never logged.
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: Seconds for everything: name, connection, TLS, headers and body.
    deadline_s: float = 30.0
    #: Validators of the copy that we have: the answer may then be 304.
    etag: str | None = None
    last_modified: str | None = None
    #: Ports that may be asked besides 80, 443, 8080 and 8443.
    ports: frozenset[int] = frozenset()
    #: Content types that are worth a body; empty: all. An answer that names none counts as wanted.
    types: frozenset[str] = frozenset()
    #: Where the decoded body may be cut, for a file that counts so far only; None: whole or nothing.
    cut_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, weakref_slot=True)
class FetchResponse:
    """An answer of any status, read to its end or to where it was to be cut."""

    url: str
    status: int
    #: Names in lower case; repeated headers joined by a comma.
    headers: Mapping[str, str]
    #: Content codings undone.
    body: bytes = field(repr=False)
    wire_bytes: int
    #: `type/subtype` in lower case; empty when the server does not say.
    content_type: str
    #: As the Content-Type header names it, lower case.
    charset: str | None
    elapsed_ms: int


class Fetcher(Protocol):
    """Fetches a URL: one hop.

    Promises (tests/integration/test_http_fetcher.py):

    * no connection is ever opened to an address that is neither public nor allowed by the operator, whatever the URL's
      spelling and whatever the name server answers;
    * redirects are answers like others, never followed; cookies are neither kept nor sent; no proxy is
      used but the one that the operator names;
    * time and memory are bounded, whatever the server does;
    * a good answer (2xx) whose type is not wanted fails with `unsupported_type` and says what it is, its body unread;
    * an answer to HEAD ends with its headers, whatever the server sends behind them;
    * it raises `FetchFailed`, with its category, and nothing else.
    """

    async def fetch(self, request: FetchRequest) -> FetchResponse:
        """Ask once; raises `FetchFailed`."""
        ...
