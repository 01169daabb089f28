"""A tunnel through a proxy (RFC 9110 section 9.3.6): what a proxy is told to connect to, and its answer."""

import asyncio
import socket
from typing import Final

from runnel.domain.verdicts import ErrorCategory
from runnel.errors import FetchFailed
from runnel.fetching.proxies import Proxy

#: A proxy's answer that is longer is none.
_MOST_BYTES: Final = 16 * 1024
#: What a proxy answers whom it does not know.
WANTS_A_PASSWORD: Final = 407


async def connect_to(proxy: Proxy) -> socket.socket:
    """Connect to the proxy itself, wherever it is: the operator named it; raises `FetchFailed` (connect)."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(proxy.host, proxy.port, type=socket.SOCK_STREAM)
        family, kind, number, _, address = found[0]
        made = socket.socket(family, kind, number)
        made.setblocking(False)  # noqa: FBT003  # the standard library's signature
    except OSError as error:
        raise _unreachable(proxy, error) from error
    try:
        await loop.sock_connect(made, address)
    except BaseException as error:
        made.close()
        if isinstance(error, OSError) and not isinstance(error, TimeoutError):
            raise _unreachable(proxy, error) from error
        raise
    return made


async def open_tunnel(connected: socket.socket, proxy: Proxy, host: str, port: int) -> None:
    """Let the proxy connect to *host*; what is sent from then on reaches it. Raises `FetchFailed` (connect)."""
    loop, place = asyncio.get_running_loop(), f"{f'[{host}]' if ':' in host else host}:{port}"
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}", *proxy_headers(proxy), "", ""]
    await loop.sock_sendall(connected, "\r\n".join(lines).encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = await loop.sock_recv(connected, 4096)
        answer += piece
        if not piece or len(answer) > _MOST_BYTES:
            raise FetchFailed(ErrorCategory.CONNECT, f"the proxy {proxy} gave no answer that is HTTP")
    status = answer.split(b"\r\n", 1)[0].split(b" ")[1:2]
    if status[:1] != [b"200"] or not answer.endswith(b"\r\n\r\n"):  # nobody speaks before we do
        raise refused(proxy, int(status[0]) if status and status[0].isdigit() else 0)


def proxy_headers(proxy: Proxy) -> list[str]:
    """Give the lines of a request that are for the proxy alone."""
    return [f"Proxy-Authorization: {proxy.authorization}"] if proxy.authorization is not None else []


def refused(proxy: Proxy, status: int) -> FetchFailed:
    """Say that the proxy does not do it."""
    why = "wants a name and a password, or others" if status == WANTS_A_PASSWORD else "does not connect to the site"
    return FetchFailed(ErrorCategory.CONNECT, f"the proxy {proxy} {why} ({status or 'no HTTP'})")


def _unreachable(proxy: Proxy, error: OSError) -> FetchFailed:
    return FetchFailed(ErrorCategory.CONNECT, f"the proxy {proxy} cannot be reached: {error}")
