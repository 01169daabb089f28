"""Fetching over HTTP/1.1 with aiohttp: one session, bounded in every direction."""

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import aiohttp
from yarl import URL

from runnel.adapters.http.failures import FOREIGN, failure
from runnel.adapters.http.guard import GuardedResolver
from runnel.domain.verdicts import ErrorCategory
from runnel.errors import FetchFailed
from runnel.fetching.decoding import ACCEPT_ENCODING, BodyDecoder, BodyLimits
from runnel.ports.fetcher import FetchRequest, FetchResponse

_ACCEPT: Final = "text/html,application/xhtml+xml,text/markdown;q=0.9,text/plain;q=0.8,*/*;q=0.5"
_CONNECT_S: Final = 5
_DNS_CACHE_S: Final = 30
#: A server may close an idle connection at any time; most keep one for 60 s or more.
_KEEPALIVE_S: Final = 20
_MAX_HEADER_LINE_BYTES: Final = 16 * 1024
_MAX_HEADERS_BYTES: Final = 64 * 1024
_MAX_CHARSET_LENGTH: Final = 40


class HttpFetcher:
    """The `Fetcher` port over the network. Make it inside a running event loop; `close` it there."""

    def __init__(
        self,
        *,
        allow_private: frozenset[tuple[str, int]] = frozenset(),
        connections: int = 10,
        limits: BodyLimits | None = None,
    ) -> None:
        """Take the private hosts that may be crawled and how many connections may be open at once."""
        self._limits = limits or BodyLimits()
        self._guard = GuardedResolver(allow_private)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=self._guard,
                socket_factory=self._guard.open_socket,
                limit=connections,
                ttl_dns_cache=_DNS_CACHE_S,
                keepalive_timeout=_KEEPALIVE_S,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
            auto_decompress=False,
            trust_env=False,
            max_line_size=_MAX_HEADER_LINE_BYTES,
            max_field_size=_MAX_HEADER_LINE_BYTES,
        )

    async def fetch(self, request: FetchRequest) -> FetchResponse:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            url = URL(request.url, encoded=True)
            self._guard.check_url(url.raw_host or "", url.port or 0, request.ports)
            async with asyncio.timeout(request.deadline_s):
                return await self._ask(url, request, begun)
        except FetchFailed:
            raise
        except FOREIGN as error:
            raise failure(error) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def _ask(self, url: URL, request: FetchRequest, begun: float) -> FetchResponse:
        """Send the request and read the answer to its end; *begun* is the loop's time at the start."""
        async with self._session.get(url, headers=_headers(request), allow_redirects=False) as answer:
            headers = _plain_headers(answer.raw_headers)
            content_type, charset = _content_type(headers.get("content-type", ""))
            if request.types and 200 <= answer.status < 300 and content_type not in {"", *request.types}:
                raise FetchFailed(ErrorCategory.UNSUPPORTED_TYPE, f"{content_type[:80]} is no page")
            decoder = BodyDecoder(headers.get("content-encoding", ""), self._limits)
            async for data in answer.content.iter_any():
                decoder.feed(data)
            body = decoder.finish()
            status = answer.status
        return FetchResponse(
            url=request.url,
            status=status,
            headers=headers,
            body=body,
            wire_bytes=decoder.wire_bytes,
            content_type=content_type,
            charset=charset,
            elapsed_ms=round((asyncio.get_running_loop().time() - begun) * 1000),
        )


def _headers(request: FetchRequest) -> dict[str, str]:
    """Give the headers to send; ours win over the caller's where they steer the exchange."""
    headers = {"Accept": _ACCEPT, **request.headers, "User-Agent": request.user_agent}
    headers["Accept-Encoding"] = ACCEPT_ENCODING
    if request.etag is not None:
        headers["If-None-Match"] = request.etag
    if request.last_modified is not None:
        headers["If-Modified-Since"] = request.last_modified
    return headers


def _plain_headers(raw: tuple[tuple[bytes, bytes], ...]) -> Mapping[str, str]:
    """Read header bytes as text without surrogates; raises `FetchFailed` when they are over 64 KB."""
    if sum(len(name) + len(value) for name, value in raw) > _MAX_HEADERS_BYTES:
        raise FetchFailed(ErrorCategory.TOO_LARGE, f"the headers are over {_MAX_HEADERS_BYTES:,} bytes")
    headers: dict[str, str] = {}
    for name_bytes, value_bytes in raw:
        name, value = name_bytes.decode("latin-1").lower(), value_bytes.decode("utf-8", errors="replace")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


@lru_cache(maxsize=256)  # a site has a handful
def _content_type(header: str) -> tuple[str, str | None]:
    """Split a Content-Type into type and charset, both in lower case."""
    kind, *parameters = header.lower().split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            return kind.strip(), value.strip().strip("\"'")[:_MAX_CHARSET_LENGTH] or None
    return kind.strip(), None
