"""Which addresses a connection may be opened to: the one place where they are judged.

A name is resolved once, every answer must be allowed, and the connection goes to an answer that was judged. Each socket
is judged again when it is made, and its peer when it is connected, whatever way led there.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from runnel.domain.verdicts import ErrorCategory
from runnel.errors import FetchFailed
from runnel.fetching.addresses import is_address, is_public, is_special, plain_host

#: Ports on which sites are usually served.
USUAL_PORTS: Final = frozenset({80, 443, 8080, 8443})
_DNS_CACHE_S: Final = 30

#: Host and port → the addresses that a name server gives for them, as text.
Resolve = Callable[[str, int], Awaitable[list[str]]]
_MOST_NAMES: Final = 1024


class AddressRefused(OSError):
    """A connection to this address is not allowed."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a connection may go: a judged answer of the name server."""

    family: socket.AddressFamily
    host: str
    port: int


class Guard:
    """Resolves names; refuses those that lead to an address which may not be crawled."""

    def __init__(self, allow_private: frozenset[tuple[str, int]], resolve: Resolve | None = None) -> None:
        """Take the private `(host, port)` pairs that the operator allows, and another resolver than the system's."""
        self._allow_private = allow_private
        self._resolve = resolve or _ask_system
        #: Private addresses that an allowed name led to.
        self._by_name: set[tuple[str, int]] = set()
        #: By name: its judged addresses, and until when they hold.
        self._known: dict[tuple[str, int], tuple[list[Address], float]] = {}

    def check_url(self, host: str, port: int, ports: frozenset[int]) -> None:
        """Judge what a URL says before anything is asked; raises `FetchFailed` (blocked_address)."""
        host = plain_host(host)
        if (host, port) in self._allow_private:
            return
        if is_special(host) or (is_address(host) and not is_public(host)):
            raise _blocked(host, host, port)
        if port not in USUAL_PORTS and port not in ports:
            raise FetchFailed(
                ErrorCategory.BLOCKED_ADDRESS,
                f"port {port} of {host} is neither a usual one of the web nor a start URL's own",
            )

    async def resolve(self, host: str, port: int) -> list[Address]:
        """Resolve off the event loop; raises `FetchFailed` (blocked_address) when one answer is not allowed."""
        loop = asyncio.get_running_loop()
        addresses, until_s = self._known.get((host, port), ([], 0.0))
        if loop.time() < until_s:
            return addresses
        names = list(dict.fromkeys(await self._resolve(host, port)))
        for name in names:
            self._check_answer(host, name, port)
        addresses = [Address(_family(name), name, port) for name in names]
        if len(self._known) >= _MOST_NAMES:
            self._known.clear()
        self._known[host, port] = addresses, loop.time() + _DNS_CACHE_S
        return addresses

    def open_socket(self, address: Address) -> socket.socket:
        """Make the socket for a connection; raises `AddressRefused` unless its address was allowed."""
        self._check_address(address.host, address.port)
        return socket.socket(address.family, socket.SOCK_STREAM)

    def check_peer(self, connected: socket.socket) -> None:
        """Judge whom a socket is connected to in the end; raises `AddressRefused`, `OSError`."""
        peer = connected.getpeername()
        self._check_address(str(peer[0]), int(peer[1]))

    def _check_address(self, address: str, port: int) -> None:
        if not (is_public(address) or self._is_allowed(address, port) or (address, port) in self._by_name):
            raise AddressRefused(f"{address} is not public")

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


async def _ask_system(host: str, port: int) -> list[str]:
    """Resolve as every program here does: hosts file, then name server; raises `OSError`."""
    answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for _, _, _, _, sockaddr in answers]


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _blocked(host: str, address: str, port: int) -> FetchFailed:
    """Say why, and how a local process may crawl it all the same."""
    named = f"[{host}]" if ":" in host else host
    leads = f"{host} is" if host == address else f"{host} leads to {address}, which is"
    return FetchFailed(
        ErrorCategory.BLOCKED_ADDRESS,
        f"{leads} not a public address; to crawl it from this machine set RUNNEL_ALLOW_PRIVATE={named}:{port}",
    )
