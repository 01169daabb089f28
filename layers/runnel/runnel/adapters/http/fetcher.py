"""Fetching over HTTP/1.1 with one pool of connections, bounded in every direction (docs/adr/0017)."""

import asyncio
import re
import socket
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from weakref import finalize

from runnel.adapters.http.answer import Answer
from runnel.adapters.http.body_room import BodyRoom
from runnel.adapters.http.connection import Connection, ConnectionPool, Origin
from runnel.adapters.http.failures import FOREIGN, failure
from runnel.adapters.http.guard import Address, Guard, Resolve
from runnel.adapters.http.tunnel import WANTS_A_PASSWORD, connect_to, open_tunnel, proxy_headers, refused
from runnel.domain.verdicts import ErrorCategory
from runnel.errors import FetchFailed
from runnel.fetching.decoding import ACCEPT_ENCODING, BodyLimits
from runnel.fetching.proxies import Proxy
from runnel.ports.fetcher import FetchRequest, FetchResponse

if TYPE_CHECKING:
    import ssl

#: No word of Markdown: a site that chooses by it would answer with the text alone, and hide where the page leads.
_ACCEPT: Final = "text/html,application/xhtml+xml,text/plain;q=0.8,*/*;q=0.5"
_CONNECT_S: Final = 5
#: How long an address may be silent before the next one of the name is tried too (RFC 8305 section 5).
_NEXT_ADDRESS_S: Final = 0.25
_PORTS: Final = {"http": 80, "https": 443}
_OURS: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "proxy-authorization",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
#: What would end a line of the request, or the request.
_UNSENDABLE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class HttpFetcher:
    """The `Fetcher` port over the network. Make it inside a running event loop; `close` it there."""

    def __init__(
        self,
        *,
        allow_private: frozenset[tuple[str, int]] = frozenset(),
        connections: int = 10,
        limits: BodyLimits | None = None,
        resolve: Resolve | None = None,
        proxy: Proxy | None = None,
        room: BodyRoom | None = None,
    ) -> None:
        """Take the private hosts that may be crawled and how many connections may be open at once.

        *resolve* stands for the system's resolver; whatever it answers is judged like the system's answers. With a
        *proxy* every request goes through it, and nothing is resolved here: what a URL says is judged all the same.
        long bodies that find no place in *room* (five, if none is given) wait; each is there until its answer is let
        go, so who asks for some at once and keeps the answers needs as many places.
        """
        self._bodies = room or BodyRoom(5)
        self._proxy = proxy
        self._limits = limits or BodyLimits()
        self._guard = Guard(allow_private, resolve)
        self._pool = ConnectionPool(self._connect, most=connections)
        self._tls: ssl.SSLContext | None = None

    async def fetch(self, request: FetchRequest) -> FetchResponse:
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        try:
            origin, target = _split(request.url)
            self._guard.check_url(origin[1], origin[2], request.ports)
            through = self._proxy if origin[0] == "http" else None
            head = _head(request, origin, target, through)
            place = origin if through is None else ("http", through.host, through.port)
            async with asyncio.timeout(request.deadline_s) as deadline:
                answer = await self._pool.exchange(place, head, lambda: self._answer_to(request, deadline))
        except FetchFailed:
            raise
        except FOREIGN as error:
            raise failure(error) from error
        if through is not None and answer.status == WANTS_A_PASSWORD:
            answer.leave_room()
            raise refused(through, answer.status)
        return _response(request, answer, elapsed_ms=round((loop.time() - begun_s) * 1000))

    def _answer_to(self, request: FetchRequest, deadline: asyncio.Timeout) -> Answer:
        """Prepare for the answer; the time that it waits for room is not the site's, within bounds."""
        has_body, now = request.method != "HEAD", asyncio.get_running_loop().time
        answer = Answer(self._limits, request.types, cut_bytes=request.cut_bytes, has_body=has_body)
        left_s = 0.0

        def waits() -> None:
            nonlocal left_s
            left_s = (deadline.when() or now()) - now()
            deadline.reschedule(now() + left_s + self._bodies.most_wait_s)

        def goes_on() -> None:
            if left_s:
                deadline.reschedule(now() + left_s)

        answer.waits, answer.goes_on = waits, goes_on
        return answer

    async def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    async def _connect(self, origin: Origin) -> Connection:
        """Open a connection to an address that the guard has judged."""
        scheme, host, port = origin
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_CONNECT_S):
            tls = await self._tls_context() if scheme == "https" else None
            connected = await (connect_to(self._proxy) if self._proxy else self._judged_socket(host, port))
            try:
                if self._proxy is not None and tls is not None:
                    await open_tunnel(connected, self._proxy, host, port)
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _, connection = await loop.create_connection(
                    partial(Connection, self._bodies), sock=connected, ssl=tls, server_hostname=host if tls else None
                )
            except BaseException:
                connected.close()
                raise
            return connection

    async def _judged_socket(self, host: str, port: int) -> socket.socket:
        """Connect to an address of *host*, judged before and after."""
        connected = await self._first_socket(await self._guard.resolve(host, port))
        try:
            self._guard.check_peer(connected)
        except BaseException:
            connected.close()
            raise
        return connected

    async def _first_socket(self, addresses: list[Address]) -> socket.socket:
        """Connect to the first address that answers; a silent one does not keep the next one waiting for long."""
        if len(addresses) == 1:
            return await self._socket(addresses[0])
        from aiohappyeyeballs import start_connection

        infos = [(place.family, socket.SOCK_STREAM, 0, "", (place.host, place.port)) for place in addresses]
        return await start_connection(
            infos,
            happy_eyeballs_delay=_NEXT_ADDRESS_S,
            interleave=1,
            socket_factory=lambda info: self._guard.open_socket(
                Address(socket.AddressFamily(info[0]), info[4][0], info[4][1])
            ),
        )

    async def _socket(self, address: Address) -> socket.socket:
        made = self._guard.open_socket(address)
        made.settimeout(0)
        try:
            await asyncio.get_running_loop().sock_connect(made, (address.host, address.port))
        except BaseException:
            made.close()
            raise
        return made

    async def _tls_context(self) -> "ssl.SSLContext":
        """Made for the first page that needs it, off the loop: it reads the system's certificates."""
        if self._tls is None:
            self._tls = await asyncio.to_thread(_make_tls)
        return self._tls


