"""What stands between a judged URL and the first byte of a request: the last look before anything is sent."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from runnel.adapters.http.fetcher import HttpFetcher
from runnel.adapters.http.guard import Address
from runnel.errors import FetchFailed
from runnel.ports.fetcher import FetchRequest


class Heard:
    """A listener on loopback that notes what it is sent."""

    def __init__(self) -> None:
        self.data = b""
        self.port = 0
        self.connections = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.data += await reader.read(1_000)
        writer.close()


@pytest.fixture
async def heard() -> AsyncIterator[Heard]:
    listener = Heard()
    server = await asyncio.start_server(listener.connected, "127.0.0.1", 0)
    listener.port = server.sockets[0].getsockname()[1]
    yield listener
    server.close()
    await server.wait_closed()


async def test_a_connection_that_arrives_elsewhere_than_it_was_sent_is_closed_before_a_byte_of_a_request(
    heard: Heard,
) -> None:
    """Whatever diverts it (a rewritten route, a fault of ours): who answers is looked at once more."""

    class Diverted(HttpFetcher):
        async def _first_socket(self, addresses: list[Address]) -> socket.socket:
            assert [place.host for place in addresses] == ["93.184.216.34"]
            made = socket.socket()
            made.settimeout(0)
            await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", heard.port))
            return made

    async def public(_host: str, _port: int) -> list[str]:
        return ["93.184.216.34"]

    fetcher = Diverted(resolve=public)
    with pytest.raises(FetchFailed, match=r"127\.0\.0\.1 is not public") as refused:
        await fetcher.fetch(FetchRequest(url="http://docs.example/", user_agent="t"))
    await fetcher.close()
    await asyncio.sleep(0)  # noqa: TID251  # a turn of the loop, for the listener

    assert refused.value.category == "blocked_address"
    assert heard.data == b""


async def test_a_name_that_leads_elsewhere_the_second_time_is_not_followed_there(heard: Heard) -> None:
    """Rebinding through the whole fetcher: nobody inside hears of it, however often the name is asked for."""
    answers = iter([["93.184.216.34"], ["127.0.0.1"], ["127.0.0.1"]])

    class Unreachable(HttpFetcher):
        """Nothing leaves the machine: the public address refuses the connection, as one does that is used up."""

        async def _socket(self, address: Address) -> socket.socket:
            if address.host == "93.184.216.34":
                raise ConnectionRefusedError
            return await super()._socket(address)

    async def rebinding(_host: str, _port: int) -> list[str]:
        return next(answers)

    fetcher, categories = Unreachable(resolve=rebinding), []
    for port in (80, heard.port, heard.port):  # an answer holds for a while, for its port
        with pytest.raises(FetchFailed) as failed:
            await fetcher.fetch(
                FetchRequest(url=f"http://docs.example:{port}/", user_agent="t", ports=frozenset({heard.port}))
            )
        categories.append(str(failed.value.category))
    await fetcher.close()

    assert categories == ["connect", "blocked_address", "blocked_address"]
    assert heard.connections == 0


async def test_a_password_in_a_url_is_sent_nowhere(heard: Heard) -> None:
    """A link must not make us send somebody's password; the canonicaliser refuses it, and so does the last door."""
    fetcher = HttpFetcher(allow_private=frozenset({("127.0.0.1", heard.port)}))
    with pytest.raises(FetchFailed) as refused:
        await fetcher.fetch(FetchRequest(url=f"http://name:word@127.0.0.1:{heard.port}/", user_agent="t"))
    await fetcher.close()

    assert refused.value.category == "protocol"
    assert heard.connections == 0
