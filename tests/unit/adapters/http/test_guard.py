"""The guard in front of every connection, without a network."""

import socket

import pytest

from runnel.adapters.http.guard import AddressRefused, GuardedResolver
from runnel.errors import FetchFailed

NOTHING: frozenset[int] = frozenset()


def test_a_private_literal_is_refused_before_anything_is_asked() -> None:
    """aiohttp does not resolve literals, so no resolver would see it."""
    guard = GuardedResolver(frozenset({("127.0.0.1", 8080)}))
    guard.check_url("127.0.0.1", 8080, NOTHING)
    for host, port in [("127.0.0.1", 80), ("127.0.0.2", 8080), ("::1", 8080), ("169.254.169.254", 80)]:
        with pytest.raises(FetchFailed, match=rf"RUNNEL_ALLOW_PRIVATE=.*:{port}") as failure:
            guard.check_url(host, port, NOTHING)

        assert failure.value.category == "blocked_address"


def test_only_the_webs_ports_and_the_start_urls_own_are_asked() -> None:
    """A crawler is no port scanner."""
    guard = GuardedResolver(frozenset())
    guard.check_url("docs.example", 8443, NOTHING)
    guard.check_url("docs.example", 9000, frozenset({9000}))
    with pytest.raises(FetchFailed, match="port 22"):
        guard.check_url("docs.example", 22, NOTHING)


async def test_a_name_that_leads_to_a_private_address_is_refused() -> None:
    """Names are how an attacker reaches inside."""
    with pytest.raises(FetchFailed, match=r"localhost leads to .*RUNNEL_ALLOW_PRIVATE=localhost:80") as failure:
        await GuardedResolver(frozenset()).resolve("localhost", 80)

    assert failure.value.category == "blocked_address"


async def test_a_name_that_the_operator_allows_may_lead_inside_on_that_port_only() -> None:
    """`localhost:3000` is what people type."""
    guard = GuardedResolver(frozenset({("localhost", 3000)}))
    answers = await guard.resolve("localhost", 3000)
    with pytest.raises(FetchFailed):
        await guard.resolve("localhost", 3001)

    guard.open_socket((answers[0]["family"], socket.SOCK_STREAM, 6, "", (answers[0]["host"], 3000))).close()


def test_no_socket_is_made_for_an_address_that_was_not_allowed() -> None:
    """The last line: it holds whatever way led to the connection."""
    guard = GuardedResolver(frozenset({("127.0.0.1", 8080)}))
    guard.open_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 8080))).close()
    for address in [("127.0.0.1", 8081), ("10.0.0.1", 8080), ("169.254.169.254", 80)]:
        with pytest.raises(AddressRefused):
            guard.open_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", address))