def _response(request: FetchRequest, answer: Answer, *, elapsed_ms: int) -> FetchResponse:
    """Make the response; as long as it is there, it holds the place of its body. Raises `FetchFailed` (decode)."""
    try:
        body = answer.body()
    except FetchFailed:
        answer.leave_room()
        raise
    response = FetchResponse(
        url=request.url,
        status=answer.status,
        headers=answer.headers,
        body=body,
        wire_bytes=answer.wire_bytes,
        content_type=answer.content_type,
        charset=answer.charset,
        elapsed_ms=elapsed_ms,
    )
    if answer.place is not None:
        finalize(response, answer.place.leave)
    return response


def _make_tls() -> "ssl.SSLContext":
    import ssl

    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _split(url: str) -> tuple[Origin, str]:
    """Give where a URL leads and what to ask for there; raises `FetchFailed` (protocol) for one that we cannot ask."""
    parts = urlsplit(url)
    host = parts.hostname
    if parts.scheme not in _PORTS or not host or parts.username is not None:
        raise FetchFailed(ErrorCategory.PROTOCOL, "the URL is none that can be fetched")
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    if " " in target:
        raise FetchFailed(ErrorCategory.PROTOCOL, "the URL holds a blank")
    return (parts.scheme, host, parts.port or _PORTS[parts.scheme]), target


def _head(request: FetchRequest, origin: Origin, target: str, proxy: Proxy | None) -> bytes:
    """Give the bytes to send, in the absolute form for a proxy; raises `FetchFailed` (protocol) for a broken line."""
    scheme, host, port = origin
    named = f"[{host}]" if ":" in host else host
    place = named if port == _PORTS[scheme] else f"{named}:{port}"
    headers = {"Host": place, **_headers(request)}
    lines = [f"{request.method} {target if proxy is None else f'http://{place}{target}'} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += proxy_headers(proxy) if proxy is not None else []
    if any(map(_UNSENDABLE.search, lines)):
        raise FetchFailed(ErrorCategory.PROTOCOL, "the request holds a control character")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace")


def _headers(request: FetchRequest) -> dict[str, str]:
    """Give the headers to send; what steers the exchange is ours alone."""
    theirs = {name: value for name, value in request.headers.items() if name.lower() not in _OURS}
    is_head = request.method == "HEAD"
    accept = {"Accept": "*/*" if is_head else _ACCEPT, "Accept-Encoding": "identity" if is_head else ACCEPT_ENCODING}
    headers = {"User-Agent": request.user_agent, **accept, **theirs}
    if request.etag is not None:
        headers["If-None-Match"] = request.etag
    if request.last_modified is not None:
        headers["If-Modified-Since"] = request.last_modified
    return headers
