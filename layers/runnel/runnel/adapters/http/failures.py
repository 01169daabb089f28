"""What goes wrong below HTTP, in our categories: the only place that knows it.

The first row whose class fits decides, so special classes stand before general ones.
"""

import socket
from typing import Final

from runnel.adapters.http.guard import AddressRefused
from runnel.domain.verdicts import ErrorCategory
from runnel.errors import FetchFailed

#: What a request may raise besides `FetchFailed`. `ssl.SSLError` is an OSError, a bad name a ValueError.
FOREIGN: Final = (OSError, ValueError)

CATEGORIES: Final[tuple[tuple[str | type[Exception], ErrorCategory], ...]] = (
    (AddressRefused, ErrorCategory.BLOCKED_ADDRESS),
    (socket.gaierror, ErrorCategory.DNS),
    (UnicodeError, ErrorCategory.DNS),  # a label that no name server could be asked for
    ("SSLError", ErrorCategory.TLS),  # by name: who crawls without TLS need not load it
    ("CertificateError", ErrorCategory.TLS),
    (TimeoutError, ErrorCategory.TIMEOUT),
    (OSError, ErrorCategory.CONNECT),
)

_SENTENCES: Final = {
    ErrorCategory.BLOCKED_ADDRESS: "the address is not public",
    ErrorCategory.DNS: "the host name does not resolve",
    ErrorCategory.TLS: "no secure connection could be made",
    ErrorCategory.TIMEOUT: "the server did not answer in time",
    ErrorCategory.CONNECT: "no connection, or it was cut",
    ErrorCategory.PROTOCOL: "the answer is not valid HTTP",
}


def category_of(error: BaseException) -> ErrorCategory | None:
    """Give the category of *error*; None when no row fits."""
    names = {kind.__name__ for kind in type(error).__mro__}
    for kind, category in CATEGORIES:
        if kind in names if isinstance(kind, str) else isinstance(error, kind):
            return category
    return None


def failure(error: Exception) -> FetchFailed:
    """Translate *error* into ours; what no row knows is `protocol`."""
    category = category_of(error) or ErrorCategory.PROTOCOL
    detail = " ".join(str(error).split())[:300] or type(error).__name__
    return FetchFailed(category, f"{_SENTENCES[category]}: {detail}")
