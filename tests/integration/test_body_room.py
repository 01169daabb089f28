"""Long bodies are bounded in their sum: who finds no room waits, and loses nothing."""

import asyncio
import gzip
import random
from collections.abc import AsyncIterator

import pytest

from runnel.adapters.http.body_room import FREE_BYTES, BodyRoom, Place
from runnel.adapters.http.fetcher import HttpFetcher
from runnel.errors import FetchFailed
from runnel.fetching.decoding import BodyLimits
from runnel.ports.fetcher import FetchRequest, FetchResponse
from tests.support.raw_server import serving

_BIG = random.Random(7).randbytes(3 * FREE_BYTES)


class Bodies:
    """A server of big and small bodies, and a fetcher that has room for two big ones."""

    def __init__(self, port: int) -> None:
        """Fetch from *port*."""
        self.port = port
        limits = BodyLimits(wire_bytes=len(_BIG) + 10_000, decoded_bytes=len(_BIG) + 10_000)
        self.fetcher = HttpFetcher(
            allow_private=frozenset({("127.0.0.1", port)}),
            connections=20,
            room=BodyRoom(2, most_wait_s=0.4),
            limits=limits,
        )

    def get(self, path: str, deadline_s: float = 10.0) -> "asyncio.Task[FetchResponse]":
        """Begin to fetch."""
        url = f"http://127.0.0.1:{self.port}/{path}"
        return asyncio.create_task(self.fetcher.fetch(FetchRequest(url=url, user_agent="t", deadline_s=deadline_s)))


async def _serve(head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    path = head.split(b" ")[1]
    body = b"small" if path == b"/small" else _BIG
    coding = b""
    if path == b"/packed":
        body, coding = gzip.compress(body), b"Content-Encoding: gzip\r\n"
    length = len(body) + (50 if path == b"/cut" else 1_000_000_000 if path == b"/over" else 0)
    writer.write(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n" % (coding, length) + body)
    await writer.drain()
    if path == b"/cut":
        writer.close()


@pytest.fixture
async def bodies() -> AsyncIterator[Bodies]:
    """A running server and its fetcher."""
    async with serving(_serve) as port:
        bodies = Bodies(port)
        yield bodies
        await bodies.fetcher.close()


async def _settle(*tasks: "asyncio.Task[FetchResponse]", done: int) -> None:
    """Wait until so many are done, and a moment for one more that should not be."""
    async with asyncio.timeout(10):
        while sum(task.done() for task in tasks) < done:
            await asyncio.wait([task for task in tasks if not task.done()], return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait([task for task in tasks if not task.done()] or tasks, timeout=0.1)


@pytest.mark.parametrize("path", ["big", "packed"])
async def test_the_third_long_body_waits_until_one_is_let_go(bodies: Bodies, path: str) -> None:
    """It arrives whole, in its turn; small ones pass by, and connections are kept."""
    tasks = [bodies.get(path) for _ in range(5)]
    await _settle(*tasks, done=2)
    waiting = [task for task in tasks if not task.done()]
    small = await bodies.get("small")
    answers = [task.result() for task in tasks if task.done()]
    del tasks

    assert len(waiting) == 3
    assert small.body == b"small"
    assert all(answer.body == _BIG for answer in answers)
    answers.clear()
    await _settle(*waiting, done=2)
    assert sum(task.done() for task in waiting) == 2
    third = [task for task in waiting if not task.done()]
    del waiting
    assert (await third[0]).body == _BIG


async def test_what_fails_gives_its_place_back(bodies: Bodies) -> None:
    """Cut, too large, given up by its caller: the room is never lost."""
    for path, category in (("cut", "protocol"), ("over", "timeout")):
        for _ in range(3):
            with pytest.raises(FetchFailed) as failure:
                await bodies.get(path, deadline_s=0.3)
            assert failure.value.category == category
            del failure
    cancelled = [bodies.get("over") for _ in range(4)]
    await asyncio.wait(cancelled, timeout=0.1)
    for task in cancelled:
        task.cancel()
    await asyncio.wait(cancelled)

    for _ in range(3):
        assert (await bodies.get("big")).body == _BIG


async def test_waiting_is_not_the_sites_time_but_has_an_end(bodies: Bodies) -> None:
    """A deadline stands still meanwhile; who waits too long fails as if there were no answer, which may pass."""
    held = [await bodies.get("big"), await bodies.get("big")]
    patient, late = bodies.get("big", deadline_s=0.4), bodies.get("big", deadline_s=0.1)
    with pytest.raises(FetchFailed) as failure:
        await late
    held.clear()

    assert failure.value.category == "timeout"
    assert (await patient).body == _BIG


async def test_a_place_is_left_once() -> None:
    """Twice would be room for one too many."""
    room, places = BodyRoom(1), list[Place]()
    assert room.enter(places.append)
    assert not room.enter(places.append)
    assert not room.enter(places.append)
    places[0].leave()
    places[0].leave()

    assert len(places) == 2
