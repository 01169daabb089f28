"""The guard in front of every connection, without a network."""

import asyncio
import socket

import pytest

from runnel.adapters.http.guard import Address, AddressRefused, Guard
from runnel.errors import FetchFailed

NOTHING: frozenset[int] = frozenset()


def test_a_private_literal_is_refused_before_anything_is_asked() -> None:
    """Before even a thread is asked to resolve it."""
    guard = Guard(frozenset({("127.0.0.1", 8080)}))
    guard.check_url("127.0.0.1", 8080, NOTHING)
    for host, port in [("127.0.0.1", 80), ("127.0.0.2", 8080), ("::1", 8080), ("169.254.169.254", 80)]:
        with pytest.raises(FetchFailed, match=rf"RUNNEL_ALLOW_PRIVATE=.*:{port}") as failure:
            guard.check_url(host, port, NOTHING)

        assert failure.value.category == "blocked_address"


def test_only_the_webs_ports_and_the_start_urls_own_are_asked() -> None:
    """A crawler is no port scanner."""
    guard = Guard(frozenset())
    guard.check_url("docs.example", 8443, NOTHING)
    guard.check_url("docs.example", 9000, frozenset({9000}))
    with pytest.raises(FetchFailed, match="port 22"):
        guard.check_url("docs.example", 22, NOTHING)


def test_a_name_of_a_private_network_is_refused_before_it_is_resolved() -> None:
    """Unless the operator allows exactly that one."""
    guard = Guard(frozenset({("printer.local", 80)}))
    guard.check_url("printer.local", 80, NOTHING)
    for host in ("localhost", "docs.localhost", "printer.local.", "metadata.google.internal", "router.home.arpa"):
        with pytest.raises(FetchFailed, match="not a public address") as failure:
            guard.check_url(host, 8080, NOTHING)

        assert failure.value.category == "blocked_address"


async def test_a_name_is_resolved_once_and_the_judged_answer_is_the_one_that_counts() -> None:
    """Rebinding: public when it is judged, private when it is connected to."""
    answers = [["93.184.216.34"], ["127.0.0.1"]]
    asked: list[str] = []

    async def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return answers[min(len(asked), 2) - 1]

    guard = Guard(frozenset(), rebinding)
    first = await guard.resolve("rebind.example", 80)
    again = await guard.resolve("rebind.example", 80)

    assert [place.host for place in first] == [place.host for place in again] == ["93.184.216.34"]
    assert asked == ["rebind.example"]
    with pytest.raises(FetchFailed, match="leads to 127"):
        await guard.resolve("rebind.example", 443)


async def test_an_answer_that_has_grown_old_is_asked_for_and_judged_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rebinding with patience: public for as long as an answer holds, private after it, and again after the refusal."""
    answers = [["93.184.216.34"], ["93.184.216.35"], ["10.0.0.1"], ["127.0.0.1"], ["93.184.216.34", "::1"]]
    asked: list[str] = []
    loop = asyncio.get_running_loop()
    now_s = loop.time()

    async def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return answers[len(asked) - 1]

    guard = Guard(frozenset(), rebinding)
    first = await guard.resolve("rebind.example", 80)
    monkeypatch.setattr(loop, "time", lambda: now_s + 60)
    second = await guard.resolve("rebind.example", 80)
    monkeypatch.setattr(loop, "time", lambda: now_s + 120)

    assert [place.host for place in first + second] == ["93.184.216.34", "93.184.216.35"]
    for private in (r"10\.0\.0\.1", r"127\.0\.0\.1", "::1"):
        with pytest.raises(FetchFailed, match=f"leads to {private}") as refused:
            await guard.resolve("rebind.example", 80)
        assert refused.value.category == "blocked_address"


async def test_one_private_answer_among_public_ones_refuses_the_name() -> None:
    """Which of them is connected to would be chance."""

    async def mixed(_host: str, _port: int) -> list[str]:
        return ["93.184.216.34", "10.0.0.1"]

    with pytest.raises(FetchFailed, match=r"leads to 10\.0\.0\.1"):
        await Guard(frozenset(), mixed).resolve("mixed.example", 80)


async def test_a_name_that_leads_to_a_private_address_is_refused() -> None:
    """Names are how an attacker reaches inside."""
    with pytest.raises(FetchFailed, match=r"localhost leads to .*RUNNEL_ALLOW_PRIVATE=localhost:80") as failure:
        await Guard(frozenset()).resolve("localhost", 80)

    assert failure.value.category == "blocked_address"


async def test_a_name_that_the_operator_allows_may_lead_inside_on_that_port_only() -> None:
    """`localhost:3000` is what people type."""
    guard = Guard(frozenset({("localhost", 3000)}))
    answers = await guard.resolve("localhost", 3000)
    with pytest.raises(FetchFailed):
        await guard.resolve("localhost", 3001)

    guard.open_socket(answers[0]).close()


def test_no_socket_is_made_for_an_address_that_was_not_allowed() -> None:
    """The last line: it holds whatever way led to the connection."""
    guard = Guard(frozenset({("127.0.0.1", 8080)}))
    guard.open_socket(Address(socket.AF_INET, "127.0.0.1", 8080)).close()
    for host, port in [("127.0.0.1", 8081), ("10.0.0.1", 8080), ("169.254.169.254", 80)]:
        with pytest.raises(AddressRefused):
            guard.open_socket(Address(socket.AF_INET, host, port))


async def test_whom_a_socket_reaches_is_judged_again() -> None:
    """Whatever lies between us and the site."""
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)) as connected:
        Guard(frozenset({("127.0.0.1", port)})).check_peer(connected)
        with pytest.raises(AddressRefused):
            Guard(frozenset()).check_peer(connected)
    server.close()
    await server.wait_closed()


async def test_a_name_is_asked_once_while_its_answer_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second answer could lead elsewhere (DNS rebinding), and each costs a thread."""
    asked: list[str] = []
    loop = asyncio.get_running_loop()

    async def answer(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", port))]

    monkeypatch.setattr(loop, "getaddrinfo", answer)
    guard = Guard(frozenset())
    first, second = await guard.resolve("docs.example", 443), await guard.resolve("docs.example", 443)

    assert first == second == [Address(socket.AF_INET, "93.184.215.14", 443)]
    assert asked == ["docs.example"]
