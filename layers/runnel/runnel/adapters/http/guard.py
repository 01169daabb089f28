"""Which addresses a connection may be opened to: the one place where they are judged.

A name is resolved once, every answer must be allowed, and the connection goes to the answer that was judged. aiohttp
does not resolve a URL's literal address, so that is judged before the request; and each socket is judged again when it
is made, whatever way led there.
"""

import asyncio
import socket
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult

from runnel.domain.verdicts import ErrorCategory
from runnel.errors import FetchFailed
from runnel.fetching.addresses import is_address, is_public, plain_host

#: Ports on which sites are usually served.
USUAL_PORTS: Final = frozenset({80, 443, 8080, 8443})

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]


class AddressRefused(OSError):
    """A connection to this address is not allowed."""


class GuardedResolver(AbstractResolver):
    """Resolves names; refuses those that lead to an address which may not be crawled."""

    def __init__(self, allow_private: frozenset[tuple[str, int]]) -> None:
        """Take the private `(host, port)` pairs that the operator allows: names or addresses."""
        self._allow_private = allow_private
        #: Private addresses that an allowed name led to.
        self._by_name: set[tuple[str, int]] = set()

    def check_url(self, host: str, port: int, ports: frozenset[int]) -> None:
        """Judge what a URL says before anything is asked; raises `FetchFailed` (blocked_address)."""
        host = plain_host(host)
        if (host, port) in self._allow_private:
            return
        if is_address(host) and not is_public(host):
            raise _blocked(host, host, port)
        if port not in USUAL_PORTS and port not in ports:
            raise FetchFailed(
                ErrorCategory.BLOCKED_ADDRESS,
                f"port {port} of {host} is neither a usual one of the web nor a start URL's own",
            )

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Resolve off the event loop; raises `FetchFailed` (blocked_address) when one answer is not allowed."""
        loop = asyncio.get_running_loop()
        answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        addresses = list(dict.fromkeys(str(sockaddr[0]) for _, _, _, _, sockaddr in answers))
        for address in addresses:
            self._check_answer(host, address, port)
        return [_result(host, address, port) for address in addresses]

    async def close(self) -> None:
        """Nothing is held."""

    def open_socket(self, info: AddressInfo) -> socket.socket:
        """Make the socket for a connection; raises `AddressRefused` unless its address was allowed."""
        family, kind, protocol, _, sockaddr = info
        address, port = str(sockaddr[0]), int(sockaddr[1])
        if not (is_public(address) or self._is_allowed(address, port) or (address, port) in self._by_name):
            raise AddressRefused(f"{address} is not public")
        return socket.socket(family=family, type=kind, proto=protocol)

    def _check_answer(self, host: str, address: str, port: int) -> None:
        """Judge one answer of the name server."""
        if is_public(address) or self._is_allowed(address, port):
            return
        if not self._is_allowed(host, port):
            raise _blocked(host, address, port)
        self._by_name.add((address, port))

    def _is_allowed(self, host: str, port: int) -> bool:
        """Tell whether the operator allows exactly this host and port."""
        return (plain_host(host), port) in self._allow_private


def _result(host: str, address: str, port: int) -> ResolveResult:
    """One answer as aiohttp takes it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)


def _blocked(host: str, address: str, port: int) -> FetchFailed:
    """Say why, and how a local process may crawl it all the same."""
    named = f"[{host}]" if ":" in host else host
    leads = f"{host} is" if host == address else f"{host} leads to {address}, which is"
    return FetchFailed(
        ErrorCategory.BLOCKED_ADDRESS,
        f"{leads} not a public address; to crawl it from this machine set RUNNEL_ALLOW_PRIVATE={named}:{port}",
    )
