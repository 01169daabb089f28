"""aiohttp's errors, and those below it, in our categories: the only place that knows them.

The first row whose class fits decides, so special classes stand before general ones. A test walks all subclasses of
`aiohttp.ClientError`: none may be without a row.
"""

import asyncio
import socket
import ssl
from typing import Final

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from runnel.adapters.http.guard import AddressRefused
from runnel.domain.verdicts import ErrorCategory
from runnel.errors import FetchFailed

#: What a request may raise besides `FetchFailed`. `ValueError`: a URL that aiohttp's own parser does not take.
FOREIGN: Final = (aiohttp.ClientError, HttpProcessingError, OSError, asyncio.TimeoutError, ValueError)

CATEGORIES: Final[tuple[tuple[type[Exception], ErrorCategory], ...]] = (
    (AddressRefused, ErrorCategory.BLOCKED_ADDRESS),
    (aiohttp.ClientConnectorDNSError, ErrorCategory.DNS),
    (socket.gaierror, ErrorCategory.DNS),
    (UnicodeError, ErrorCategory.DNS),  # a label that no name server could be asked for
    (aiohttp.ClientSSLError, ErrorCategory.TLS),
    (aiohttp.ClientConnectorCertificateError, ErrorCategory.TLS),
    (aiohttp.ServerFingerprintMismatch, ErrorCategory.TLS),
    (ssl.SSLError, ErrorCategory.TLS),
    (ssl.CertificateError, ErrorCategory.TLS),
    (TimeoutError, ErrorCategory.TIMEOUT),
    (aiohttp.ClientConnectionError, ErrorCategory.CONNECT),
    (aiohttp.ClientResponseError, ErrorCategory.PROTOCOL),
    (aiohttp.ClientPayloadError, ErrorCategory.PROTOCOL),
    (aiohttp.InvalidURL, ErrorCategory.PROTOCOL),
    (aiohttp.NonHttpUrlClientError, ErrorCategory.PROTOCOL),
    (aiohttp.RedirectClientError, ErrorCategory.PROTOCOL),
    (aiohttp.UploadAbortedError, ErrorCategory.PROTOCOL),
    (HttpProcessingError, ErrorCategory.PROTOCOL),
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
    reason = getattr(error, "os_error", None)
    if isinstance(reason, AddressRefused):
        return ErrorCategory.BLOCKED_ADDRESS
    return next((category for kind, category in CATEGORIES if isinstance(error, kind)), None)


def failure(error: Exception) -> FetchFailed:
    """Translate *error* into ours; what no row knows is `protocol`."""
    category = category_of(error) or ErrorCategory.PROTOCOL
    detail = " ".join(str(error).split())[:300] or type(error).__name__
    return FetchFailed(category, f"{_SENTENCES[category]}: {detail}")
