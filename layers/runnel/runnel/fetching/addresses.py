"""Which addresses a crawler may connect to: public ones, and those that the operator named.

Laws (tests/unit/fetching/test_addresses.py):

* an address in any special-purpose block of the IANA registries is not public, nor is one that embeds an IPv4 address
  by translation (NAT64, 6to4, Teredo): where it leads is decided by a gateway that we cannot see;
* a name that is reserved for private networks leads nowhere, even where a name server gives it a public address;
* the answer does not depend on the Python version (`ipaddress.is_global` changes with it, and gets many wrong);
* an exception is one host with one port: no ranges, no wildcards.
"""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from runnel.errors import ConfigInvalid

_V4_BLOCKS: Final = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's host agent, on a public address
        "169.254.0.0/16",  # link-local: metadata and credentials of clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_V6_BLOCKS: Final = tuple(
    IPv6Network(block)
    for block in (
        "::/96",  # unspecified, loopback, IPv4-compatible
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # NAT64, local
        "100::/48",  # discard, dummy
        "2001::/23",  # Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fc00::/7",  # unique local: also metadata of clouds
        "fe80::/10",  # link-local
        "fec0::/10",  # site-local
        "ff00::/8",  # multicast
    )
)
#: Names that mean this machine or its own network, whatever a name server says (RFC 6761, 6762, 8375, 9476, ICANN).
SPECIAL_NAMES: Final = ("localhost", "local", "internal", "home.arpa", "localdomain", "intranet", "lan", "onion", "alt")
#: `host:port`; an IPv6 address stands in brackets.
_HOST_PORT: Final = re.compile(
    r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)):(?P<port>\d{1,5})"
)


@lru_cache(maxsize=1024)  # asked for each request, of few hosts
def is_public(address: str | IPv4Address | IPv6Address) -> bool:
    """Tell whether a crawler may connect to *address*; what is no address is not public."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        mapped = ip.ipv4_mapped
        if mapped is None:
            return not any(ip in block for block in _V6_BLOCKS)
        ip = mapped
    return not any(ip in block for block in _V4_BLOCKS)


def parse_allowed_private(text: str) -> frozenset[tuple[str, int]]:
    """Read `HOST:PORT[,HOST:PORT]`; raises `ConfigInvalid` for anything else, also for ranges and wildcards."""
    return frozenset(_host_port(part.strip().lower()) for part in text.split(",") if part.strip())


def _host_port(text: str) -> tuple[str, int]:
    """Read one `host:port`, the address in its shortest form."""
    match = _HOST_PORT.fullmatch(text)
    if match is None or not 0 < int(match["port"]) < 65536 or not _is_host(match["v6"] or match["name"]):
        raise ConfigInvalid(f"'{text}' does not name one host and port, as 127.0.0.1:8080 or [::1]:8080 does.")
    return plain_host(match["v6"] or match["name"]), int(match["port"])


def _is_host(text: str) -> bool:
    """Tell a name or an address from digits that are neither, such as a range."""
    return (":" not in text and not text.replace(".", "").replace("-", "").isdecimal()) or is_address(text)


@lru_cache(maxsize=1024)
def is_address(text: str) -> bool:
    """Tell whether *text* is an IP address, written without brackets."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1024)
def is_special(host: str) -> bool:
    """Tell whether *host* is one of the names, or below one, that lead to no public site."""
    name = host.lower().rstrip(".")
    return any(name == special or name.endswith(f".{special}") for special in SPECIAL_NAMES)


@lru_cache(maxsize=1024)
def plain_host(host: str) -> str:
    """Give a host as the exceptions spell it: lower case, no brackets, an address in its shortest form."""
    host = host.lower().strip("[]")
    try:
        return str(ip_address(host))
    except ValueError:
        return host
