"""Pages and their places at a host: what is read holds none, and what asks again waits for one."""

import asyncio

import pytest

from runnel.domain.frontier import Frontier
from runnel.domain.host_pace import Answer
from runnel.testing import MovedClock
from runnel.usecases.page_turns import PageTurn, PageTurns

_HOST = "docs.example.com:443"


class _Driver:
    """A frontier of one host with pages that are started at will."""

    def __init__(self, limit: int, *, concurrency: int = 8) -> None:
        self.clock = MovedClock()
        self.frontier = Frontier(concurrency=concurrency)
        self.left = 0
        self.turns = PageTurns(self.frontier, self.clock, left=self._note)
        self.state = self.frontier.host(_HOST)
        self.state.limit = float(limit)

    def _note(self) -> None:
        self.left += 1
        self.turns.look()

    def start(self, url: str) -> PageTurn:
        """Start a page, whether there is room or not."""
        self.frontier.add(url, host=_HOST, depth=0)
        assert self.frontier.reserve(self.clock.monotonic()) == url
        self.frontier.start(url, self.clock.monotonic())
        return self.turns.take(url)

    async def has_ended(self, task: "asyncio.Task[None]") -> bool:
        """Whether *task* is done when everybody has done what he can without time."""
        await self.clock.settle()
        return task.done()

    def finish(self, url: str) -> None:
        """Take a page's result."""
        self.frontier.finish(url, Answer.NONE, now_s=self.clock.monotonic())
        self.turns.look()


async def test_a_place_that_is_left_is_free_once_and_the_page_still_busy() -> None:
    """Neither leaving twice nor the end of the call nor its result frees another."""
    driver = _Driver(limit=1)
    turn = driver.start("/a")
    assert not driver.frontier.may_start_at(_HOST, driver.clock.monotonic())

    turn.leave()
    turn.leave()

    assert driver.frontier.may_start_at(_HOST, driver.clock.monotonic())
    assert (driver.left, driver.turns.away, driver.state.in_flight, driver.frontier.busy) == (1, 1, 0, 1)
    driver.start("/b")
    turn.end(is_well=True)
    driver.finish("/a")
    assert (driver.turns.away, driver.state.in_flight, driver.frontier.asking) == (0, 1, 1)
    assert not driver.frontier.may_start_at(_HOST, driver.clock.monotonic())


async def test_the_place_of_a_call_that_ended_well_is_free_before_its_result_is_taken() -> None:
    """A commit may be under way; a bad end keeps its place until it is heard."""
    driver = _Driver(limit=2)
    well, badly = driver.start("/well"), driver.start("/badly")

    well.end(is_well=True)
    badly.end(is_well=False)

    assert driver.state.in_flight == 1
    driver.finish("/badly")
    driver.finish("/well")
    assert driver.state.in_flight == driver.frontier.asking == 0


async def test_a_page_that_holds_its_place_asks_on_without_waiting() -> None:
    """A redirect is followed in the place of its page."""
    driver = _Driver(limit=1)
    turn = driver.start("/a")

    await turn.come_back()

    assert driver.state.in_flight == 1


async def test_who_comes_back_waits_for_room_and_comes_before_all_that_has_not_begun() -> None:
    """The host is never asked by more than it bears, and no stream of new pages keeps a page from its end."""
    driver = _Driver(limit=2)
    turn, other = driver.start("/a"), driver.start("/b")
    turn.leave()
    driver.start("/c")
    back = asyncio.create_task(turn.come_back())
    assert not await driver.has_ended(back)
    assert driver.turns.away == 0

    other.leave()

    assert not driver.frontier.may_start_at(_HOST, driver.clock.monotonic())
    assert await driver.has_ended(back)
    assert (driver.state.in_flight, driver.turns.coming) == (2, {})


async def test_several_come_back_one_by_one_in_their_order() -> None:
    """None is passed over, and none goes twice."""
    driver = _Driver(limit=1)
    turns = [driver.start(url) for url in ("/a", "/b", "/c")]
    for turn in turns:
        turn.leave()
    backs = [asyncio.create_task(turn.come_back()) for turn in turns]
    seen = []
    for turn in turns:
        seen.append([await driver.has_ended(back) for back in backs])
        turn.leave()

    assert seen == [[True, False, False], [True, True, False], [True, True, True]]


async def test_the_jobs_own_bound_and_a_hosts_wish_to_be_left_alone_hold_for_them_too() -> None:
    """Another host may have taken the room; and 429 is about the host, whatever is asked."""
    driver = _Driver(limit=8, concurrency=1)
    turn = driver.start("/a")
    turn.leave()
    driver.frontier.start_beside("other:443", driver.clock.monotonic())
    back = asyncio.create_task(turn.come_back())
    assert not await driver.has_ended(back)

    until_s = driver.clock.monotonic() + 5
    driver.state.hold(until_s)
    driver.frontier.finish_beside("other:443")
    driver.turns.look()
    assert not await driver.has_ended(back)
    assert driver.turns.next_due_s(driver.clock.monotonic()) == until_s

    await driver.clock.advance(5.1)
    driver.turns.look()
    assert await driver.has_ended(back)
    assert driver.turns.next_due_s(driver.clock.monotonic()) is None


async def test_where_there_is_a_pause_each_further_request_waits_for_its_own_turn() -> None:
    """Crawl-delay is from request to request: a redirect is one."""
    driver = _Driver(limit=2)
    driver.state.spacing_s = 3.0
    turn = driver.start("/a")
    driver.state.next_start_s = driver.clock.monotonic() + 3.0
    await turn.come_back()
    back = asyncio.create_task(turn.come_back())
    await driver.clock.advance(2.9)
    driver.turns.look()
    assert not await driver.has_ended(back)

    await driver.clock.advance(0.2)
    driver.turns.look()

    assert await driver.has_ended(back)
    assert driver.state.in_flight == 1
    assert driver.state.next_start_s == pytest.approx(driver.clock.monotonic() + 3.0)
