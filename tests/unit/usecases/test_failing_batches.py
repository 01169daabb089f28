"""A batch that fails in the driver's own process: seen at once, tried page by page, given up in the end."""

from collections import Counter
from dataclasses import replace

from runnel.domain import events as e
from tests.support.homes import ScriptedHome, ScriptedPage

_SITE = {
    "/": ScriptedPage(text="home", links=("/a", "/b")),
    "/a": ScriptedPage(text="A"),
    "/b": ScriptedPage(text="B"),
}
_OVERDUE_S = 330.0


async def test_a_batch_that_fails_in_this_process_is_noticed_at_once_and_retried_page_by_page() -> None:
    """Nobody waits for a time-out to learn what the processor beside us has said; then its page fails, no other."""
    home = ScriptedHome(_SITE)
    home.unprocessable = Counter({"/a": 10})
    job = await home.create()
    before_s = home.clock.monotonic()
    await home.finish(home.drive(home.process("D1"), job))
    failed = home.of_type(job, e.BatchFailed)

    assert home.clock.monotonic() - before_s < 20 < _OVERDUE_S
    assert [(event.attempt, event.will_retry) for event in failed] == [(1, True), (2, True), (3, True), (4, False)]
    assert [len(event.urls) for event in failed] == [3, 1, 1, 1]
    assert {(event.error.category, event.error.message) for event in failed} == {("crashed", "ValueError: a bug")}
    assert [len(request.pages) for request in home.submitted] == [3, 1, 1, 1, 1, 1]
    assert set(await home.library(job)) == {"/", "/b"}
    ending = home.meta(job).ending
    assert ending is not None
    assert not ending.ok


async def test_a_batch_that_fails_once_in_this_process_costs_nothing() -> None:
    """What passes by itself must not cost a page."""
    home = ScriptedHome(_SITE)
    home.unprocessable = Counter({"/a": 1})
    job = await home.create()
    await home.finish(home.drive(home.process("D1"), job))

    assert [event.will_retry for event in home.of_type(job, e.BatchFailed)] == [True]
    assert set(await home.library(job)) == {"/", "/a", "/b"}
    assert home.meta(job).ending == replace(home.meta(job).ending, ok=True)  # type: ignore[type-var]
